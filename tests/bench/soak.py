"""Memory of a worker in the long run: a million open tickets, then a steady rate of events on old and new ones.

`python -m tests.bench.soak` publishes one event each that opens a ticket, and then starts a worker: nothing takes it
more memory than a backlog of new tickets. Then events come at a steady rate: nine in ten are messages on any ticket
opened so far, most of which the worker no longer remembers, one in ten opens another, one in a thousand is a rating, so
that the watch has something to judge. No ticket is ever closed.

Every second the resident memory of the worker and its children is read. What counts is the peak over all of it,
and the slope over the last two thirds of the steady part. Samples are kept as they come: a run that is cut short has
shown what it has shown.

The exit code is 0 when the peak is below 700 MB, and the slope cannot be told from none or stays below 30 MB an hour.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from streams.publisher import Publisher
from tests.bench.space import bench_space
from tests.bench.trend import Sample, Trend, trend_of
from tests.space import Space, WorkerProcess, wait_until

PEAK_MB: Final = 700
GROWTH_MB: Final = 30
"""Growth an hour that would pass: the upper end of the interval must stay below it, where the slope is not flat."""
PATIENCE_SECONDS: Final = 1800.0
_MB: Final = 1e6

console = Console(highlight=False)


@dataclass(frozen=True)
class Load:
    """How much is sent."""

    tickets: int
    rate: int
    minutes: float
    teams: int = 20
    every_seconds: float = 1.0


@dataclass
class Watched:
    """What a worker took in memory, in MB, from its start on; `steady_from` is when the tickets were open."""

    samples: list[Sample] = field(default_factory=list)
    steady_from: float = 0.0
    events: int = 0
    open_seconds: float = 0.0

    @property
    def peak(self) -> float:
        return max(sample.value for sample in self.samples)

    @property
    def steady(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.seconds >= self.steady_from]

    def trend(self, span_seconds: float = 60) -> Trend:
        """Return the slope over the last two thirds of the steady part."""
        steady = self.steady
        begin = steady[0].seconds + (steady[-1].seconds - steady[0].seconds) / 3
        return trend_of([sample for sample in steady if sample.seconds >= begin], span_seconds)


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    load = Load(given.tickets, given.rate, given.minutes, given.teams)
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder, bench_space(Path(folder)) as space:
        watched = soak(space, load, given.out)
    trend = watched.trend()
    passed = watched.peak < PEAK_MB and (trend.is_flat or trend.high < GROWTH_MB)
    _print(watched, trend, passed=passed)
    _keep(given.out, watched, load, {**trend._asdict(), "peak_mb": watched.peak, "passed": passed})
    return 0 if passed else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.soak", description="Memory of a worker in the long run.")
    parser.add_argument("--tickets", type=int, default=1_000_000, help="open tickets to begin with")
    parser.add_argument("--rate", type=int, default=300, help="events a second afterwards")
    parser.add_argument("--minutes", type=float, default=30, help="for how long")
    parser.add_argument("--teams", type=int, default=20, help="different names of teams")
    parser.add_argument("--out", type=Path, default=Path(".servicepulse/soak.json"), help="where samples are kept")
    return parser.parse_args()


def soak(space: Space, load: Load, out: Path) -> Watched:
    """Open tickets, go on at a steady rate, and return what a worker took meanwhile."""
    watched = Watched()
    done = threading.Event()
    with _progress() as progress, Publisher.from_settings(space.settings) as publisher:
        _publish_openings(publisher, load, progress)
        worker = space.started_worker(recheck_every_seconds=60)
        watcher = threading.Thread(target=_watch, args=(worker, load, watched, out, done))
        watcher.start()
        try:
            _open(worker, load, watched, progress)
            _go_on(publisher, worker, load, watched, progress)
        finally:
            done.set()
            watcher.join()
    return watched


def memory_mb(process: psutil.Process) -> float:
    """Return the resident memory of a process and its children; 0 once it is gone."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / _MB


# What is sent ---------------------------------------------------------------------------------------------------------


def opening(number: int, load: Load, now: str) -> bytes:
    """Return the event that opens a ticket."""
    data = f'"channel":"email","created_by":"customer","customer_id":"C{number}","team":"team {number % load.teams}"'
    return _event(number, f"{number}.0", "ticket.created", now, data)


def steady_events(load: Load, seed: int = 1) -> Iterator[bytes]:
    """Return events on old and new tickets without end; one in ten opens another."""
    draw = random.Random(seed)
    opened = load.tickets
    number = 0
    while True:
        number += 1
        now = _now()
        if number % 10 == 0:
            yield opening(opened, load, now)
            opened += 1
            continue
        ticket = draw.randrange(opened)
        if number % 1000 == 1:
            said = f'"rating_id":"r{number}","raw":{draw.randint(1, 5)},"scale_min":1,"scale_max":5,"source":"survey"'
            yield _event(ticket, f"s{number}", "rating.submitted", now, said)
        else:
            said = f'"message_id":"m{number}","direction":"in","visibility":"public","sender_type":"customer"'
            yield _event(ticket, f"s{number}", "message.sent", now, said)


def _event(ticket: int, id: str, name: str, at: str, data: str) -> bytes:
    return (
        f'{{"specversion":"1.0","id":"{id}","source":"/soak","type":"io.servicepulse.{name}.v1","subject":"K{ticket}",'
        f'"time":"{at}","datacontenttype":"application/json","data":{{"ticket_id":"K{ticket}",{data}}}}}'
    ).encode()


def _now() -> str:
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _publish_openings(publisher: Publisher, load: Load, progress: Progress) -> None:
    bar = progress.add_task("publishing tickets", total=load.tickets)
    now = _now()
    for number in range(load.tickets):
        publisher.publish_event(opening(number, load, now))
        if number % 10_000 == 0:
            now = _now()
            progress.update(bar, completed=number)
    publisher.flush(60)
    progress.remove_task(bar)


def _open(worker: WorkerProcess, load: Load, watched: Watched, progress: Progress) -> None:
    """Return when the worker has stored all tickets."""
    bar = progress.add_task("opening tickets", total=load.tickets)
    began_at = time.monotonic()

    def are_open() -> bool:
        stored = _stored(worker)
        progress.update(bar, completed=stored)
        return stored >= load.tickets

    wait_until(are_open, "the tickets are open", PATIENCE_SECONDS)
    watched.open_seconds = time.monotonic() - began_at
    watched.steady_from = watched.samples[-1].seconds if watched.samples else 0.0


def _go_on(publisher: Publisher, worker: WorkerProcess, load: Load, watched: Watched, progress: Progress) -> None:
    """Send at the rate, or as near to it as the machine comes, until the time is over."""
    seconds = load.minutes * 60
    bar = progress.add_task(f"{load.rate} events/s", total=seconds)
    began_at = time.monotonic()
    sent = 0
    for sent, event in enumerate(steady_events(load), start=1):
        publisher.publish_event(event)
        elapsed = time.monotonic() - began_at
        if elapsed >= seconds:
            break
        progress.update(bar, completed=elapsed)
        time.sleep(max(0.0, sent / load.rate - elapsed))
    publisher.flush(60)
    watched.events = load.tickets + sent
    wait_until(lambda: _stored(worker) >= watched.events, "everything is stored", PATIENCE_SECONDS)


def _stored(worker: WorkerProcess) -> float:
    try:
        return worker.meter("servicepulse_events_total")
    except OSError:
        if worker.process.poll() is not None:
            raise AssertionError(f"the worker ended; its log ends:\n{worker.log[-2000:]}") from None
        return 0.0


# What is measured and told --------------------------------------------------------------------------------------------


def _watch(worker: WorkerProcess, load: Load, watched: Watched, out: Path, done: threading.Event) -> None:
    process = psutil.Process(worker.process.pid)
    began_at = time.monotonic()
    while True:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            watched.samples.append(Sample(time.monotonic() - began_at, memory_mb(process)))
            _keep(out, watched, load, {})
        if done.wait(load.every_seconds):
            return


def _keep(out: Path, watched: Watched, load: Load, result: dict[str, float | bool]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"load": asdict(load), **asdict(watched), **result}, indent=1) + "\n")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _print(watched: Watched, trend: Trend, *, passed: bool) -> None:
    table = Table("minute", box=None, header_style="dim")
    table.add_column("worker, MB", justify="right")
    for sample in _picked(watched.samples):
        table.add_row(f"{sample.seconds / 60:.1f}", f"{sample.value:.0f}")
    console.print(table)
    verdict = "[green]reached[/]" if passed else "[bold red]missed[/]"
    console.print(
        f"{watched.events:,} events, tickets open after {watched.open_seconds:.0f} s; "
        f"peak {watched.peak:.0f} MB (below {PEAK_MB}), slope {trend.per_hour:+.1f} MB an hour "
        f"({trend.low:+.1f} to {trend.high:+.1f}; flat, or below {GROWTH_MB}): {verdict} "
        f"(load average {os.getloadavg()[0]:.1f})"
    )


def _picked(samples: Sequence[Sample], rows: int = 20) -> Sequence[Sample]:
    return samples[:: max(1, len(samples) // rows)]


if __name__ == "__main__":
    sys.exit(main())
