"""Mapping files for real data sets, and what tests need to try mappings on text."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streams.core.mapping import (
    Mapped,
    MappedEvent,
    Outcome,
    Rejected,
    Skipped,
    draft_of,
    index_of,
    outcomes,
    plan_of,
    table_of,
)

NOW_MS = 1_800_000_000_000


def outcomes_of(mapping: str, table: str, lookups: Mapping[str, str] | None = None) -> list[Outcome]:
    """Return what becomes of each row of a CSV text; lookups are CSV texts by their name."""
    draft = draft_of(mapping)
    document = draft.document
    main = table_of(io.StringIO(table, newline=""), document.csv)
    others = {name: table_of(io.StringIO(text, newline=""), document.csv) for name, text in (lookups or {}).items()}
    plan = plan_of(draft, main.columns, {name: other.columns for name, other in others.items()}, file_name="file")
    indexes = {
        lookup.name: index_of(
            lookup, others[lookup.name].columns, others[lookup.name].records, document.csv, document.csv.decimal
        )
        for lookup in document.lookup
    }
    return list(outcomes(plan, main.records, indexes, now_ms=NOW_MS))


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
