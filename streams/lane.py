"""One partition's way to Kafka: what is handed over while a batch waits for its turn goes with it."""

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.outgoing import Outgoing


class Parcel:
    """Records for one partition that somebody waits for.

    Attributes:
        done: Has a result once the broker has all of them, an error when it may lack some.
    """

    def __init__(self, records: Sequence[Outgoing]) -> None:
        self.records = records
        self.batches = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrive(self) -> None:
        """Say that one of its batches has arrived."""
        self.batches -= 1
        if not self.batches and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Say that the broker may lack some of it."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # whoever gave up waiting asks no more


class _Batch:
    """Records that travel together."""

    def __init__(self, builder: BatchBuilder) -> None:
        self.builder = builder
        self.parcels: list[Parcel] = []

    def takes(self, record: Outgoing, parcel: Parcel) -> bool:
        """Take a record, unless the batch is full or has left."""
        headers = list(record.headers)
        if self.builder.append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
            return False
        if not self.parcels or self.parcels[-1] is not parcel:
            self.parcels.append(parcel)
            parcel.batches += 1
        return True


class Lane:
    """Sends parcels in their order: the slower the broker, the larger its batches.

    One future a parcel and batch rather than one a record: that is most of what aiokafka's own `send` costs.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int, told: Callable[[bool], None]) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._told = told
        self._last: _Batch | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def put(self, records: Sequence[Outgoing]) -> Parcel:
        """Hand records over and return the parcel to wait for."""
        parcel = Parcel(records)
        for record in records:
            if self._last is None or not self._last.takes(record, parcel):
                self._last = self._begun()
                self._last.takes(record, parcel)  # an empty batch takes a record of any size
        return parcel

    def _begun(self) -> _Batch:
        """Return a batch that leaves as soon as the one before has; until then it takes more."""
        batch = _Batch(self._producer.create_batch())
        task = asyncio.get_running_loop().create_task(self._send(batch))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return batch

    async def _send(self, batch: _Batch) -> None:
        try:
            await (await self._producer.send_batch(batch.builder, self._topic, partition=self._partition))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            batch.builder.close()  # one that could not even leave takes no more
            for parcel in batch.parcels:
                parcel.fail(error)
            self._told(False)
            return
        for parcel in batch.parcels:
            parcel.arrive()
        self._told(True)
