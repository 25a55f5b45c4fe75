"""What is folded while the batch before it is being written: it waits for its turn, and travels together."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from streams.core.ticket.batch import Outcome, Record

_EARLIEST: Final = 0.6
"""Of the time that the last write took: before that nothing is folded for the next one, it could only slow this one."""


MOST_TICKETS: Final = 10_000
"""Of one write. Their rows take up to 10 KB each while they are made and written, whatever few events they follow from;
so a backlog of new tickets, of one event each, takes as much memory as one of long stories."""


class Most(NamedTuple):
    """How much one write may have, of both."""

    events: int
    tickets: int = MOST_TICKETS


class Delivery(Protocol):
    """A batch of records as the intake hands it over."""

    @property
    def value(self) -> Sequence[Record]:
        """The records."""

    @property
    def is_stale(self) -> bool:
        """Say whether the group was dealt anew since it was received: it will be received again, maybe elsewhere."""

    def ack(self) -> object:
        """Acknowledge all of them; of a stale one nothing is acknowledged."""


class Work(Struct):
    """A batch on its way: what was received, and what is to be written for it."""

    deliveries: list[Delivery]
    outcome: Outcome

    @property
    def is_stale(self) -> bool:
        """Say whether the group was dealt anew since it was received."""
        return are_stale(self.deliveries)


class Ahead:
    """Holds what is folded until the store has time for it: one write's worth, no more.

    The longer a write takes, the more is in the next one. Were each batch written by itself, an event would wait for
    the write under way, for each batch before its own, and for its own.
    """

    def __init__(self, most: Most) -> None:
        self._most = most
        self._works: list[Work] = []
        self._has_room = asyncio.Event()
        self._has_work = asyncio.Event()
        self._has_room.set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._began_at = self._took_seconds = 0.0

    async def room(self) -> Most:
        """Return how much more there is room for, at least one of each, once it is time to fold it.

        That is at once while nothing is being written. Else what comes gathers first: to fold it bit by bit would ask
        the store for tickets again and again, which is busy.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._began_at + _EARLIEST * self._took_seconds):
                await self._is_idle.wait()
        await self._has_room.wait()
        return self._room()

    def put(self, work: Work) -> Sequence[Delivery]:
        """Take a batch in, however large, and return what is to be let go instead: deliveries that went stale.

        What is stale never travels with what is not, which would be let go with it and never come again.
        """
        stale = [delivery for one in self._works if one.is_stale for delivery in one.deliveries]
        self._works = [one for one in self._works if not one.is_stale]
        self._works.append(work)
        self._tell()
        return stale

    async def taken(self) -> list[Work]:
        """Return all that waits, in its order, as soon as there is any; what was taken before is written by now."""
        now = asyncio.get_running_loop().time
        if not self._is_idle.is_set():
            self._took_seconds = now() - self._began_at
            self._is_idle.set()
        await self._has_work.wait()
        self._began_at = now()
        self._is_idle.clear()
        works, self._works = self._works, []
        self._tell()
        return works

    def _room(self) -> Most:
        return Most(
            self._most.events - sum(len(delivery.value) for work in self._works for delivery in work.deliveries),
            self._most.tickets - sum(len(work.outcome.tickets) for work in self._works),
        )

    def _tell(self) -> None:
        for event, is_so in ((self._has_work, bool(self._works)), (self._has_room, min(self._room()) > 0)):
            if is_so:
                event.set()
            else:
                event.clear()


def are_stale(deliveries: Sequence[Delivery]) -> bool:
    """Say whether the group was dealt anew since any of them was received."""
    return any(delivery.is_stale for delivery in deliveries)
