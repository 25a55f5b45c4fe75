"""What is written together, and how it is taken apart when it is more than the store can do at once."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from schemas.rows import BesideRow, DeadLetterRow, EventRow, TicketRow
from streams.core.ticket.row_bound import SHORT

T = TypeVar("T")

_KINDS: Final = 11
"""Arrays of a row that grow with its ticket, days included."""
LIGHT: Final = _KINDS * SHORT.turns
"""What weighs no more than this no store refuses for its size: then it is the store that is short of something."""


class Portion(Struct, frozen=True):
    """Rows that are written together; events before the tickets that follow from them."""

    events: Sequence[EventRow] = ()
    rows: Sequence[TicketRow] = ()
    dead: Sequence[DeadLetterRow] = ()
    beside: Sequence[BesideRow] = ()

    @property
    def size(self) -> int:
        """How many rows there are, of all kinds."""
        return len(self.events) + len(self.rows) + len(self.dead) + len(self.beside)


def weight_of(row: TicketRow) -> int:
    """Return how many elements the arrays of a row have together, one at least."""
    lists: list[list[Any]] = [
        row.waits_started_at,
        row.waits_open,
        row.cycles_started_at,
        row.open_since,
        row.surveys_id,
        row.ratings_id,
        row.compensations_id,
        row.repurchases_order_id,
        row.promises_id,
        row.days,
    ]
    return 1 + sum(map(len, lists))


def parts_of(portion: Portion) -> list[Portion]:
    """Return what to write instead, one after the other; the portion itself when nothing can be taken apart.

    The lighter tickets come first and the heavier ones last, half of the weight each: of many ordinary tickets and a
    huge one the huge one is alone at once. Every part keeps the events of its tickets.
    """
    if len(portion.rows) > 1:
        return _by_weight(portion)
    kinds = [
        Portion(dead=portion.dead),
        Portion(events=portion.events),
        Portion(beside=portion.beside),
        Portion(rows=portion.rows),
    ]
    parts = [part for part in kinds if part.size]
    if len(parts) > 1 or portion.size < 2:
        return parts
    halves = zip(*map(_halves, (portion.events, portion.dead, portion.beside)), strict=True)
    return [Portion(events=events, dead=dead, beside=beside) for events, dead, beside in halves]


def _by_weight(portion: Portion) -> list[Portion]:
    rows = sorted(portion.rows, key=weight_of)
    half = sum(map(weight_of, rows)) / 2
    light, weight = 0, weight_of(rows[0])
    while light == 0 or (weight <= half and light < len(rows) - 1):
        light += 1
        weight += weight_of(rows[light])
    heavy = {row.ticket_id for row in rows[light:]}
    first = [event for event in portion.events if event.subject not in heavy]
    last = [event for event in portion.events if event.subject in heavy]
    return [Portion(first, rows[:light], portion.dead, portion.beside), Portion(last, rows[light:])]


def _halves(rows: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    middle = (len(rows) + 1) // 2
    return rows[:middle], rows[middle:]
