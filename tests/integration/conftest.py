"""Spaces for the integration tests, on the servers of the session; what any test leaves in them is whole."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.kafka.broker import Kafka
from tests.servers import Servers as Servers
from tests.space import Space, new_space
from tests.whole import leave_whole

_PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Let `verify` find nothing after any test that passed, before its spaces are removed."""
    if item.stash.get(_PASSED, False) and not item.get_closest_marker("leaves_a_hole"):
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Space):
                leave_whole(value)


@pytest.fixture
def space(servers: Servers, tmp_path: Path) -> Iterator[Space]:
    """Return a database and topics of this test's own."""
    with new_space(servers.kafka, servers.clickhouse, tmp_path) as made:
        yield made


@pytest.fixture
def kafka_space(apache: Kafka, servers: Servers, tmp_path: Path) -> Iterator[Space]:
    """Return a space on Apache Kafka, whatever the others are on."""
    with new_space(apache.plain, servers.clickhouse, tmp_path) as made:
        yield made


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Kafka]:
    """Return an Apache Kafka that this test may kill."""
    kafka = Kafka(tmp_path / "kafka")
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.kill()


@pytest.fixture
def spaces(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Space]]:
    """Return a maker of spaces, for tests that compare several."""
    with ExitStack() as made:

        def make() -> Space:
            folder = Path(mkdtemp(prefix="space-", dir=tmp_path))
            return made.enter_context(new_space(servers.kafka, servers.clickhouse, folder))

        yield make
