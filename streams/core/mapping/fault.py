"""What can be wrong: with a mapping (all of it is said at once) and with a row (which is then kept aside)."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing to mend in a mapping file.

    Attributes:
        place: Where it stands: `rule[2].data.sender_type`.
        message: What is wrong and what to do.
    """

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class MappingError(Exception):
    """A mapping does not fit the contract or the file. Nothing was sent; the message lists every fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("the mapping is wrong:\n" + "\n".join(f"  {fault}" for fault in self.faults))


class RowError(Exception):
    """A row gives no events. The message tells why; the rows around it are not affected."""


class NoRuleError(RowError):
    """No rule applies to a row."""


def close_to(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that proposes the known word next to an unknown one; "" when none is near."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean `{matches[0]}`?" if matches else ""
