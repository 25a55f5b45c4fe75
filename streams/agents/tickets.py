"""The tickets agent: batches of records become events, tickets and dead letters, and are acknowledged once stored."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import structlog
from kafka.partitioner.default import murmur2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from schemas.codec import CONTENT_TYPE, InvalidEventError, Reason, unknown_values
from schemas.rows import DeadLetterRow, Ms
from streams.agents.ahead import Ahead, Delivery, Most, Work, are_stale
from streams.agents.dead_letter import letter_record
from streams.agents.inflow import Inflow
from streams.agents.recheck import Doubt, Recheck
from streams.agents.writing import Writing, loaded
from streams.core.ticket.batch import (
    Identity,
    Kept,
    Outcome,
    Reading,
    Record,
    dead_letter_of,
    fold_batch,
    lost_letter,
    read,
    state_mended,
)
from streams.core.ticket.cache import MOST_BYTES, TicketCache
from streams.core.ticket.delay import Delay
from streams.core.ticket.fold import Ticket
from streams.core.ticket.joined import joined
from streams.meters import Meters
from streams.ports import Clock, Outbox, Outgoing, RecordRefusedError, Store
from streams.store_error import StoreUnavailableError

log = structlog.get_logger()
T = TypeVar("T")

_LONGEST_WAIT_SECONDS: Final = 15.0
_METADATA_SECONDS: Final = 0.1
"""How often to look whether the partitions are known by now: before that nothing can be folded."""
_SETTLING: Final = 1 / 12
"""How long after the group was dealt anew its tickets are looked at, in times between two looks: 5 s of a minute. What
was being written then is there by now."""
_EVENT_HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)


class _StaleError(Exception):
    """The batch in hand went stale while the store was waited for."""


class TicketsAgent:
    """Reads ahead while it writes: what comes while a batch is being stored is decoded and folded, and written next.

    Everything it does can be done twice. A worker that dies at any point leaves its batch unacknowledged; the next one
    receives the batch again, finds some of its events known, and states the same tickets.

    A row is right only if it knows all that its ticket's partition said before: a row that lacks something in between
    could outdate one that has it. So what was received before the group was dealt anew is neither folded nor written
    after it: the state that is found in the store then may lack what is still under way.
    """

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        clock: Clock,
        meters: Meters,
        *,
        topic: str,
        dead_letter_topic: str,
        cache_tickets: int,
        cache_bytes: int = MOST_BYTES,
        batch_events: int,
        recheck_every_seconds: float | None = None,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._meters = meters
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._received = Inflow()
        self._ahead = Ahead(Most(batch_events))
        self._under_way: dict[Identity, Kept] = {}
        self._lost: list[DeadLetterRow] = []
        self._writing = Writing(store, clock, meters)
        self._recheck_every_seconds = recheck_every_seconds
        self.cache = TicketCache(cache_tickets, cache_bytes)
        self._recheck = Recheck(store, self.cache, meters)
        self._dealt = asyncio.Event()
        self.delay = Delay()

    async def receive(self, deliveries: AsyncIterable[Delivery]) -> None:
        """Take deliveries in, as fast as they can be worked off."""
        async for delivery in deliveries:
            await self._received.put(delivery)

    async def run(self) -> None:
        """Work off what is received, until cancelled.

        Raises:
            ExceptionGroup: When anything unexpected happens. The worker must stop: nothing of the batch in hand is
                acknowledged, and what is remembered may be ahead of what is stored.
        """
        async with asyncio.TaskGroup() as steps:
            steps.create_task(self._fold_received())
            steps.create_task(self._write_folded())
            if self._recheck_every_seconds is not None:
                steps.create_task(self._keep_looking(self._recheck_every_seconds))

    def renew(self) -> None:
        """Forget what is remembered: everything that was received so far is stale."""
        self.cache.renew()
        self._under_way.clear()
        self._recheck.renew()
        self._dealt.set()

    async def look_again(self) -> None:
        """Hold the tickets that were stated lately against their stored events; what lacks any is mended in its turn.

        Raises:
            StoreUnavailableError: When the store does not answer: they are looked at the next time.
            StoreRejectedError: When the store refuses.
        """
        if doubt := await self._recheck.doubt():
            await self._received.put(doubt)

    async def _keep_looking(self, every_seconds: float) -> None:
        """Look every so often, and soon after the group was dealt anew, while others' last rows are the latest."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dealt.wait(), every_seconds)
                self._dealt.clear()
                await asyncio.sleep(every_seconds * _SETTLING)
            with suppress(StoreUnavailableError):
                await self.look_again()

    def tell_lost(self, topic: str, partition: int, begin: int, end: int) -> None:
        """Keep a dead letter of offsets that Kafka removed unread; it is stored with the next batch."""
        self._lost.append(lost_letter(topic, partition, begin, end, self._clock.now_ms()))
        self._meters.dead_letters.labels(Reason.RECORDS_LOST.value).inc()

    async def _fold_received(self) -> None:
        while True:
            deliveries = await self._received.take(await self._ahead.room(), self._let_go)
            self._meters.batch_events.observe(sum(len(delivery.value) for delivery in deliveries))
            with self._meters.batch_seconds.labels("fold").time():
                outcome = await self._outcome_of(deliveries)
            if outcome is None or are_stale(deliveries):
                self._let_go(deliveries)
                continue
            self.cache.remember(outcome.tickets)
            self._under_way |= outcome.kept
            self._let_go(self._ahead.put(Work(deliveries, outcome)))

    async def _write_folded(self) -> None:
        while True:
            works = await self._ahead.taken()
            deliveries = [delivery for work in works for delivery in work.deliveries]
            outcome = joined([work.outcome for work in works])
            with self._meters.batch_seconds.labels("write").time(), suppress(_StaleError):
                await self._keep(outcome, deliveries)
            if are_stale(deliveries):
                self._let_go(deliveries)
                continue
            for work in works:
                self.cache.stored(work.outcome.tickets)
            self._recheck.note(outcome.tickets)
            for identity in outcome.kept:
                self._under_way.pop(identity, None)
            await self._publish(self._outgoing(outcome))
            for delivery in deliveries:
                delivery.ack()

    def _let_go(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.ack()
        self._meters.stale.inc(sum(len(delivery.value) for delivery in deliveries))

    async def _outcome_of(self, deliveries: Sequence[Delivery]) -> Outcome | None:
        """Return what a batch amounts to; None when it went stale while the store was waited for."""
        records = [record for delivery in deliveries for record in delivery.value]
        now_ms = self._clock.now_ms()
        reading = read(records, now_ms)
        self.delay.folded(reading, now_ms)
        await self._forward_strays(reading, now_ms)
        try:
            mended = await self._mended(deliveries)
            known = await self._known(reading, deliveries) | mended
            stored, witnesses = await self._stored(reading, deliveries), await self._witnesses(reading, deliveries)
        except _StaleError:
            return None
        outcome = fold_batch(reading, known, now_ms, stored, witnesses)
        state_mended(mended, outcome, self._topic, now_ms)
        self._count(records, reading, outcome)
        return outcome

    async def _mended(self, deliveries: Sequence[Delivery]) -> dict[str, Ticket]:
        ids = {id for delivery in deliveries if isinstance(delivery, Doubt) for id in delivery.ticket_ids}
        if not ids:
            return {}
        mended = await self._patiently("mend tickets", lambda: self._recheck.mended(ids), deliveries)
        self._meters.mended_tickets.inc(len(mended))
        return mended

    async def _known(self, reading: Reading, deliveries: Sequence[Delivery]) -> dict[str, Ticket]:
        known = self.cache.known(reading.of_tickets)
        missing = [ticket_id for ticket_id in reading.of_tickets if ticket_id not in known]
        self._meters.cache_hits.inc(len(known))
        self._meters.cache_misses.inc(len(missing))
        if missing:
            patiently = partial(self._patiently, "load tickets", deliveries=deliveries)
            known |= await loaded(self._store.load, missing, patiently)
        return known

    async def _witnesses(self, reading: Reading, deliveries: Sequence[Delivery]) -> dict[str, Ticket]:
        """Return the tickets that statements are held against, as stored: never from memory, which may be behind."""
        witnesses = list(reading.witnesses)
        if not witnesses:
            return {}
        patiently = partial(self._patiently, "load merged tickets", deliveries=deliveries)
        return await loaded(self._store.load, witnesses, patiently)

    async def _stored(self, reading: Reading, deliveries: Sequence[Delivery]) -> dict[Identity, list[Kept]]:
        """Return what is stored under the identities of a batch, or is on its way to the store."""
        identities = reading.identities
        if not identities:
            return {}
        # Before the store is asked: what arrives there meanwhile may be in neither answer otherwise.
        under_way = {identity: [self._under_way[identity]] for identity in identities & self._under_way.keys()}
        missing = identities - under_way.keys()
        if not missing:
            return under_way
        return under_way | await self._patiently("look identities up", lambda: self._store.stored(missing), deliveries)

    async def _keep(self, outcome: Outcome, deliveries: Sequence[Delivery]) -> None:
        lost = len(self._lost)
        outcome.dead.extend(self._lost[:lost])
        await self._writing.write(outcome, partial(self._patiently, "write", deliveries=deliveries))
        del self._lost[:lost]  # not before: a write that nobody waits for any more tells of nothing
        self._meters.events.inc(len(outcome.events))
        if outcome.events:
            self._meters.newest_event.set(max(event.at for event in outcome.events) / 1000)

    async def _forward_strays(self, reading: Reading, now_ms: Ms) -> None:
        """Send events on that lie where another worker folds.

        A producer without a key, one with another partitioner, or a topic that was given more partitions puts events of
        one ticket into several places. Two workers folding one ticket would outdate each other's facts.
        """
        while not (partitions := self._outbox.partitions_of(self._topic)):  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(_METADATA_SECONDS)
        strays: list[tuple[Record, Outgoing]] = []
        for ticket_id, pairs in list(reading.of_tickets.items()):
            key = ticket_id.encode()
            home = (self._topic, (murmur2(key) & 0x7FFFFFFF) % partitions)
            at_home = [pair for pair in pairs if (pair[1].topic, pair[1].partition) == home]
            if len(at_home) < len(pairs):
                away = [(event, record) for event, record in pairs if (record.topic, record.partition) != home]
                strays.extend((record, Outgoing(self._topic, key, event.raw, _EVENT_HEADERS)) for event, record in away)
                reading.of_tickets[ticket_id] = at_home
            if not at_home:
                del reading.of_tickets[ticket_id]
        if strays:
            refused = {stray.value for stray in await self._publish([sent for _, sent in strays])}
            reading.dead.extend(_too_large(record, now_ms) for record, sent in strays if sent.value in refused)
            self._meters.forwarded.inc(len(strays) - len(refused))

    async def _publish(self, records: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Publish, and return those that the broker refuses for their size: they are told and hold nothing up."""
        try:
            await self._outbox.publish(records)
        except RecordRefusedError as error:
            log.error("not published", why=str(error), keys=[record.key for record in error.records])  # noqa: TRY400
            return error.records
        return ()

    def _outgoing(self, outcome: Outcome) -> list[Outgoing]:
        """Return what others must see: statements for survivors of merges, and dead letters."""
        statements = [
            Outgoing(self._topic, survivor.encode(), statement, _EVENT_HEADERS)
            for survivor, statement in outcome.statements
        ]
        return statements + [letter_record(self._dead_letter_topic, letter) for letter in outcome.dead]

    def _count(self, records: Sequence[Record], reading: Reading, outcome: Outcome) -> None:
        for topic in {record.topic for record in records}:
            self._meters.records.labels(topic).inc(sum(record.topic == topic for record in records))
        for pairs in reading.of_tickets.values():
            for event, _ in pairs:
                for pointer, _value in unknown_values(event):
                    self._meters.unknown_values.labels(pointer).inc()
        self._count_left_out(outcome)
        for letter in outcome.dead:
            self._meters.dead_letters.labels(letter.reason).inc()
            log.warning(
                "dead letter",
                letter=letter.id,
                reason=letter.reason,
                pointer=letter.pointer,
                why=letter.message,
                place=f"{letter.topic}/{letter.partition}/{letter.offset}",
            )

    def _count_left_out(self, outcome: Outcome) -> None:
        for why, count in Counter(why for why, _ in outcome.left_out).items():
            self._meters.statements_left_out.labels(why).inc(count)
            one = next(said for reason, said in outcome.left_out if reason is why)
            log.warning(
                "statements of merged tickets left out",
                why=why.value,
                count=count,
                such_as=f"of {'/'.join((one.from_ticket_id, *one.via))} to {one.ticket_id}"[:200],
            )

    async def _patiently(self, step: str, call: Callable[[], Awaitable[T]], deliveries: Sequence[Delivery]) -> T:
        """Return what the call gives, however long the store is away.

        Raises:
            StoreRejectedError: When the store refuses.
            _StaleError: When the deliveries for which it is asked went stale.
        """

        def say(state: RetryCallState) -> None:
            self._meters.waits.inc()
            log.warning(
                "ClickHouse is away: waiting, nothing is lost",
                step=step,
                attempt=state.attempt_number,
                next_try_seconds=round(state.upcoming_sleep, 1),
                error=str(state.outcome.exception()) if state.outcome else None,
            )

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailableError),
            wait=wait_exponential_jitter(multiplier=0.2, max=_LONGEST_WAIT_SECONDS),
            before_sleep=say,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                if are_stale(deliveries):
                    raise _StaleError
                return await call()
        raise AssertionError("retrying ends by a result or an error")


def _too_large(record: Record, now_ms: Ms) -> DeadLetterRow:
    fault = "it lies on another partition than its key, and there the broker takes no record of this size"
    return dead_letter_of(record, InvalidEventError(Reason.TOO_LARGE, "", fault), now_ms)
