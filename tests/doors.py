"""Doors for tests: the real one on a port of its own, with a memory in the place of Kafka and of ClickHouse."""

import asyncio
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiohttp import web

from schemas.open_api import open_api
from streams.clock import SystemClock
from streams.core.door.hook import Hook
from streams.core.door.token import Token, Tokens, digest_of
from streams.courier import BrokerAwayError
from streams.door.door import Door
from streams.door.lobby import Lobby
from streams.door.meters import DoorMeters
from streams.ports import Outgoing, RecordRefusedError
from streams.sinks.fate import Fate

SOURCE: Final = "urn:shop:helpdesk"
SECRET: Final = "sp_of-the-helpdesk"
TOKENS: Final = Tokens([Token("desk", SOURCE, digest_of(SECRET)), Token("mail", "urn:mail", digest_of("sp_of-mail"))])


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class MemoryCarrier:
    """Remembers what was handed over; it can be away, take its time, or refuse what is large."""

    carried: list[Outgoing] = field(default_factory=list)
    is_away: bool = False
    largest: int = 2**30
    waits: Callable[[], Any] | None = None
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, records: Sequence[Outgoing]) -> None:
        if self.waits is not None:
            await self.waits()
        if self.is_away:
            raise BrokerAwayError("no broker answers")
        if refused := [record for record in records if len(record.value) > self.largest]:
            raise RecordRefusedError(refused)
        self.carried.extend(records)


@dataclass
class OpenDoor:
    """A door that answers."""

    port: int
    carrier: MemoryCarrier
    door: Door
    meters: DoorMeters
    loop: asyncio.AbstractEventLoop

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        secret: str | None = SECRET,
        **headers: str,
    ) -> Answer:
        """Ask once; headers are named with underscores."""
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        if secret is not None:
            given["Authorization"] = f"Bearer {secret}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def post(self, body: bytes, content_type: str = "application/cloudevents+json", **headers: str) -> Answer:
        return self.ask("POST", "/v1/events", body, content_type=content_type, **headers)


@contextmanager
def open_door(
    *,
    fate: Callable[[str, str], Fate] = lambda _, __: Fate("unseen"),
    hooks: Mapping[str, Hook] | None = None,
    most_connections: int = 1_000,
    context: ssl.SSLContext | None = None,
    **options: Any,
) -> Iterator[OpenDoor]:
    """Return a door that answers until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="door")
    thread.start()
    opened: list[OpenDoor] = []

    async def begin() -> web.ServerRunner:
        carrier, meters = MemoryCarrier(), DoorMeters()
        carrier.connected.set()
        description = json.dumps(open_api()).encode()
        door = Door(carrier, lambda: TOKENS, lambda: hooks or {}, fate, SystemClock(), meters, description, **options)
        lobby = Lobby(door.answer, most_connections=most_connections, on_count=meters.connections.set)
        runner = web.ServerRunner(lobby, shutdown_timeout=1)
        await runner.setup()
        sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        await web.SockSite(runner, sock, ssl_context=context).start()
        opened.append(OpenDoor(sock.getsockname()[1], carrier, door, meters, loop))
        return runner

    try:
        runner = asyncio.run_coroutine_threadsafe(begin(), loop).result(60)
        yield opened[0]
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(60)
        asyncio.run_coroutine_threadsafe(_others_end(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _others_end() -> None:
    """Wait for those that were cut off: the server reads on for a moment."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=30)


def created(number: object, source: str = SOURCE) -> dict[str, Any]:
    """Return an event: a ticket of this number was created."""
    return {
        "specversion": "1.0",
        "id": f"created-{number}",
        "source": source,
        "type": "io.servicepulse.ticket.created.v1",
        "time": "2026-03-02T10:15:00+01:00",
        "data": {"ticket_id": f"T-{number}", "channel": "phone", "created_by": "customer"},
    }


def as_json(event: object) -> bytes:
    """Return what is sent of an event."""
    return json.dumps(event).encode()
