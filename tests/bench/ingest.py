"""Ingest speed: our worker beside a plain Faust agent, on the same events, one after the other.

`python -m tests.bench.ingest` starts an embedded stack of its own, publishes the events of a simulated desk, and lets
both consumers read that backlog as processes of their own. Each one's time runs from its first event received to its
last one stored; starting the process, joining the group and fetching the first records do not count. The end of ours
is found by asking every tenth of a second, so that it seems a little slower than it is.

Ours stores events and tickets, complete; what the plain agent does, and leaves out, is said in `tests.bench.plain`.
The exit code is 0 when ours is at least ten times as fast, 1 when it is not, 2 when somebody's rows are wrong.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from streams.simulation import DESK_SOURCE
from streams.sinks.clickhouse import ClickHouseStore
from tests.bench import backlog, plain
from tests.bench.space import bench_space
from tests.bench.steps import Cost, costs_of_steps
from tests.process import Process
from tests.space import ROOT, Space, WorkerProcess, wait_until

TARGET: Final = 10
"""Ours must be so many times as fast as the plain agent."""
PATIENCE_SECONDS: Final = 900.0

console = Console(highlight=False)


@dataclass(frozen=True)
class Speed:
    """How fast somebody was."""

    events: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


class WrongRowsError(Exception):
    """What was stored is not what was sent: the speed means nothing."""


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder, bench_space(Path(folder)) as space:
        with console.status("simulating"):
            events = backlog.ticket_events(given.tickets)
        with console.status(f"publishing {len(events):,} events"):
            backlog.publish(events, space.settings)
        console.print(f"{len(events):,} events on the broker; load average {os.getloadavg()[0]:.1f}")
        try:
            ours = _ours(space, len(events))
            theirs = _plain(space, min(given.plain_events, len(events)))
        except WrongRowsError as error:
            console.print(f"[bold red]wrong rows:[/] {error}")
            return 2
        _print_speeds(ours, theirs)
        if given.steps:
            _print_steps(
                costs_of_steps(events, ClickHouseStore(_emptied(space).client), space.settings.batch_events), ours
            )
    return 0 if ours.per_second >= TARGET * theirs.per_second else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.ingest", description="Ingest speed beside a plain Faust agent.")
    parser.add_argument(
        "--tickets", type=int, default=20_000, help="size of the simulated month, near nine events each"
    )
    parser.add_argument("--plain-events", type=int, default=60_000, help="how many of them the plain agent reads")
    parser.add_argument("--no-steps", dest="steps", action="store_false", help="leave out where the time goes")
    return parser.parse_args()


# Ours -----------------------------------------------------------------------------------------------------------------


def _ours(space: Space, count: int) -> Speed:
    """Return how fast a worker as operators start it stores the whole backlog.

    Raises:
        WrongRowsError: When it stored something else.
    """
    with console.status("ours"):
        worker = space.started_worker()
        wait_until(lambda: has_stored(worker, space, count), f"{count} events stored", PATIENCE_SECONDS)
        ended_at_ms = time.time_ns() // 1_000_000
        wait_until(space.is_quiet, "everything is committed")
        worker.stop()
    require_rows(space, count)
    return Speed(count, (ended_at_ms - began_at_ms(space)) / 1000)


def began_at_ms(space: Space) -> int:
    """Return when the first events came: the worker reads the clock when a batch has come, before it decodes it."""
    return int(space.value("SELECT toUnixTimestamp64Milli(min(ingested_at)) FROM events"))


def has_stored(worker: WorkerProcess, space: Space, count: int) -> bool:
    """Tell whether every event is stored and its ticket as well.

    The meter counts an event once its ticket is written, and counts what merges derive as well.
    """
    if worker.meter("servicepulse_events_total") < count:
        return False
    given, all_ = space.query("SELECT countIf(source = {desk:String}), count() FROM events", {"desk": DESK_SOURCE})[0]
    return bool(given >= count and worker.meter("servicepulse_events_total") >= all_)


def require_rows(space: Space, count: int) -> None:
    """Return when what our worker stored is what was sent.

    Raises:
        WrongRowsError: When it is not.
    """
    found = space.query(
        """
        SELECT countIf(source = {desk:String}), uniqExact(subject),
            (SELECT count() FROM tickets FINAL), (SELECT count() FROM dead_letters)
        FROM events FINAL
        """,
        {"desk": DESK_SOURCE},
    )[0]
    events, subjects, tickets, dead = found
    if events != count or subjects != tickets or dead:
        raise WrongRowsError(f"ours: {events} events of {count}, {tickets} tickets of {subjects}, {dead} dead letters")


# The plain agent ------------------------------------------------------------------------------------------------------


def _plain(space: Space, count: int) -> Speed:
    """Return how fast the plain agent processes the first events of the backlog.

    Raises:
        WrongRowsError: When it stored something else.
    """
    run = plain_run(space, count, "plain")
    with console.status("plain Faust"), _process("tests.bench.plain", plain.arguments_of(run), space) as process:
        result = Path(run.result)
        wait_until(lambda: result.exists() or process.poll() is not None, "the plain agent is done", PATIENCE_SECONDS)
    if not result.exists():
        raise WrongRowsError(f"the plain agent ended early:\n{(space.folder / 'plain.log').read_text()[-2000:]}")
    stored = space.value("SELECT count() FROM plain_events FINAL")
    if stored != count:
        raise WrongRowsError(f"plain: {stored} events of {count}")
    return Speed(**json.loads(result.read_text()))


def plain_run(space: Space, count: int, name: str) -> plain.Run:
    """Return what the plain agent is told; its group and its result bear the name."""
    url = urlsplit(space.settings.clickhouse or "")
    return plain.Run(
        kafka=space.settings.kafka or "",
        clickhouse_host=url.hostname or "",
        clickhouse_port=url.port or 0,
        database=space.settings.database,
        topic=space.settings.topic("tickets"),
        group=space.settings.topic(name),
        events=count,
        result=str(space.folder / f"{name}.json"),
        owner_pid=os.getpid(),
    )


@contextmanager
def _process(module: str, arguments: list[str], space: Space) -> Iterator[Process]:
    command = [sys.executable, "-m", module, *arguments]
    with (
        (space.folder / "plain.log").open("wb") as lines,
        Process(command, cwd=ROOT, stdout=lines, stderr=lines) as process,
    ):
        yield process


# What is printed ------------------------------------------------------------------------------------------------------


def _print_speeds(ours: Speed, theirs: Speed) -> None:
    table = Table("consumer", box=None, header_style="dim")
    for name in ("events", "seconds", "events/s", "us/event"):
        table.add_column(name, justify="right")
    for name, speed in {"plain Faust agent": theirs, "servicepulse worker": ours}.items():
        table.add_row(
            name,
            f"{speed.events:,}",
            f"{speed.seconds:.2f}",
            f"{speed.per_second:,.0f}",
            f"{1e6 / speed.per_second:.1f}",
        )
    console.print(table)
    ratio = ours.per_second / theirs.per_second
    verdict = "[green]reached[/]" if ratio >= TARGET else "[bold red]missed[/]"
    load = os.getloadavg()[0]
    console.print(f"ratio {ratio:.1f}, target {TARGET}: {verdict} ({os.cpu_count()} cores, load average {load:.1f})")


def _print_steps(costs: Mapping[str, Cost], ours: Speed) -> None:
    table = Table("step, alone in one process", box=None, header_style="dim")
    for name in ("processor us/event", "clock us/event"):
        table.add_column(name, justify="right")
    for name, cost in costs.items():
        table.add_row(name, f"{cost.processor:.1f}", f"{cost.clock:.1f}")
    processor, clock = (sum(column) for column in zip(*costs.values(), strict=True))
    table.add_row("sum", f"{processor:.1f}", f"{clock:.1f}")
    table.add_row("the worker, all at once", "", f"{1e6 / ours.per_second:.1f}")
    console.print(table)


def _emptied(space: Space) -> Space:
    for table in ("events", "tickets"):
        space.client.command(f"TRUNCATE TABLE {table}")
    return space


if __name__ == "__main__":
    sys.exit(main())
