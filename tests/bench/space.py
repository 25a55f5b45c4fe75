"""A stack of a benchmark's own: broker, ClickHouse, topics and a database, all of it gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.stack import Stack
from tests.space import Space, new_space


@contextmanager
def bench_space(folder: Path) -> Iterator[Space]:
    """Run an embedded stack with topics and a database; all of it ends with the block."""
    stack = Stack(folder / "stack")
    try:
        broker, engine = stack.up(attached=True)
        assert broker.address
        assert engine.address
        with new_space(broker.address, engine.address, folder) as space:
            yield space
    finally:
        stack.down()
