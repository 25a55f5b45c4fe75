"""Imports and workers in one process: files are mapped, restated against a store, and what they send is folded."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from streams.core.mapping import Mapped, MappedEvent, Skipped, in_order
from streams.core.mapping.restate import Restated, Snapshot, restated
from streams.core.mapping.slot import Said
from streams.core.ticket.batch import fold_batch, read
from streams.sinks.memory import MemoryStore
from tests.mappings import NOW_MS, outcomes_of, plan_for
from tests.records import record_of

LATER_MS: Final = NOW_MS + 86_400_000


class Desk:
    """A store, and the files that are imported into it one after another."""

    def __init__(self, mapping: str, *, is_whole: bool = False) -> None:
        self.store = MemoryStore()
        self._mapping = mapping
        self._is_whole = is_whole

    def imported(self, text: str, as_of: str | None = None) -> Restated:
        """Import a file, all of which the worker reads, and return what became of it."""
        result = self.asked(text, as_of)
        self.deliver(result.events)
        return result

    def asked(self, text: str, as_of: str | None = None) -> Restated:
        """Return what an import of a file would send."""
        plan, found = plan_for(self._mapping, text), outcomes_of(self._mapping, text)
        mapped = [event for one in found if isinstance(one, Mapped) for event in one.events]
        snapshot = Snapshot(
            plan,
            in_order(plan, mapped),
            frozenset(one.id for one in found if isinstance(one, Mapped | Skipped)),
            frozenset(one.id for one in found),
            as_of_ms=None if as_of is None else _ms(as_of),
            is_whole=self._is_whole,
        )
        return restated(snapshot, self.said(), LATER_MS)

    def said(self) -> list[Said]:
        """Return all that is stored."""
        stored = self.store.events.values()
        return [Said(one.subject, one.id, one.name, one.at, one.sequence, one.raw) for one in stored]

    def deliver(self, events: Sequence[MappedEvent]) -> None:
        """Fold events as a worker does, in their order."""
        asyncio.run(self._deliver(events))

    async def _deliver(self, events: Sequence[MappedEvent]) -> None:
        reading = read([record_of(event.raw) for event in events], LATER_MS)
        known = await self.store.load(list(reading.of_tickets))
        stored = await self.store.stored(reading.identities)
        outcome = fold_batch(reading, known, LATER_MS, stored)
        await self.store.write(outcome.events, outcome.rows, outcome.dead, outcome.beside)


def written(header: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a file of rows."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header.split(","), *rows])
    return text.getvalue()


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
