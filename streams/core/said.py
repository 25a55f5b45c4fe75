"""What events say that nothing folds, as rows: of faults, known issues, contacts, interventions, returns and work.

ClickHouse could fill these tables from `events` by views. Each view would be planned for each write, whatever it holds:
nine of them were half of what a small write cost.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import fields

from schemas.codec import Event
from schemas.events import (
    CATALOGUE,
    ContactData,
    ContextViewed,
    Data,
    FaultData,
    FaultUpdated,
    InterventionRecorded,
    KnownIssueData,
    KnownIssueUpdated,
    ReturnCompleted,
    RootCauseData,
    SelfServiceSession,
    TicketOutcomeSet,
    TicketWorked,
)
from schemas.instant import ms_of
from schemas.rows import (
    ContactEventRow,
    FaultEventRow,
    HandlingEventRow,
    InterventionEventRow,
    KnownIssueEventRow,
    ReturnEventRow,
    RootCauseEventRow,
    SaidRow,
    SelfServiceEventRow,
    WorkEventRow,
)
from streams.core.window import DAY_MS

_ROWS: Final[Mapping[type[Data], type[SaidRow]]] = {
    FaultData: FaultEventRow,
    KnownIssueData: KnownIssueEventRow,
    RootCauseData: RootCauseEventRow,
    ContactData: ContactEventRow,
    SelfServiceSession: SelfServiceEventRow,
    InterventionRecorded: InterventionEventRow,
    ReturnCompleted: ReturnEventRow,
    TicketWorked: WorkEventRow,
    TicketOutcomeSet: HandlingEventRow,
    ContextViewed: HandlingEventRow,
}
ROW_OF: Final[Mapping[str, type[SaidRow]]] = {
    name: row for name, kind in CATALOGUE.items() for base, row in _ROWS.items() if issubclass(kind, base)
}
"""By the name of an event the row that it becomes."""

_WORDS: Final[Mapping[type[SaidRow], tuple[str, ...]]] = {
    FaultEventRow: ("cause", "eta_at", "began_at"),
    KnownIssueEventRow: ("cause", "eta_at", "workaround", "responsible_department"),
}
"""What can be said anew, and be said to be unknown."""
_UPDATES: Final = (FaultUpdated, KnownIssueUpdated)
_CALLED: Final[Mapping[str, str]] = {"department": "responsible_department"}
_UNSAID: Final[Mapping[object, str]] = {str: ""}
"""What stands where nothing is said; null for all else."""
_COLUMNS: Final = {
    kind: [(column.name, _UNSAID.get(column.type)) for column in fields(kind)] for kind in set(ROW_OF.values())
}


def said_rows(events: Iterable[Event]) -> list[SaidRow]:
    """Return the rows of those events that are folded nowhere, in their order."""
    return [
        _row(ROW_OF[event.name], event, event.content) for event in events if event.content and event.name in ROW_OF
    ]


def _row(kind: type[SaidRow], event: Event, content: Data) -> SaidRow:
    return kind(**{name: _value(name, event, content, unsaid) for name, unsaid in _COLUMNS[kind]})


def _value(name: str, event: Event, content: Data, unsaid: str | None) -> Any:  # noqa: ANN401 - of any column
    match name:
        case "source" | "id" | "name" | "sequence":
            return getattr(event, name)
        case "at":
            return event.at_ms
        case "day":
            return event.at_ms // DAY_MS
        case "says":
            return [word for word in _WORDS[ROW_OF[event.name]] if _has_word(content, word)]
    said = getattr(content, _CALLED.get(name, name), getattr(content, name, None))
    if said is None or said is UNSET:
        return unsaid
    return ms_of(said) if isinstance(said, datetime) else said


def _has_word(content: Data, word: str) -> bool:
    """Say whether an event has a word on something: that it is not known is one only where something is updated."""
    said = getattr(content, word, UNSET)
    return said is not UNSET and (said is not None or isinstance(content, _UPDATES))
