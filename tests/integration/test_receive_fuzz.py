"""The door under a hundred thousand requests that no client should send, and ten thousand that say nothing."""

import asyncio
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from typing import Final

import psutil
import pytest

from tests.doors import SECRET, as_json, created
from tests.integration.test_receive import Client, start_door
from tests.space import Space, free_port

pytestmark = [pytest.mark.integration, pytest.mark.lengthy]

REQUESTS: Final = int(os.environ.get("FUZZ_REQUESTS", "100000"))
SILENT: Final = 10_000
CLIENTS: Final = 32
ANSWER_SECONDS: Final = 2.0
"""Whoever waits for longer has said that more will come than did, and goes away."""
SPARE_MIB: Final = 40
_TYPES: Final = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-ndjson",
    "application/json",
    "text/plain",
    "\xff",
)
_PATHS: Final = (*["/v1/events"] * 4, "/v1/hooks/desk?key=k3y", "/v1/hooks/desk", "/health", "/%ff", "/v1/events/x/%00")
_HEADERS: Final = ("Content-Encoding: gzip", "ce-specversion: 1.0", "ce-id: %ff", "Transfer-Encoding: chunked")
_ODD: Final = (
    b"\x00",
    b"\r\n",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"',
    b"{",
    b"[",
    b"\x1f\x8b",
    b"1e999",
    b"-1",
    b"a" * 9_000,
)


def requests(seed: int) -> Iterator[tuple[bytes, str]]:
    """Return requests without end, each with the id of the event that it brings if it is taken."""
    chance = random.Random(seed)
    for number in count():
        id = f"{seed}-{number}"
        is_whole = chance.random() < 0.1
        yield _request(chance, id, is_whole), id if is_whole else ""


def _request(chance: random.Random, id: str, is_whole: bool) -> bytes:
    body = as_json(created(id))
    if is_whole:
        return _head("/v1/events", _TYPES[0], len(body)) + body
    if chance.random() < 0.3:
        body = b"[" + b",".join([body] * chance.randrange(4)) + b"]"
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(body) + 1)
        body = body[:at] + chance.choice(_ODD) + body[at + chance.randrange(3) :]
    length = len(body) if chance.random() < 0.95 else chance.choice([0, 1, 2**31, -1])
    head = _head(chance.choice(_PATHS), chance.choice(_TYPES), length)
    if chance.random() < 0.2:
        at = chance.randrange(len(head))
        head = head[:at] + chance.choice(_ODD) + head[at + chance.randrange(4) :]
    if chance.random() < 0.3:
        head = head.replace(b"\r\n", f"\r\n{chance.choice(_HEADERS)}\r\n".encode(), 1)
    return head + body


def _head(path: str, content_type: str, length: int) -> bytes:
    told = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: {content_type}\r\n"
    return f"{told}Content-Length: {length}\r\nConnection: close\r\n\r\n".encode("latin-1")


async def _send(
    port: int, wanted: Iterator[tuple[bytes, str]], left: list[int], said: Counter[str], taken: list[str]
) -> None:
    while left[0] > 0:
        left[0] -= 1
        request, id = next(wanted)
        status = await _status(port, request)
        said[status] += 1
        if id and status == "202":
            taken.append(id)


async def _status(port: int, request: bytes) -> str:
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            return (await asyncio.wait_for(reader.readexactly(12), ANSWER_SECONDS))[9:].decode("latin-1")
        finally:
            writer.close()
    return "left"


async def fuzz(port: int, seeds: Sequence[int], number: int) -> tuple[Counter[str], list[str]]:
    """Send so many requests; return how often each status was answered, and the ids of whole events that were taken."""
    said: Counter[str] = Counter()
    taken: list[str] = []
    left = [number]
    await asyncio.gather(*(_send(port, requests(seed), left, said, taken) for seed in seeds))
    return said, taken


def test_no_request_breaks_the_door_and_what_it_took_is_stored(space: Space) -> None:
    space.started_worker()
    port = free_port()
    door = start_door(space, port)
    process = psutil.Process(door.process.pid)
    said, taken = asyncio.run(fuzz(port, range(CLIENTS), REQUESTS // 5))
    before = process.memory_info().rss
    more, others = asyncio.run(fuzz(port, range(100, 100 + CLIENTS), REQUESTS - REQUESTS // 5))
    grown = (process.memory_info().rss - before) / 2**20
    said += more
    print(f"\n{dict(said)}, {len(taken) + len(others)} whole events taken, {before / 2**20:.0f} MiB and {grown:+.1f}")
    assert not [status for status in said if status.startswith("5") and status != "503"], said
    assert process.is_running()
    assert "Traceback" not in door.log
    assert len(taken) + len(others) > REQUESTS // 20
    space.wait_for_events(len(taken) + len(others))
    stored = {row[0] for row in space.query("SELECT id FROM events")}
    assert {f"created-{id}" for id in (*taken, *others)} <= stored
    assert grown < SPARE_MIB


def test_ten_thousand_connections_that_say_nothing_keep_nobody_out(space: Space) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < SILENT + 1_000:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    space.started_worker()
    port = free_port()
    door = start_door(space, port)
    process = psutil.Process(door.process.pid)
    before = process.memory_info().rss

    async def crowd() -> None:
        with ExitStack() as opened:
            for number in range(SILENT):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                opened.callback(writer.close)
                if number % 3 == 0:
                    writer.write(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            held = process.memory_info().rss
            seconds = []
            for number in range(200):
                began_at = time.perf_counter()
                assert await asyncio.to_thread(Client(port).deliver, [created(number)]) == 1
                seconds.append(time.perf_counter() - began_at)
            print(f"\n{(held - before) / 2**20:.0f} MiB more; slowest answer {max(seconds):.2f} s")
            await asyncio.sleep(12)
            assert door.meter("servicepulse_door_connections") < SILENT / 10, "those that said nothing are closed"

    try:
        asyncio.run(crowd())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    space.wait_for_events(200)
