"""A worker that is killed between any two steps of a batch changes no row of any table."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from schemas import events as e
from schemas.codec import encode
from streams.simulation import events as simulated
from tests.faulty_worker import STEPS
from tests.integration.conftest import Servers
from tests.integration.desk import Lines
from tests.space import Space, new_space, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

SMALL_BATCHES = {"batch_events": 300, "batch_linger_seconds": 0.05}
END = datetime(2026, 3, 20, tzinfo=UTC)
SOURCE = "urn:test:merges"


def _history() -> list[bytes]:
    """Return some days of a desk, with merges: what they derive is published by a step of its own."""
    told = [
        (one.source, one.id, one.at, one.subject, one.data) for one in simulated(5, END - timedelta(days=4), END, 40)
    ]
    tickets = sorted({subject for _, _, _, subject, data in told if isinstance(data, e.TicketCreated)})
    merges = [
        (SOURCE, f"m{n}", END, loser, e.TicketMerged(ticket_id=loser, into_ticket_id=survivor))
        for n, (loser, survivor) in enumerate(zip(tickets[::8], tickets[1::8], strict=False))
    ]
    return [
        encode(data, source=source, id=id, time=at, name=e.NAME_OF[type(data)], subject=subject)
        for source, id, at, subject, data in [*told, *merges]
    ]


HISTORY: Final = Lines(_history)
OWN = "source != 'urn:servicepulse:fold'"


def _is_settled(space: Space) -> bool:
    """Tell whether everything that was sent is stored and folded, and so is what follows from it."""
    stored = space.value(f"SELECT count() FROM events FINAL WHERE {OWN}")
    return bool(stored == len(HISTORY) and space.is_quiet())


@pytest.fixture(scope="module")
def expected(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, int]]]:
    """Return the checksum of an undisturbed run."""
    with new_space(servers.kafka, servers.clickhouse, tmp_path_factory.mktemp("expected")) as space:
        space.start_worker(**SMALL_BATCHES)
        space.publish(HISTORY)
        wait_until(lambda: _is_settled(space), "everything is settled")
        assert space.value("SELECT count() FROM events WHERE name = 'ticket.absorbed'"), "merges must derive something"
        yield space.checksum()


def test_a_kill_after_each_step_changes_no_row_of_any_table(space: Space, expected: dict[str, tuple[int, int]]) -> None:
    size = -(-len(HISTORY) // len(STEPS))
    for number, step in enumerate(STEPS):
        space.publish(HISTORY[number * size : (number + 1) * size])
        dying = space.start_worker("tests.faulty_worker", step, "1", **SMALL_BATCHES)
        assert dying.process.wait(timeout=60) == -9, dying.log[-2000:]
    space.start_worker(**SMALL_BATCHES)
    wait_until(lambda: _is_settled(space), "everything is settled")
    wait_until(lambda: space.checksum() == expected, "every row is as if nothing had happened", 20)


def test_days_that_could_not_be_written_are_written_with_the_next_try(
    space: Space, expected: dict[str, tuple[int, int]]
) -> None:
    """ClickHouse writes `tickets` first and `ticket_days` from it: here the second fails."""
    space.client.command("ALTER TABLE ticket_days ADD CONSTRAINT full_disk CHECK version = 0")
    space.publish(HISTORY)
    failing = space.start_worker(**SMALL_BATCHES)
    wait_until(
        lambda: failing.process.poll() is not None, f"a worker that cannot write ends; {failing.log[-3000:]}", 90
    )
    assert failing.process.returncode != 0
    assert space.value("SELECT count() FROM tickets") > 0, "the failure came too early to prove anything"
    space.client.command("ALTER TABLE ticket_days DROP CONSTRAINT full_disk")
    space.start_worker(**SMALL_BATCHES)
    wait_until(lambda: _is_settled(space), "everything is settled")
    wait_until(lambda: space.checksum() == expected, "every row is as if nothing had happened", 20)
