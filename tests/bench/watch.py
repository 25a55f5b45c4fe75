"""How often the watch judges under load: live events at a steady rate, and a history that is filled in beside them.

`python -m tests.bench.watch` starts an embedded stack and a worker of its own. Events of a simulated desk are published
at `--rate` as if they happened now, `--backfill` others with `replay` at once beside them, while every second the
worker's meters are read: when it last judged, and how late what it folds is. The exit code is 0 when it judged at least
every 30 seconds, from its first judgement on.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from streams.publisher import Publisher
from tests.bench import backlog
from tests.bench.space import bench_space
from tests.space import Space, WorkerProcess, wait_until

TARGET_SECONDS: Final = 30.0
_JUDGED: Final = "servicepulse_watch_last_look_timestamp_seconds"

console = Console(highlight=False)


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder, bench_space(Path(folder)) as space:
        with console.status("simulating"):
            live = _as_of_now(backlog.ticket_events(given.rate * given.seconds // 9 + 1)[: given.rate * given.seconds])
            history = backlog.ticket_events(given.backfill // 9 + 1)[: given.backfill] if given.backfill else []
        worker = space.started_worker()
        wait_until(lambda: worker.meter(_JUDGED) > 0, "the watch has judged", 120)
        gaps, delays, seconds = _measured(space, worker, live, history, given.rate)
        stored = int(space.value("SELECT count() FROM events"))
    console.print(
        f"{stored:,} of {len(live) + len(history):,} events stored in {seconds:.0f} s; longest without a judgement "
        f"{max(gaps):.1f} s (target {TARGET_SECONDS:g} s), folded at most {max(delays):.1f} s late "
        f"({os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f})"
    )
    return 0 if max(gaps) <= TARGET_SECONDS else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.watch", description="How often the watch judges under load.")
    parser.add_argument("--rate", type=int, default=2_000, help="live events a second")
    parser.add_argument("--seconds", type=int, default=120, help="for so long")
    parser.add_argument("--backfill", type=int, default=0, help="replayed events beside them")
    return parser.parse_args()


def _as_of_now(events: Sequence[bytes]) -> list[bytes]:
    """Return events as live ones: other tickets than those of the history, without its mark."""
    lines = []
    for event in events:
        said = msgspec.json.decode(event)
        said.pop("replay", None)
        said["subject"] = said["data"]["ticket_id"] = f"live-{said['subject']}"
        lines.append(msgspec.json.encode(said))
    return lines


def _measured(
    space: Space, worker: WorkerProcess, live: Sequence[bytes], history: Sequence[bytes], rate: int
) -> tuple[list[float], list[float], float]:
    began_at = time.monotonic()
    senders = [
        threading.Thread(target=_publish, args=(space, events, per_second))
        for events, per_second in ((live, rate), (history, 0))
        if events
    ]
    for sender in senders:
        sender.start()
    gaps, delays = [0.0], [0.0]
    while any(sender.is_alive() for sender in senders) or not space.is_quiet():
        gaps.append(time.time() - worker.meter(_JUDGED))  # noqa: TID251 - against the clock of the worker
        delays.append(worker.meter("servicepulse_delay_seconds"))
        time.sleep(1)
    return gaps, delays, time.monotonic() - began_at


def _publish(space: Space, events: Sequence[bytes], per_second: int) -> None:
    with Publisher.from_settings(space.settings) as publisher:
        for event in _paced(events, per_second):
            publisher.publish_event(event)


def _paced(events: Sequence[bytes], per_second: int) -> Iterator[bytes]:
    began_at = time.monotonic()
    for number, event in enumerate(events):
        ahead = number / per_second - (time.monotonic() - began_at) if per_second else 0.0
        if ahead > 0.01:
            time.sleep(ahead)
        yield _at_present(event) if per_second else event


def _at_present(event: bytes) -> bytes:
    said = msgspec.json.decode(event)
    said["time"] = datetime.now(UTC).isoformat()  # noqa: TID251 - as a source would
    return msgspec.json.encode(said)


if __name__ == "__main__":
    sys.exit(main())
