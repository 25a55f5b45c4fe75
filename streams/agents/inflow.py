"""What was received and waits to be folded, handed out in portions: a fetch may bring any number of records."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from streams.agents.ahead import Delivery, Most
from streams.core.ticket.batch import Record

_WAITING: Final = 64
"""Deliveries that wait here at most; how many bytes they are together is bounded where they are fetched."""


class _Portion:
    """Some records of a delivery, in their order. It goes stale with it; only the last one acknowledges it."""

    def __init__(self, delivery: Delivery, value: Sequence[Record], *, is_last: bool) -> None:
        self.value = value
        self._delivery = delivery
        self._is_last = is_last

    @property
    def is_stale(self) -> bool:
        return self._delivery.is_stale

    def ack(self) -> None:
        if self._is_last:
            self._delivery.ack()


class Inflow:
    """Hands out deliveries in the order in which they came, no more at once than is asked for.

    What follows from a record may take ten times its memory, so that those of one fetch, which are bounded by their
    bytes, would be too many at once. Whoever takes them works portions off in their order: a delivery is acknowledged
    with its last one.
    """

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue(_WAITING)
        self._begun: Delivery | None = None
        self._from = 0

    async def put(self, delivery: Delivery) -> None:
        """Take a delivery in, once there is room for it."""
        await self._waiting.put(delivery)

    async def take(self, most: Most, let_go: Callable[[Sequence[Delivery]], None]) -> list[Delivery]:
        """Return what waits, at least one delivery, and no more than this; of one that is more alone, a portion.

        It is not cut to fill what others left: tickets on both sides of a cut are stated twice.

        Args:
            most: At least one of each. Tickets are told apart by the keys of their records.
            let_go: Called for what went stale meanwhile, instead of returning it.
        """
        taken: list[Delivery] = []
        room, keys = most.events, set[bytes | None]()
        while not taken or not self._is_empty:
            delivery = await self._next()
            if delivery.is_stale:
                let_go([self._portion_of(delivery, len(delivery.value))])
                continue
            count = self._fitting(delivery, Most(room, most.tickets), keys)
            if taken and self._from + count < len(delivery.value):
                break
            taken.append(self._portion_of(delivery, count))
            room -= count
        return taken

    @property
    def _is_empty(self) -> bool:
        return self._begun is None and self._waiting.empty()

    async def _next(self) -> Delivery:
        if self._begun is None:
            self._begun, self._from = await self._waiting.get(), 0
        return self._begun

    def _fitting(self, delivery: Delivery, most: Most, keys: set[bytes | None]) -> int:
        """Return how many of the records that are left may be taken, and add their keys to those that were."""
        left = islice(delivery.value, self._from, self._from + most.events)
        for count, record in enumerate(left):
            if record.key not in keys and len(keys) == most.tickets:
                return count
            keys.add(record.key)
        return min(most.events, len(delivery.value) - self._from)

    def _portion_of(self, delivery: Delivery, most: int) -> Delivery:
        begin, end = self._from, min(self._from + most, len(delivery.value))
        is_last = end == len(delivery.value)
        self._begun, self._from = (None if is_last else delivery), end
        if begin == 0 and is_last:
            return delivery
        return _Portion(delivery, delivery.value[begin:end], is_last=is_last)
