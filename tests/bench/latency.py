"""How soon an event is seen in the numbers: from the publisher's call to its ticket's row in `ticket_days`.

`python -m tests.bench.latency` starts an embedded stack and a worker of its own, publishes a simulated desk's events at
a steady rate, and asks every tenth of a second which of them the settled days tell of. An event is seen once the
version of its ticket counts it; the asking itself adds up to its own interval, to our disadvantage. The first ten
seconds are sent and not counted: a worker that has just started opens its connections then. With `--door 10`
they are sent over HTTP, ten a request; an event's time begins before it waits for the other nine.

The exit code is 0 when 99 of 100 events are seen within three seconds.
"""

import argparse
import http.client
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from streams.core.door.token import Token, digest_of
from streams.door.token_file import write_tokens
from streams.publisher import Publisher
from streams.simulation import DESK_SOURCE
from tests.bench import backlog
from tests.bench.space import bench_space
from tests.doors import SECRET
from tests.space import Space, WorkerProcess, free_port, wait_until

TARGET_SECONDS: Final = 3.0
TARGET_SHARE: Final = 0.99
PATIENCE_SECONDS: Final = 30.0
CONNECTIONS: Final = 16
ASK_EVERY_SECONDS: Final = 0.1
WARM_UP_SECONDS: Final = 10

_SEEN: Final = "SELECT ticket_id, max(version) FROM ticket_days GROUP BY ticket_id"
"""Versions count the events of a ticket, below the number of the definition."""
_BATCHES: Final = 'servicepulse_batch_seconds_{}{{step="{}"}}'
_EVENTS: Final = 2**48 - 1

console = Console(highlight=False)


@dataclass
class Flight:
    """Events under way: when each was sent, and how long it took to be seen."""

    counts_from: float = 0.0
    arrived: int = 0
    sent: dict[str, list[float]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def depart(self, ticket_id: str) -> None:
        """Note that another event of a ticket was sent."""
        with self.lock:
            self.sent.setdefault(ticket_id, []).append(time.monotonic())

    def arrive(self, versions: Sequence[tuple[str, int]], at: float) -> None:
        """Note how many events of each ticket are seen by now."""
        with self.lock:
            for ticket_id, version in versions:
                sent, count = self.sent.get(ticket_id, []), version & _EVENTS
                for number in range(self.seen[ticket_id], min(count, len(sent))):
                    self.arrived += 1
                    if sent[number] >= self.counts_from:
                        self.seconds.append(at - sent[number])
                self.seen[ticket_id] = max(self.seen[ticket_id], min(count, len(sent)))


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    count = given.rate * (given.seconds + WARM_UP_SECONDS)
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder, bench_space(Path(folder)) as space:
        with console.status("simulating"):
            events = backlog.ticket_events(count // 9 + 1)[:count]
        worker = space.started_worker()
        flight = Flight()
        with _door(space, given.door) if given.door else Publisher.from_settings(space.settings) as way:
            before = _processor(space)
            _fly(way, space, events, given.rate, flight)
            _print_costs(_processor(space), before, worker)
    counted = len(events) - given.rate * WARM_UP_SECONDS
    _print(flight, counted, given.rate)
    within = sum(seconds <= TARGET_SECONDS for seconds in flight.seconds)
    return 0 if within >= TARGET_SHARE * counted else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.latency", description="How soon an event is seen.")
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--door", type=int, default=0, metavar="N", help="over HTTP, N events a request")
    parser.add_argument("--seconds", type=int, default=60, help="for how long, after the warm-up")
    return parser.parse_args()


class HttpPublisher:
    """Sends events to a door, so many a request, over a few connections that stay open."""

    def __init__(self, port: int, events: int) -> None:
        self._port = port
        self._events = events
        self._waiting: list[bytes] = []
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(CONNECTIONS, "http")
        self._sent: list[Future[None]] = []

    def publish_event(self, event: bytes) -> None:
        """Send an event, once there are enough of them, without waiting for the answer."""
        self._waiting.append(event)
        if len(self._waiting) >= self._events:
            self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._waiting:
            self._leave()
        self._threads.shutdown()
        for sent in self._sent:
            sent.result()

    def _leave(self) -> None:
        self._sent.append(self._threads.submit(self._send, b"[" + b",".join(self._waiting) + b"]"))
        self._waiting.clear()

    def _send(self, body: bytes) -> None:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/cloudevents-batch+json"}
        self._own.connection.request("POST", "/v1/events", body, headers)
        answer = self._own.connection.getresponse()
        if answer.status != 202:
            raise AssertionError(answer.read())
        answer.read()


def _door(space: Space, events: int) -> HttpPublisher:
    port, tokens = free_port(), space.folder / "tokens.toml"
    write_tokens(tokens, [Token("bench", DESK_SOURCE, digest_of(SECRET))])
    door = space.start_worker("streams.cli", "receive", receive_port=port, receive_tokens_file=tokens)
    wait_until(door.is_ready, "the door is open")
    return HttpPublisher(port, events)


def _fly(way: Publisher | HttpPublisher, space: Space, events: Sequence[bytes], rate: int, flight: Flight) -> None:
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(space, len(events), flight, done))
    watcher.start()
    began_at = time.monotonic()
    flight.counts_from = began_at + WARM_UP_SECONDS
    for number, event in enumerate(track(events, f"{rate} events/s", console=console, transient=True)):
        time.sleep(max(0.0, began_at + number / rate - time.monotonic()))
        flight.depart(backlog.subject_of(event))
        way.publish_event(event)
    done.wait(PATIENCE_SECONDS)
    done.set()
    watcher.join()


def _watch(space: Space, count: int, flight: Flight, done: threading.Event) -> None:
    while not done.is_set() and flight.arrived < count:
        versions = [(str(ticket_id), int(version)) for ticket_id, version in space.query(_SEEN)]
        flight.arrive(versions, time.monotonic())
        time.sleep(ASK_EVERY_SECONDS)
    done.set()


def _processor(space: Space) -> dict[str, float]:
    """Return the seconds of processor that the stack and what a test started there have taken so far."""
    taken: dict[str, float] = {}
    started = {worker.process.pid for worker in space.workers}
    for process in psutil.process_iter(["cmdline", "cpu_times"]):
        command = " ".join(process.info["cmdline"] or [])
        if process.pid in started:
            name = "door" if "receive" in command else "worker"
        elif str(space.folder) in command and "clickhouse" in command:
            name = "ClickHouse"
        else:
            continue
        taken[name] = process.info["cpu_times"].user + process.info["cpu_times"].system
    return taken


def _print_costs(after: dict[str, float], before: dict[str, float], worker: WorkerProcess) -> None:
    """Say what it cost: on a busy machine seconds of processor tell more than those of the clock."""
    said = [f"{name} {seconds - before.get(name, 0):.1f} s" for name, seconds in after.items()]
    console.print(f"processor: {', '.join(said)}")
    folds, writes = (worker.meter(_BATCHES.format("count", step)) for step in ("fold", "write"))
    seconds = worker.meter(_BATCHES.format("sum", "write")) / writes
    console.print(f"{folds:.0f} folds, {writes:.0f} writes of {seconds:.2f} s")


def _print(flight: Flight, count: int, rate: int) -> None:
    ordered = sorted(flight.seconds)
    table = Table("events", "seen", *(f"p{p}" for p in (50, 90, 99, 99.9)), "slowest", box=None, header_style="dim")
    quantiles = [f"{ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))]:.2f} s" for p in (50, 90, 99, 99.9)]
    table.add_row(f"{count:,}", f"{len(ordered):,}", *quantiles, f"{ordered[-1]:.2f} s")
    console.print(table)
    within = sum(seconds <= TARGET_SECONDS for seconds in ordered) / count
    verdict = "[green]reached[/]" if within >= TARGET_SHARE else "[bold red]missed[/]"
    load = os.getloadavg()[0]
    share = f"{100 * within:.2f} % within {TARGET_SECONDS:g} s at {rate} events/s, target {100 * TARGET_SHARE:g} %"
    console.print(f"{share}: {verdict} (load average {load:.1f})")


if __name__ == "__main__":
    sys.exit(main())
