"""Serves the ClickHouse engine over ClickHouse's HTTP interface, on loopback, as a process of its own.

`python -m deploy.embedded.clickhouse_http --port 18123 --path .servicepulse/clickhouse` stays in the foreground until
SIGTERM. The engine has no users: names and passwords are accepted and ignored. Sessions are accepted but each request
stands alone: temporary tables and SET do not outlive it. Blocks compressed in ClickHouse's own way (`compress=1`) are
refused; results are never compressed, which costs more than it saves on loopback.
"""

import argparse
import asyncio
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from yarl import URL

from deploy.embedded import lifeline
from deploy.embedded.call import FieldTooLongError, InvalidCallError, read_call
from deploy.embedded.encoding import DamagedBodyError, UnknownEncodingError
from deploy.embedded.engine import DirectoryInUseError, Engine, StatementError, UnusableDirectoryError
from deploy.embedded.exchange import EngineThreads
from deploy.embedded.native import UnsupportedTypeError
from deploy.embedded.probe import HOST, PID_HEADER
from deploy.embedded.statement import Kind, split

MAX_IN_FLIGHT = 32
MAX_URL_BYTES = 16 * 2**20
MAX_BODY_BYTES = 2**40
READ_BYTES = 2**20
HEAD_BYTES = 2**20
GRACE_SECONDS = 20.0
CANCEL_SECONDS = 5.0
CLOSED_EXIT = 3

_TEXT = "text/plain; charset=UTF-8"
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
_CLIENT_FAULTS = {
    InvalidCallError: 36, FieldTooLongError: 1000, UnknownEncodingError: 779, DamagedBodyError: 117,
    UnsupportedTypeError: 48,
}  # fmt: skip

_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


class Interface:
    """The routes of the HTTP interface."""

    def __init__(self, threads: EngineThreads) -> None:
        self._threads = threads

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_only_from_here, self._faults])
        application.router.add_get("/ping", self._ping)
        application.router.add_get("/replicas_status", self._ping)
        application.router.add_route("GET", "/", self._query)
        application.router.add_route("POST", "/", self._query)
        return application

    async def _query(self, request: web.Request) -> web.StreamResponse:
        call, body = await read_call(request)
        text = await _head(call.query, body)
        if not text.strip():
            return await self._ping(request)
        statement = split(text)
        if statement.kind is not Kind.INSERT_DATA:
            statement = split(text + b"".join([piece async for piece in body]))
        return await self._threads.answer(request, call, statement, body)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n", headers={PID_HEADER: str(os.getpid())})

    @web.middleware
    async def _faults(self, request: web.Request, handler: _Answer) -> web.StreamResponse:
        """Answer a fault of the client or of its statement with ClickHouse's code and text."""
        try:
            return await handler(request)
        except StatementError as error:
            return _fault(error.code, str(error))
        except tuple(_CLIENT_FAULTS) as error:
            code = _CLIENT_FAULTS[type(error)]
            return _fault(code, f"Code: {code}. DB::Exception: {error}")


@web.middleware
async def _only_from_here(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Refuse what a web page of another site makes a browser send: the engine asks nobody for a password."""
    for header in ("Host", "Origin"):
        name = request.headers.get(header, HOST)
        if not _is_loopback(URL(name if "//" in name else f"//{name}").host or ""):
            return web.Response(status=403, text=f"Only requests from this machine are answered ({header}: {name})\n")
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


async def serve(path: Path, listener: socket.socket, max_in_flight: int = MAX_IN_FLIGHT) -> None:
    """Open the engine at `path` and answer on `listener` until SIGTERM or SIGINT; then finish what is in flight.

    Raises:
        DirectoryInUseError: when another process has the directory open.
        UnusableDirectoryError: when the engine cannot open it.
    """
    stop = asyncio.Event()
    engine = Engine(path, f"on {_address(listener)}")
    for signum in (signal.SIGTERM, signal.SIGINT):
        # After opening: the engine installs signal actions of its own.
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    threads = EngineThreads(engine, max_in_flight)
    runner = web.AppRunner(
        Interface(threads).application(),
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=MAX_URL_BYTES,
        read_bufsize=READ_BYTES,
        shutdown_timeout=GRACE_SECONDS + CANCEL_SECONDS,
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    _log.info("ClickHouse %s answers on %s, data in %s", engine.version, _address(listener), path)
    await stop.wait()
    _log.info("stopping: finishing the requests in flight")
    late = asyncio.get_running_loop().create_task(_cancel_late(threads))
    await runner.cleanup()
    late.cancel()
    threads.close()
    engine.close()
    _log.info("stopped")


async def _cancel_late(threads: EngineThreads) -> None:
    await asyncio.sleep(GRACE_SECONDS)
    _log.warning("statements still run after %.0f s: stopping them", GRACE_SECONDS)
    await threads.cancel_all()


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
    """Read the command line and serve; the exit status is 3 when the directory or the port cannot be had."""
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
    except (DirectoryInUseError, UnusableDirectoryError) as error:
        _log.error("%s", error)
        return CLOSED_EXIT
    except OSError as error:
        _log.error("cannot listen on %s:%d: %s. Choose another --port.", parsed.host, parsed.port, error)
        return CLOSED_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())
