"""Stands between two parts: passes bytes on, late, cut off, or not at all.

`Wire` knows connections and nothing of what they carry. `StoreWire` reads ClickHouse's requests, so that an insert
can be slow, refused, or done without an answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

HOST = "127.0.0.1"
_PIECE_BYTES = 2**16


@dataclass
class Wire:
    """A port of ours behind which another one lies.

    Attributes:
        target: Where connections lead.
        delay_seconds: Each piece takes so long, in both directions.
        is_cut: New connections are closed at once, as if nobody listened.
    """

    target: int
    delay_seconds: float = 0.0
    is_cut: bool = False
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, on the port that was set or else on any."""
        self._server = await asyncio.start_server(self._connected, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and end what is open."""
        if self._server:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection without a word, as a cable that is pulled."""
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with self._other_end() as (far_reader, far_writer), asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, far_writer))
                both.create_task(self._pass_on(far_reader, writer))
        except* OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    @asynccontextmanager
    async def _other_end(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if self.is_cut:
            raise ConnectionRefusedError
        reader, writer = await asyncio.open_connection(HOST, self.target)
        self._open.add(writer)
        try:
            yield reader, writer
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(_PIECE_BYTES):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            sink.write(piece)
            await sink.drain()
        raise ConnectionResetError  # one side is done: so is the other


@dataclass
class StoreWire:
    """ClickHouse's HTTP interface through a port of ours.

    Attributes:
        target: The URL of the real one.
        insert_seconds: Each insert takes so much longer.
        code: Inserts are refused with this error code, before anything is written; 0 refuses none.
        is_cut: Every request is cut off.
        is_mute: Inserts are done, and the answer never arrives.
    """

    target: str
    insert_seconds: float = 0.0
    code: int = 0
    is_cut: bool = False
    is_mute: bool = False
    port: int = 0
    _runner: web.AppRunner | None = None
    _session: ClientSession | None = None

    async def start(self) -> None:
        """Listen on any port."""
        self._session = ClientSession(
            auto_decompress=False, timeout=ClientTimeout(total=None), connector=TCPConnector(limit=0)
        )
        application = web.Application(client_max_size=2**40)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        is_insert = b"INSERT INTO" in (request.query.get("query", "").encode() + body[:200]).upper()
        if is_insert and self.insert_seconds:
            await asyncio.sleep(self.insert_seconds)
        if self.is_cut:
            return self._hang_up(request)
        if is_insert and self.code:
            return _refusal(self.code)
        answer = await self._forwarded(request, body)
        return self._hang_up(request) if answer is None or (is_insert and self.is_mute) else answer

    async def _forwarded(self, request: web.Request, body: bytes) -> web.Response | None:
        assert self._session
        with suppress(ClientError, OSError):
            async with self._session.request(
                request.method,
                f"{self.target}{request.raw_path}",
                data=body,
                headers={name: value for name, value in request.headers.items() if name.lower() not in _HOP},
            ) as answer:
                content = await answer.read()
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
                return web.Response(status=answer.status, headers=kept, body=content)
        return None

    @staticmethod
    def _hang_up(request: web.Request) -> web.Response:
        if request.transport:
            request.transport.abort()
        return web.Response(status=503)


_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "keep-alive"})
_NAMES = {
    241: "MEMORY_LIMIT_EXCEEDED",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
}


def _refusal(code: int) -> web.Response:
    return web.Response(
        status=500,
        headers={"X-ClickHouse-Exception-Code": str(code)},
        text=f"Code: {code}. DB::Exception: refused on purpose. ({_NAMES[code]})\n",
    )
