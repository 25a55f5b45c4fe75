"""The agent folds a batch while the one before is being stored: what is under way counts as stored."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import decode
from schemas.rows import BesideRow, DeadLetterRow, EventRow, TicketRow
from streams.agents.tickets import TicketsAgent
from streams.core.ticket.batch import Identity, Kept, Record
from streams.core.ticket.fold import Ticket
from streams.core.ticket.merge import statements_of
from streams.meters import Meters
from streams.ports import Outgoing
from streams.sinks.memory import MemoryStore
from streams.store_error import StoreUnavailableError
from tests.histories import NOW_MS, SOURCE, event, folded, public_answer
from tests.records import record_of
from tests.simulated.loop import virtual_loop


class SlowStore(MemoryStore):
    """Begins to keep what it is given once the second batch is folded: it has then been asked twice."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Collection[Identity]] = []
        self.is_asked_twice = asyncio.Event()

    async def stored(self, identities: Collection[Identity]) -> dict[Identity, list[Kept]]:
        self.asked.append(identities)
        if len(self.asked) == 2:
            self.is_asked_twice.set()
        return await super().stored(identities)

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        await self.is_asked_twice.wait()
        await super().write(events, tickets, dead_letters, beside)


class Sent(Struct):
    """An outbox that keeps what it is given."""

    records: list[Outgoing] = field(default_factory=list)
    partitions: dict[str, int] = field(default_factory=dict)

    def partitions_of(self, topic: str) -> int | None:
        return self.partitions.get(topic, 1)

    async def publish(self, records: Iterable[Outgoing]) -> None:
        self.records.extend(records)


class FixedClock:
    def now_ms(self) -> int:
        return NOW_MS


class Batch:
    """A delivery, and when it was acknowledged."""

    def __init__(self, *values: bytes) -> None:
        self.value: Sequence[Record] = [record_of(value) for value in values]
        self.acknowledged = asyncio.Event()
        self.is_stale = False

    def ack(self) -> None:
        self.acknowledged.set()


def agent_of(store: MemoryStore, meters: Meters | None = None, *, batch_events: int = 1) -> TicketsAgent:
    return TicketsAgent(
        store,
        Sent(),
        FixedClock(),
        meters or Meters(),
        topic="tickets",
        dead_letter_topic="dead-letters",
        cache_tickets=10,
        batch_events=batch_events,
    )


def order(id: str, at: int) -> bytes:
    said = e.OrderPlaced(order_id="O", customer_id="C", amount=100, currency="EUR")
    return event(said, at, id, subject="C").raw


async def worked_off(store: MemoryStore, *batches: Batch, meters: Meters | None = None, batch_events: int = 1) -> None:
    """Let an agent work batches off, and end it when all are acknowledged."""
    agent = agent_of(store, meters, batch_events=batch_events)

    async def deliveries() -> AsyncIterator[Batch]:
        for batch in batches:
            yield batch

    running = asyncio.create_task(agent.run())
    await agent.receive(deliveries())
    async with asyncio.timeout(10):
        for batch in batches:
            await batch.acknowledged.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_an_identity_is_taken_while_its_first_event_is_still_being_stored() -> None:
    store = SlowStore()
    first, second = Batch(order("0", 4), order("1", 5)), Batch(order("1", 6), order("2", 7))
    asyncio.run(worked_off(store, first, second, Batch(order("1", 5)), batch_events=2))
    assert store.asked[:2] == [{("C", SOURCE, "0"), ("C", SOURCE, "1")}, {("C", SOURCE, "2")}]
    assert {(row.id, row.at) for row in store.events.values()} == {("0", 4), ("1", 5), ("2", 7)}
    assert [(letter.reason, letter.value) for letter in store.dead_letters.values()] == [
        ("identity-reused", order("1", 6))
    ]


def test_the_store_is_not_asked_for_identities_that_a_batch_does_not_use() -> None:
    store = SlowStore()
    store.is_asked_twice.set()
    closed = event(e.TicketClosed(ticket_id="T"), 5, "1").raw
    alive = event(e.ProducerHeartbeat(), 5, "1", subject="desk").raw
    asyncio.run(worked_off(store, Batch(closed, alive)))
    assert len(store.events) == 2
    assert store.asked == []


def test_a_forged_statement_is_counted_and_left_out_and_the_true_one_is_folded() -> None:
    merged = event(e.TicketMerged(ticket_id="A", into_ticket_id="B"), 5, "merge", subject="A")
    answer = event(public_answer("A"), 4, "answer", subject="A")
    ticket = folded([merged, answer], "A")
    [(_, true)] = statements_of(ticket, ticket.facts)
    said = decode(true, now_ms=NOW_MS)
    assert isinstance(said.content, e.TicketAbsorbed)
    lie = event(replace(said.content, revision=9, facts=b""), 5, said.id, subject="B", source=said.source)
    store, meters = MemoryStore(), Meters()
    asyncio.run(worked_off(store, Batch(merged.raw, answer.raw)))
    asyncio.run(worked_off(store, Batch(lie.raw), Batch(true), meters=meters))
    assert store.tickets["B"].agent_messages == 1
    assert store.dead_letters == {}
    assert meters.registry.get_sample_value("servicepulse_statements_left_out_total", {"why": "unknown"}) == 1


class HeldStore(MemoryStore):
    """Keeps what it is given once it is let, and remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[list[str]] = []
        self.is_let = asyncio.Event()

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        self.writes.append([event.id for event in events])
        await self.is_let.wait()
        await super().write(events, tickets, dead_letters, beside)


async def run_for_long(turns: int = 200) -> None:
    """Let everything go on that waits for nothing outside."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def held_up(store: HeldStore, batches: Sequence[Batch], *, batch_events: int, renew: bool = False) -> None:
    """Send batches while the first one is being written, one after the other, and then let the store write.

    With `renew` the group is dealt anew before the last one comes.
    """
    agent = agent_of(store, batch_events=batch_events)
    running = asyncio.create_task(agent.run())
    for number, batch in enumerate(batches):
        if renew and number == len(batches) - 1:
            for stale in batches[:number]:
                stale.is_stale = True
            agent.renew()
        await agent.receive(_one(batch))
        await run_for_long()
    store.is_let.set()
    async with asyncio.timeout(10):
        for batch in batches:
            await batch.acknowledged.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _one(batch: Batch) -> AsyncIterator[Batch]:
    yield batch


def answers(count: int, ticket_id: str = "T") -> list[bytes]:
    return [event(public_answer(ticket_id), at, str(at), subject=ticket_id).raw for at in range(1, count + 1)]


def test_what_comes_while_a_write_is_under_way_is_all_in_the_next_one() -> None:
    store = HeldStore()
    asyncio.run(held_up(store, [Batch(answer) for answer in answers(6)], batch_events=100))
    assert store.writes == [["1"], ["2", "3", "4", "5", "6"]]
    assert store.tickets["T"].agent_messages == 6


def test_no_more_is_folded_ahead_than_one_write_may_have() -> None:
    store = HeldStore()
    asyncio.run(held_up(store, [Batch(answer) for answer in answers(8)], batch_events=3))
    assert store.writes == [["1"], ["2", "3", "4"], ["5", "6", "7"], ["8"]]


class Timely(Batch):
    """A batch that remembers how many writes there were when it was acknowledged."""

    def __init__(self, store: HeldStore, *values: bytes) -> None:
        super().__init__(*values)
        self._store = store
        self.acknowledged_after: list[int] = []

    def ack(self) -> None:
        self.acknowledged_after.append(len(self._store.writes))
        super().ack()


def test_one_batch_of_many_is_written_in_portions_and_acknowledged_with_the_last() -> None:
    """What a fetch brings of one partition may be a hundred thousand events: their rows would take a gigabyte."""
    store = HeldStore()
    batch = Timely(store, *answers(8))
    asyncio.run(held_up(store, [batch], batch_events=3))
    assert store.writes == [["1", "2", "3"], ["4", "5", "6"], ["7", "8"]]
    assert batch.acknowledged_after == [3]
    assert store.tickets["T"].agent_messages == 8


def test_portions_of_several_batches_share_a_write_and_none_is_acknowledged_before_its_end() -> None:
    store = HeldStore()
    batches = [Timely(store, *answers(count, ticket)) for ticket, count in (("A", 2), ("B", 2), ("T", 5))]
    asyncio.run(held_up(store, batches, batch_events=3))
    assert [len(write) for write in store.writes] == [2, 3, 3, 1]
    assert [batch.acknowledged_after for batch in batches] == [[1], [2], [4]]


def test_the_rest_of_a_batch_that_went_stale_is_let_go_and_nothing_new_with_it() -> None:
    store = HeldStore()
    asyncio.run(held_up(store, [Batch(*answers(7)), Batch(answers(8)[-1])], batch_events=3, renew=True))
    assert store.writes == [["1", "2", "3"], ["8"]]


def test_what_waits_for_a_write_and_went_stale_takes_nothing_new_with_it() -> None:
    """It is let go, and what came after it, which nobody sends again, must not go with it."""
    store = HeldStore()
    asyncio.run(held_up(store, [Batch(answer) for answer in answers(3)], batch_events=100, renew=True))
    assert store.writes == [["1"], ["3"]]


WRITE_SECONDS, LOAD_SECONDS, FETCH_SECONDS = 0.37, 0.06, 0.1
"""What a write took on two busy cores at 500 events a second, what looking tickets up took; how often fetches come."""


class TimedStore(MemoryStore):
    """Takes as long as ClickHouse does, whatever it is given."""

    async def load(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        await asyncio.sleep(LOAD_SECONDS)
        return await super().load(ticket_ids)

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        await asyncio.sleep(WRITE_SECONDS)
        await super().write(events, tickets, dead_letters, beside)


def test_an_event_waits_for_the_write_under_way_and_its_own_and_for_no_other() -> None:
    waits: list[float] = []

    class Timed(Batch):
        def __init__(self, number: int) -> None:
            super().__init__(*answers(1, f"T-{number}"))
            self.received_at = loop.time()

        def ack(self) -> None:
            waits.append(loop.time() - self.received_at)

    async def feed() -> None:
        for number in range(300):
            await agent.receive(_one(Timed(number)))
            await asyncio.sleep(FETCH_SECONDS)

    with virtual_loop() as loop:
        agent = agent_of(TimedStore(), batch_events=10_000)
        tasks = [loop.create_task(agent.run()), loop.create_task(feed())]
        loop.idle()
        while len(waits) < 300 and loop.next_timer():
            pass
        assert len(waits) == 300, tasks
    # The look-up before its own, its own, and two writes.
    assert max(waits) <= 2 * (LOAD_SECONDS + WRITE_SECONDS) + 0.001


class GivenUpStore(MemoryStore):
    """Is away once, and meanwhile somebody else is given what was to be written."""

    def __init__(self, batch: Batch) -> None:
        super().__init__()
        self._batch = batch

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        if not self._batch.is_stale:
            self._batch.is_stale = True
            raise StoreUnavailableError("away")
        await super().write(events, tickets, dead_letters, beside)


def test_what_kafka_lost_is_told_though_the_write_that_was_to_tell_it_was_given_up() -> None:
    given_up, next_one = Batch(order("1", 5)), Batch(order("2", 6))
    store = GivenUpStore(given_up)

    async def worked() -> None:
        agent = agent_of(store)
        agent.tell_lost("tickets", 0, 3, 5)
        running = asyncio.create_task(agent.run())

        async def deliveries() -> AsyncIterator[Batch]:
            yield given_up
            yield next_one

        await agent.receive(deliveries())
        async with asyncio.timeout(10):
            await next_one.acknowledged.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(worked())
    assert [row.id for row in store.events.values()] == ["2"]
    assert [letter.reason for letter in store.dead_letters.values()] == ["records-lost"]
