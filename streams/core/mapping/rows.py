"""Rows to events: every row gives at least one event, or is skipped by a rule, or is rejected with a reason."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from schemas.instant import ms_of
from streams.core.mapping.compose import Composer, Context, MappedEvent, ReadyRow, applies, holds
from streams.core.mapping.fault import RowError
from streams.core.mapping.plan import Plan
from streams.core.mapping.table import Record
from streams.core.mapping.template import FILE, ROW, Row

Indexes: TypeAlias = Mapping[str, Mapping[str, Row]]
"""By lookup, then by key: the columns to add."""


class Mapped(NamedTuple):
    """A row that became events, at least one."""

    record: Record
    events: list[MappedEvent]


class Skipped(NamedTuple):
    """A row that gives no events on purpose."""

    record: Record
    reason: str


class Rejected(NamedTuple):
    """A row that cannot become events. None of its events are sent, though some rules may have worked."""

    record: Record
    reason: str


Outcome: TypeAlias = Mapped | Skipped | Rejected


_ALONE: Final = Context(is_first=True, previous=None, remembered=())


def outcomes(plan: Plan, records: Iterable[Record], indexes: Indexes, *, now_ms: int) -> Iterator[Outcome]:
    """Return what becomes of each row: exactly one outcome for each.

    The same rows give the same events, byte for byte, however often. Rows are handled as they come; only when a rule
    looks at other rows of its group are all of them held in memory first, and outcomes then come group by group.

    Args:
        plan: How rows become events.
        records: The rows.
        indexes: The rows of the lookups.
        now_ms: The clock, in milliseconds since 1970: events of the future are refused.
    """
    composer = Composer(plan, now_ms)
    held: list[ReadyRow] = []
    for record in records:
        ready = _ready(plan, record, indexes)
        if not isinstance(ready, ReadyRow):
            yield ready
        elif plan.group_of is None:
            yield _composed(plan, composer, ready, _ALONE)
        else:
            held.append(ready)
    held.sort(key=_order_in_groups, reverse=True)
    yield from _in_groups(plan, held, composer)


def _ready(plan: Plan, record: Record, indexes: Indexes) -> ReadyRow | Outcome:
    """Return the row with its lookups done, its time and group known; or what became of it before that."""
    try:
        return _taking_part(plan, record, indexes)
    except RowError as error:
        return Rejected(record, str(error))


def _taking_part(plan: Plan, record: Record, indexes: Indexes) -> ReadyRow | Skipped:
    if record.fault:
        raise RowError(record.fault)
    row, fault = _looked_up(plan, _cells_of(plan, record), indexes)
    for reason, fits in plan.skips:
        if fits(row):
            return Skipped(record, reason)
    if fault:
        raise RowError(fault)
    group = plan.group_of(row) if plan.group_of else ""
    if plan.group_of and not group:
        raise RowError("the columns by which rows are grouped are empty")
    return ReadyRow(record, row, plan.at(row) if plan.at else None, group)


def _composed(plan: Plan, composer: Composer, ready: ReadyRow, context: Context) -> Outcome:
    try:
        for reason, test in plan.skips_in_group:
            if applies(test, ready.row, context):
                return Skipped(ready.record, reason)
        return Mapped(ready.record, composer.events(ready, context))
    except RowError as error:
        return Rejected(ready.record, str(error))


def _cells_of(plan: Plan, record: Record) -> dict[str, str]:
    row = {name: record.cells[place].strip() for name, place in plan.cells}
    if plan.empty:
        row = {name: "" if cell in plan.empty else cell for name, cell in row.items()}
    row[ROW] = str(record.row)
    row[FILE] = plan.file_name
    return row


def _looked_up(plan: Plan, row: dict[str, str], indexes: Indexes) -> tuple[Row, str]:
    """Return the row with the columns of all lookups, and why it is bad if one that had to find something did not."""
    faults = []
    for join in plan.joins:
        key = join.on(row)
        found = indexes[join.name].get(key)
        if found is None and join.fault:
            faults.append(f"{key[:80]!r} {join.fault}")
        row |= join.unfound if found is None else found
    return row, "; ".join(faults)


def _order_in_groups(ready: ReadyRow) -> tuple[str, int, int]:
    """Return the place of a row as the fold will see it: it counts milliseconds, then the order of the file."""
    return ready.group, ms_of(ready.at) if ready.at else 0, ready.record.row


def _in_groups(plan: Plan, held: list[ReadyRow], composer: Composer) -> Iterator[Outcome]:
    """Return the outcomes of rows that are held in reverse order; each is let go of, so that memory holds them once."""
    group: str | None = None
    previous: Row | None = None
    remembered: tuple[bool, ...] = ()
    while held:
        ready = held.pop()
        if ready.group != group:
            group, previous, remembered = ready.group, None, (False,) * len(plan.memories)
        yield _composed(plan, composer, ready, Context(previous is None, previous, remembered))
        previous = ready.row
        if not all(remembered):
            remembered = _remembered(plan, ready.row, remembered)


def _remembered(plan: Plan, row: Row, before: tuple[bool, ...]) -> tuple[bool, ...]:
    return tuple(known or holds(memory, row) for known, memory in zip(before, plan.memories, strict=True))
