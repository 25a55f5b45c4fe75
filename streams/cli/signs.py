"""What somebody else wrote, as a terminal shows it: no sign in it moves the cursor, colours or turns what follows."""

import re
from typing import Final

from rich.markup import escape

_SIGNS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(name: str) -> str:
    """Return a name on one line."""
    return _SIGNS.sub(lambda sign: sign[0].encode("unicode_escape").decode(), name)


def printable_lines(text: str) -> str:
    """Return a text whose lines stay lines."""
    return "\n".join(map(printable, text.split("\n")))


def shown(text: str) -> str:
    """Return a text, whose lines stay lines, as markup that shows it as it is."""
    return escape(printable_lines(text))
