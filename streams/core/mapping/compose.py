"""Composes the events of one row: which rules apply, what they say, checked as every consumer will check it."""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas.codec import InvalidEventError, decode, encode
from schemas.events import Data, OrderData, TicketData
from streams.core.mapping.condition import Predicate
from streams.core.mapping.fault import NoRuleError, RowError
from streams.core.mapping.plan import Plan, Step, Test
from streams.core.mapping.table import Record
from streams.core.mapping.template import ID, Row, Text

SEQUENCES_PER_RULE: Final = 1000
"""How many corrections of an event fit between it and the event of the next rule."""
SEQUENCES_PER_ROW: Final = 1000 * SEQUENCES_PER_RULE
"""`subjectseq` counts the rows of a subject that share an instant, then the rules, so that ties fall into their order.

It does not count the rows of the file: one more row somewhere would give every later event another one.
"""
_RULES_PER_NUMBER: Final = 1000
_NO_COUNTER: Final = Decimal()


class MappedEvent(NamedTuple):
    """An event made from a row. Events sort by time, then by row, then by rule: the order of publication.

    Attributes:
        at_ms: When it happened, in milliseconds since 1970.
        counter: What orders rows of one instant before their place in the file does; 0 when nothing does.
        row: The row it was made from. It is kept beside the event and is no part of what it says.
        place: Of the rule in the mapping.
        name: Short name of the event.
        id: Its id within the source.
        subject: Whom it is about.
        raw: The event as structured JSON.
    """

    at_ms: int
    counter: Decimal
    row: int
    place: int
    name: str
    id: str
    subject: str
    raw: bytes


class Context(NamedTuple):
    """What other rows of the group say about a row.

    Attributes:
        previous: The row directly before; None for the first.
        next: The row directly behind; None for the last.
        remembered: Which of the plan's memories some earlier row fulfils.
        awaited: Which of them some later row fulfils.
    """

    previous: Row | None = None
    next: Row | None = None
    remembered: tuple[bool, ...] = ()
    awaited: tuple[bool, ...] = ()


class ReadyRow(Struct, frozen=True):
    """A row that takes part.

    Attributes:
        record: As it stands in the file.
        row: Its cells, with those that lookups added.
        at: Its time; None when the mapping has no [time].
        group: What it shares with the other rows of its group; "" when no rule asks for those.
        counter: Its place in the group, before its time decides; 0 when the mapping names none.
    """

    record: Record
    row: Row
    at: datetime | None
    group: str
    counter: Decimal = _NO_COUNTER

    @property
    def id(self) -> str:
        """What tells the row apart; "" when nothing does."""
        return self.row[ID]


def holds(memory: Predicate, row: Row) -> bool:
    """Return whether a condition holds on another row; what cannot be read there is that row's fault alone."""
    try:
        return memory(row)
    except RowError:
        return False


class Composer:
    """Composes the events of one row after another; remembers ids, should the mapping make them from cells."""

    def __init__(self, plan: Plan, now_ms: int) -> None:
        self._plan = plan
        self._now_ms = now_ms
        self._lines: dict[str, int] = {}

    def events(self, ready: ReadyRow, context: Context) -> list[MappedEvent]:
        """Return the events of a row, at least one.

        Raises:
            NoRuleError: When no rule applies.
            RowError: When one that applies cannot work: the row then gives no events at all.
        """
        steps = [step for step in self._plan.steps if applies(step.test, ready.row, context)]
        if not steps:
            raise NoRuleError(self._no_rule(ready.row))
        is_named = self._plan.has_own_ids and all(step.id_of for step in steps)
        id = "" if is_named else self._id(ready)
        events = [self._by_rule(step, ready, id) for step in steps]
        if self._plan.has_key and id:
            self._lines[id] = ready.record.line
        return events

    def _id(self, ready: ReadyRow) -> str:
        id = ready.id
        if not id:
            raise RowError("the columns of `id` are empty")
        if id in self._lines and not self._plan.picking:
            raise RowError(f"the id {id[:80]!r} is that of line {self._lines[id]} already")
        return id

    def _by_rule(self, step: Step, ready: ReadyRow, id: str) -> MappedEvent:
        try:
            at = step.at(ready.row) if step.at else ready.at
            assert at is not None, "a plan without [time] has no step without a time"
            return self._event(step, ready, at, _own_id(step.id_of, ready.row) if step.id_of else f"{id}-{step.name}")
        except RowError as error:
            raise RowError(f"rule {step.name}: {error}") from None

    def _event(self, step: Step, ready: ReadyRow, at: datetime, id: str) -> MappedEvent:
        row_number = ready.record.row
        content = _content(step, ready.row)
        subject = self._subject(content, ready.row)
        raw = encode(
            content,
            source=self._plan.source,
            id=id,
            time=at,
            name=step.event,
            subject=subject,
            subjectseq=self._sequence(step, row_number) if self._plan.numbered else None,
            replay=self._plan.replay or None,
            importrow=row_number if self._plan.numbered and row_number else None,
        )
        return MappedEvent(self._checked(raw), ready.counter, row_number, step.place, step.event, id, subject, raw)

    def _sequence(self, step: Step, row_number: int) -> int:
        """Return the place of an event among those of its row; ids of row numbers go on as they began, by the row."""
        if self._plan.picking:
            return step.order * SEQUENCES_PER_RULE
        if self._plan.by_number:
            return row_number * _RULES_PER_NUMBER + step.place
        return step.place * SEQUENCES_PER_RULE

    def _subject(self, content: Data, row: Row) -> str:
        if isinstance(content, TicketData):
            return content.ticket_id
        if isinstance(content, OrderData):
            return content.customer_id
        return self._plan.subject_of(row) if self._plan.subject_of else ""

    def _checked(self, raw: bytes) -> int:
        """Return the event's time in milliseconds, after reading it as every consumer will.

        Raises:
            RowError: When a consumer would refuse it.
        """
        try:
            return decode(raw, now_ms=self._now_ms).at_ms
        except InvalidEventError as error:
            raise RowError(f"{error.pointer}: {error.message}") from None

    def _no_rule(self, row: Row) -> str:
        asked = ", ".join(f"{column} = {row[column][:80]!r}" for column in self._plan.asked[:5])
        return f"no rule applies ({asked}); add a [[rule]] for such rows, or a [[skip]]"


def _own_id(id_of: Text, row: Row) -> str:
    id = id_of(row)
    if not id:
        raise RowError("the columns of its `id` are empty")
    return id


def applies(test: Test, row: Row, context: Context) -> bool:
    """Return whether a row is selected.

    Raises:
        RowError: When a cell that is to be compared with a number holds something else.
    """
    return (
        test.when(row)
        and test.first in (None, context.previous is None)
        and test.last in (None, context.next is None)
        and (test.previous is None or (context.previous is not None and holds(test.previous, context.previous)))
        and (test.next is None or (context.next is not None and holds(test.next, context.next)))
        and (test.earlier is None or context.remembered[test.earlier])
        and (test.unless_earlier is None or not context.remembered[test.unless_earlier])
        and (test.later is None or context.awaited[test.later])
        and (test.unless_later is None or not context.awaited[test.unless_later])
    )


def _content(step: Step, row: Row) -> Data:
    """Return the typed data of an event.

    Raises:
        RowError: When a required field is empty, or a cell is not what the contract allows.
    """
    said: dict[str, object] = {}
    for name, required, compute, clears in step.parts:
        try:
            content = compute(row)
        except RowError as error:
            raise RowError(f"{name}: {error}") from None
        if content is not None or clears:
            said[name] = content
        elif required:
            raise RowError(f"{name}: empty, but {step.event} needs it; give a `default` or skip such rows")
    try:
        return msgspec.convert(said, step.kind)
    except msgspec.ValidationError as error:
        raise RowError(str(error).replace(" - at `$.", " - in `")) from None
