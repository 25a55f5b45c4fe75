"""Whatever happens to delivery - twice, disordered, killed workers - the stored rows are the same to the last bit."""

import random
from collections.abc import Iterator

import pytest

from tests.helpdesk import MAPPING, log
from tests.integration.conftest import Servers
from tests.space import Space, new_space, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

Checksum = dict[str, tuple[int, int]]

EVENTS = 6_000
SMALL_BATCHES = {"batch_events": 250, "batch_linger_seconds": 0.05}
"""So that a kill finds work in every step: some of it stored, some of it folded, some of it fetched."""


@pytest.fixture(scope="module")
def lines(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return the first quarter of the help-desk log's events, as the import command writes them."""
    folder = tmp_path_factory.mktemp("lines")
    with new_space(servers.kafka, servers.clickhouse, folder) as space:
        done = space.run("import", str(log()), "--mapping", str(MAPPING), "--to", str(folder / "events.jsonl"))
    assert done.returncode == 0, done.stderr.decode()
    return (folder / "events.jsonl").read_bytes().splitlines()[:EVENTS]


@pytest.fixture(scope="module")
def expected(servers: Servers, lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checksum]:
    """Return the checksum of one undisturbed run."""
    with new_space(servers.kafka, servers.clickhouse, tmp_path_factory.mktemp("expected")) as space:
        space.start_worker()
        space.publish(lines)
        space.wait_for_events(EVENTS)
        yield space.checksum()


def stored(space: Space) -> int:
    return int(space.value("SELECT count() FROM events FINAL"))


def test_sending_everything_twice_changes_nothing(space: Space, lines: list[bytes], expected: Checksum) -> None:
    worker = space.started_worker()
    space.publish(lines)
    space.wait_for_events(EVENTS)
    space.publish(lines)
    wait_until(lambda: worker.meter("servicepulse_records_total") == 2 * EVENTS, "the second sending is read")
    wait_until(space.is_quiet, "the second sending is committed")
    assert space.checksum() == expected
    assert space.value("SELECT count() FROM dead_letters FINAL") == 0


def test_a_shuffled_history_gives_the_same_rows(space: Space, lines: list[bytes], expected: Checksum) -> None:
    space.start_worker(**SMALL_BATCHES)
    shuffled = random.Random(7).sample(lines, len(lines))
    space.publish(shuffled)
    space.wait_for_events(EVENTS)
    assert space.checksum() == expected


def test_workers_killed_again_and_again_lose_and_double_nothing(
    space: Space, lines: list[bytes], expected: Checksum
) -> None:
    space.publish(lines)
    for kill in range(1, 5):
        worker = space.start_worker(**SMALL_BATCHES)
        wait_until(lambda kill=kill: stored(space) > kill * 750, f"{kill * 750} events stored")  # type: ignore[misc]
        worker.kill()
    assert stored(space) < EVENTS, "the kills came too late to prove anything"
    space.start_worker(**SMALL_BATCHES)
    space.wait_for_events(EVENTS)
    assert space.checksum() == expected


def test_when_one_of_two_workers_dies_the_other_takes_over(
    space: Space, lines: list[bytes], expected: Checksum
) -> None:
    first = space.started_worker(**SMALL_BATCHES)
    second = space.started_worker(**SMALL_BATCHES)
    half = len(lines) // 2
    space.publish(lines[:half])
    wait_until(lambda: stored(space) > half // 3, "a third of the first half stored")
    first.kill()
    space.publish(lines[half:])
    space.wait_for_events(EVENTS, seconds=120)
    assert second.process.poll() is None
    assert space.checksum() == expected


def test_a_graceful_stop_finishes_and_commits_the_batch_in_hand(space: Space, lines: list[bytes]) -> None:
    worker = space.started_worker(**SMALL_BATCHES)
    space.publish(lines)
    wait_until(lambda: stored(space) > 500, "some events stored")
    assert worker.stop() == 0
    left = EVENTS - stored(space)
    successor = space.started_worker(**SMALL_BATCHES)
    space.wait_for_events(EVENTS)
    assert successor.meter("servicepulse_records_total") == left, "what the first had stored was read again"
