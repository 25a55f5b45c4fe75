"""Time to an answer in the database: as the core computes it, and honest while a queue grows."""

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from math import isclose
from random import Random
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event
from streams.core.ask.figure import change_of
from streams.core.ask.question import Question, measures_of
from streams.core.metrics import METRICS
from streams.core.survival import curve, quantile
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.histories import NOW_MS, event, public_answer, settled
from tests.integration.conftest import Servers
from tests.unit.test_survival import SETS, SHARES, drawn

pytestmark = pytest.mark.integration

FIRST: Final = METRICS["time_to_first_response_p50"]
ANSWERED: Final = METRICS["first_response_p50"]
MINUTE_MS: Final = 60_000
MONDAY: Final = 20_500 * DAY_MS
DAYS: Final = 4
HIRED: Final = Window(MONDAY, MONDAY + DAYS * DAY_MS)
SHORT: Final = Window(HIRED.end_at, HIRED.end_at + DAYS * DAY_MS)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def test_the_database_computes_what_the_core_does(client: Client) -> None:
    sets = {seed: [(round(after, 3), has_ended) for after, has_ended in drawn(seed)] for seed in range(SETS)}
    client.command("CREATE TABLE lasted (number UInt32, seconds Float64, has_ended Bool) ENGINE = Memory")
    rows = [[seed, *one] for seed, lasted in sets.items() for one in lasted]
    client.insert("lasted", rows, column_names=["number", "seconds", "has_ended"])
    for p in SHARES:
        columns = measures_of(replace(FIRST, counted="", p=p))
        asked = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        found = client.query(f"SELECT number, {asked} FROM lasted GROUP BY number").named_results()
        told = {row["number"]: row for row in found}
        assert told.keys() == sets.keys()
        for seed, row in told.items():
            value, interval = quantile(curve(sets[seed]), p)
            assert (row["n"], row["hits"]) == (len(sets[seed]), sum(has_ended for _, has_ended in sets[seed]))
            for one, other in zip(row["band"], (value, *interval), strict=True):
                assert one == other or (one and other and isclose(one, other, rel_tol=1e-12)), (seed, p)


def test_a_quantile_of_none_is_none(client: Client) -> None:
    columns = measures_of(replace(FIRST, counted="seconds < 0", value="seconds", hit="true"))
    asked = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    (row,) = client.query(f"SELECT {asked} FROM (SELECT toFloat64(number) AS seconds FROM numbers(3))").named_results()
    assert row == {"n": 0, "hits": 0, "band": [None, None, None]}


def _queue(seed: int, window: Window, agents: int, *, newest_first: bool) -> Iterator[Event]:
    """Yield customers who come every ten minutes or so, and the answers of agents who need half an hour for each."""
    chance = Random(seed)
    coming, at = deque[int](), window.start_at
    while (at := at + round(chance.expovariate(1 / (10.5 * MINUTE_MS)))) < window.end_at:
        coming.append(at)
        yield event(
            e.TicketCreated(ticket_id=f"{at}", channel="chat", created_by=e.Party.CUSTOMER),
            at,
            f"{at}",
            subject=f"{at}",
        )
    free, waiting = [window.start_at] * agents, deque[int]()
    while coming or waiting:
        now = heappop(free) if waiting else max(heappop(free), coming[0])
        while coming and coming[0] <= now:
            waiting.append(coming.popleft())
        if now >= window.end_at:
            return
        id = str(waiting.pop() if newest_first else waiting.popleft())
        heappush(free, now + round(chance.uniform(0.5, 1.5) * 30 * MINUTE_MS))
        yield event(public_answer(id), now, f"{id}-answer", subject=id)


def test_while_a_queue_grows_the_median_of_the_answered_falls_and_the_time_to_an_answer_does_not(
    client: Client,
) -> None:
    client.command("TRUNCATE TABLE ticket_days")
    told = [*_queue(1, HIRED, 3, newest_first=False), *_queue(2, SHORT, 1, newest_first=True)]
    ClickHouseStore(client).insert([row_of(ticket, NOW_MS) for ticket in settled(told).values()])
    windows = [SHORT, HIRED]
    asked = Question(metrics=[FIRST, ANSWERED, METRICS["open_waits"]], windows=windows)
    found = answer(client, asked, HIRED)
    waiting, before = (found["open_waits", None, window].n for window in windows)
    assert waiting > 300 > 50 > before
    plain, ours = (
        change_of(*(found[name, None, window] for window in windows)) for name in (ANSWERED.name, FIRST.name)
    )
    assert plain
    assert ours
    assert (plain.is_clear, plain.is_better) == (True, True)
    assert (ours.is_clear, ours.is_better) == (True, False)
    assert found[FIRST.name, None, SHORT].is_unreached
