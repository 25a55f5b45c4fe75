"""What is known of a source: its slots by row, and as of when each row was last confirmed.

A file of a known age that finds a row as it is says so by a record, an event that nobody folds: without it an older
file that comes later would pass for the newer word.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import msgspec

from schemas.events import type_of
from schemas.instant import ms_of
from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.correction import Correcting
from streams.core.mapping.plan import Plan
from streams.core.mapping.slot import Said, Slot, data_of, number_of, slots_of

CONFIRMED: Final = "snapshot.confirmed"
_ROWS_PER_RECORD: Final = 5_000
"""Of 19 bytes each: an event has at most 256 KiB."""


class Known:
    """The stored events of a source, as far as a mapping can have made them."""

    def __init__(self, plan: Plan, said: Iterable[Said]) -> None:
        """Take in all stored events of the source."""
        self._suffixes = sorted((f"-{step.name}" for step in plan.steps), key=len, reverse=True)
        self._has_own_ids = plan.has_own_ids
        events = list(said)
        self.slots: Mapping[str, Slot] = slots_of(one for one in events if self.row_of(one.id))
        self._as_of: dict[str, int] = {}
        for one in events:
            if one.name == CONFIRMED:
                self._confirm(one.at_ms, data_of(one.raw)["rows"])
            elif (row := self.row_of(one.id)) and (recorded := _recorded_ms(one.raw)) is not None:
                self._confirm(recorded, [_short(row)])

    def row_of(self, id: str) -> str:
        """Return what tells the row of an event apart; "" for an event that this mapping did not make.

        Where rules name their events themselves, an event is a row of its own.
        """
        first = number_of(id)[0]
        unmade = first if self._has_own_ids else ""
        return next((first.removesuffix(suffix) for suffix in self._suffixes if first.endswith(suffix)), unmade)

    def as_of_ms(self, row: str) -> int | None:
        """Return when a row was last confirmed, in milliseconds since 1970; None when no file told its age."""
        return self._as_of.get(_short(row))

    def _confirm(self, as_of_ms: int, rows: Iterable[str]) -> None:
        for row in rows:
            self._as_of[row] = max(as_of_ms, self._as_of.get(row, as_of_ms))


def records_of(by: Correcting, as_of_ms: int, rows: Iterable[str]) -> Iterator[MappedEvent]:
    """Return the events that say of rows that they are as they were."""
    short = sorted(map(_short, rows))
    for begin in range(0, len(short), _ROWS_PER_RECORD):
        some = short[begin : begin + _ROWS_PER_RECORD]
        id = f"confirmed-{_short(by.as_of + ''.join(some))}"
        raw = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": id,
                "source": by.source,
                "type": type_of(CONFIRMED),
                "subject": by.source,
                "time": by.as_of,
                "replay": True,
                "data": {"rows": some},
            }
        )
        yield MappedEvent(as_of_ms, Decimal(), 0, 0, CONFIRMED, id, by.source, raw)


def _short(row: str) -> str:
    return blake2b(row.encode(), digest_size=8).hexdigest()


def _recorded_ms(raw: bytes) -> int | None:
    if b'"recordedtime"' not in raw:
        return None
    envelope: dict[str, Any] = msgspec.json.decode(raw)
    recorded = envelope.get("recordedtime")
    return None if recorded is None else ms_of(datetime.fromisoformat(recorded).astimezone(UTC))
