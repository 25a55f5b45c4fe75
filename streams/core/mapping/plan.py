"""The plan of an import: a mapping compiled to functions of a row."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from schemas.events import Data
from streams.core.mapping.condition import Predicate
from streams.core.mapping.template import Row, Text
from streams.core.mapping.value import Compute

At: TypeAlias = Callable[[Row], datetime]


class Part(NamedTuple):
    """One field of an event and how to compute it."""

    name: str
    required: bool
    compute: Compute


class Test(Struct, frozen=True):
    """A compiled selection.

    Attributes:
        when: Whether the row's own cells fit.
        first: Whether the row must be the first of its group, or must not; None when that does not matter.
        previous: What the group's row directly before must fulfil.
        earlier: Which of the plan's `memories` some earlier row must have fulfilled.
        unless_earlier: Which of them no earlier row may have fulfilled.
    """

    when: Predicate
    first: bool | None
    previous: Predicate | None
    earlier: int | None
    unless_earlier: int | None


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
    """

    name: str
    place: int
    event: str
    kind: type[Data]
    test: Test
    at: At | None
    parts: tuple[Part, ...]


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


class Plan(Struct, frozen=True):
    """Everything needed to turn rows into events.

    Attributes:
        source: Of every event.
        file_name: What `{$file}` stands for.
        cells: Column and place of each cell that is read at all.
        empty: Cells that stand for nothing.
        id_of: The first part of each event's id.
        has_key: Whether ids are made of the row's cells instead of its number, and so could repeat.
        subject_of: The ticket of events that do not name one in their data.
        group_of: What rows of one group share; None when no rule looks at other rows.
        at: The time of every row; None when the mapping has no [time].
        joins: In the order in which they are looked up.
        skips: Reason and condition of rows that give no events and are no part of any group.
        skips_in_group: Reason and test of rows that give no events, though they are part of their group.
        steps: In the order of the mapping.
        memories: What tests ask of earlier rows.
        asked: The columns that decide which rules apply, to be told when none does.
        replay: Whether events are history that never pages.
        numbered: Whether events carry their row's number.
    """

    source: str
    file_name: str
    cells: tuple[tuple[str, int], ...]
    empty: frozenset[str]
    id_of: Text
    has_key: bool
    subject_of: Text | None
    group_of: Text | None
    at: At | None
    joins: tuple[Join, ...]
    skips: tuple[tuple[str, Predicate], ...]
    skips_in_group: tuple[tuple[str, Test], ...]
    steps: tuple[Step, ...]
    memories: tuple[Predicate, ...]
    asked: tuple[str, ...]
    replay: bool
    numbered: bool
