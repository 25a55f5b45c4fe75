"""What nobody who lives remembers is found in ClickHouse: rows that were stated last and lack stored events."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from schemas.examples import example
from streams.agents.recheck import Recheck
from streams.core.ticket.batch import event_row
from streams.core.ticket.cache import TicketCache
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Ticket, fold
from streams.core.ticket.measures import row_of
from streams.meters import Meters
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, event, public_answer
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration

SAID = {id: [event(public_answer(id, f"m{at}"), at, f"{id}-{at}") for at in range(1, 5)] for id in ("A", "B", "C")}
KNOWN = {"A": 4, "B": 2}
"""How many of its events the row of each ticket knows: C has none."""


@pytest.mark.leaves_a_hole
def test_the_database_says_of_rows_what_the_store_in_memory_does(space: Space) -> None:
    async def told(store: ClickHouseStore | MemoryStore) -> list[object]:
        for number, (id, known) in enumerate([*KNOWN.items(), ("A", 3)]):
            ticket = fold(Ticket(id), [fact_of(one) for one in SAID[id][:known]])[0]
            events = [event_row(one, NOW_MS) for one in SAID[id]]
            await store.write(events, [row_of(ticket, NOW_MS + 1_000 * (number % 2))], [])
        await store.write([event_row(one, NOW_MS) for one in SAID["C"]], [], [])
        ids = [*SAID, "D"]
        stated, latest = await store.stated(ids), await store.latest(10)
        return [stated, latest, await store.latest(1), await store.revisions(ids)]

    expected = [KNOWN, ["B", "A"], ["B"], {"A": 4, "B": 4, "C": 4}]
    assert asyncio.run(told(MemoryStore())) == asyncio.run(told(ClickHouseStore(space.client))) == expected


def test_what_was_stored_while_its_name_was_only_reserved_is_no_gap(space: Space) -> None:
    """It is counted among what is stored of a ticket, by its name; the row knows all there is to know all the same."""
    known = fold(Ticket("B"), [fact_of(one) for one in SAID["B"]])[0]
    said = example("promise.made") | {"data": {"until": "soon"}}
    old = replace(event_row(SAID["B"][0], NOW_MS), id="old", name="promise.made", raw=json.dumps(said).encode())
    store = ClickHouseStore(space.client)
    store.insert([*(event_row(one, NOW_MS) for one in SAID["B"]), old])
    store.insert([row_of(known, NOW_MS)])

    async def looked() -> tuple[list[str], dict[str, Ticket]]:
        recheck = Recheck(store, TicketCache(10), Meters())
        assert await recheck.doubt() is None
        doubt = await recheck.doubt()
        assert doubt is not None
        return list(doubt.ticket_ids), await recheck.mended(doubt.ticket_ids)

    assert asyncio.run(looked()) == (["B"], {})


def test_a_worker_that_starts_mends_what_one_that_was_killed_left_behind(space: Space) -> None:
    lacking = fold(Ticket("B"), [fact_of(one) for one in (*SAID["B"][:1], *SAID["B"][3:])])[0]
    ClickHouseStore(space.client).insert([event_row(one, NOW_MS) for one in SAID["B"]])
    ClickHouseStore(space.client).insert([row_of(lacking, NOW_MS)])
    worker = space.started_worker(recheck_every_seconds=1)
    wait_until(lambda: bool(space.value("SELECT events = 4 FROM tickets FINAL")), "the row knows all events")
    wait_until(lambda: worker.meter("servicepulse_mended_tickets_total") == 1, "it is counted")
    letters = "SELECT groupArray(reason) FROM dead_letters FINAL"
    wait_until(lambda: bool(space.value(letters) == ["ticket-mended"]), "it is told, once")
