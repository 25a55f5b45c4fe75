"""A worker holds what it stated lately against the stored events, and mends it in its own memory as well."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events as e
from schemas.codec import Event
from streams.agents.recheck import Recheck
from streams.agents.tickets import TicketsAgent
from streams.core.ticket.batch import Outcome, event_row, state_mended
from streams.core.ticket.cache import TicketCache
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Ticket, fold
from streams.core.ticket.measures import row_of
from streams.meters import Meters
from streams.sinks.memory import MemoryStore
from streams.store_error import StoreUnavailableError
from tests.histories import NOW_MS, TICKET, event, public_answer
from tests.unit.test_tickets_agent import Batch, FixedClock, Sent

SAID = [event(public_answer(TICKET, f"m{at}"), at, f"m{at}") for at in range(1, 7)]


def ticket_of(events: list[Event]) -> Ticket:
    return fold(Ticket(TICKET), [fact_of(one) for one in events])[0]


async def keep(store: MemoryStore, events: list[Event], known: list[Event]) -> None:
    """Store events, and a row that knows some of them."""
    rows = [row_of(ticket_of(known), NOW_MS)] if known else []
    await store.write([event_row(one, NOW_MS) for one in events], rows, [])


@asynccontextmanager
async def working(store: MemoryStore) -> AsyncIterator[tuple[TicketsAgent, Meters]]:
    meters = Meters()
    agent = TicketsAgent(
        store,
        Sent(),
        FixedClock(),
        meters,
        topic="tickets",
        dead_letter_topic="dead-letters",
        cache_tickets=10,
        batch_events=1,
    )
    running = asyncio.create_task(agent.run())
    try:
        yield agent, meters
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def received(agent: TicketsAgent, one: Event) -> None:
    batch = Batch(one.raw)

    async def deliveries() -> AsyncIterator[Batch]:
        yield batch

    await agent.receive(deliveries())
    await batch.acknowledged.wait()


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not claim():  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.005)


def facts(store: MemoryStore) -> int:
    return store.tickets[TICKET].events


def mended(meters: Meters) -> float | None:
    return meters.registry.get_sample_value("servicepulse_mended_tickets_total")


@given(st.sets(st.integers(0, 3)).map(sorted))
def test_a_row_that_a_worker_took_up_with_a_gap_comes_to_know_every_stored_event(known: list[int]) -> None:
    async def story() -> None:
        store = MemoryStore()
        await keep(store, SAID[:4], [SAID[place] for place in known])
        async with working(store) as (agent, meters):
            await received(agent, SAID[4])
            await agent.look_again()
            await until(lambda: facts(store) == 5)
            assert mended(meters) == (len(known) < 4)
            assert [letter.reason for letter in store.dead_letters.values()] == ["ticket-mended"] * (len(known) < 4)
            assert agent.cache.known([TICKET]) == {TICKET: ticket_of(SAID[:5])}

    asyncio.run(story())


def test_a_row_that_somebody_mended_is_not_hidden_by_a_worker_that_remembers_the_gap() -> None:
    async def story() -> None:
        store = MemoryStore()
        await keep(store, SAID[:3], [SAID[0]])
        async with working(store) as (agent, _):
            await received(agent, SAID[3])
            assert facts(store) == 2
            await keep(store, [], SAID[:4])
            for one in SAID[4:]:
                await received(agent, one)
            assert facts(store) == 4, "the worker's row of as many facts takes the place of the mended one"
            await agent.look_again()
            await until(lambda: facts(store) == 6)

    asyncio.run(story())


def test_a_ticket_that_knows_everything_is_not_stated_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with working(store) as (agent, meters):
            await received(agent, SAID[0])
            await agent.look_again()
            await received(agent, SAID[1])
            assert mended(meters) == 0

    asyncio.run(story())


def test_a_doubt_of_before_the_group_was_dealt_anew_is_looked_into_again() -> None:
    async def story() -> None:
        store, cache = MemoryStore(), TicketCache(10)
        await keep(store, SAID[:3], [])
        recheck = Recheck(store, cache, Meters())
        cache.remember({TICKET: ticket_of(SAID[:2])})
        recheck.note([TICKET])
        doubt = await recheck.doubt()
        assert doubt is not None
        assert doubt.ticket_ids == [TICKET]
        assert not doubt.is_stale
        assert await recheck.mended([TICKET]) == {TICKET: ticket_of(SAID[:3])}
        recheck.renew()
        cache.renew()
        assert [doubt.is_stale] == [True]
        assert await recheck.doubt() is None  # another may be about to state it
        again = await recheck.doubt()
        assert again is not None
        assert again.ticket_ids == [TICKET]
        assert await recheck.mended([TICKET]) == {TICKET: ticket_of(SAID[:3])}

    asyncio.run(story())


def test_what_cannot_be_stated_is_not_called_mended() -> None:
    outcome = Outcome([], [], [], {})
    state_mended({TICKET: ticket_of(SAID), "empty": Ticket("empty")}, outcome, "tickets", NOW_MS)
    assert [row.ticket_id for row in outcome.rows] == [TICKET]
    assert outcome.tickets.keys() == {TICKET, "empty"}  # it is remembered, so that it is not doubted over and over
    (letter,) = outcome.dead
    assert letter.message == f"rows of 1 ticket lacked stored events and were mended: {TICKET}"
    nothing = Outcome([], [], [], {})
    state_mended({"empty": Ticket("empty")}, nothing, "tickets", NOW_MS)
    assert nothing.dead == []


def test_a_merged_ticket_that_was_mended_tells_its_survivor_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        merge = event(e.TicketMerged(ticket_id=TICKET, into_ticket_id="S"), 9, "merge")
        await keep(store, [*SAID[:3], merge], [SAID[0]])
        async with working(store) as (agent, _):
            await received(agent, SAID[3])
            await agent.look_again()
            await until(lambda: facts(store) == 5)
            sent = agent._outbox
            assert isinstance(sent, Sent)
            await until(lambda: {one.key for one in sent.records if one.topic == "tickets"} == {b"S"})

    asyncio.run(story())


async def look(recheck: Recheck, times: int) -> list[str]:
    """Look so many times, and return what is doubted at last."""
    doubts = [await recheck.doubt() for _ in range(times)]
    assert doubts[:-1] == [None] * (times - 1)
    return list(doubts[-1].ticket_ids) if doubts[-1] else []


def test_a_gap_that_was_stated_before_the_group_was_dealt_anew_is_found_by_whoever_is_there_afterwards() -> None:
    """Two workers held one ticket, as they saw different numbers of partitions; nobody says anything of it again."""

    async def story() -> None:
        store = MemoryStore()
        async with working(store) as (agent, meters):
            await received(agent, SAID[0])
            await keep(store, SAID[1:4], [])  # by another, whose row of three facts would not outdate one of four
            await received(agent, SAID[4])
            agent.renew()
            assert facts(store) == 2
            for _ in range(2):
                await agent.look_again()
            await until(lambda: facts(store) == 5)
            assert mended(meters) == 1

    asyncio.run(story())


def test_a_gap_that_a_killed_worker_left_is_found_by_the_next() -> None:
    async def story() -> None:
        store = MemoryStore()
        await keep(store, SAID[:4], [SAID[0], SAID[3]])
        async with working(store) as (agent, _):
            for _ in range(2):
                await agent.look_again()
            await until(lambda: facts(store) == 4)

    asyncio.run(story())


def test_what_another_worker_is_about_to_state_is_no_gap() -> None:
    """Events are stored before their ticket: who looks in between sees more of them than the row knows."""

    async def story() -> None:
        store = MemoryStore()
        recheck = Recheck(store, TicketCache(10), Meters())
        await keep(store, SAID[:3], SAID[:2])
        assert await look(recheck, 1) == []
        await keep(store, SAID[3:5], SAID[:3])  # it stated those, and stored others
        assert await look(recheck, 1) == []
        await keep(store, [], SAID[:5])
        assert await look(recheck, 3) == []

    asyncio.run(story())


class Interrupted(MemoryStore):
    """Something happens while it counts."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = lambda: None

    async def revisions(self, ticket_ids: Collection[str]) -> dict[str, int]:
        counted = await super().revisions(ticket_ids)
        self.meanwhile()
        return counted


def away() -> None:
    raise StoreUnavailableError("away")


@pytest.mark.parametrize("happens", ["is stated", "is dealt anew", "the store is away"])
def test_what_happens_while_somebody_looks_lets_no_ticket_be_forgotten(happens: str) -> None:
    async def story() -> None:
        store, cache = Interrupted(), TicketCache(10)
        await keep(store, SAID[:2], [])
        cache.remember({TICKET: ticket_of(SAID[:2])})
        recheck = Recheck(store, cache, Meters())
        recheck.note([TICKET])
        if happens == "is stated":
            store.meanwhile = lambda: recheck.note([TICKET])
            assert await recheck.doubt() is None
        elif happens == "is dealt anew":
            cache.remember({TICKET: ticket_of(SAID[:1])})
            store.meanwhile = recheck.renew
            assert await recheck.doubt() is None
        else:
            store.meanwhile = away
            with pytest.raises(StoreUnavailableError):
                await recheck.doubt()
        store.meanwhile = lambda: None
        await keep(store, SAID[2:3], [])
        assert await look(recheck, 1) == [TICKET]

    asyncio.run(story())


def test_what_nobody_mends_is_looked_at_again_after_the_next_deal() -> None:
    async def story() -> None:
        store = MemoryStore()
        recheck = Recheck(store, TicketCache(10), Meters())
        await keep(store, SAID[:3], SAID[:1])
        assert await look(recheck, 2) == [TICKET]
        assert await look(recheck, 2) == []
        store.tickets.clear()  # nor is it among those that were stated last
        recheck.renew()
        assert await look(recheck, 2) == [TICKET]
        recheck.note([TICKET])
        await keep(store, [], SAID[:3])
        recheck.renew()
        assert await look(recheck, 3) == []

    asyncio.run(story())
