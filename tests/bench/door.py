"""How fast the door is: beside a broker and a worker, and beside a bare handler that publishes without checking.

`python -m tests.bench.door` starts a stack of its own, a worker, the door as operators start it, and the bare handler,
and sends both such events in turn: one a request, and a hundred. Clients keep their connections and have one
request under way each. Times are those of the client, from the first byte sent to the last one received. On a busy
machine look at what an event costs the server: seconds of processor hardly depend on who else is there.

The exit code is 0 when the door takes at least half as many events a second in batches as the bare handler.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from streams.core.door.token import Token, digest_of
from streams.door.token_file import write_tokens
from streams.simulation import DESK_SOURCE
from tests.bench import backlog
from tests.bench.space import bench_space
from tests.doors import SECRET
from tests.space import Space, free_port, wait_until

TARGET: Final = 0.5
BATCH: Final = 100
CLIENTS: Final = 16
ROUNDS: Final = 4

console = Console(highlight=False)


class Course(NamedTuple):
    """One run of requests: how long it took, and how long each did, in seconds; and what it cost the server."""

    seconds: float
    each: list[float]
    processor: float = 0.0


class Server(NamedTuple):
    """Who is asked."""

    port: int
    process: psutil.Process

    def processor(self) -> float:
        """Return how many seconds of processor it has taken so far."""
        taken = self.process.cpu_times()
        return taken.user + taken.system


class Shape(NamedTuple):
    """How many events a request has, and how many requests one run."""

    events: int
    requests: int


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    shapes = [Shape(1, given.requests), Shape(BATCH, max(CLIENTS, given.requests // 10))]
    wanted = sum(shape.events * shape.requests for shape in shapes) * 2 * ROUNDS
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder, bench_space(Path(folder)) as space:
        with console.status("simulating"):
            events = backlog.ticket_events(wanted // 8)
        assert len(events) >= wanted, "too few tickets are simulated"
        space.started_worker()
        doors = _doors(space)
        ratios = [_compared(shape, doors, events) for shape in shapes]
    return 0 if ratios[-1] >= TARGET else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.door", description="How fast the door is.")
    parser.add_argument("--requests", type=int, default=2_000, help="requests a run, a tenth as many in batches")
    return parser.parse_args()


def _doors(space: Space) -> dict[str, Server]:
    """Start the door and the bare handler."""
    ports = {"bare handler": free_port(), "the door": free_port()}
    tokens = space.folder / "tokens.toml"
    write_tokens(tokens, [Token("bench", DESK_SOURCE, digest_of(SECRET))])
    bare = space.start_worker("tests.bench.bare_door", str(ports["bare handler"]))
    door = space.start_worker("streams.cli", "receive", receive_port=ports["the door"], receive_tokens_file=tokens)
    wait_until(door.is_ready, "the door is open")
    for port in ports.values():
        wait_until(lambda port=port: asyncio.run(_answers(port)), "it answers")  # type: ignore[misc]
    started = {"bare handler": bare, "the door": door}
    return {name: Server(port, psutil.Process(started[name].process.pid)) for name, port in ports.items()}


def _compared(shape: Shape, doors: dict[str, Server], events: list[bytes]) -> float:
    """Run requests of one shape on both in turn, print how they fared, and return the ratio."""
    courses: dict[str, list[Course]] = {name: [] for name in doors}
    for number in range(2 * ROUNDS):
        name = list(doors)[(number + number // 2) % 2]  # neither is always the first
        taken = [events.pop() for _ in range(shape.events * shape.requests)]
        requests = [_request(taken[at : at + shape.events]) for at in range(0, len(taken), shape.events)]
        before = doors[name].processor()
        course = asyncio.run(_run(doors[name].port, requests))
        courses[name].append(course._replace(processor=doors[name].processor() - before))
    return _print(shape, courses)


def _request(events: Sequence[bytes]) -> bytes:
    body = b"[" + b",".join(events) + b"]" if len(events) > 1 else events[0]
    kind = "cloudevents-batch" if len(events) > 1 else "cloudevents"
    head = f"POST /v1/events HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {SECRET}\r\n"
    return f"{head}Content-Type: application/{kind}+json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _run(port: int, requests: list[bytes]) -> Course:
    each: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(IndexError):
            while True:
                request = requests.pop()
                began_at = time.perf_counter()
                writer.write(request)
                await _answered(reader)
                each.append(time.perf_counter() - began_at)
        writer.close()

    began_at = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return Course(time.perf_counter() - began_at, each)


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 202"):
        raise AssertionError(head + await reader.read(500))
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))


async def _answers(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def _print(shape: Shape, courses: dict[str, list[Course]]) -> float:
    title = (
        f"{shape.events} events a request, {CLIENTS} clients" if shape.events > 1 else f"one event, {CLIENTS} clients"
    )
    columns = ("requests/s", "events/s", "p50", "p99", "processor an event")
    table = Table("", *columns, title=title, box=None, header_style="dim")
    speeds, costs = {}, {}
    for name, runs in courses.items():
        speed = speeds[name] = median(shape.requests / run.seconds for run in runs)
        ordered = sorted(seconds for run in runs for seconds in run.each)
        p50, p99 = (1000 * ordered[int(share * len(ordered))] for share in (0.5, 0.99))
        costs[name] = sum(run.processor for run in runs) / (len(runs) * shape.requests * shape.events)
        times = (f"{p50:.1f} ms", f"{p99:.1f} ms", f"{1e6 * costs[name]:,.0f} µs")
        table.add_row(name, f"{speed:,.0f}", f"{speed * shape.events:,.0f}", *times)
    console.print(table)
    ratio = speeds["the door"] / speeds["bare handler"]
    cost = costs["bare handler"] / costs["the door"]
    said = f"ratio {ratio:.2f}, by processor {cost:.2f}, target {TARGET:g} for batches"
    console.print(f"{said} (load average {os.getloadavg()[0]:.1f})")
    return ratio


if __name__ == "__main__":
    sys.exit(main())
