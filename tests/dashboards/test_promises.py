"""Promises on the real engine: what the numbers say of a morning, and who is told when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension, Topic
from streams.core.ticket.measures import row_of
from streams.core.window import HOUR_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from tests.dashboards.alerting import RULES, firing, texts
from tests.databases import new_database
from tests.histories import NOW_MS, event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

A_MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)
KNOWN: Final = Window(0, 2_000_000_000_000)
ALL: Final = [metric for metric in METRICS.values() if metric.topic is Topic.PROMISES]


def moment(clock: str) -> datetime:
    hours, minutes = map(int, clock.split(":"))
    return A_MONDAY + timedelta(hours=hours, minutes=minutes)


def at(clock: str) -> int:
    return int(moment(clock).timestamp() * 1000)


@pytest.fixture(scope="module")
def whole(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


@pytest.fixture
def client(whole: Client) -> Client:
    for table in ("tickets", "ticket_days"):
        whole.command(f"TRUNCATE TABLE {table}")
    return whole


def ticket(
    id: str, due: str, *then: tuple[str, e.Data], team: str = "repairs", made_by: str | None = None
) -> list[Event]:
    """Return a ticket of nine o'clock on which a repair is promised at once, and what happens then."""
    created = e.TicketCreated(ticket_id=id, channel="phone", created_by=e.Party.CUSTOMER, team=team)
    promise = e.PromiseMade(
        ticket_id=id, promise_id="p", kind=e.PromiseKind.REPAIR, due_at=moment(due), made_by=made_by
    )
    said = [("09:00", created), ("09:00", promise), *then]
    return [event(content, at(clock), f"{id}-{n}", n, subject=id) for n, (clock, content) in enumerate(said)]


def kept(id: str) -> e.Data:
    return e.PromiseKept(ticket_id=id, promise_id="p")


def moved(id: str, due: str) -> e.Data:
    return e.PromiseMoved(ticket_id=id, promise_id="p", due_at=moment(due))


def store(client: Client, *events: Event) -> None:
    ClickHouseStore(client).insert([row_of(one, NOW_MS) for one in settled(events).values()])


def test_a_morning_of_promises_is_what_can_be_counted_by_hand(client: Client) -> None:
    store(
        client,
        *ticket("in time", "11:00", ("10:59", kept("in time")), made_by="ada"),
        *ticket("late", "11:00", ("11:30", kept("late")), made_by="ada"),
        *ticket("later", "11:00", ("13:00", kept("later"))),
        *ticket("moved", "11:00", ("10:00", moved("moved", "11:30")), ("11:20", kept("moved"))),
        *ticket("too late", "11:00", ("11:01", moved("too late", "15:00")), ("14:00", kept("too late"))),
        *ticket("never", "11:00"),
        *ticket("given up", "11:00", ("10:00", e.PromiseWithdrawn(ticket_id="given up", promise_id="p"))),
        *ticket("afternoon", "16:00", ("15:00", kept("afternoon")), team="delivery"),
    )
    noon = Window(at("11:00"), at("12:00"))
    figures = answer(client, Question(metrics=ALL, windows=[noon], by=Dimension.TEAM), KNOWN)
    found = {name: (figure.n, figure.value) for (name, part, _), figure in figures.items() if part is None}
    assert found == {
        "promises_kept": (6, 2 / 6),
        "promises_moved": (6, 1 / 6),
        "promise_lateness_p50": (4, 7200.0),  # half an hour, two hours, three hours, and still going on
        "promise_lateness_p90": (4, None),
        "overdue_promises": (3, 3.0),
        "promises": (0, 0.0),
        "promises_per_ticket": (0, None),
    }
    assert figures["promises_kept", "repairs", noon].n == 6
    day = Window(at("00:00"), at("24:00"))
    figures = answer(client, Question(metrics=ALL, windows=[day], by=Dimension.AGENT), KNOWN)
    assert (figures["promises", None, day].n, figures["promises_kept", None, day].n) == (8, 7)
    assert figures["promises_kept", "ada", day].n == 2


def test_a_broken_promise_pages_its_team_names_the_ticket_and_is_over_once_it_is_kept(client: Client) -> None:
    store(client, *ticket("T", "11:00"), *ticket("S", "16:00", team="delivery"))
    assert firing(client, "promise-broken", at("10:59")) == []
    assert firing(client, "promise-broken", at("11:00")) == [{"team": "repairs"}]
    assert texts(client, "promise-broken", "T", at("11:05"))["repairs"] == {
        "first": "2026-03-02 11:00 UTC",
        "tickets": "T",
    }
    assert RULES["promise-broken"]["labels"] == {"severity": "page"}
    assert firing(client, "promise-broken", at("11:00") + 24 * HOUR_MS) == [{"team": "delivery"}]
    store(client, *ticket("T", "11:00", ("11:20", kept("T"))))
    assert firing(client, "promise-broken", at("11:21")) == []


def test_a_team_is_warned_before_unless_the_promise_is_moved_in_time(client: Client) -> None:
    store(client, *ticket("T", "11:00"), *ticket("short", "09:10", team="calls"))
    assert firing(client, "promise-due", at("09:02")) == []
    assert firing(client, "promise-due", at("09:03")) == [{"team": "calls"}], "half of ten minutes, and two to store it"
    assert firing(client, "promise-due", at("10:42")) == []
    assert firing(client, "promise-due", at("10:43")) == [{"team": "repairs"}]
    assert firing(client, "promise-due", at("11:00")) == []
    store(client, *ticket("T", "11:00", ("10:44", moved("T", "13:00"))))
    assert firing(client, "promise-due", at("10:45")) == []
    assert firing(client, "promise-due", at("12:50")) == [{"team": "repairs"}]
