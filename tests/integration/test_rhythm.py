"""How the events of a source come, as the database counts them: what brute force counts."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from streams.core.drop import Rhythm
from streams.core.drop.flow import NEARLY_AS_LONG, span_and_window
from streams.core.ticket.batch import event_row
from streams.core.window import DAY_MS, HOUR_MS
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.watch import ClickHouseWatchStore
from tests.databases import new_database
from tests.histories import NOW_MS, event
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

MINUTE_MS = 60_000
WEEK_MS = 7 * DAY_MS
NEWEST = NOW_MS - 40 * DAY_MS


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def told(source: str, instants: list[int]) -> list[Event]:
    return [event(e.ProducerHeartbeat(), at, f"{source}{n}", source=source) for n, at in enumerate(instants)]


def by_hand(instants: list[int], newest: int, now: int) -> Rhythm:
    """Return the same, instant by instant."""
    lasted, at = now - newest, sorted(instants)
    span, window = span_and_window(lasted)
    weeks = [week for week in range(4) if newest - week * WEEK_MS - window >= at[0]]
    places = window // span if weeks else (newest - at[0]) // span
    counts = []
    for week in weeks or [0]:
        ends = [newest - week * WEEK_MS - place * span for place in range(places)]
        counts.append([sum(end - span < one <= end for one in at) for end in ends])
    gaps = 0
    for week in range(1, 5):
        begin, end = newest - week * WEEK_MS - 4 * HOUR_MS, now - week * WEEK_MS + 4 * HOUR_MS
        inside = [one for one in at if begin < one <= end]
        gaps += sum(later - one >= NEARLY_AS_LONG * lasted for one, later in pairwise(inside))
    return Rhythm(counts, gaps if lasted <= DAY_MS else 0)


@pytest.mark.parametrize("days", [0.5, 6, 16, 40])
@pytest.mark.parametrize("lasted", [10 * MINUTE_MS, 95 * MINUTE_MS, 23 * HOUR_MS, 5 * DAY_MS])
def test_a_rhythm_is_what_can_be_counted_by_hand(client: Client, days: float, lasted: int) -> None:
    rng = Random(f"{days} {lasted}")
    begun = [NEWEST - rng.randrange(int(days * DAY_MS)) for _ in range(int(60 * days))]
    instants = [NEWEST, *(one - rng.randrange(20) * MINUTE_MS for one in begun for _ in range(rng.randrange(6)))]
    source = f"urn:test:{days}:{lasted}"
    other = [at + MINUTE_MS for at in instants]
    events = [*told(source, instants), *told("urn:test:other", other)]
    ClickHouseStore(client).insert([event_row(one, NOW_MS) for one in events])
    seen = ClickHouseWatchStore(client).rhythm(source, NEWEST, NEWEST + lasted)
    assert seen == by_hand(instants, NEWEST, NEWEST + lasted)
    assert days < 20 or seen.clumps > 1.5
