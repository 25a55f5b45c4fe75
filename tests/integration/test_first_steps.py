"""What the command line says to somebody who has only just begun, or mistyped."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from schemas.events import Party, TicketCreated
from schemas.rows import DeadLetterRow, Row
from streams.core.ticket.batch import event_row
from streams.settings import Settings
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import HOW_TO_BEGIN
from tests.histories import NOW_MS, event
from tests.integration.conftest import Servers
from tests.space import Space

pytestmark = pytest.mark.integration

READERS = (("signals",), ("dead-letters", "list"), ("refold",))
_CREATED = event(TicketCreated(ticket_id="T-1", channel="phone", created_by=Party.CUSTOMER), NOW_MS, "1", subject="T-1")
_LETTER = DeadLetterRow(
    id="3fe0" * 8,
    reason="missing-field",
    pointer="/data/raw",
    message="Object missing required field `raw`",
    topic="tickets",
    partition=0,
    offset=7,
    recorded_at=NOW_MS,
    key=b"T-1",
    value=b'{"data":{}}',
    headers_name=[],
    headers_value=[],
    received_at=NOW_MS,
)
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


def test_a_reason_that_does_not_exist_is_refused_with_the_one_that_was_meant(space: Space) -> None:
    for command in (["list"], ["replay", "--all"]):
        refused = space.run("dead-letters", *command, "--reason", "mising-field")
        assert refused.returncode == 2
        assert "did you mean missing-field?" in _words(refused.stderr)
    assert "empty, too-large, not-json" in _words(space.run("dead-letters", "list", "--reason", "nonsense").stderr)


def test_an_empty_list_of_dead_letters_says_why_it_is_empty(space: Space) -> None:
    def shown(*options: str) -> str:
        return _words(space.run("dead-letters", "list", *options).stdout)

    assert shown() == "No dead letters. Every record was an event."
    _keep(space, _LETTER)
    assert shown("--reason", "empty") == "No dead letters with the reason empty, though there are others."
    _keep(space, replace(_LETTER, replays=1, replayed_at=NOW_MS))
    assert shown() == "No dead letters that were not sent again; those that were are listed by --replayed."
    assert "sent again (UTC)" in shown("--replayed")


@pytest.mark.parametrize("change", ["data.raw=4", "data/raw=4", "/data/raw"])
def test_a_change_that_is_no_pointer_is_refused_with_one_that_is(space: Space, change: str) -> None:
    _keep(space, _LETTER)
    refused = space.run("dead-letters", "replay", _LETTER.id, "--set", change)
    assert refused.returncode == 2
    assert "a pointer begins with /, as in /data/raw=4" in _words(refused.stderr)
    assert space.value("SELECT max(replays) FROM dead_letters FINAL") == 0


def test_a_ticket_without_events_is_named_and_nothing_is_folded(space: Space) -> None:
    _keep(space, event_row(_CREATED, NOW_MS))
    said = _error_of(space, "refold", "--ticket", "NOPE", "--ticket", "T-1", code=1)
    assert said == "no events are stored of NOPE; nothing was folded"
    assert space.value("SELECT count() FROM tickets FINAL") == 0
    assert space.run("refold", "--ticket", "T-1", "--ticket", "T-1").returncode == 0
    assert space.value("SELECT count() FROM tickets FINAL") == 1


def test_a_database_that_is_up_to_date_has_nothing_to_do(space: Space) -> None:
    shown = _words(space.run("migrate", "--dry-run").stdout)
    assert shown == f"database {space.settings.database} is up to date, nothing to do"


def test_a_file_that_does_not_exist_is_named(fresh: Space) -> None:
    assert _error_of(fresh, "publish", "missing.jsonl") == "no such file: missing.jsonl"


def test_the_version_is_the_one_that_is_installed(fresh: Space) -> None:
    assert _words(fresh.run("--version").stdout) == f"servicepulse {version('servicepulse')}"


def _keep(space: Space, row: Row) -> None:
    ClickHouseStore(space.client).insert([row])


def _words(output: bytes) -> str:
    """Return what was said without the frame and the line breaks of a terminal."""
    return " ".join(output.decode().replace("│", " ").split())


def _error_of(space: Space, *command: str, code: int = 2) -> str:
    """Return what a command that fails says after `error:`; it is one line and no traceback."""
    done = space.run(*command)
    assert done.returncode == code, done.stdout.decode() + done.stderr.decode()
    mark, _, said = done.stderr.decode().strip().partition(" ")
    assert mark == "error:"
    assert "\n" not in said
    return said
