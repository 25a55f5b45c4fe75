"""What the command line says to somebody who has only just begun, or mistyped."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from streams.settings import Settings
from streams.sinks.connection import HOW_TO_BEGIN
from tests.integration.conftest import Servers
from tests.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

READERS = (("signals",), ("dead-letters", "list"), ("refold",))
reader = pytest.mark.parametrize("command", READERS, ids=" ".join)


@pytest.fixture
def fresh(servers: Servers, tmp_path: Path) -> Iterator[Space]:
    """Return a space whose database nobody has made."""
    made = Space(Settings(**servers._asdict(), database=f"test_{uuid4().hex[:12]}", folder=tmp_path), tmp_path)
    yield made
    made.remove()


@reader
def test_before_the_first_worker_every_reader_says_how_to_begin(fresh: Space, command: tuple[str, ...]) -> None:
    assert _error_of(fresh, *command) == f"No events yet: no worker has made the database. {HOW_TO_BEGIN}"


@reader
def test_a_database_without_tables_says_who_makes_them(fresh: Space, command: tuple[str, ...]) -> None:
    fresh.client.command(f"CREATE DATABASE {fresh.settings.database}", use_database=False)
    said = _error_of(fresh, *command)
    assert said.startswith("No worker of this version has made its tables yet, nor `servicepulse migrate`.")
    assert said.endswith(HOW_TO_BEGIN)


def test_an_address_where_no_clickhouse_answers_is_named(fresh: Space) -> None:
    away = fresh.settings.model_copy(update={"clickhouse": "http://127.0.0.1:1"})
    said = _error_of(Space(away, fresh.folder), "report")
    assert said == "no ClickHouse answers at http://127.0.0.1:1: Connection refused"


def _error_of(space: Space, *command: str, code: int = 2) -> str:
    """Return what a command that fails says after `error:`; it is one line and no traceback."""
    done = space.run(*command)
    assert done.returncode == code, done.stdout.decode() + done.stderr.decode()
    mark, _, said = done.stderr.decode().strip().partition(" ")
    assert mark == "error:"
    assert "\n" not in said
    return said
