"""Kafka records in batches under Faust: the only module that touches Faust's internals.

Faust takes about 140 us for each message on its way to an agent. Here a message is a whole batch: all records of one
partition that one fetch brought. An agent receives `Records`, and acknowledging the message finishes all of them.

What Faust does with offsets is replaced by a ledger, because its own account would lose records: a message bears the
first offset of its batch, and the gap up to the next message would count as acknowledged as soon as that one is seen.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import faust
from aiohttp.web import BaseSite, SockSite
from aiokafka import AIOKafkaConsumer
from faust.app.base import App
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message
from faust.types.tuples import ConsumerMessage, ack_lock
from faust.web.drivers.aiohttp import Web
from mode.utils.futures import notify

from streams.core.batch import Record
from streams.ledger import Batch, Ledger
from streams.membership import Seen

STOP_SECONDS: Final = 20.0
"""How long a stopping worker waits for the batch in hand; what is not done by then is received again by the next."""


FETCH_WAIT_MS: Final = 100
"""How long the broker may hold a fetch back that has nothing to bring. The embedded one always waits a good part of it,
and adds that to the age of every event."""


class Records(list[Record]):
    """The records of one batch, in the order of their offsets, with its entry in the ledger."""

    batch: Batch


class BatchSchema(faust.Schema[Any, Any]):
    """Hands the records of a message to the agent as they are: decoding them is the core's."""

    def compile(self, app: Any, **_: Any) -> Any:  # noqa: ANN401 - the signature is Faust's
        """Return the coroutine function that makes an event of a message."""
        create_event = app.create_event

        async def decode(message: Message, **_: Any) -> Any:  # noqa: ANN401
            return create_event(None, message.value, message.headers, message)

        return decode


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches with a short wait: Faust tells the broker to hold an answer back for up to 1.5 seconds."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    def topic_partitions(self, topic: str) -> int | None:
        """Return how many partitions a topic has, which Faust knows on the leader of the group alone."""
        known = self._consumer.partitions_for_topic(topic) if self._consumer else None
        return len(known) if known else None

    def seen(self, *, is_rebalancing: bool) -> Seen:
        """Return what the group lets this worker know now."""
        consumer = self._consumer
        if consumer is None or consumer._coordinator is None:
            return Seen()
        group = consumer._coordinator
        given = consumer._subscription.subscription
        assignment = given.assignment if given else None
        return Seen(
            frozenset((tp.topic, tp.partition) for tp in assignment.tps) if assignment else frozenset(),
            is_joined=not is_rebalancing and assignment is not None and group.generation >= 0,
            generation=group.generation if group.generation >= 0 else None,
            member=group.member_id,
            coordinator="" if group.coordinator_id is None else str(group.coordinator_id),
        )

    async def on_thread_stop(self) -> None:
        """Stop, also while the broker is away: then aiokafka is cancelled by itself as it closes its fetches.

        That would end this thread without a word, and the worker would wait a minute for it.
        """
        with suppress(asyncio.CancelledError):
            await super().on_thread_stop()


class BatchConsumer(driver.Consumer):
    """Receives batches and commits what the ledger allows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._ledger: Ledger[TP] = Ledger()
        self._turn = 0

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Records]]:
        """Return one batch a partition; a small one waits a moment for more.

        Records that were fetched before a rebalance or a seek, and arrive after it, would be finished ahead of earlier
        ones that are still to be received again. They are dropped and read once more.
        """
        turn = self._turn
        fetched = await super()._getmany(active_partitions, timeout)
        app = cast("BatchApp", self.app)
        if fetched and sum(map(len, fetched.values())) < app.batch_events and app.batch_linger_seconds:
            await asyncio.sleep(app.batch_linger_seconds)
            more = await super()._getmany(active_partitions, 0.0)
            fetched = {tp: [*fetched.get(tp, ()), *more.get(tp, ())] for tp in {**fetched, **more}}
        if turn != self._turn:
            if fetched and self.flow_active:
                await self.perform_seek()
            return {}
        return {tp: [Records(records)] for tp, records in fetched.items() if records}

    def _to_message(self, tp: TP, records: Records) -> ConsumerMessage:
        first, last = records[0], records[-1]
        records.batch = self._ledger.opened(tp, first.offset, last.offset + 1)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            first.offset,
            first.timestamp / 1000 if first.timestamp is not None else None,
            0,
            [],
            None,
            cast(Any, records),
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def ack(self, message: Message) -> bool:
        """Finish the whole batch of a message. A second time, or after a rebalance, it changes nothing."""
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            cast(Records, message.value).batch.is_finished = True
            self._unacked_messages.discard(message)
            self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        return (tp for tp in self._ledger if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._ledger.committable(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: offsets between two messages belong to the batch of the first."""

    def assignment(self) -> set[TP]:
        """Return the partitions of this worker, none before it has joined its group."""
        with suppress(ConsumerNotStarted):
            return super().assignment()
        return set()

    def seen(self) -> Seen:
        """Return what the group lets this worker know now."""
        return cast(ConsumerThread, self._thread).seen(is_rebalancing=self.app.rebalancing)

    def committed(self, tp: TP) -> int | None:
        """Return the offset that was committed last; None when this worker has not committed any."""
        return self._committed_offset.get(tp)

    async def perform_seek(self) -> None:
        """Go back to what is committed; batches in hand will be received again."""
        self._turn += 1
        self._ledger.clear()
        await super().perform_seek()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is in hand, then forget the rest."""
        self._turn += 1
        await super().on_partitions_revoked(revoked)
        self._ledger.clear()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin anew."""
        self._turn += 1
        await super().on_partitions_assigned(assigned, generation_id)

    async def wait_empty(self) -> None:
        """Wait until the batches in hand are finished and committed, but not for ever."""
        try:
            await asyncio.wait_for(super().wait_empty(), STOP_SECONDS)
        except TimeoutError:
            self.log.warning(
                "gave up waiting for %d batches in hand: they will be received again", len(self._unacked_messages)
            )
            self._unacked_messages.clear()
            await self.commit_and_end_transactions()

    async def _wait_for_ack(self, timeout: float) -> None:
        """Wait for the next batch to be finished; Faust's own goes on waiting when it is told to give up."""
        self._waiting_for_ack = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(self._waiting_for_ack, timeout)
        except TimeoutError:
            pass
        finally:
            self._waiting_for_ack = None


class Pages(Web):
    """Serves the pages on a socket that listens already: a port that is only looked at is another worker's next."""

    def __init__(self, app: App, listening: socket.socket) -> None:
        super().__init__(app)
        self._listening = listening

    def _new_transport_tcp(self) -> BaseSite:
        return SockSite(self._runner, self._listening)


class BatchTransport(driver.Transport):
    """Kafka through aiokafka, in batches."""

    Consumer = BatchConsumer


class BatchApp(App):
    """A Faust app whose agents receive batches.

    Attributes:
        batch_events: A fetch of so many events does not wait for more.
        batch_linger_seconds: How long a smaller one waits.
        early_tasks: What runs from the start on, before there are partitions.
    """

    batch_events: int = 10_000
    batch_linger_seconds: float = 0.25
    early_tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    async def on_start(self) -> None:
        """Begin what runs from the start: Faust's own tasks wait for the first partitions."""
        await super().on_start()
        for task in self.early_tasks:
            self.add_future(task())

    def seen(self) -> Seen:
        """Return what the group lets this worker know now."""
        return cast(BatchConsumer, self.consumer).seen()

    def lag_of(self, tp: TP) -> int | None:
        """Return how many records of a partition are not committed yet; None while that is unknown."""
        newest = self.consumer.highwater(tp)
        committed = cast(BatchConsumer, self.consumer).committed(tp)
        return None if newest is None else max(0, newest - (committed or 0))

    def partitions_of(self, topic: str) -> int | None:
        """Return how many partitions a topic has; None while it is unknown."""
        return self.consumer.topic_partitions(topic)
