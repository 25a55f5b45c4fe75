"""What a backfill leaves of the present: how soon live events are seen, and how often the watch judges, beside it.

`python -m tests.bench.watch` plays a desk, each time on an embedded stack and with a worker of its own: events come as
if they happened now, first `--rate` a second and nothing else, then `--beside` a second while `servicepulse publish`
fills `--backfill` others in as history, once as it does by itself, at the pace of the workers, once `--at-once`. Some
times a second a ticket of its own is opened among the live events; it is seen once ClickHouse has its days, by a
question asked twice a second, and the asking counts. Live events begin ten seconds before the history and go on until
all of it is folded; what was sent in between is counted.

The exit code is 0 when the watch judged at least every thirty seconds, alone and beside history at the workers' pace,
and 99 of 100 live events were seen within five seconds beside it.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import msgspec
from rich.console import Console
from rich.table import Table

from schemas.codec import encode
from schemas.events import NAME_OF, Party, TicketCreated
from streams.publisher import Publisher
from streams.simulation import DESK_SOURCE
from tests.bench import backlog
from tests.bench.space import bench_space
from tests.process import Process
from tests.space import ROOT, Space, WorkerProcess, wait_until

JUDGED_SECONDS: Final = 30.0
SEEN_SECONDS: Final = 5.0
SHARE: Final = 0.99
WARM_UP_SECONDS: Final = 10.0
LAST_SECONDS: Final = 120.0
"""So long those that are still to be seen are waited for; what is not seen then counts as never seen."""
MARKS_PER_SECOND: Final = 4
ASK_EVERY_SECONDS: Final = 0.5
TELL_EVERY_SECONDS: Final = 30.0
SIMULATED: Final = 100_000
"""So many events are simulated; more are the same stories under other names."""
_NAME: Final = b"<name>"
_TIME: Final = b"<time>"
_JUDGED: Final = "servicepulse_watch_last_look_timestamp_seconds"
_SEEN: Final = "SELECT ticket_id FROM ticket_days WHERE ticket_id IN {ids:Array(String)} GROUP BY ticket_id"
_FOLDED: Final = "SELECT count() FROM events WHERE source = {desk:String} AND NOT startsWith(subject, 'live-')"

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Marks:
    """Tickets that were opened to see how soon they are seen. Instants are of a clock that never jumps."""

    sent: dict[str, float] = field(default_factory=dict)
    waits: list[tuple[float, float]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[float]:
        """Return, in order, how long those took that were sent in between; those never seen are there for ever."""
        unseen = [float("inf") for at in list(self.sent.values()) if begin <= at <= end]
        return sorted([wait for at, wait in self.waits if begin <= at <= end] + unseen)


@dataclass
class Run:
    """What was measured of one backfill."""

    name: str
    waits: Sequence[float]
    gap_seconds: float
    late_seconds: float
    live_per_second: float
    backfill: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.backfill / self.seconds

    @property
    def is_judged(self) -> bool:
        return self.gap_seconds <= JUDGED_SECONDS

    @property
    def within(self) -> float:
        return sum(wait <= SEEN_SECONDS for wait in self.waits) / max(1, len(self.waits))

    @property
    def is_seen(self) -> bool:
        return self.within >= SHARE


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder:
        with console.status("simulating"):
            told = backlog.ticket_events(SIMULATED // 9)
            history = Path(folder) / "history.jsonl"
            with history.open("wb") as lines:
                lines.writelines(event + b"\n" for event in islice(_renamed(told, ""), given.backfill))
        console.print(f"{given.rate:,} live events a second; then {given.beside:,}, and {given.backfill:,} of history")
        plays = {"none": (given.rate, None), "at the workers' pace": (given.beside, [str(history)])}
        if given.compare:
            plays["--at-once"] = (given.beside, [str(history), "--at-once"])
        for name, (rate, arguments) in plays.items():
            with bench_space(Path(folder)) as space:
                runs.append(_measured(space, name, told, rate, arguments, given))
                _print(runs)
    return 0 if all(run.is_judged for run in runs[:2]) and runs[1].is_seen else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.watch", description="What a backfill leaves of the present.")
    parser.add_argument("--rate", type=int, default=2_000, help="live events a second without history")
    parser.add_argument("--seconds", type=float, default=60, help="how long they come")
    parser.add_argument("--beside", type=int, default=500, help="live events a second beside history")
    parser.add_argument("--backfill", type=int, default=60_000, help="replayed events beside them")
    parser.add_argument(
        "--no-compare", dest="compare", action="store_false", help="leave out the same backfill sent at once"
    )
    return parser.parse_args()


def _renamed(told: Sequence[bytes], prefix: str) -> Iterator[bytes]:
    """Yield events of a simulation again and again, each time of other tickets."""
    named = [_nameless(event) for event in told]
    for turn in count():
        name = f"{prefix}{turn}".encode()
        yield from (event.replace(_NAME, name) for event in named)


def _nameless(event: bytes) -> bytes:
    """Put a mark into an event where what tells it and its ticket from others goes: to replace it is cheap."""
    said = msgspec.json.decode(event)
    said["id"] = f"{_NAME.decode()}-{said['id']}"
    said["subject"] = said["data"]["ticket_id"] = f"{_NAME.decode()}-{said['subject']}"
    return msgspec.json.encode(said)


# One run --------------------------------------------------------------------------------------------------------------


def _measured(
    space: Space,
    name: str,
    told: Sequence[bytes],
    rate: int,
    arguments: Sequence[str] | None,
    given: argparse.Namespace,
) -> Run:
    worker = space.started_worker()
    wait_until(lambda: worker.meter(_JUDGED) > 0, "the watch has judged", 120)
    marks = Marks()
    with _Live(space, told, rate, marks) as live, _Looks(space, worker, marks, name) as looks:
        time.sleep(WARM_UP_SECONDS)
        begin, sent_before = time.monotonic(), live.sent
        looks.gaps[:] = [0.0]
        if arguments is None:
            time.sleep(given.seconds)
        else:
            _fill(space, arguments, given.backfill)
        end, sent = time.monotonic(), live.sent - sent_before
        while time.monotonic() < end + LAST_SECONDS and any(at <= end for at in list(marks.sent.values())):
            time.sleep(1)
    worker.stop()
    waits = marks.between(begin, end)
    backfill = 0 if arguments is None else given.backfill
    return Run(name, waits, max(looks.gaps), max(looks.delays), sent / (end - begin), backfill, end - begin)


def _fill(space: Space, arguments: Sequence[str], backfill: int) -> None:
    """Publish history, and return when all of it is folded."""
    command = [sys.executable, "-m", "streams.cli", "publish", "--settle", "0", *arguments]
    with Process(command, env=space.environment(), cwd=ROOT) as publishing:
        while publishing.poll() is None or int(space.value(_FOLDED, {"desk": DESK_SOURCE})) < backfill:
            assert not publishing.poll(), f"publish ended with {publishing.returncode}"
            time.sleep(1)


class _Thread:
    """Does something again and again until its block ends; what goes wrong in it is raised there."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def work(self) -> None:
        """Do it until `done` is set."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            self._fault = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self._thread.join()
        if self._fault is not None:
            raise self._fault


class _Live(_Thread):
    """Publishes live events at a steady rate, and marks among them."""

    def __init__(self, space: Space, told: Sequence[bytes], rate: int, marks: Marks) -> None:
        super().__init__()
        self.sent = 0
        self._space, self._told, self._rate, self._marks = space, told, rate, marks

    def work(self) -> None:
        events = _renamed([_timeless(event) for event in self._told], "live-")
        every = max(1, self._rate // MARKS_PER_SECOND)
        began_at = time.monotonic()
        with Publisher.from_settings(self._space.settings) as publisher:
            while not self.done.is_set():
                ahead = self.sent / self._rate - (time.monotonic() - began_at)
                if ahead > 0.01:
                    time.sleep(ahead)
                now = datetime.now(UTC).isoformat()  # noqa: TID251 - as a source would
                publisher.publish_event(next(events).replace(_TIME, now.encode()))
                self.sent += 1
                if self.sent % every == 0:
                    mark = f"live-mark-{uuid4().hex}"
                    self._marks.sent[mark] = time.monotonic()
                    publisher.publish_event(_opened(mark))


class _Looks(_Thread):
    """Asks which marks are seen, reads the worker's meters every second, and says now and then how far it is."""

    def __init__(self, space: Space, worker: WorkerProcess, marks: Marks, name: str) -> None:
        super().__init__()
        self.gaps, self.delays = [0.0], [0.0]
        self._space, self._worker, self._marks, self._name = space, worker, marks, name

    def work(self) -> None:
        client = self._space.client
        turn = max(1, round(1 / ASK_EVERY_SECONDS))
        began_at = told_at = time.monotonic()
        for number in count():
            if self.done.wait(ASK_EVERY_SECONDS):
                return
            if waiting := list(self._marks.sent):
                for (mark,) in client.query(_SEEN, parameters={"ids": waiting}).result_rows:
                    at = self._marks.sent.pop(mark)
                    self._marks.waits.append((at, time.monotonic() - at))
            if number % turn == 0:
                self.gaps.append(time.time() - self._worker.meter(_JUDGED))  # noqa: TID251 - the clock of the worker
                self.delays.append(self._worker.meter("servicepulse_delay_seconds"))
            if time.monotonic() - told_at >= TELL_EVERY_SECONDS:
                told_at = time.monotonic()
                events = self._worker.meter("servicepulse_events_total")
                console.print(f"[dim]{self._name}: {events:,.0f} events folded after {told_at - began_at:.0f} s[/]")


def _timeless(event: bytes) -> bytes:
    """Make an event of history one that happens at a time yet to be said."""
    said: dict[str, Any] = msgspec.json.decode(event)
    said.pop("replay", None)
    said["time"] = _TIME.decode()
    return msgspec.json.encode(said)


def _opened(ticket_id: str) -> bytes:
    opened = TicketCreated(ticket_id=ticket_id, channel="chat", created_by=Party.CUSTOMER)
    now = datetime.now(UTC)  # noqa: TID251 - as a source would
    return encode(
        opened, source="urn:bench:mark", id=ticket_id, time=now, name=NAME_OF[TicketCreated], subject=ticket_id
    )


# What is printed ------------------------------------------------------------------------------------------------------


def _print(runs: Sequence[Run]) -> None:
    headings = ("history/s", "seconds", "live/s", "marks", "seen p50", "p99", "slowest", "no judgement", "folded late")
    table = Table("history", box=None, header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="right")
    for run in runs:
        times = [f"{seconds:.1f} s" for seconds in (*_quantiles(run.waits), run.gap_seconds, run.late_seconds)]
        numbers = (run.per_second, run.seconds, run.live_per_second, len(run.waits))
        table.add_row(run.name, *(f"{number:,.0f}" for number in numbers), *times)
    console.print(table)
    if len(runs) > 1:
        paced = runs[1]
        at_once = f"{paced.per_second / runs[2].per_second:.2f} of the speed of --at-once; " if len(runs) > 2 else ""
        verdict = (
            "[green]reached[/]" if all(run.is_judged for run in runs[:2]) and paced.is_seen else "[bold red]missed[/]"
        )
        console.print(
            f"{at_once}{100 * paced.within:.1f} % of live events seen within {SEEN_SECONDS:g} s beside history, target "
            f"{100 * SHARE:g} %; judged every {max(run.gap_seconds for run in runs[:2]):.0f} s at least (target "
            f"{JUDGED_SECONDS:g} s): {verdict} ({os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f})"
        )


def _quantiles(ordered: Sequence[float]) -> list[float]:
    return [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, SHARE, 1.0)]


if __name__ == "__main__":
    sys.exit(main())
