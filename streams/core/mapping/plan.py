"""The plan of an import: a mapping compiled to functions of a row."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from schemas.events import Data
from streams.core.mapping.condition import Predicate
from streams.core.mapping.note import Notes
from streams.core.mapping.picking import Picking
from streams.core.mapping.template import Row, Text
from streams.core.mapping.value import Compute

At: TypeAlias = Callable[[Row], datetime]


class Part(NamedTuple):
    """One field of an event and how to compute it.

    Attributes:
        clears: Whether an empty cell says that there is nothing, rather than nothing about it.
    """

    name: str
    required: bool
    compute: Compute
    clears: bool = False


class Test(Struct, frozen=True):
    """A compiled selection.

    Attributes:
        when: Whether the row's own cells fit.
        first: Whether the row must be the first of its group, or must not; None when that does not matter.
        last: The same of the last.
        previous: What the group's row directly before must fulfil.
        next: What the one directly behind must fulfil.
        earlier: Which of the plan's `memories` some earlier row must have fulfilled.
        unless_earlier: Which of them no earlier row may have fulfilled.
        later: Which of them some later row must fulfil.
        unless_later: Which of them no later row may fulfil.
    """

    when: Predicate
    first: bool | None = None
    last: bool | None = None
    previous: Predicate | None = None
    next: Predicate | None = None
    earlier: int | None = None
    unless_earlier: int | None = None
    later: int | None = None
    unless_later: int | None = None


class Step(Struct, frozen=True):
    """A compiled rule.

    Attributes:
        name: Of the rule.
        place: Its place in the mapping, from 0.
        event: Short name of the event.
        kind: The event's type.
        test: Which rows it applies to.
        at: When it happened; None takes the row's time.
        parts: Its fields.
        id_of: The whole id of its events; None when the row and the rule's name make it.
        order: The place of a document's event in its instant.
    """

    name: str
    place: int
    event: str
    kind: type[Data]
    test: Test
    at: At | None
    parts: tuple[Part, ...]
    id_of: Text | None = None
    order: int = 0


class Join(NamedTuple):
    """A compiled lookup.

    Attributes:
        name: Of the lookup.
        on: The key to look up.
        unfound: What is added when the key is not there.
        fault: What is then wrong with the row, to be put after the key; "" when nothing is.
    """

    name: str
    on: Text
    unfound: Row
    fault: str


class Chain(NamedTuple):
    """How rows hang together in threads: what names a row, and what names the one that it answers."""

    id: Text
    parent: Text


class Plan(Struct, frozen=True):
    """Everything needed to turn rows into events.

    Attributes:
        source: Of every event.
        file_name: What `{$file}` stands for.
        cells: Column and place of each cell that is read at all.
        all_cells: Column and place of every cell, by the column's name: what a row says.
        empty: Cells that stand for nothing.
        id_of: What tells rows apart, from their cells or their number; None when it is a hash of all they say.
        has_key: Whether ids are made of columns, and so could repeat.
        by_number: Whether ids are made of the row's number, so that one more row before it gives it another.
        subject_of: The ticket of events that do not name one in their data.
        chain: How rows form threads; None when nothing asks for `{$root}`.
        group_of: What rows of one group share; None when no rule looks at other rows.
        grouped_by: What that is called in messages.
        counter_of: What puts the rows of a group in order before their time does; None when that alone does.
        at: The time of every row; None when the mapping has no [time].
        joins: In the order in which they are looked up.
        skips: Reason and condition of rows that give no events and are no part of any group.
        skips_in_group: Reason and test of rows that give no events, though they are part of their group.
        steps: In the order of the mapping.
        memories: What tests ask of other rows.
        asked: The columns that decide which rules apply, to be told when none does.
        is_snapshot: Whether each file holds all rows that there are.
        skips_unmatched: Whether rows to which no rule applies are skipped instead of rejected.
        replay: Whether events are history that never pages.
        numbered: Whether events carry their row's number.
        by_row: Where the number of a row is made part of what is said: one more row before it makes it say another.
        notes: What was read although its cell says less.
        picking: How rows are picked from documents; None for tables.
        has_own_ids: Whether a rule names its events itself, rather than by the row.
    """

    source: str
    file_name: str
    cells: tuple[tuple[str, int], ...]
    all_cells: tuple[tuple[str, int], ...]
    empty: frozenset[str]
    id_of: Text | None
    has_key: bool
    by_number: bool
    subject_of: Text | None
    chain: Chain | None
    group_of: Text | None
    grouped_by: str
    counter_of: Callable[[Row], Decimal] | None
    at: At | None
    joins: tuple[Join, ...]
    skips: tuple[tuple[str, Predicate], ...]
    skips_in_group: tuple[tuple[str, Test], ...]
    steps: tuple[Step, ...]
    memories: tuple[Predicate, ...]
    asked: tuple[str, ...]
    is_snapshot: bool
    skips_unmatched: bool
    replay: bool
    numbered: bool
    by_row: tuple[str, ...]
    notes: Notes
    picking: Picking | None = None
    has_own_ids: bool = False
