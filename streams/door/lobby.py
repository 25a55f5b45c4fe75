"""Connections of clients: those that say nothing are closed, and when there are too many the oldest silent one goes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

SILENT_SECONDS: Final = 10.0
"""A connection has so long to send a first request with all its headers."""
IDLE_SECONDS: Final = 75.0
"""How long one stays open between requests: longer than proxies keep theirs, or they would send into a closed one."""
_LINGER_SECONDS: Final = 2.0
"""What is read on of a body that was refused, so that the client sees why."""


class _OfOurs(logging.Filter):
    """Leaves out that somebody sent what is no HTTP: the log would quote his headers, and a token may be among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_logger: Final = logging.getLogger("aiohttp.server.door")
_logger.addFilter(_OfOurs())

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Lobby(web.Server):
    """An HTTP server on which nobody can wait for ever."""

    def __init__(self, answer: Answer, *, most_connections: int, on_count: Callable[[int], object]) -> None:
        super().__init__(
            self._heard,
            access_log=None,
            logger=_logger,
            auto_decompress=False,  # signatures are over what was sent, and nothing may unpack without a bound
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=_LINGER_SECONDS,
        )
        self._answer = answer
        self._most_connections = most_connections
        self._on_count = on_count
        self._here: set[RequestHandler] = set()
        self._silent: dict[object, tuple[asyncio.TimerHandle, asyncio.Transport]] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Let a client in, as far as there is room."""
        super().connection_made(handler, transport)
        self._here.add(handler)
        if len(self._here) > self._most_connections and not self._close_oldest():
            transport.abort()
            return
        timer = asyncio.get_running_loop().call_later(SILENT_SECONDS, transport.abort)
        self._silent[handler] = timer, transport
        self._on_count(len(self._here))

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a client."""
        self._speaks(handler)
        super().connection_lost(handler, exc)
        self._here.discard(handler)
        self._on_count(len(self._here))

    async def _heard(self, request: web.BaseRequest) -> web.StreamResponse:
        self._speaks(request.protocol)
        return await self._answer(request)

    def _speaks(self, handler: object) -> None:
        if found := self._silent.pop(handler, None):
            found[0].cancel()

    def _close_oldest(self) -> bool:
        """Close the connection that has been silent for longest; tell whether there was one."""
        for handler, (_, transport) in self._silent.items():
            self._speaks(handler)
            transport.abort()
            return True
        return False


def server_options() -> dict[str, Any]:
    """Return how many connections wait to be let in."""
    return {"backlog": 1024, "reuse_address": True}
