"""What every suite shares: servers, how many examples hypothesis tries, and that an interrupt interrupts."""

import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.databases import forgotten
from tests.kafka.broker import Kafka
from tests.order import seconds_of
from tests.servers import Servers, servers_beside

settings.register_profile("ci", derandomize=False, max_examples=200, deadline=None)
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("quick", max_examples=15, deadline=None)
settings.load_profile(os.environ.get("SERVICEPULSE_EXAMPLES") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts us in the background has interrupts ignored, and so would everything that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # kafka-python reads its protocol files by a function that Python 3.11 calls deprecated; nothing of ours does.
    for function in ("read_text", "open_text"):
        config.addinivalue_line("filterwarnings", f"ignore:{function} is deprecated:DeprecationWarning")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Have twice as many processes as there are cores, up to eight: half of the time tests wait for servers."""
    cores = os.cpu_count() or 1
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", max(cores, min(2 * cores, 8))))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Where several processes share the files, the last one to end shall not be alone for long.
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: -seconds_of(item.nodeid))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """What a test says about logging holds for that test alone; a logger that was cached could not be caught again."""
    before = structlog.get_config() if structlog.is_configured() else None
    yield
    if before is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**before)


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
        if clickhouse:
            forgotten(clickhouse)
