"""Everything that can happen to a group on Apache Kafka at once: nothing is lost, nothing counts twice."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from kafka.admin import NewPartitions, NewTopic
from kafka.errors import KafkaError

from streams.cli.importing import read_import
from streams.clock import SystemClock
from tests.helpdesk import MAPPING, log
from tests.integration.conftest import Servers
from tests.integration.desk import END, lines_of
from tests.kafka.broker import Kafka
from tests.space import Space, WorkerProcess, new_space, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.kafka,
    pytest.mark.chaos,
    pytest.mark.lengthy,
    pytest.mark.timeout(1_200),
]

PARTITIONS: Final = 12
CHUNKS: Final = 12
PATIENT: Final = 240.0
WORKING: Final = {"batch_events": 200, "batch_linger_seconds": 0.05, "recheck_every_seconds": 5}
"""Small batches, so that much is under way whatever happens. Each worker learns for itself that partitions were added:
two may hold one ticket for a moment. Their second look, each minute otherwise, mends what came of it.
"""


@pytest.fixture(scope="module", params=["a shop's desk", "the help desk's log"])
def events(request: pytest.FixtureRequest) -> Sequence[bytes]:
    """Return what is published: nine events a ticket of a simulated desk, or what an import makes of a log."""
    if request.param == "a shop's desk":
        return lines_of(11, END - timedelta(days=4), END, 120)
    imported = read_import(log(), MAPPING, now_ms=SystemClock().now_ms(), watch=lambda *_: None)
    return [event.raw for event in imported.events]


@pytest.fixture
def undisturbed(
    own_kafka: Kafka, servers: Servers, tmp_path: Path, events: Sequence[bytes]
) -> dict[str, tuple[int, int]]:
    """Return the checksums of a run to which nothing happens."""
    (tmp_path / "undisturbed").mkdir()
    with new_space(own_kafka.plain, servers.clickhouse, tmp_path / "undisturbed", partitions=PARTITIONS) as space:
        space.start_worker()
        space.publish(events)
        space.wait_for_events(len(events), PATIENT)
        return space.checksum()


@pytest.mark.parametrize("seed", [1])
def test_kills_joins_more_partitions_and_a_topic_made_again_change_no_row(
    seed: int,
    own_kafka: Kafka,
    servers: Servers,
    tmp_path: Path,
    events: Sequence[bytes],
    undisturbed: dict[str, tuple[int, int]],
) -> None:
    chance = random.Random(seed)
    (tmp_path / "disturbed").mkdir()
    with new_space(own_kafka.plain, servers.clickhouse, tmp_path / "disturbed", partitions=PARTITIONS) as space:
        chunks = _chunks(events)
        moves = _moves(space, own_kafka, chance, sum(map(len, chunks[: CHUNKS // 2 + 1])))
        for _ in range(2):
            space.start_worker(**WORKING)
        for number, chunk in enumerate(chunks):
            _publish_until_acknowledged(space, chunk)
            moves[number]()
        space.wait_for_events(len(events), PATIENT)
        wait_until(lambda: space.checksum() == undisturbed, "every row is as if nothing had happened", PATIENT)


def _chunks(events: Sequence[bytes]) -> list[Sequence[bytes]]:
    size = -(-len(events) // CHUNKS)
    return [events[start : start + size] for start in range(0, len(events), size)]


def _moves(space: Space, kafka: Kafka, chance: random.Random, half: int) -> list[Callable[[], object]]:
    """Return what happens after each chunk, in an order of chance but for the topic that is made again in the middle.

    Before that the first half is waited for: what Kafka removes unread is gone.
    """

    def kill_worker() -> None:
        chance.choice(_alive(space)).kill()
        space.start_worker(**WORKING)

    def leave() -> None:
        space.start_worker(**WORKING)
        chance.choice(_alive(space)[:-1]).stop()

    def kill_broker() -> None:
        kafka.nodes[0].kill()
        kafka.start()

    def add_partitions() -> None:
        _administer(kafka, lambda admin: admin.create_partitions({topic: NewPartitions(PARTITIONS + 4)}))

    def make_again() -> None:
        space.wait_for_events(half, PATIENT)
        _administer(kafka, lambda admin: admin.delete_topics([topic]))
        _administer(kafka, lambda admin: admin.create_topics([NewTopic(topic, PARTITIONS, 1)]))

    topic = space.settings.topic("tickets")
    before = [kill_worker, leave, kill_broker, kill_worker, add_partitions, kill_worker]
    after = [kill_worker, leave, kill_broker, kill_worker, leave]
    chance.shuffle(before)
    chance.shuffle(after)
    return [*before, make_again, *after]


def _alive(space: Space) -> list[WorkerProcess]:
    return [worker for worker in space.workers if worker.process.poll() is None]


def _administer(kafka: Kafka, act: Callable[..., object]) -> None:
    """Do something over and over until Kafka takes it: a topic is not gone at once, nor there."""

    def is_done() -> bool:
        admin = kafka.admin()
        try:
            act(admin)
        except KafkaError:
            return False
        finally:
            admin.close()
        return True

    wait_until(is_done, "Kafka takes what it is told", PATIENT)


def _publish_until_acknowledged(space: Space, events: Sequence[bytes]) -> None:
    """Publish events, again when anything goes wrong: what arrives twice counts once."""

    def is_sent() -> bool:
        with suppress(KafkaError):
            space.publish(events)
            return True
        return False

    wait_until(is_sent, "everything is acknowledged", PATIENT)
