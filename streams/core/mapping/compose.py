"""Composes the events of one row: which rules apply, what they say, checked as every consumer will check it."""

from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas.codec import InvalidEventError, decode, encode
from schemas.events import Data, OrderData, TicketData
from streams.core.mapping.condition import Predicate
from streams.core.mapping.fault import RowError
from streams.core.mapping.plan import Plan, Step, Test
from streams.core.mapping.table import Record
from streams.core.mapping.template import Row

SEQUENCES_PER_ROW: Final = 1000
"""`subjectseq` is row x 1000 + place of the rule, so that equal times fall into the order of the file."""


class MappedEvent(NamedTuple):
    """An event made from a row. Events sort by time, then by row, then by rule: the order of publication."""

    at_ms: int
    row: int
    place: int
    name: str
    raw: bytes


class Context(NamedTuple):
    """What other rows of the group say about a row."""

    is_first: bool
    previous: Row | None
    remembered: tuple[bool, ...]


class ReadyRow(Struct, frozen=True):
    """A row that takes part.

    Attributes:
        record: As it stands in the file.
        row: Its cells, with those that lookups added.
        at: Its time; None when the mapping has no [time].
        group: What it shares with the other rows of its group; "" when no rule asks for those.
    """

    record: Record
    row: Row
    at: datetime | None
    group: str


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
            RowError: When no rule applies, or one that applies cannot work: the row then gives no events at all.
        """
        steps = [step for step in self._plan.steps if applies(step.test, ready.row, context)]
        if not steps:
            raise RowError(self._no_rule(ready.row))
        id = self._id(ready)
        events = [self._by_rule(step, ready, id) for step in steps]
        if self._plan.has_key:
            self._lines[id] = ready.record.line
        return events

    def _id(self, ready: ReadyRow) -> str:
        id = self._plan.id_of(ready.row)
        if not id:
            raise RowError("the columns of `id` are empty")
        if id in self._lines:
            raise RowError(f"the id {id[:80]!r} is that of line {self._lines[id]} already")
        return id

    def _by_rule(self, step: Step, ready: ReadyRow, id: str) -> MappedEvent:
        try:
            at = step.at(ready.row) if step.at else ready.at
            assert at is not None, "a plan without [time] has no step without a time"
            return self._event(step, ready, at, f"{id}-{step.name}")
        except RowError as error:
            raise RowError(f"rule {step.name}: {error}") from None

    def _event(self, step: Step, ready: ReadyRow, at: datetime, id: str) -> MappedEvent:
        row_number = ready.record.row
        content = _content(step, ready.row)
        raw = encode(
            content,
            source=self._plan.source,
            id=id,
            time=at,
            name=step.event,
            subject=self._subject(content, ready.row),
            subjectseq=row_number * SEQUENCES_PER_ROW + step.place if self._plan.numbered else None,
            replay=self._plan.replay or None,
            importrow=row_number if self._plan.numbered else None,
        )
        return MappedEvent(self._checked(raw), row_number, step.place, step.event, raw)

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


def applies(test: Test, row: Row, context: Context) -> bool:
    """Return whether a row is selected.

    Raises:
        RowError: When a cell that is to be compared with a number holds something else.
    """
    if not test.when(row):
        return False
    if test.first is not None and test.first is not context.is_first:
        return False
    if test.previous is not None and (context.previous is None or not holds(test.previous, context.previous)):
        return False
    if test.earlier is not None and not context.remembered[test.earlier]:
        return False
    return test.unless_earlier is None or not context.remembered[test.unless_earlier]


def _content(step: Step, row: Row) -> Data:
    """Return the typed data of an event.

    Raises:
        RowError: When a required field is empty, or a cell is not what the contract allows.
    """
    said: dict[str, object] = {}
    for name, required, compute in step.parts:
        try:
            content = compute(row)
        except RowError as error:
            raise RowError(f"{name}: {error}") from None
        if content is not None:
            said[name] = content
        elif required:
            raise RowError(f"{name}: empty, but {step.event} needs it; give a `default` or skip such rows")
    try:
        return msgspec.convert(said, step.kind)
    except msgspec.ValidationError as error:
        raise RowError(str(error).replace(" - at `$.", " - in `")) from None
