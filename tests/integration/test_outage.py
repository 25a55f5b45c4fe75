"""ClickHouse or the broker go away in the middle of the work, and come back."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.embedded.stack import Stack
from schemas.codec import encode
from schemas.events import Party, TicketCreated
from streams.intake import STOP_SECONDS
from tests.histories import public_answer
from tests.servers import stack_of_its_own
from tests.space import Space, new_space, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "12"))
"""How long a server is away; set a minute or more to be thorough."""

TICKETS = 10_000
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Return servers of this test's own, because they will be stopped. They are always embedded ones."""
    made = stack_of_its_own(tmp_path / "stack")
    made.up(attached=True)
    yield made
    made.down()


@pytest.fixture
def own_space(stack: Stack, tmp_path: Path) -> Iterator[Space]:
    broker, engine = stack.status()
    assert broker.address
    assert engine.address
    with new_space(broker.address, engine.address, tmp_path) as space:
        yield space


def test_a_minute_without_clickhouse_loses_and_doubles_nothing(stack: Stack, own_space: Space) -> None:
    worker = own_space.started_worker(batch_events=500, batch_linger_seconds=0.05)
    events = _events(TICKETS)
    own_space.publish(events[: len(events) // 2])
    wait_until(lambda: _stored(own_space) > len(events) // 10, "a tenth of the events stored")
    stack.down(["clickhouse"])
    own_space.publish(events[len(events) // 2 :])
    wait_until(lambda: "ClickHouse is away: waiting" in worker.log, "the log says what is waited for")
    time.sleep(OUTAGE_SECONDS)
    assert worker.process.poll() is None, "the worker gave up"
    stack.up(["clickhouse"], attached=True)
    own_space.wait_for_events(len(events), seconds=120)
    _assert_all_there(own_space, len(events))


def test_clickhouse_killed_while_it_writes_loses_and_doubles_nothing(stack: Stack, own_space: Space) -> None:
    own_space.started_worker(batch_events=500, batch_linger_seconds=0.05)
    events = _events(TICKETS)
    own_space.publish(events)
    for kill in range(1, 4):
        wait_until(lambda kill=kill: _stored(own_space) > kill * 3_000, f"{kill * 3_000} stored")  # type: ignore[misc]
        stack.kill("clickhouse")
        stack.up(["clickhouse"], attached=True)
    own_space.wait_for_events(len(events), seconds=120)
    _assert_all_there(own_space, len(events))


@pytest.mark.lengthy
def test_a_worker_waits_for_servers_that_are_not_there_yet(stack: Stack, own_space: Space) -> None:
    stack.down()
    worker = own_space.start_worker()
    wait_until(lambda: "ClickHouse is away: waiting" in worker.log, "it says that ClickHouse is away")
    stack.up(["clickhouse"], attached=True)
    wait_until(lambda: "Kafka is away: waiting" in worker.log, "it says that Kafka is away")
    stack.up(["broker"], attached=True)
    wait_until(worker.is_ready, "the worker works")
    own_space.publish(_events(10))
    own_space.wait_for_events(20)


@pytest.mark.lengthy
def test_a_broker_that_forgot_everything_is_served_again(stack: Stack, own_space: Space) -> None:
    """The embedded broker keeps its log in memory: what was not read is lost with it, and must be sent again."""
    worker = own_space.started_worker(batch_events=500, batch_linger_seconds=0.05)
    events = _events(TICKETS)
    own_space.publish(events)
    wait_until(lambda: _stored(own_space) > len(events) // 10, "a tenth of the events stored")
    stack.kill("broker")
    wait_until(lambda: "Kafka" in worker.log.split("health and metrics")[-1], "the log says what is waited for")
    time.sleep(OUTAGE_SECONDS)
    stack.up(["broker"], attached=True)
    wait_until(worker.is_ready, f"the worker has its partitions again; its log ends {worker.log[-1500:]}", 90)
    own_space.publish(events)
    own_space.wait_for_events(len(events), seconds=120)
    _assert_all_there(own_space, len(events))


def test_a_worker_whose_servers_are_gone_stops_at_once_when_told(stack: Stack, own_space: Space) -> None:
    own_space.is_forking = False
    worker = own_space.started_worker()
    own_space.publish(_events(10))
    own_space.wait_for_events(20)
    stack.down()
    wait_until(lambda: "node" in worker.log, "it sees that the broker is gone")
    worker.process.send_signal(signal.SIGINT)
    assert worker.process.wait(timeout=20) == 0


@pytest.mark.lengthy
def test_a_worker_stops_when_told_though_clickhouse_does_not_answer(stack: Stack, own_space: Space) -> None:
    worker = own_space.started_worker(batch_events=300, batch_linger_seconds=0.02)
    (engine,) = [part.pid for part in stack.status() if part.name == "clickhouse"]
    assert engine
    os.kill(engine, signal.SIGSTOP)
    try:
        own_space.publish(_events(1_000))
        wait_until(lambda: worker.meter("servicepulse_batch_events_count") > 0, "a batch is in hand")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(timeout=STOP_SECONDS + 20) == 0
        assert "gave up waiting" in worker.log
    finally:
        os.kill(engine, signal.SIGCONT)
    own_space.start_worker()
    own_space.wait_for_events(2_000, seconds=120)
    _assert_all_there(own_space, 2_000)


def test_a_worker_that_clickhouse_refuses_ends_with_a_code_of_its_own_and_loses_nothing(space: Space) -> None:
    worker = space.started_worker()
    space.client.command("RENAME TABLE tickets TO elsewhere")
    space.publish(_events(10))
    assert worker.process.wait(timeout=60) == 2
    assert "ClickHouse refuses what a worker must do" in worker.log
    assert "has made its tables" in worker.log.splitlines()[-1]
    space.client.command("RENAME TABLE elsewhere TO tickets")
    space.start_worker()
    space.wait_for_events(20)
    _assert_all_there(space, 20)


def _events(tickets: int) -> list[bytes]:
    return [line for number in range(tickets) for line in _of_ticket(number)]


def _of_ticket(number: int) -> list[bytes]:
    ticket_id, at = f"T-{number}", START + timedelta(seconds=number)
    created = TicketCreated(ticket_id=ticket_id, channel="phone", created_by=Party.CUSTOMER)
    return [
        encode(created, source="urn:test", id=f"{number}-c", time=at, name="ticket.created", subject=ticket_id),
        encode(
            public_answer(ticket_id, f"M-{number}"),
            source="urn:test",
            id=f"{number}-m",
            time=at + timedelta(minutes=3),
            name="message.sent",
            subject=ticket_id,
        ),
    ]


def _stored(space: Space) -> int:
    return int(space.value("SELECT count() FROM events FINAL"))


def _assert_all_there(space: Space, events: int) -> None:
    assert _stored(space) == events
    assert space.query(
        "SELECT count(), sum(events), countIf(first_response_seconds = 180), count() = uniqExact(ticket_id) "
        "FROM tickets FINAL"
    )[0] == (events // 2, events, events // 2, True)
