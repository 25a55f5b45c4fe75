"""A stack of a benchmark's own: broker, ClickHouse, topics and a database, all of it gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

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


def _apache(folder: Path, running: ExitStack) -> str:
    kafka = Kafka(folder / "kafka")
    running.callback(kafka.kill)
    kafka.start()
    return kafka.plain
