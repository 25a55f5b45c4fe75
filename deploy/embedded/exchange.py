"""Carries out one HTTP request with the engine: its session, its threads, and its answer as a server words it."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TypeVar, TypeVarTuple

from aiohttp import web

from deploy.embedded import native
from deploy.embedded.call import Call, InvalidCallError
from deploy.embedded.engine import Counts, Engine, Rows, Session, StatementError, Writer
from deploy.embedded.statement import Kind, Statement

BUFFER_BYTES = 2**20
DISPLAY_NAME = "embedded"

# Formats whose pieces, one behind the other, are the whole result: no head, no end, no totals.
_STREAMED = frozenset({"Native", "RowBinary"})
_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
}
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class EngineThreads:
    """The engine and the threads in which it works: one for each request in flight, one more to cancel."""

    def __init__(self, engine: Engine, max_in_flight: int) -> None:
        self.engine = engine
        self._places = asyncio.Semaphore(max_in_flight)
        self._threads = ThreadPoolExecutor(max_in_flight, thread_name_prefix="query")
        self._side_thread = ThreadPoolExecutor(1, thread_name_prefix="cancel")

    async def answer(
        self, request: web.Request, call: Call, statement: Statement, body: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Run a statement, whose data goes on in `body`, as soon as a place is free, and answer the request.

        Raises:
            StatementError: when the engine refuses it before the answer has begun.
            InvalidCallError: for data in a revision that the engine does not read.
            UnsupportedTypeError: for a result that cannot be sent in the revision asked for.
        """
        async with self._places:
            return await _Exchange(self, request, call, statement).run(body)

    async def run(self, act: Callable[[*_Ts], _T], *arguments: *_Ts, cancel_mark: str | None) -> _T:
        """Run blocking work in a thread; when the client goes away meanwhile, wait until the engine is done with it.

        A connection can neither be used nor closed while a statement runs on it. The statement with `cancel_mark` is
        stopped then.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, act, *arguments)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if cancel_mark is not None:
                await loop.run_in_executor(self._side_thread, self.engine.cancel, cancel_mark)
            await asyncio.wait([work])
            raise

    async def cancel_all(self) -> None:
        """Stop every statement that runs."""
        await asyncio.get_running_loop().run_in_executor(self._side_thread, self.engine.cancel_all)

    def close(self) -> None:
        """End the threads; their work must be done."""
        self._threads.shutdown()
        self._side_thread.shutdown()


class _Exchange:
    """One request and its session. What runs in a thread is a method without `async`, a few for each request."""

    def __init__(self, threads: EngineThreads, request: web.Request, call: Call, statement: Statement) -> None:
        self._threads = threads
        self._request = request
        self._call = call
        self._statement = statement
        self._format = statement.format or call.default_format
        self._mark = call.settings.get("log_comment", call.query_id)
        self._is_cancellable = call.cancel_on_disconnect and statement.kind is Kind.SELECT
        self._session: Session | None = None

    async def run(self, body: AsyncIterator[bytes]) -> web.StreamResponse:
        try:
            if self._statement.kind is Kind.INSERT_DATA:
                return await self._answer_insert(body)
            if self._statement.kind is Kind.SELECT and self._format in _STREAMED:
                return await self._answer_select()
            result, counts = await self._in_thread(self._run_whole)
            return web.Response(body=result, headers=self._headers(counts))
        finally:
            if self._session:
                await self._in_thread(self._close)

    async def _answer_insert(self, body: AsyncIterator[bytes]) -> web.Response:
        writer = await self._in_thread(self._begin_insert)
        try:
            async for piece in body:
                await self._in_thread(writer.append, piece)
            counts = await self._in_thread(self._finish_insert, writer)
        except BaseException:
            await self._in_thread(writer.cancel)
            raise
        return web.Response(headers=self._headers(counts))

    async def _answer_select(self) -> web.StreamResponse:
        """Answer with the whole result when it is small or asked for as a whole, else piece by piece."""
        rows, pieces = await self._in_thread(self._begin_select)
        if rows.is_at_end:
            return web.Response(body=b"".join(pieces), headers=self._headers(rows.counts))
        tag = secrets.token_hex(8)
        response = web.StreamResponse(headers=self._headers(rows.counts) | {"X-ClickHouse-Exception-Tag": tag})
        await response.prepare(self._request)
        for piece in pieces:
            await response.write(piece)
        del pieces
        try:
            while (fetched := await self._in_thread(self._fetch, rows)) is not None:
                await response.write(fetched)
        except (StatementError, native.UnsupportedTypeError) as error:
            await response.write(_late_fault(str(error), tag))
        await response.write_eof()
        return response

    def _run_whole(self) -> tuple[bytes, Counts]:
        session = self._open()
        result, counts = session.run(self._statement.sql, self._call.default_format, self._call.parameters)
        self._close()
        return self._encode(result), counts

    def _begin_insert(self) -> Writer:
        if self._format == "Native" and self._call.revision:
            raise InvalidCallError("Native data is read as revision 0 here: leave client_protocol_version away")
        writer = self._open().insert(self._statement.sql, self._statement.format or "", self._call.parameters)
        writer.append(self._statement.data)
        return writer

    def _finish_insert(self, writer: Writer) -> Counts:
        counts = writer.finish()
        self._close()
        return counts

    def _begin_select(self) -> tuple[Rows, list[bytes]]:
        rows = self._open().select(self._statement.sql, self._call.default_format, self._call.parameters)
        pieces: list[bytes] = []
        size = 0
        while (self._call.wait_end_of_query or size < BUFFER_BYTES) and (piece := self._fetch(rows)) is not None:
            pieces.append(piece)
            size += len(piece)
        if rows.is_at_end:
            self._close()
        return rows, pieces

    def _fetch(self, rows: Rows) -> bytes | None:
        piece = rows.fetch()
        return None if piece is None else self._encode(piece)

    def _encode(self, result: bytes) -> bytes:
        return native.for_revision(result, self._call.revision) if self._format == "Native" else result

    def _open(self) -> Session:
        """Open a session that is set up as the call asks, its external tables filled."""
        self._session = session = self._threads.engine.session()
        session.prepare(self._call.database, {"log_comment": self._mark, **self._call.settings})
        for table in self._call.tables:
            session.create_temporary(table.name, table.structure, table.format, table.content)
        if self._call.is_read_only:
            session.make_read_only()
        return session

    def _close(self) -> None:
        if self._session:
            self._session.close()
            self._session = None

    async def _in_thread(self, act: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        return await self._threads.run(act, *arguments, cancel_mark=self._mark if self._is_cancellable else None)

    def _headers(self, counts: Counts) -> dict[str, str]:
        summary = {name: str(count) for name, count in asdict(counts).items()}
        return {
            "Content-Type": _CONTENT_TYPES.get(self._format, "application/octet-stream"),
            "X-ClickHouse-Query-Id": self._call.query_id,
            "X-ClickHouse-Format": self._format,
            "X-ClickHouse-Timezone": self._threads.engine.timezone,
            "X-ClickHouse-Server-Display-Name": DISPLAY_NAME,
            "X-ClickHouse-Summary": json.dumps(summary, separators=(",", ":")),
        }


def _late_fault(text: str, tag: str) -> bytes:
    """Return the block by which a server ends a result that it has begun to send and cannot finish."""
    message = text.encode() + b"\n"
    mark = tag.encode()
    return b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (mark, message, len(message), mark)
