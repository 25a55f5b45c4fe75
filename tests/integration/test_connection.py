"""ClickHouse as it is met in production: behind a load balancer, away for a moment, too old."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.settings import Settings
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.refold import refold, with_events
from tests.gateway import LONGEST_URL, Gateway, gateway_to
from tests.integration.conftest import Servers
from tests.integration.desk import END as NOW
from tests.integration.desk import Desk, events_of, lines_of, ms

pytestmark = pytest.mark.integration


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    made.tell(events_of(lines_of(3, per_day=10))[:2_000], ms(NOW))
    yield made
    made.remove()


@pytest.fixture
def gateway(servers: Servers) -> Iterator[Gateway]:
    with gateway_to(servers.clickhouse) as made:
        yield made


def behind(gateway: Gateway, desk: Desk) -> Settings:
    return desk.settings.model_copy(update={"clickhouse": gateway.address})


def test_no_url_grows_with_the_ids_that_are_asked_for(desk: Desk, gateway: Gateway) -> None:
    store = ClickHouseStore(connect(behind(gateway, desk)))
    ids = with_events(desk.client)
    unknown = [f"{'long' * 20}-{n}'\\" for n in range(3_000)]
    assert set(store.load_now([*ids, *unknown])) == set(ids)
    assert asyncio.run(store.stored({(id, "urn:x", id) for id in unknown})) == {}
    assert set(store.load_from_events(ids)) == set(ids)
    assert gateway.longest_url < LONGEST_URL / 4


_ASKED: Final = """
SELECT name, value FROM system.settings
WHERE name IN ('async_insert', 'insert_deduplicate', 'deduplicate_blocks_in_dependent_materialized_views',
    'deduplicate_insert', 'deduplicate_insert_select')
"""


def test_nothing_that_is_written_is_taken_for_a_repetition_or_left_in_a_buffer(desk: Desk) -> None:
    assert {str(name): str(value) for name, value in desk.query(_ASKED)} == {
        "async_insert": "0",
        "insert_deduplicate": "0",
        "deduplicate_blocks_in_dependent_materialized_views": "0",
        "deduplicate_insert": "disable",
        "deduplicate_insert_select": "disable",
    }


def test_a_refold_waits_for_clickhouse_and_goes_on_where_it_was(desk: Desk, gateway: Gateway) -> None:
    desk.client.command("TRUNCATE TABLE tickets")
    refold(desk.client, ms(NOW))
    before = desk.query("SELECT * EXCEPT (ingested_at) FROM tickets FINAL ORDER BY ticket_id")
    desk.client.command("TRUNCATE TABLE tickets")
    client = connect(behind(gateway, desk))
    waits: list[str] = []
    progress: list[int] = []

    def say(_: float, why: str) -> None:
        waits.append(why)

    gateway.refuses = 4  # the driver itself tries each request more than once
    folded = refold(client, ms(NOW), on_progress=lambda done, _: progress.append(done), on_wait=say)
    assert waits
    assert "no ClickHouse answers" in waits[0] or "closed" in waits[0].lower() or "abort" in waits[0].lower()
    assert folded == len(before) == progress[-1]
    assert desk.query("SELECT * EXCEPT (ingested_at) FROM tickets FINAL ORDER BY ticket_id") == before
