"""Servers for the integration tests: those that the environment names, else embedded ones for the session."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.kafka.broker import Kafka
from tests.servers import Servers as Servers
from tests.servers import servers_beside
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


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Return a running Apache Kafka that tests share: whoever stops or kills one starts one of its own."""
    kafka = Kafka(tmp_path_factory.mktemp("kafka"))
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.kill()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return those that `SERVICEPULSE_KAFKA` and `SERVICEPULSE_CLICKHOUSE` name, and start the others.

    The broker is the embedded one; with `SERVICEPULSE_TEST_BROKER=apache` it is Apache Kafka.
    """
    kafka, clickhouse = os.environ.get("SERVICEPULSE_KAFKA"), os.environ.get("SERVICEPULSE_CLICKHOUSE")
    if not kafka and os.environ.get("SERVICEPULSE_TEST_BROKER") == "apache":
        kafka = request.getfixturevalue("apache").plain
    with servers_beside(kafka, clickhouse, tmp_path_factory.mktemp("stack")) as both:
        yield both


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
def spaces(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Space]]:
    """Return a maker of spaces, for tests that compare several."""
    with ExitStack() as made:

        def make() -> Space:
            folder = Path(mkdtemp(prefix="space-", dir=tmp_path))
            return made.enter_context(new_space(servers.kafka, servers.clickhouse, folder))

        yield make
