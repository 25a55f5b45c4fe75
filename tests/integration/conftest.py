"""Servers for the integration tests: those that the environment names, else embedded ones for the session."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.embedded.stack import Stack
from tests.space import Space, new_space


class Servers(NamedTuple):
    """Addresses of a broker and of ClickHouse."""

    kafka: str
    clickhouse: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return `SERVICEPULSE_KAFKA` and `SERVICEPULSE_CLICKHOUSE` when both are set, else start the embedded stack."""
    kafka, clickhouse = os.environ.get("SERVICEPULSE_KAFKA"), os.environ.get("SERVICEPULSE_CLICKHOUSE")
    if kafka and clickhouse:
        yield Servers(kafka, clickhouse)
        return
    stack = Stack(tmp_path_factory.mktemp("stack"))
    broker, engine = stack.up(attached=True)
    assert broker.address
    assert engine.address
    yield Servers(broker.address, engine.address)
    stack.down()


@pytest.fixture
def space(servers: Servers, tmp_path: Path) -> Iterator[Space]:
    """Return a database and topics of this test's own."""
    made = new_space(servers.kafka, servers.clickhouse, tmp_path)
    yield made
    made.remove()


@pytest.fixture
def spaces(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Space]]:
    """Return a maker of spaces, for tests that compare several."""
    made: list[Space] = []

    def make() -> Space:
        folder = tmp_path / f"space-{len(made)}"
        folder.mkdir()
        made.append(new_space(servers.kafka, servers.clickhouse, folder))
        return made[-1]

    yield make
    for each in made:
        each.remove()
