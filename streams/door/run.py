"""One door: opens its ports, connects to Kafka, and answers until told to stop."""

import asyncio
import resource
import signal
import socket
import ssl
from contextlib import suppress
from importlib.resources import files
from typing import Final

import structlog
from aiohttp import web
from clickhouse_connect.driver.client import Client
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.codec import ORDERS, TICKETS
from streams.broker import aiokafka_options
from streams.clock import SystemClock
from streams.courier import Courier, TopicMissingError
from streams.door.answer import json_answer
from streams.door.door import Door
from streams.door.hook_file import hook_file
from streams.door.lobby import Lobby
from streams.door.meters import DoorMeters
from streams.door.token_file import token_file
from streams.fault import fault_of
from streams.listening import listening
from streams.process import collect_less, share_memory_among_threads
from streams.settings import Settings
from streams.sinks.connection import connect
from streams.sinks.fate import Fate, fate_of
from streams.store_error import StoreUnavailableError

log = structlog.get_logger()

COMPRESSION: Final = "zstd"
_SPARE_FILES: Final = 512
"""Open files beside connections of clients."""
_FINISH_SECONDS: Final = 10.0


def run_door(settings: Settings) -> None:
    """Answer requests until told to stop; what is in hand then is finished.

    Raises:
        SettingsError: When a port that somebody set is taken, or a certificate cannot be read.
    """
    share_memory_among_threads()
    context = settings.receive_ssl_context()
    meters = DoorMeters()
    with listening(settings, "receive", "--port") as door, listening(settings, "web", "--web-port") as pages:
        _allow_files(settings.receive_connections)
        asyncio.run(_serve(settings, meters, door, pages, context))


async def _serve(
    settings: Settings,
    meters: DoorMeters,
    sock: socket.socket,
    pages: socket.socket,
    context: ssl.SSLContext | None,
) -> None:
    topics = [settings.topic(TICKETS), settings.topic(ORDERS)]
    courier = Courier(
        aiokafka_options(settings),
        topics,
        patience_seconds=settings.receive_answer_seconds,
        on_away=lambda error: log.warning("no events are taken", why=_why(error, settings)),
        compression=COMPRESSION,
    )
    tokens, hooks = token_file(settings.tokens_file), hook_file(settings.hooks_file)
    door = Door(
        courier,
        lambda: tokens.value,
        lambda: hooks.value,
        _Store(settings).fate,
        SystemClock(),
        meters,
        (files("schemas") / "catalogue" / "openapi.json").read_bytes(),
        topic_prefix=settings.kafka_topic_prefix,
        most_in_flight=settings.receive_in_flight,
        logs_requests=settings.receive_access_log,
    )
    lobby = Lobby(
        door.answer, most_connections=settings.receive_connections, on_count=lambda count: meters.connections.set(count)
    )
    runners = [
        web.ServerRunner(lobby, shutdown_timeout=_FINISH_SECONDS),
        web.ServerRunner(_pages(door, courier, meters)),
    ]
    for runner in runners:
        await runner.setup()
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(step) for step in (courier.run(), tokens.watch(), hooks.watch())]
        await web.SockSite(runners[0], sock, ssl_context=context).start()
        await web.SockSite(runners[1], pages).start()
        log.info("the door is open", url=_url(sock, context), health_and_metrics=_url(pages, None))
        collect_less()
        await _told_to_stop()
        for runner in runners:
            await runner.cleanup()
        for task in background:
            task.cancel()


class _Store:
    """ClickHouse, once somebody asks for what is there: the door works without."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def fate(self, source: str, id: str) -> Fate:
        if self._settings.clickhouse is None:
            raise StoreUnavailableError("no ClickHouse is set")
        if self._client is None:
            self._client = connect(self._settings)
        return fate_of(self._client, source, id)


def _pages(door: Door, courier: Courier, meters: DoorMeters) -> web.Server:
    """Return what operators' machines ask, on a port of its own."""

    async def answer(request: web.BaseRequest) -> web.Response:
        meters.connected.set(courier.connected.is_set())
        if request.path == "/metrics":
            headers = {"Content-Type": CONTENT_TYPE_LATEST}
            return web.Response(body=generate_latest(meters.registry), headers=headers)
        if request.path == "/health":
            return json_answer(told := door.health(), 200 if told["status"] == "ok" else 503)
        return json_answer({"error": "/health and /metrics are here"}, 404)

    return web.Server(answer, access_log=None)


async def _told_to_stop() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    log.info("the door closes: what is in hand is finished")


def _allow_files(connections: int) -> None:
    """Let this process have as many open files as it may have connections, as far as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_FILES
    least = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < least:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (least, hard))
    if least < wanted:
        log.warning("fewer files may be open than connections are let in", files=least, connections=connections)


def _why(error: BaseException, settings: Settings) -> str:
    return str(error) if isinstance(error, TopicMissingError) else fault_of(error, settings).sentence


def _url(sock: socket.socket, context: ssl.SSLContext | None) -> str:
    host, port = sock.getsockname()[:2]
    return f"{'https' if context else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
