"""One partition's way to Kafka: what is handed over while a batch travels goes together in the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.ports import Outgoing


class Parcel:
    """Records for one partition that somebody waits for.

    Attributes:
        done: Has a result once the broker has all of them, an error when it may lack some.
    """

    def __init__(self, records: Sequence[Outgoing]) -> None:
        self.records = records
        self.packed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def deliver(self) -> None:
        """Say that the broker has all of it."""
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Say that the broker may lack some of it."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # whoever gave up waiting asks no more


class Lane:
    """Sends parcels in their order, one batch at a time: the slower the broker, the larger its batches.

    One future a parcel rather than one a record: that is most of what aiokafka's own `send` costs.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int, told: Callable[[bool], None]) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._told = told
        self._waiting: deque[Parcel] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, records: Sequence[Outgoing]) -> Parcel:
        """Hand records over and return the parcel to wait for. What nobody waits for any more is not sent."""
        parcel = Parcel(records)
        self._waiting.append(parcel)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._empty())
        return parcel

    async def _empty(self) -> None:
        while self._waiting:
            await self._send_some()

    async def _send_some(self) -> None:
        batch = self._producer.create_batch()
        whole, begun = self._pack(batch)
        if not batch.record_count():
            return
        try:
            await (await self._producer.send_batch(batch, self._topic, partition=self._partition))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            for parcel in (*whole, *begun):
                parcel.fail(error)
            self._told(False)
            return
        for parcel in whole:
            parcel.deliver()
        self._told(True)

    def _pack(self, batch: BatchBuilder) -> tuple[list[Parcel], list[Parcel]]:
        """Fill a batch; return the parcels that are in it to their end, and the one that goes on in the next."""
        whole: list[Parcel] = []
        while self._waiting:
            parcel = self._waiting[0]
            if not parcel.done.done() and not _packed(batch, parcel):
                return whole, [parcel]
            self._waiting.popleft()
            whole.append(parcel)
        return whole, []


def _packed(batch: BatchBuilder, parcel: Parcel) -> bool:
    """Tell whether all that is left of a parcel went into a batch."""
    for record in parcel.records[parcel.packed :]:
        if batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers)) is None:
            return False
        parcel.packed += 1
    return True
