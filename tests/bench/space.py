"""A stack of a benchmark's own: broker, ClickHouse, topics and a database, all of it gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from kafka.admin import KafkaAdminClient

from streams.broker import TOPICS, ensure_topics, kafka_options
from tests.kafka.broker import Kafka
from tests.servers import servers_beside
from tests.space import Space, new_space


@contextmanager
def bench_space(folder: Path) -> Iterator[Space]:
    """Run a stack with topics and a database; all of it ends with the block.

    The broker is the embedded one; with `SERVICEPULSE_TEST_BROKER=apache` it is Apache Kafka.
    """
    with ExitStack() as running:
        kafka = _apache(folder, running) if os.environ.get("SERVICEPULSE_TEST_BROKER") == "apache" else None
        servers = running.enter_context(servers_beside(kafka, None, folder / "stack"))
        yield running.enter_context(new_space(servers.kafka, servers.clickhouse, folder))


@contextmanager
def with_topics(space: Space, word: str, partitions: int | None = None) -> Iterator[Space]:
    """Give a space other topics, named by a word; its workers and they are gone with the block, its database is not."""
    prefix = space.settings.topic(f"{word}-")
    changed = {"kafka_topic_prefix": prefix, "kafka_partitions": partitions or space.settings.kafka_partitions}
    folder = space.folder / word
    folder.mkdir()
    own = Space(space.settings.model_copy(update=changed), folder)
    ensure_topics(own.settings)
    try:
        yield own
    finally:
        for worker in own.workers:
            worker.kill()
        with closing(KafkaAdminClient(**kafka_options(own.settings))) as admin:
            admin.delete_topics([own.settings.topic(name) for name in TOPICS])


def _apache(folder: Path, running: ExitStack) -> str:
    kafka = Kafka(folder / "kafka")
    running.callback(kafka.kill)
    kafka.start()
    return kafka.plain
