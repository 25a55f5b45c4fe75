"""History that is filled in beside live events: it waits for the workers, and they do not wait for it."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from streams.broker import GROUP, kafka_options
from streams.core.pace import LEAST
from tests.chaos.loop import LoopThread
from tests.chaos.proxy import HOST, StoreWire
from tests.integration.conftest import Servers
from tests.integration.desk import END, Lines, lines_of, replayed
from tests.process import Process
from tests.space import ROOT, Space, wait_until

pytestmark = pytest.mark.integration

STORY: Final = Lines(
    lambda: [line for line in lines_of(3, END - timedelta(days=4), END) if b'"ticket_id"' in line][:13_000]
)
HISTORY: Final = Lines(lambda: replayed(STORY))
NEVER: Final = 3_600.0


@pytest.fixture
def store(servers: Servers) -> Iterator[StoreWire]:
    """Return a way to ClickHouse on which inserts can be slow."""
    with LoopThread() as loop:
        wire = StoreWire(servers.clickhouse)
        loop.run(wire.start())
        yield wire
        loop.run(wire.stop())


@pytest.fixture
def history(tmp_path: Path) -> Path:
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"\n".join(HISTORY))
    return file


def publishing(space: Space, *arguments: str) -> Process:
    command = [sys.executable, "-m", "streams.cli", "publish", *arguments]
    return Process(command, cwd=ROOT, env=space.environment(), stderr=subprocess.PIPE)


def sent_and_read(space: Space) -> tuple[int, int]:
    """Return how many records there are, and how many of them are committed."""
    sent, read = offsets_of(space)
    return sum(sent), sum(read)


def sent_to(space: Space) -> Sequence[int]:
    """Return how many records there are in each partition."""
    return offsets_of(space)[0]


def offsets_of(space: Space) -> tuple[Sequence[int], Sequence[int]]:
    """Return of each partition how many records there are, and how many of them are committed."""
    group = space.settings.topic(GROUP)
    admin = KafkaAdminClient(**kafka_options(space.settings))
    places = [TopicPartition(space.settings.topic("tickets"), number) for number in range(4)]
    try:
        read = admin.list_group_offsets({group: places})[group].values()
        ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)).values()
    finally:
        admin.close()
    return [known.offset for known in ends], [max(0, known.offset) for known in read]


def test_a_live_event_is_stored_while_most_of_the_history_has_not_even_left(
    space: Space, store: StoreWire, history: Path
) -> None:
    store.insert_seconds = 1.0
    space.started_worker(clickhouse=f"http://{HOST}:{store.port}")
    live = [line.replace(b'"id":"', b'"id":"live-') for line in STORY[:1]]
    with publishing(space, str(history)) as process:
        wait_until(lambda: sent_and_read(space)[1] > 0, "history flows", 120)
        space.publish(live)
        seen = "SELECT count() FROM events WHERE startsWith(id, 'live-')"
        unread = []
        while not space.value(seen):
            sent, read = sent_and_read(space)
            unread.append(sent - read)
            assert process.poll() is None, "all of the history went before the live event was seen"
        assert max(unread) <= 2 * LEAST
        assert sent_and_read(space)[0] < len(HISTORY) * 3 / 4
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    store.insert_seconds = 0.0
    assert process.returncode == 130
    assert b"at the pace of the workers" in told


def test_history_waits_for_workers_that_store_nothing_as_long_as_one_has_patience_and_live_events_do_not(
    space: Space, store: StoreWire, history: Path, tmp_path: Path
) -> None:
    store.insert_seconds = NEVER
    worker = space.started_worker(clickhouse=f"http://{HOST}:{store.port}")
    (tmp_path / "live.jsonl").write_bytes(b"\n".join(STORY[:LEAST]))
    done = space.run("publish", str(tmp_path / "live.jsonl"), "--patience", "3", "--settle", "1")
    assert (done.returncode, b"still unread after 1 s" in done.stderr) == (4, True)
    sent = sent_to(space)
    unsaid = LEAST - sum(sent)  # the embedded broker is late to say where a topic ends; Kafka is not
    most = sum(max(LEAST // len(sent), count) for count in sent) + unsaid
    done = space.run("publish", str(history), "--patience", "3")
    assert done.returncode == 1
    assert b"records are unread" in done.stderr
    assert b"given up after 3 s (--patience)" in done.stderr
    assert sum(sent_to(space)) <= most, "nothing is sent on top of so many to a partition"
    done = space.run("publish", str(history), "--patience", "3", "--at-once", "--settle", "0")
    assert done.returncode == 0
    assert sent_and_read(space)[0] >= len(HISTORY)
    worker.kill()


def test_where_no_worker_reads_history_goes_at_once_and_says_so(space: Space, history: Path) -> None:
    done = space.run("publish", str(history))
    assert done.returncode == 0
    assert b"reads: publishing at once" in done.stderr
    assert f"{len(HISTORY):,} events acknowledged".encode() in done.stderr
