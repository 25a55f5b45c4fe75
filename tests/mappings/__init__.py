"""Mapping files for real data sets, and what tests need to try mappings on text."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streams.core.mapping import (
    Index,
    Mapped,
    MappedEvent,
    Notes,
    Outcome,
    Plan,
    Rejected,
    Skipped,
    draft_of,
    in_order,
    index_of,
    outcomes,
    plan_of,
    table_of,
)

NOW_MS = 1_800_000_000_000


def outcomes_of(mapping: str, table: str, lookups: Mapping[str, str] | None = None) -> list[Outcome]:
    """Return what becomes of each row of a CSV text; lookups are CSV texts by their name."""
    return _mapped(mapping, table, lookups)[1]


def imported(mapping: str, table: str, lookups: Mapping[str, str] | None = None) -> list[MappedEvent]:
    """Return the events of a CSV text in the order of publication, numbered within each instant."""
    return in_order(*_mapped_events(mapping, table, lookups))


def plan_for(mapping: str, table: str, lookups: Mapping[str, str] | None = None) -> Plan:
    """Return the plan of an import, with the notes of what was read."""
    return _mapped(mapping, table, lookups)[0]


def index_for(mapping: str, lookup: str) -> Index:
    """Return what the first lookup of a mapping makes of a CSV text."""
    document = draft_of(mapping).document
    other = table_of(io.StringIO(lookup, newline=""), document.csv)
    return index_of(document.lookup[0], other.columns, other.records, document.csv, document.csv.decimal)


def _mapped_events(mapping: str, table: str, lookups: Mapping[str, str] | None) -> tuple[Plan, list[MappedEvent]]:
    plan, found = _mapped(mapping, table, lookups)
    return plan, mapped_events(found)


def _mapped(mapping: str, table: str, lookups: Mapping[str, str] | None) -> tuple[Plan, list[Outcome]]:
    draft = draft_of(mapping)
    document, notes = draft.document, Notes()
    main = table_of(io.StringIO(table, newline=""), document.csv, notes)
    others = {name: table_of(io.StringIO(text, newline=""), document.csv) for name, text in (lookups or {}).items()}
    columns = {name: other.columns for name, other in others.items()}
    plan = plan_of(draft, main.columns, columns, file_name="file", notes=notes)
    indexes = {
        lookup.name: index_of(
            lookup, others[lookup.name].columns, others[lookup.name].records, document.csv, document.csv.decimal
        )
        for lookup in document.lookup
    }
    return plan, list(outcomes(plan, main.records, indexes, now_ms=NOW_MS))


def events_of(found: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the events as mappings, in the order of publication."""
    return [msgspec.json.decode(event.raw) for event in mapped_events(found)]


def mapped_events(found: Sequence[Outcome]) -> list[MappedEvent]:
    """Return the events in the order of publication."""
    return sorted(event for outcome in found if isinstance(outcome, Mapped) for event in outcome.events)


def rejections_of(found: Sequence[Outcome]) -> dict[int, str]:
    """Return the reason of each rejected row, by the line on which it begins."""
    return {outcome.record.line: outcome.reason for outcome in found if isinstance(outcome, Rejected)}


def skips_of(found: Sequence[Outcome]) -> dict[int, str]:
    """Return the reason of each skipped row, by its number."""
    return {outcome.record.row: outcome.reason for outcome in found if isinstance(outcome, Skipped)}
