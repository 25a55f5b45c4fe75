"""What becomes of a row: events, nothing on purpose, or a rejection with its reason."""

from typing import NamedTuple, TypeAlias

from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.table import Record


class Mapped(NamedTuple):
    """A row that became events, at least one.

    Attributes:
        id: What tells the row apart.
    """

    record: Record
    events: list[MappedEvent]
    id: str


class Skipped(NamedTuple):
    """A row that gives no events on purpose.

    Attributes:
        id: What tells the row apart; "" when nothing does.
    """

    record: Record
    reason: str
    id: str


class Rejected(NamedTuple):
    """A row that cannot become events. None of its events are sent, though some rules may have worked.

    Attributes:
        id: What tells the row apart; "" when that cannot be read.
        is_unread: Whether nothing is wrong with it but that no rule reads it.
    """

    record: Record
    reason: str
    id: str = ""
    is_unread: bool = False


Outcome: TypeAlias = Mapped | Skipped | Rejected
