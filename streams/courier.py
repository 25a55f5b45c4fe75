"""Takes records to Kafka without blocking, tells when all replicas have them, and connects for as long as it takes."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import murmur2

from streams.lane import Lane, Parcel
from streams.outgoing import Outgoing, RecordRefusedError

BATCH_BYTES: Final = 900 * 1024
"""Below what brokers take unless told otherwise; a record that is larger travels alone."""
MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
_NO_ANSWER: Final = "no broker answers"
_METADATA_MS: Final = 15_000
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0


class BrokerAwayError(Exception):
    """No broker has all of the records; it may have some. Send them again: an event that arrives twice counts once."""


class Courier:
    """Takes records to the partitions of their keys.

    While no broker answers everything is refused at once: nothing piles up, and whoever sends knows. Nothing is
    written twice on purpose, and what is (a retry whose answer was lost) counts once downstream; so there is no need of
    an idempotent producer, which Kafka may refuse for good.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topics: Sequence[str],
        *,
        patience_seconds: float,
        on_away: Callable[[BaseException], None] = lambda _: None,
        compression: str | None = None,
    ) -> None:
        """Take note of where to; nothing is connected before it runs.

        Args:
            options: How aiokafka reaches the brokers, `bootstrap_servers` among them.
            topics: That must be there: none is made.
            patience_seconds: How long records may be under way before they count as not taken.
            on_away: Told why, each time that no connection is had.
            compression: Of batches.
        """
        self._options = dict(options)
        self._topics = list(topics)
        self._patience_seconds = patience_seconds
        self._on_away = on_away
        self._compression = compression
        self._lanes: dict[str, list[Lane]] = {}
        self._turn = count()
        self._heard_at = 0.0
        self._lost = asyncio.Event()
        self._why = _NO_ANSWER
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Connect, and connect again whenever the brokers are lost, until cancelled."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            producer = AIOKafkaProducer(
                **self._options,
                acks="all",
                request_timeout_ms=int(self._patience_seconds * 1000),
                metadata_max_age_ms=_METADATA_MS,
                max_batch_size=BATCH_BYTES,
                max_request_size=MAX_RECORD_BYTES,
                compression_type=self._compression,
            )
            try:
                await self._connect(producer)
                pause = _FIRST_PAUSE_SECONDS
                await self._stay(producer)
            except (KafkaError, OSError, TopicMissingError) as error:
                self._why = str(error) if isinstance(error, TopicMissingError) else _NO_ANSWER
                self._on_away(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            finally:
                self.connected.clear()
                self._lanes = {}
                await _stop(producer, self._patience_seconds)
            _end_if_cancelled()

    async def carry(self, records: Sequence[Outgoing]) -> None:
        """Return once all replicas have all of the records.

        Raises:
            BrokerAwayError: When no broker answers, or not in time.
            RecordRefusedError: When the broker takes no records of this size; it may have the others.
        """
        parcels = self._handed_over(records)
        waited = [parcel.done for parcel in parcels]
        _, late = await asyncio.wait(waited, timeout=self._patience_seconds)
        for future in late:
            future.cancel()
        if late:
            raise BrokerAwayError(f"no broker has taken it within {self._patience_seconds:g} s")
        _raise_first(parcels)

    def _handed_over(self, records: Sequence[Outgoing]) -> list[Parcel]:
        if not self._lanes:
            raise BrokerAwayError(self._why)
        parts: dict[Lane, list[Outgoing]] = {}
        for record in records:
            parts.setdefault(self._lane_of(record), []).append(record)
        return [lane.put(part) for lane, part in parts.items()]

    def _lane_of(self, record: Outgoing) -> Lane:
        lanes = self._lanes[record.topic]
        place = next(self._turn) if record.key is None else murmur2(record.key) & 0x7FFFFFFF
        return lanes[place % len(lanes)]

    async def _connect(self, producer: AIOKafkaProducer) -> None:
        await producer.start()
        # Asking for one topic by name would have some brokers make it, with as many partitions as they like.
        there = (await producer.client.fetch_all_metadata()).topics()
        if missing := [topic for topic in self._topics if topic not in there]:
            raise TopicMissingError(f"there is no topic {missing[0]}: a worker makes its topics when it first starts")
        lanes = {topic: await self._lanes_to(producer, topic) for topic in self._topics}
        self._lost.clear()
        self._heard_at = time.monotonic()
        self._lanes = lanes
        self.connected.set()

    async def _stay(self, producer: AIOKafkaProducer) -> None:
        """Return when the brokers are lost; until then use the partitions that a topic is given."""
        while not self._lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), _METADATA_MS / 1000)
            _end_if_cancelled()
            for topic, lanes in self._lanes.items():
                if len(await producer.partitions_for(topic)) > len(lanes):
                    lanes += (await self._lanes_to(producer, topic))[len(lanes) :]

    async def _lanes_to(self, producer: AIOKafkaProducer, topic: str) -> list[Lane]:
        partitions = sorted(await producer.partitions_for(topic))
        return [Lane(producer, topic, partition, self._heard) for partition in partitions]

    def _heard(self, is_good: bool) -> None:
        """Take note of how a batch fared; where none has arrived for long, begin again with the first addresses."""
        now = time.monotonic()
        if is_good:
            self._heard_at = now
        elif now - self._heard_at >= self._patience_seconds:
            self._lost.set()


class TopicMissingError(Exception):
    """A topic is not there yet."""


def _raise_first(parcels: Sequence[Parcel]) -> None:
    for parcel in parcels:
        error = parcel.done.exception()
        if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
            raise RecordRefusedError(parcel.records) from error
        if error is not None:
            raise BrokerAwayError(f"no broker has taken it: {error}") from error


def _end_if_cancelled() -> None:
    """End a task that was cancelled: Python 3.11 forgets it where what is waited for ends in the same instant."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _stop(producer: AIOKafkaProducer, seconds: float) -> None:
    """Let go of a connection; one that hangs is left."""
    with suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(producer.stop(), seconds + 1)
