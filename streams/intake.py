"""Kafka records in batches under Faust: the only module that touches Faust's internals.

Faust takes about 140 us for each message on its way to an agent. Here a message is a whole batch: all records of one
partition that one fetch brought. An agent receives `Records`, and acknowledging the message finishes all of them.

What Faust does with offsets is replaced by a ledger, because its own account would lose records: a message bears the
first offset of its batch, and the gap up to the next message would count as acknowledged as soon as that one is seen.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import faust
from aiohttp.web import BaseSite, SockSite
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import ConsumerStoppedError
from faust.app.base import App
from faust.exceptions import ConsumerNotStarted
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, EventT, Message
from faust.types.tuples import ConsumerMessage, ack_lock
from faust.web.drivers.aiohttp import Web
from mode.utils.futures import notify

from streams.fetch import ENOUGH_UNPACKED_BYTES, read_every_record
from streams.handover import Handover, Records
from streams.ledger import Known, Seam
from streams.membership import Seen

STOP_SECONDS: Final = 20.0
"""How long a stopping worker waits for the batch in hand; what is not done by then is received again by the next."""
COMMIT_SECONDS: Final = 10.0
"""How long it then waits for a last commit."""

FETCH_WAIT_MS: Final = 100
"""How long the broker may hold a fetch back that has nothing to bring. The embedded one always waits a good part of it,
and adds that to the age of every event."""


LOOK_AGAIN_SECONDS: Final = 0.02
"""So often a small batch looks for more."""


class Delivery:
    """One batch on its way through an agent.

    Attributes:
        value: The records.
    """

    def __init__(self, event: EventT[Any]) -> None:
        self._event = event
        self.value: Records = cast(Any, event.value)

    @property
    def is_stale(self) -> bool:
        """Say whether the group was dealt anew since it was received: another worker may have its partition."""
        return self.value.batch.is_stale

    def ack(self) -> None:
        """Acknowledge all records."""
        self._event.ack()


class BatchSchema(faust.Schema[Any, Any]):
    """Hands the records of a message to the agent as they are: decoding them is the core's."""

    def compile(self, app: Any, **_: Any) -> Any:  # noqa: ANN401 - the signature is Faust's
        """Return the coroutine function that makes an event of a message."""
        create_event = app.create_event

        async def decode(message: Message, **_: Any) -> Any:  # noqa: ANN401
            return create_event(None, message.value, message.headers, message)

        return decode


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches what is committed, with a short wait, and tells which offsets each fetch covers."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        """Return a consumer that waits less than the 1.5 seconds of Faust, and leaves aborted transactions out."""
        read_every_record()
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,  # noqa: ARG002 - the signature is Faust's
    ) -> dict[TP, Records]:
        """Return what was fetched of some partitions, and wait a while when there is nothing."""
        fetcher = consumer._fetcher
        if not self.consumer.flow_active:
            return {}
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        subscriptions = fetcher._subscriptions
        with subscriptions.fetch_context():
            if subscriptions.reassignment_in_progress:
                await subscriptions.wait_for_assignment()
            fetched = _taken(fetcher, active_partitions)
            if fetched or not timeout:
                return fetched
            waiter = fetcher._create_fetch_waiter()
            await asyncio.wait([waiter], timeout=timeout)
            if not waiter.done():
                waiter.cancel()
                return {}
            waiter.result()  # raises what the group coordinator found
            return {} if fetcher._closed else _taken(fetcher, active_partitions)

    async def put_back(self, tp: TP, records: Records, offset: int) -> None:
        """Read on from an offset instead of behind these records, unless the group was dealt anew since."""
        await self.call_thread(self._put_back, tp, records, offset)

    async def _put_back(self, tp: TP, records: Records, offset: int) -> None:
        consumer = self._ensure_consumer()
        assignment = consumer._subscription.subscription.assignment
        state = assignment.state_value(tp) if assignment and assignment.active else None
        if state and state.has_valid_position and state.position == records.end:
            consumer._fetcher.seek_to(tp, offset)

    async def known(self, tp: TP) -> Known:
        """Return what the broker says of a partition."""
        return cast(Known, await self.call_thread(self._known, tp))

    async def _known(self, tp: TP) -> Known:
        consumer = self._ensure_consumer()
        committed = await consumer.committed(tp)
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        return Known(committed, begin, end)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Read every partition again from what is committed; where nothing is, from its beginning."""
        return cast(Mapping[TP, int], await self.call_thread(self._seek_to_committed))

    async def _seek_to_committed(self) -> dict[TP, int | None]:
        consumer = self._ensure_consumer()
        committed = {tp: await consumer.committed(tp) for tp in consumer.assignment()}
        for tp, offset in committed.items():
            if offset is not None:
                consumer._fetcher.seek_to(tp, offset)
        if fresh := [tp for tp, offset in committed.items() if offset is None]:
            await consumer.seek_to_beginning(*fresh)
        return committed

    def highwater(self, tp: TP) -> int:
        """Return the offset after the last record that may be read: those of open transactions may not yet."""
        consumer = self._ensure_consumer()
        newest, stable = consumer.highwater(tp), consumer.last_stable_offset(tp)
        return cast(int, stable if stable is not None and 0 <= stable < (newest or 0) else newest)

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
            missing=frozenset(topic for topic in given.topics if not consumer.partitions_for_topic(topic))
            if given and assignment
            else frozenset(),
        )

    def fault(self) -> BaseException | None:
        """Return what keeps us out of the group: aiokafka holds it back until somebody asks, and Faust does not."""
        group = self._consumer._coordinator if self._consumer else None
        if group is None:
            return None
        task = group._coordination_task
        ended = task.exception() if task.done() and not task.cancelled() else None
        return cast("BaseException | None", ended or group._pending_exception)

    async def on_thread_stop(self) -> None:
        """Stop, also while the broker is away: then aiokafka is cancelled by itself as it closes its fetches.

        That would end this thread without a word, and the worker would wait a minute for it.
        """
        with suppress(asyncio.CancelledError):
            await super().on_thread_stop()


async def _is_done(work: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Do something for so long, and tell whether it is done; else it is cancelled, and left alone if it goes on.

    `asyncio.wait_for` would wait until it has ended.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        task.cancel()
    if not task.done():
        return False
    task.result()
    return True


def _taken(fetcher: Any, partitions: set[TP]) -> dict[TP, Records]:  # noqa: ANN401 - aiokafka's fetcher
    """Take what was fetched of some partitions, and let the fetcher go on from there.

    What lies there is packed. So once enough of it is unpacked, the other partitions wait for their turn. It is next:
    what is fetched anew lies behind them.

    Raises:
        KafkaError: What the broker answered instead of records, once nothing else is left to take.
    """
    taken: dict[TP, Records] = {}
    for tp, result in list(fetcher._records.items()):
        if tp not in partitions:
            if not fetcher._subscriptions.is_assigned(tp):
                del fetcher._records[tp]
            continue
        is_enough = sum(records.size for records in taken.values()) >= ENOUGH_UNPACKED_BYTES
        if is_enough or (isinstance(result, FetchError) and taken):
            break
        del fetcher._records[tp]
        fetcher._notify(fetcher._wait_consume_future)
        if isinstance(result, FetchError):
            result.check_raise()
        reading = result._partition_records
        if result.check_assignment(tp):
            begin = reading.next_fetch_offset
            taken[TP(*tp)] = Records(result.getall(), begin, reading.next_fetch_offset)
    return taken


class _NeverRead(dict[TP, int | None]):
    """Faust's own account of what was read: it would drop records that are received again on purpose."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass

    def update(self, *_: object, **__: object) -> None:
        pass


def _is_small(batches: Collection[Records], enough: int) -> bool:
    """Say whether there is room for more, by the number of records and by their bytes."""
    return sum(map(len, batches)) < enough and sum(each.size for each in batches) < ENOUGH_UNPACKED_BYTES


class BatchConsumer(driver.Consumer):
    """Receives batches and commits what the ledger allows."""

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        app = cast("BatchApp", self.app)
        self._read_offset = _NeverRead()
        self._handover: Handover[TP] = Handover(self._thread, self._committed_offset, app.on_turn, app.on_seam)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """Yield one message a partition, whose value are the records of the batch; none while too much is in hand."""
        if not await self._handover.room.is_free(timeout):
            return
        turn = self._handover.turn
        fetched, active = await self._wait_next_records(timeout)

        def is_read(tp: TP) -> bool:
            return self.flow_active and (active is None or tp in active or tp in self._buffered_partitions)

        async for tp, records in self._handover.hand_on(cast(dict[TP, Records], fetched or {}), turn, is_read):
            yield tp, self._to_message(tp, records)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, Records]:
        """Return one batch a partition; a small one waits a while for all that further fetches bring.

        The client fetches a partition again only when what it has of it is taken, and a fetch ends with the first
        record that comes: so it is taken again and again.
        """
        fetched = cast(dict[TP, Records], await super()._getmany(active_partitions, timeout))
        app = cast("BatchApp", self.app)
        ends_at = self.loop.time() + app.batch_linger_seconds
        while fetched and _is_small(fetched.values(), app.batch_events) and (left := ends_at - self.loop.time()) > 0:
            await asyncio.sleep(min(LOOK_AGAIN_SECONDS, left))
            for tp, more in cast(dict[TP, Records], await super()._getmany(active_partitions, 0.0)).items():
                records = fetched.setdefault(tp, more)
                if records.end == more.begin:
                    records.join(more)
                elif records is not more:  # something moved the position between the two
                    fetched[tp] = more
        return fetched

    def _to_message(self, tp: TP, records: Records) -> ConsumerMessage:
        first = records[0]
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
            self._handover.finish(cast(Records, message.value))
            self._unacked_messages.discard(message)
            self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        return (tp for tp in self._handover.ledger if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._handover.ledger.committable(tp)

    def _should_commit(self, tp: TP, offset: int) -> bool:
        """Commit whatever the ledger allows, also backwards: a topic that was made again begins at 0."""
        return offset != self._committed_offset.get(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: offsets between two messages belong to the batch of the first."""

    def assignment(self) -> set[TP]:
        """Return the partitions of this worker, none before it has joined its group."""
        with suppress(ConsumerNotStarted):
            return super().assignment()
        return set()

    def seen(self) -> Seen:
        """Return what the group lets this worker know now."""
        return self._thread.seen(is_rebalancing=self.app.rebalancing)

    def fault(self) -> BaseException | None:
        """Return what keeps this worker out of its group for good; None while nothing does."""
        return self._thread.fault()

    def committed(self, tp: TP) -> int | None:
        """Return the offset that was committed last; None when this worker has not committed any."""
        return self._committed_offset.get(tp)

    async def begin_anew(self, topic: str) -> None:
        """Read a topic from its beginning: it was made again, and what was committed belongs to the one before."""
        own = {tp for tp in self.assignment() if tp.topic == topic}
        if not own:
            return
        self._handover.turn_over()
        begin = await self._thread.earliest_offsets(*own)
        await self._thread.commit(begin)
        self._committed_offset.update(begin)
        await self.perform_seek()

    async def perform_seek(self) -> None:
        """Go back to what is committed; batches in hand will be received again."""
        self._handover.turn_over()
        await super().perform_seek()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is in hand, then forget the rest."""
        self._handover.turn += 1  # what is being fetched is no longer handed on
        await super().on_partitions_revoked(revoked)
        self._handover.turn_over()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin anew."""
        self._handover.turn_over()
        await super().on_partitions_assigned(assigned, generation_id)

    async def wait_empty(self) -> None:
        """Wait until the batches in hand are finished and committed, but not for ever.

        Faust's own wait may swallow that it is cancelled, while another commit goes on: it is told by what it looks at.
        """
        if await _is_done(super().wait_empty(), STOP_SECONDS):
            return
        self.log.warning(
            "gave up waiting for %d batches in hand: they will be received again", len(self._unacked_messages)
        )
        self._unacked_messages.clear()
        if not await _is_done(self.commit_and_end_transactions(), COMMIT_SECONDS):
            self.log.warning("Kafka takes no commit: what it was to say will be received again")

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


class NoTables(TableManager):
    """Starts at once. Faust gives agents a second to name their tables; ours keep nothing in any."""

    async def on_start(self) -> None:
        """Say that all tables are known, and begin."""
        await self._update_channels()
        await self.recovery.start()


class BatchApp(App):
    """A Faust app whose agents receive batches.

    Attributes:
        batch_events: So many events do not wait for more.
        batch_linger_seconds: How long fewer of them wait.
        early_tasks: What runs from the start on, before there are partitions.
        on_turn: Called whenever all batches in hand went stale and are going to be received again.
        on_seam: Called when a partition begins, and whenever a batch does not begin where the one before ended.
    """

    batch_events: int = 50_000
    batch_linger_seconds: float = 0.25
    early_tasks: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    on_turn: Callable[[], None] = staticmethod(lambda: None)
    on_seam: Callable[[TP, Seam], None] = staticmethod(lambda _tp, _seam: None)

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    async def on_start(self) -> None:
        """Begin what runs from the start: Faust's own tasks wait for the first partitions."""
        await super().on_start()
        for task in self.early_tasks:
            self.add_future(task())

    def _crash(self, reason: BaseException) -> None:
        """Remember what came first: what is cancelled because the app ends has nothing to add."""
        first = self.crash_reason
        super()._crash(reason if first is None or isinstance(first, asyncio.CancelledError) else first)

    def seen(self) -> Seen:
        """Return what the group lets this worker know now."""
        return cast(BatchConsumer, self.consumer).seen()

    def fault(self) -> BaseException | None:
        """Return what keeps this worker out of its group for good; None while nothing does."""
        return cast(BatchConsumer, self.consumer).fault()

    async def begin_anew(self, topic: str) -> None:
        """Read a topic from its beginning: it was made again."""
        await cast(BatchConsumer, self.consumer).begin_anew(topic)

    def lag_of(self, tp: TP) -> int | None:
        """Return how many records of a partition are not committed yet; None while that is unknown."""
        newest = self.consumer.highwater(tp)
        committed = cast(BatchConsumer, self.consumer).committed(tp)
        return None if newest is None else max(0, newest - (committed or 0))

    def partitions_of(self, topic: str) -> int | None:
        """Return how many partitions a topic has; None while it is unknown."""
        return self.consumer.topic_partitions(topic)
