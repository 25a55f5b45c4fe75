"""How much of what was received may be held at once, in bytes: the broker keeps the rest."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from streams.core.ticket.batch import Record

MOST_HELD_BYTES: Final = 64 * 1024 * 1024
"""Of the records that were handed on and are not stored yet. Six full batches of ordinary events take so much, 250 of
the largest ones; decoded, folded and turned into rows it is some three times as much."""
_RECORD_BYTES: Final = 600
_HEADER_BYTES: Final = 200
"""What Python needs for a record and for a header beside their bytes."""


def size_of(records: Sequence[Record]) -> int:
    """Return about how many bytes of memory records take."""
    return sum(
        _RECORD_BYTES + len(record.key or b"") + len(record.value or b"") + _HEADER_BYTES * len(record.headers)
        for record in records
    )


class Room:
    """Counts what is held. As long as there is any room a batch of any size finds it: none can block itself."""

    def __init__(self, most: int = MOST_HELD_BYTES) -> None:
        self._most = most
        self._held = 0
        self._is_free = asyncio.Event()
        self._is_free.set()

    @property
    def held(self) -> int:
        """How many bytes are held."""
        return self._held

    def take(self, size: int) -> None:
        """Hold so many bytes more, whether there is room for all of them or not."""
        self._count(self._held + size)

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        self._count(self._held - size)

    def clear(self) -> None:
        """Hold nothing any more."""
        self._count(0)

    async def is_free(self, within_seconds: float) -> bool:
        """Say whether there is room, as soon as there is some, but no later than that."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_free.wait(), within_seconds)
        return self._is_free.is_set()

    def _count(self, held: int) -> None:
        self._held = held
        if held < self._most:
            self._is_free.set()
        else:
            self._is_free.clear()
