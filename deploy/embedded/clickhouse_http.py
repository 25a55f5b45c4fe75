"""Serves the ClickHouse engine over ClickHouse's HTTP interface, on loopback, as a process of its own.

`python -m deploy.embedded.clickhouse_http --port 18123 --path .servicepulse/clickhouse` stays in the foreground until
SIGTERM. The engine has no users: names and passwords are accepted and ignored. Sessions are accepted but each request
stands alone: temporary tables and SET do not outlive it. Blocks compressed in ClickHouse's own way (`compress=1`) are
refused; results are never compressed, which costs more than it saves on loopback.
"""

import argparse
import asyncio
import ipaddress
import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar, TypeVarTuple
from urllib.parse import urlsplit

from aiohttp import web

from deploy.embedded import lifeline
from deploy.embedded.call import Call, InvalidCallError, read_call
from deploy.embedded.encoding import TruncatedBodyError, UnknownEncodingError
from deploy.embedded.engine import Counts, DirectoryInUseError, Engine, Rows, Session, StatementError
from deploy.embedded.probe import HOST, PID_HEADER
from deploy.embedded.statement import Kind, Statement, split

MAX_IN_FLIGHT = 32
MAX_URL_BYTES = 16 * 2**20
MAX_BODY_BYTES = 2**40
READ_BYTES = 2**20
HEAD_BYTES = 2**20
BUFFER_BYTES = 2**20
STOP_SECONDS = 20.0
IN_USE_EXIT = 3

# Formats whose pieces, one behind the other, are the whole result: no head, no end, no totals.
_STREAMED = frozenset({"Native", "RowBinary"})
_TEXT = "text/plain; charset=UTF-8"
_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
}
# As in ClickHouse's exceptionCodeToHTTPStatus; every other code is 500.
_STATUS = {
    code: status
    for status, codes in {
        400: (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675,
              676),
        403: (497,),
        404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
        408: (159,),
        411: (381,),
        413: (229,),
        415: (779,),
        501: (48,),
        503: (76, 209, 439),
    }.items()
    for code in codes
}  # fmt: skip
_CLIENT_FAULTS = {InvalidCallError: 36, UnknownEncodingError: 779, TruncatedBodyError: 117}

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Interface:
    """Answers HTTP requests with the engine: one connection and one thread for each request in flight."""

    def __init__(self, engine: Engine, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._engine = engine
        self._places = asyncio.Semaphore(max_in_flight)
        self._threads = ThreadPoolExecutor(max_in_flight, thread_name_prefix="query")
        self._side_thread = ThreadPoolExecutor(1, thread_name_prefix="cancel")

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_only_from_here, self._faults])
        application.router.add_get("/ping", self._ping)
        application.router.add_get("/replicas_status", self._ping)
        application.router.add_route("GET", "/", self.answer)
        application.router.add_route("POST", "/", self.answer)
        return application

    def close(self) -> None:
        """End the threads; their work must be done."""
        self._threads.shutdown()
        self._side_thread.shutdown()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Run the statement of one request."""
        call, body = await read_call(request)
        text = await _head(call.query, body)
        if not text.strip():
            return await self._ping(request)
        statement = split(text)
        if statement.kind is not Kind.INSERT_DATA:
            statement = split(text + b"".join([piece async for piece in body]))
        async with self._places:
            exchange = _Exchange(request, call, statement, self._engine, self._threads, self._side_thread)
            return await exchange.run(body)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n", headers={PID_HEADER: str(os.getpid())})

    @web.middleware
    async def _faults(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer a fault of the client or of its statement with ClickHouse's code and text."""
        try:
            return await handler(request)
        except StatementError as error:
            return _fault(error.code, str(error))
        except tuple(_CLIENT_FAULTS) as error:
            code = _CLIENT_FAULTS[type(error)]
            return _fault(code, f"Code: {code}. DB::Exception: {error} (version {self._engine.version})")


class _Exchange:
    """One request, its statement and its session with the engine."""

    def __init__(
        self,
        request: web.Request,
        call: Call,
        statement: Statement,
        engine: Engine,
        threads: ThreadPoolExecutor,
        side_thread: ThreadPoolExecutor,
    ) -> None:
        self._request = request
        self._call = call
        self._statement = statement
        self._engine = engine
        self._threads = threads
        self._side_thread = side_thread
        self._format = statement.format or call.default_format
        self._mark = call.settings.get("log_comment", call.query_id)

    async def run(self, body: AsyncIterator[bytes]) -> web.StreamResponse:
        session = await self._in_thread(self._open)
        try:
            if self._statement.kind is Kind.INSERT_DATA:
                return await self._insert(session, body)
            if self._statement.kind is Kind.SELECT and self._format in _STREAMED:
                return await self._select(session)
            result, counts = await self._in_thread(
                session.run, self._statement.sql, self._format, self._call.parameters
            )
            return web.Response(body=result, headers=self._headers(counts))
        finally:
            await self._in_thread(session.close)

    def _open(self) -> Session:
        """Open a session that is set up as the call asks, its external tables filled."""
        session = self._engine.session()
        try:
            session.prepare(self._call.database, {"log_comment": self._mark, **self._call.settings})
            for table in self._call.tables:
                session.create_temporary(table.name, table.structure, table.format, table.content)
            if self._call.is_read_only:
                session.make_read_only()
        except StatementError:
            session.close()
            raise
        return session

    async def _insert(self, session: Session, body: AsyncIterator[bytes]) -> web.Response:
        statement = self._statement
        writer = await self._in_thread(session.insert, statement.sql, statement.format or "", self._call.parameters)
        try:
            await self._in_thread(writer.append, statement.data)
            async for piece in body:
                await self._in_thread(writer.append, piece)
            counts = await self._in_thread(writer.finish)
        except BaseException:
            await self._in_thread(writer.cancel)
            raise
        return web.Response(headers=self._headers(counts))

    async def _select(self, session: Session) -> web.StreamResponse:
        """Answer with the whole result when it is small or must be whole, else piece by piece."""
        rows = await self._in_thread(session.select, self._statement.sql, self._format, self._call.parameters)
        pieces: list[bytes] = []
        size = 0
        while (piece := await self._in_thread(rows.fetch)) is not None:
            pieces.append(piece)
            size += len(piece)
            if size > BUFFER_BYTES and not self._call.wait_end_of_query:
                return await self._stream(rows, pieces)
        return web.Response(body=b"".join(pieces), headers=self._headers(rows.counts))

    async def _stream(self, rows: Rows, pieces: list[bytes]) -> web.StreamResponse:
        tag = secrets.token_hex(8)
        response = web.StreamResponse(headers=self._headers(rows.counts) | {"X-ClickHouse-Exception-Tag": tag})
        await response.prepare(self._request)
        for piece in pieces:
            await response.write(piece)
        pieces.clear()
        try:
            while (fetched := await self._in_thread(rows.fetch)) is not None:
                await response.write(fetched)
        except StatementError as error:
            await response.write(_late_fault(str(error), tag))
        await response.write_eof()
        return response

    async def _in_thread(self, act: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """Run blocking work in a thread; when the client goes away meanwhile, wait until the engine is done with it.

        A connection cannot be used or closed while a statement runs on it. A client that asked for it gets its SELECT
        stopped.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, act, *arguments)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if self._call.cancel_on_disconnect and self._statement.kind is Kind.SELECT:
                await loop.run_in_executor(self._side_thread, self._engine.cancel, self._mark)
            await asyncio.wait([work])
            raise

    def _headers(self, counts: Counts) -> dict[str, str]:
        summary = {name: str(count) for name, count in asdict(counts).items()}
        return {
            "Content-Type": _CONTENT_TYPES.get(self._format, "application/octet-stream"),
            "X-ClickHouse-Query-Id": self._call.query_id,
            "X-ClickHouse-Format": self._format,
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Server-Display-Name": "embedded",
            "X-ClickHouse-Summary": json.dumps(summary, separators=(",", ":")),
        }


@web.middleware
async def _only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what a web page of another site makes a browser send: the engine asks nobody for a password."""
    origin = request.headers.get("Origin")
    for name in (request.host, *([urlsplit(origin).netloc] if origin else [])):
        if not _is_loopback(urlsplit(f"//{name}").hostname or ""):
            return web.Response(status=403, text=f"Only requests from this machine are answered, not for {name}\n")
    return await handler(request)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _head(query: bytes, body: AsyncIterator[bytes]) -> bytes:
    """Return the start of a request's text: all of it, or enough for every INSERT to have said its format."""
    text = query + b"\n" if query else b""
    if split(text).kind is Kind.INSERT_DATA:
        return text
    pieces = [text]
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size >= HEAD_BYTES:
            break
    return b"".join(pieces)


def _fault(code: int, text: str) -> web.Response:
    return web.Response(
        status=_STATUS.get(code, 500),
        text=text + "\n",
        headers={"X-ClickHouse-Exception-Code": str(code), "Content-Type": _TEXT},
    )


def _late_fault(text: str, tag: str) -> bytes:
    """Return the block by which a server ends a result that it has begun to send and cannot finish."""
    message = text.encode() + b"\n"
    mark = tag.encode()
    return b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (mark, message, len(message), mark)


async def serve(path: Path, listener: socket.socket, max_in_flight: int = MAX_IN_FLIGHT) -> None:
    """Open the engine at `path` and answer on `listener` until SIGTERM or SIGINT; then finish what is in flight.

    Raises:
        DirectoryInUseError: when another process has the directory open.
    """
    stop = asyncio.Event()
    engine = Engine(path, f"on {_address(listener)}")
    for signum in (signal.SIGTERM, signal.SIGINT):
        # After opening: the engine installs signal actions of its own.
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    interface = Interface(engine, max_in_flight)
    runner = web.AppRunner(
        interface.application(),
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=MAX_URL_BYTES,
        read_bufsize=READ_BYTES,
        shutdown_timeout=STOP_SECONDS,
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    _log.info("ClickHouse %s answers on %s, data in %s", engine.version, _address(listener), path)
    await stop.wait()
    _log.info("stopping: finishing the requests in flight")
    await runner.cleanup()
    interface.close()
    engine.close()
    _log.info("stopped")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _listener(host: str, port: int) -> socket.socket:
    """Bind the address before the engine is opened, so that a taken port is told at once."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and serve; the exit status is 3 when the directory is in use."""
    parser = argparse.ArgumentParser(prog="deploy.embedded.clickhouse_http", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="data directory, made when missing")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--host", default=HOST, help="a loopback address; no other is possible")
    parser.add_argument("--owner-pid", type=int, help="end when this parent process ends")
    parser.add_argument("--max-in-flight", type=int, default=MAX_IN_FLIGHT, help="statements at the same time")
    parsed = parser.parse_args(arguments)
    if not _is_loopback(parsed.host):
        parser.error(
            f"--host {parsed.host}: the engine has no users and asks for no password, so it listens on 127.0.0.1 only. "
            "Use a ClickHouse server to be reached from other machines."
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if parsed.owner_pid:
        lifeline.end_with(parsed.owner_pid)
    try:
        asyncio.run(serve(parsed.path.resolve(), _listener(parsed.host, parsed.port), parsed.max_in_flight))
    except DirectoryInUseError as error:
        _log.error("%s", error)
        return IN_USE_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
