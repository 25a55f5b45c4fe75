"""Rows to events: every row gives at least one event, or is skipped by a rule, or is rejected with a reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final, TypeAlias

from schemas.instant import ms_of
from streams.core.mapping.compose import Composer, Context, ReadyRow, applies, holds
from streams.core.mapping.fault import NoRuleError, RowError
from streams.core.mapping.lookup import Index
from streams.core.mapping.naming import Naming
from streams.core.mapping.outcome import Mapped, Outcome, Rejected, Skipped
from streams.core.mapping.plan import Plan
from streams.core.mapping.table import Record
from streams.core.mapping.template import FILE, ID, ROOT, ROW, Row
from streams.core.mapping.thread import Threads

Indexes: TypeAlias = Mapping[str, Index]
"""By lookup: the columns to add."""

_ALONE: Final = Context()
_NO_RULE: Final = "no rule applies"


def outcomes(plan: Plan, records: Iterable[Record], indexes: Indexes, *, now_ms: int) -> Iterator[Outcome]:
    """Return what becomes of each row: exactly one outcome for each.

    The same rows give the same events, byte for byte but for the number of their row, however often and wherever in the
    file they stand. Rows are handled as they come; only when a rule looks at other rows of its group, or rows form
    threads, are all of them held in memory first, and outcomes then come group by group.

    Args:
        plan: How rows become events.
        records: The rows.
        indexes: The rows of the lookups.
        now_ms: The clock, in milliseconds since 1970: events of the future are refused.
    """
    composer = Composer(plan, now_ms)
    held: list[ReadyRow] = []
    for read in _threaded(plan, _read_all(plan, records, indexes)):
        ready = read if isinstance(read, Rejected) else _ready(plan, *read)
        if not isinstance(ready, ReadyRow):
            yield ready
        elif plan.group_of is None:
            yield _composed(plan, composer, ready, _ALONE)
        else:
            held.append(ready)
    held.sort(key=_order_in_groups, reverse=True)
    for group in _groups(held):
        yield from _in_group(plan, group, composer)


_Read: TypeAlias = tuple[Record, dict[str, str], str]
"""A row with its lookups done, and why it is bad should nothing skip it."""


def _read_all(plan: Plan, records: Iterable[Record], indexes: Indexes) -> Iterator[_Read | Rejected]:
    naming = Naming(plan)
    for record in records:
        if record.fault:
            yield Rejected(record, record.fault)
            continue
        row = naming.named(record, _cells_of(plan, record))
        yield record, row, _look_up(plan, row, indexes)


def _threaded(plan: Plan, rows: Iterable[_Read | Rejected]) -> Iterable[_Read | Rejected]:
    """Return the rows, each with the root of its thread if the mapping asks for it: then all must be read first."""
    if plan.chain is None:
        return rows
    held = list(rows)
    threads = Threads(plan.chain, [read[1] for read in held if not isinstance(read, Rejected)])
    return [read if isinstance(read, Rejected) else _rooted(read, threads) for read in held]


def _rooted(read: _Read, threads: Threads) -> _Read | Rejected:
    record, row, _ = read
    try:
        row[ROOT] = threads.root_of(row)
    except RowError as error:
        return Rejected(record, str(error), row[ID])
    return read


def _ready(plan: Plan, record: Record, row: dict[str, str], fault: str) -> ReadyRow | Outcome:
    """Return the row with its time and group known, or what became of it before that."""
    try:
        for reason, fits in plan.skips:
            if fits(row):
                return Skipped(record, reason, row[ID])
        return Rejected(record, fault, row[ID]) if fault else _placed(plan, record, row)
    except RowError as error:
        return Rejected(record, str(error), row[ID])


def _placed(plan: Plan, record: Record, row: Row) -> ReadyRow:
    group = plan.group_of(row) if plan.group_of else ""
    if plan.group_of and not group:
        raise RowError(f"{plan.grouped_by} is empty, and without a group it cannot be judged beside other rows")
    counter = plan.counter_of(row) if plan.counter_of else Decimal()
    return ReadyRow(record, row, plan.at(row) if plan.at else None, group, counter)


def _composed(plan: Plan, composer: Composer, ready: ReadyRow, context: Context) -> Outcome:
    try:
        for reason, test in plan.skips_in_group:
            if applies(test, ready.row, context):
                return Skipped(ready.record, reason, ready.id)
        return Mapped(ready.record, composer.events(ready, context), ready.id)
    except NoRuleError as error:
        if plan.skips_unmatched:
            return Skipped(ready.record, _NO_RULE, ready.id)
        return Rejected(ready.record, str(error), ready.id, is_unread=True)
    except RowError as error:
        return Rejected(ready.record, str(error), ready.id)


def _cells_of(plan: Plan, record: Record) -> dict[str, str]:
    row = {name: record.cells[place].strip() for name, place in plan.cells}
    if plan.empty:
        row = {name: "" if cell in plan.empty else cell for name, cell in row.items()}
    row[ROW] = str(record.row)
    row[FILE] = plan.file_name
    return row


def _look_up(plan: Plan, row: dict[str, str], indexes: Indexes) -> str:
    """Add the columns of all lookups to a row; return why it is bad if one that had to find something did not."""
    faults = []
    for join in plan.joins:
        key, index = join.on(row), indexes[join.name]
        found = index.rows.get(key)
        if key in index.spoilt:
            faults.append(f"nothing can be added for {key[:80]!r}: {index.spoilt[key]}")
        elif found is None and join.fault:
            faults.append(f"{key[:80]!r} {join.fault}")
        row |= join.unfound if found is None else found
    return "; ".join(faults)


def _order_in_groups(ready: ReadyRow) -> tuple[str, Decimal, int, int]:
    """Return the place of a row: by its counter, then as the fold will see it, by milliseconds, then as in the file."""
    return ready.group, ready.counter, ms_of(ready.at) if ready.at else 0, ready.record.row


def _groups(held: list[ReadyRow]) -> Iterator[list[ReadyRow]]:
    """Return the groups of rows that are held in reverse order; each is let go of, so that memory holds them once."""

    def released() -> Iterator[ReadyRow]:
        while held:
            yield held.pop()

    for _, group in groupby(released(), key=lambda ready: ready.group):
        yield list(group)


def _in_group(plan: Plan, group: Sequence[ReadyRow], composer: Composer) -> Iterator[Outcome]:
    remembered = _known_before(plan, [ready.row for ready in group])
    awaited = _known_before(plan, [ready.row for ready in reversed(group)])[::-1]
    for place, ready in enumerate(group):
        previous = group[place - 1].row if place else None
        behind = group[place + 1].row if place + 1 < len(group) else None
        yield _composed(plan, composer, ready, Context(previous, behind, remembered[place], awaited[place]))


def _known_before(plan: Plan, rows: Sequence[Row]) -> list[tuple[bool, ...]]:
    """Return for each row which of the plan's memories a row before it fulfils."""
    known = [(False,) * len(plan.memories)]
    for row in rows[:-1]:
        before = known[-1]
        known.append(
            before
            if all(before)
            else tuple(one or holds(memory, row) for one, memory in zip(before, plan.memories, strict=True))
        )
    return known
