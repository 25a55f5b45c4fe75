"""Lets one of them run: from an empty database and the beginning of the topic to the last event stored."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from tests.bench import backlog, plain
from tests.bench.ingest import PATIENCE_SECONDS, WrongRowsError, began_at_ms, has_stored, plain_run, require_rows
from tests.bench.space import with_topics
from tests.databases import emptied
from tests.process import Process
from tests.race import desk
from tests.race.gauge import Gauge, Sample, usage
from tests.race.scores import BYTEWAX, LOOP, QUIX, Outcome
from tests.space import ROOT, Space, wait_until

PEERS: Final[Mapping[str, str]] = {
    QUIX: "tests.race.peer_quix",
    BYTEWAX: "tests.race.peer_bytewax",
    LOOP: "tests.race.peer_loop",
}
PYTHON: Final = ROOT / ".race" / "venv" / "bin" / "python"
"""The peers' own; the project's packages are none of theirs."""
_PLAIN_TABLES: Final = ("plain_events", "plain_tickets")


def run_ours(space: Space, events: list[bytes], number: int) -> Outcome:
    """Return how a worker as operators start it fares, in a group that has read nothing.

    Raises:
        WrongRowsError: When it stored something else.
    """
    _clear(space)
    # What it derives it publishes there, and others must not read it.
    with with_topics(space, f"ours-{number}") as own:
        backlog.publish(events, own.settings)
        worker = own.start_worker()
        with Gauge(worker.process.pid) as gauge:
            wait_until(lambda: worker.is_ready() or worker.process.poll() is not None, "the worker is ready")
            if worker.process.poll() is not None:
                raise WrongRowsError(f"the worker ended early:\n{worker.log[-2000:]}")
            wait_until(lambda: has_stored(worker, own, len(events)), "every event is stored", PATIENCE_SECONDS)
            ended_at = time.time_ns() / 1e9
            wait_until(own.is_quiet, "everything is committed")
        worker.stop()
        require_rows(own, len(events))
        return _outcome(len(events), gauge.samples, began_at_ms(own) / 1000, ended_at)


def run_plain(space: Space, count: int, number: int) -> Outcome:
    """Return how the plain Faust agent fares.

    Raises:
        WrongRowsError: When it stored something else.
    """
    _clear(space)
    run = plain_run(space, count, f"plain-{number}")
    command = [sys.executable, "-m", "tests.bench.plain", *plain.arguments_of(run)]
    outcome = _raced(space, command, Path(run.result), count)
    _require_rows(space, _PLAIN_TABLES, "plain Faust", count)
    return outcome


def run_peer(space: Space, name: str, count: int, number: int) -> Outcome:
    """Return how a peer of another environment fares.

    Raises:
        WrongRowsError: When it stored something else.
    """
    _clear(space)
    module = PEERS[name]
    word = f"{module.rpartition('_')[2]}-{number}"
    url = urlsplit(space.settings.clickhouse or "")
    run = desk.Run(
        kafka=space.settings.kafka or "",
        clickhouse_host=url.hostname or "",
        clickhouse_port=url.port or 0,
        database=space.settings.database,
        topic=space.settings.topic("tickets"),
        group=space.settings.topic(word),
        events=count,
        folder=str(space.folder / word),
        result=str(space.folder / f"{word}.json"),
        owner_pid=os.getpid(),
    )
    command = [str(PYTHON), "-m", module, msgspec.json.encode(run).decode()]
    outcome = _raced(space, command, Path(run.result), count)
    _require_rows(space, (desk.EVENTS, desk.TICKETS), name, count)
    return outcome


def _clear(space: Space) -> None:
    """Leave no row and no table of anybody who ran before."""
    for table in (*_PLAIN_TABLES, desk.EVENTS, desk.TICKETS):
        space.client.command(f"DROP TABLE IF EXISTS {table}")
    emptied(space.client)


def _raced(space: Space, command: Sequence[str], result: Path, count: int) -> Outcome:
    """Run a process until it has left word of its time; the file's own time is when the last event was stored.

    Raises:
        WrongRowsError: When it ends before.
    """
    log = result.with_suffix(".log")
    with _process(command, log) as process:
        with Gauge(process.pid) as gauge:
            wait_until(
                lambda: result.exists() or process.poll() is not None, f"{result.stem} is done", PATIENCE_SECONDS
            )
        if not result.exists():
            raise WrongRowsError(f"{result.stem} ended early:\n{log.read_text()[-2000:]}")
    seconds = float(json.loads(result.read_text())["seconds"])
    ended_at = result.stat().st_mtime
    return _outcome(count, gauge.samples, ended_at - seconds, ended_at)


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as lines, Process(command, cwd=ROOT, stdout=lines, stderr=lines) as process:
        yield process


def _outcome(count: int, samples: Sequence[Sample], began_at: float, ended_at: float) -> Outcome:
    taken = usage(samples, began_at, ended_at)
    return Outcome(count, ended_at - began_at, taken.processor, taken.peak, taken.growth)


def _require_rows(space: Space, tables: tuple[str, str], name: str, count: int) -> None:
    """Return when the events are those that were sent, and every one of them is folded into the ticket of its subject.

    Raises:
        WrongRowsError: When they are not.
    """
    events, tickets = tables
    found = space.query(
        f"SELECT count(), uniqExact(ticket_id), (SELECT count() FROM {tickets} FINAL), "
        f"(SELECT sum(version) FROM {tickets} FINAL) FROM {events} FINAL"
    )[0]
    stored, subjects, kept, folded = found
    if stored != count or subjects != kept or folded != count:
        raise WrongRowsError(
            f"{name}: {stored} events of {count}, {kept} tickets of {subjects}, {folded} events folded"
        )
