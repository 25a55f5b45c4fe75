"""How soon an event is seen in the numbers: from the publisher's call to its ticket's row in `ticket_days`.

`python -m tests.bench.latency` starts an embedded stack and a worker of its own, publishes a simulated desk's events at
a steady rate, and asks every tenth of a second which of them the settled days tell of. An event is seen once the
version of its ticket counts it; the asking itself adds up to its own interval, to our disadvantage. The first ten
seconds are sent and not counted: a worker that has just started opens its connections then.

The exit code is 0 when 99 of 100 events are seen within three seconds.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from streams.publisher import Publisher
from tests.bench import backlog
from tests.bench.space import bench_space
from tests.space import Space

TARGET_SECONDS: Final = 3.0
TARGET_SHARE: Final = 0.99
PATIENCE_SECONDS: Final = 30.0
ASK_EVERY_SECONDS: Final = 0.1
WARM_UP_SECONDS: Final = 10

_SEEN: Final = "SELECT ticket_id, max(version) FROM ticket_days GROUP BY ticket_id"
"""Versions count the events of a ticket, below the number of the definition."""
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
        space.started_worker()
        flight = Flight()
        _fly(space, events, given.rate, flight)
    counted = len(events) - given.rate * WARM_UP_SECONDS
    _print(flight, counted, given.rate)
    within = sum(seconds <= TARGET_SECONDS for seconds in flight.seconds)
    return 0 if within >= TARGET_SHARE * counted else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.latency", description="How soon an event is seen.")
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--seconds", type=int, default=60, help="for how long, after the warm-up")
    return parser.parse_args()


def _fly(space: Space, events: Sequence[bytes], rate: int, flight: Flight) -> None:
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(space, len(events), flight, done))
    watcher.start()
    began_at = time.monotonic()
    flight.counts_from = began_at + WARM_UP_SECONDS
    with Publisher.from_settings(space.settings) as publisher:
        for number, event in enumerate(track(events, f"{rate} events/s", console=console, transient=True)):
            time.sleep(max(0.0, began_at + number / rate - time.monotonic()))
            flight.depart(backlog.subject_of(event))
            publisher.publish_event(event)
    done.wait(PATIENCE_SECONDS)
    done.set()
    watcher.join()


def _watch(space: Space, count: int, flight: Flight, done: threading.Event) -> None:
    while not done.is_set() and flight.arrived < count:
        versions = [(str(ticket_id), int(version)) for ticket_id, version in space.query(_SEEN)]
        flight.arrive(versions, time.monotonic())
        time.sleep(ASK_EVERY_SECONDS)
    done.set()


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
