"""Spellings: what makes one identifier of its many ways of being written."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, TypeAlias

Spelling: TypeAlias = Callable[[str], str]

_UNSEEN: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
"""Characters without width, which copying from a page leaves in a cell."""
_TRUNK: Final = re.compile(r"\(0\)")


def trim(text: str) -> str:
    """Return a text without blanks around it, of any kind, with single ones inside, and without what nobody sees."""
    return " ".join(_UNSEEN.sub("", text).split())


def digits(text: str) -> str:
    """Return a telephone number as its digits alone: `+49 (0)30 / 12-34` and `0049 30 1234` are both `49301234`.

    Which country a number without one belongs to is not guessed: `030 1234` stays `0301234`.
    """
    plain = trim(text)
    is_international = plain.startswith(("+", "00"))
    number = "".join(sign for sign in (_TRUNK.sub("", plain) if is_international else plain) if sign.isdecimal())
    number = "".join(str(int(sign)) for sign in number)
    return number[2:] if plain.startswith("00") else number


def second(text: str) -> str:
    """Return a time in ISO 8601 to the second, in UTC where it has an offset; any other text stays as it is.

    One system tells an instant to the microsecond, the other to the second: only what both know can name the fact.
    """
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at
    except (ValueError, OverflowError):
        return text
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def hashing(key: bytes) -> Spelling:
    """Return the function that replaces a text by its hash, 32 hexadecimal digits.

    Args:
        key: With one nobody can find out by trying which address a hash stands for, unless they know the key. At most
            64 bytes count.
    """
    return lambda text: blake2b(text.encode(errors="surrogatepass"), digest_size=16, key=key[:64]).hexdigest()


SPELLINGS: Final[Mapping[str, Spelling]] = {
    "lower": str.lower,
    "trim": trim,
    "digits": digits,
    "second": second,
    "hash": hashing(b""),
}
"""What can stand behind a column in a template, `{Email|trim|lower}`; an empty text stays empty."""
