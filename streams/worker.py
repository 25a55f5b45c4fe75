"""One worker: puts store, agents and Faust together from the settings, and runs them until told to stop."""

import asyncio
import ctypes
import errno
import gc
import logging
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from faust import SASLCredentials, SSLCredentials, Worker
from faust.types import TP
from faust.types.auth import CredentialsT
from faust.types.web import Request, Response
from faust.web import View
from mode.supervisors import CrashingSupervisor
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential_jitter

from schemas.codec import ORDERS, TICKETS
from streams import broker
from streams.agents.tickets import TicketsAgent
from streams.agents.watch import WatchAgent
from streams.clock import SystemClock
from streams.core.delay import Delay
from streams.fault import Fault, fault_of, kafka_error_in
from streams.group import Remedies, Remedy, forget, is_embedded
from streams.intake import BatchApp, BatchSchema, Delivery, Pages
from streams.ledger import Seam
from streams.membership import Membership, Reminder, Standing
from streams.meters import Meters
from streams.ports import Clock, Outgoing, RecordRefusedError, Store, StoreUnavailableError, WatchStore
from streams.settings import Settings, SettingsError
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.migrate import migrate
from streams.sinks.watch import ClickHouseWatchStore
from streams.topics import TopicIds

log = structlog.get_logger()

_MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
_COMMIT_SECONDS: Final = 0.5
"""How often what is stored is committed: whoever fills history in sees by it how far the workers are."""
_MEMBERSHIP_SECONDS: Final = 1.0
"""How often a worker looks how it stands in its group."""
_REQUEST_SECONDS: Final = 90.0
"""How long an answer of Kafka may take; Faust wants it no shorter than the session."""
_METADATA_MS: Final = 15_000
"""How often the topics are looked at: added partitions, and topics that are gone or made again, are noticed so soon."""
_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
"""Parameters of glibc's `mallopt`, as its header `malloc.h` numbers them."""
_LARGE_PIECE_BYTES: Final = 256 * 1024
_LONG: Final = 24 * 3600.0
"""Seconds without a poll before the group gives a worker up: one that waits for ClickHouse is no less alive."""


class FaustOutbox:
    """Publishes through the producer of a Faust app."""

    def __init__(self, app: BatchApp) -> None:
        self._app = app

    def partitions_of(self, topic: str) -> int | None:
        """Return how many partitions a topic has; None while it is unknown."""
        return self._app.partitions_of(topic)

    async def publish(self, records: Iterable[Outgoing]) -> None:
        """Publish records and return when the broker has all of them.

        Raises:
            RecordRefusedError: When it has all but those that it refuses for their size.
        """
        records = list(records)
        answers = await asyncio.gather(*[await self._sent(record) for record in records], return_exceptions=True)
        refused = []
        for record, answer in zip(records, answers, strict=True):
            if isinstance(answer, MessageSizeTooLargeError | RecordListTooLargeError):
                refused.append(record)
            elif isinstance(answer, BaseException):
                raise answer
        if shorter := [record.shortest for record in refused if record.shortest]:
            await self.publish(shorter)
        if lost := [record for record in refused if not record.shortest]:
            raise RecordRefusedError(lost)

    async def _sent(self, record: Outgoing) -> Awaitable[object]:
        headers = dict(record.headers) or None
        return await self._app.producer.send(record.topic, record.key, record.value, None, None, headers)


def create_app(
    settings: Settings, store: Store, watched: WatchStore | None = None, *, clock: Clock, meters: Meters
) -> BatchApp:
    """Return an app with its agents; it has its web port, and nothing is connected before it runs.

    Args:
        settings: Of the worker.
        store: Where events and tickets are kept.
        watched: What the watch reads; None when nobody watches.
        clock: Tells the time.
        meters: Of the worker.

    Raises:
        SettingsError: When the web port that somebody set is taken.
    """
    listening = _listening(settings)
    app = BatchApp(
        settings.topic(broker.GROUP),
        broker=[f"kafka://{address}" for address in (settings.kafka or "").split(",")],
        broker_credentials=_credentials(settings),
        broker_commit_interval=_COMMIT_SECONDS,
        broker_session_timeout=settings.kafka_session_timeout_seconds,
        broker_heartbeat_interval=settings.kafka_session_timeout_seconds / 4,
        broker_max_poll_interval=_LONG,
        broker_request_timeout=max(_REQUEST_SECONDS, settings.kafka_session_timeout_seconds),
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=_METADATA_MS,
        producer_max_request_size=_MAX_RECORD_BYTES,
        producer_linger=0.005,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=True,
        stream_buffer_maxsize=64,
        stream_processing_timeout=_LONG,
        web_bind=settings.web_host,
        web_port=listening.getsockname()[1],
        web_in_thread=False,
        datadir=tempfile.gettempdir(),  # Faust insists on one; without tables it stays empty
    )
    app.web = Pages(app, listening)
    app.batch_events = settings.batch_events
    app.batch_linger_seconds = settings.batch_linger_seconds
    agent = TicketsAgent(
        store,
        FaustOutbox(app),
        clock,
        meters,
        topic=settings.topic(TICKETS),
        dead_letter_topic=settings.topic(broker.DEAD_LETTERS),
        cache_tickets=settings.cache_tickets,
        cache_bytes=settings.cache_mib * 1024 * 1024,
        batch_events=settings.batch_events,
        recheck_every_seconds=settings.recheck_every_seconds,
    )
    app.on_seam = partial(_tell_seam, meters, agent)
    _register(app, agent, settings)
    if watched is not None:
        _register_watch(app, watched, settings, clock, meters, agent.delay)
    membership = Membership(time.monotonic())
    _register_membership(app, membership, meters, settings)
    _register_topics(app, settings)
    _register_pages(app, membership, meters)
    return app


def run_worker(settings: Settings) -> int:
    """Run a worker until it is told to stop, and return its exit code.

    ClickHouse and Kafka are waited for. When Kafka is lost on the way, the worker starts afresh: it keeps no state.

    Raises:
        KafkaRefusedError: When Kafka refuses what only other settings can change.
        SettingsError: When the web port that somebody set is taken.
        StoreRejectedError: When ClickHouse refuses the login, or its schema does not fit this version.
    """
    _share_memory_among_threads()
    client = _open_client(settings)
    created = broker.ensure_topics(settings)
    log.info("worker starts", kafka=settings.kafka, clickhouse=settings.clickhouse, topics_created=created)
    watched = ClickHouseWatchStore(client) if settings.alert_watch else None
    app = create_app(settings, ClickHouseStore(client), watched, clock=SystemClock(), meters=Meters())
    log.info("health and metrics", url=f"http://{settings.web_host}:{app.conf.web_port}")
    _load_early()
    _collect_less()
    worker = Worker(app, override_logging=False, redirect_stdouts=False, quiet=True, loglevel=settings.log_level)
    worker.spinner = None  # it would write to the log
    code = _exit_code_of(worker)
    if (lost := kafka_error_in(app.crash_reason or _failed_start(worker))) is not None:
        code = _go_on_without(fault_of(lost, settings))
    _leave_what_hangs(code)
    return code


def _failed_start(worker: Worker) -> BaseException | None:
    """Return what kept a worker from starting, such as a Kafka that went away just then: Faust logs it and ends."""
    starting = worker._starting_fut
    return starting.exception() if starting and starting.done() and not starting.cancelled() else None


def _go_on_without(fault: Fault) -> int:
    """Start afresh when waiting can help, which the new process does; else return the exit code."""
    if fault.exit_code is None:
        log.warning("Kafka was lost: starting afresh", error=fault.sentence)
        _start_afresh()
    log.error("Kafka does not take us", error=fault.sentence)
    return fault.exit_code or 1


def _load_early() -> None:
    """Have the driver import pandas now, where it is installed: else the first batch waits for that."""
    with suppress(AttributeError):
        _ = options.pd


def _share_memory_among_threads() -> None:
    """Have all threads take memory from one pool, and give large pieces back at once, where the C library is glibc.

    Each thread that writes to ClickHouse or unpacks a fetch would else keep a pool of its own, as large as the largest
    batch that it ever had: together they were half of a worker's memory.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_PIECE_BYTES)


def _collect_less() -> None:
    """Spare the garbage collector what stays for good, and let it look less often for circles.

    A batch makes some ten thousand small objects that hold none: looking through them again and again took a fifth of
    the time of a batch.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _exit_code_of(worker: Worker) -> int:
    try:
        worker.execute_from_commandline()
    except SystemExit as stop:
        return int(stop.code or 0)
    except asyncio.CancelledError:
        return 1  # an agent that ended with the app; the app knows why


@retry(
    retry=retry_if_exception_type(StoreUnavailableError),
    wait=wait_exponential_jitter(multiplier=0.5, max=15),
    before_sleep=lambda state: _say_waiting(state),
)
def _open_client(settings: Settings) -> Client:
    client = connect(settings)
    for migration in migrate(client, replicated=settings.clickhouse_replicated):
        log.info("migrated", number=migration.number, name=migration.name)
    return client


def _say_waiting(state: RetryCallState) -> None:
    log.warning(
        "ClickHouse is away: waiting",
        attempt=state.attempt_number,
        next_try_seconds=round(state.upcoming_sleep, 1),
        error=str(state.outcome.exception()) if state.outcome else None,
    )


def _register(app: BatchApp, agent: TicketsAgent, settings: Settings) -> None:
    topic = app.topic(settings.topic(TICKETS), settings.topic(ORDERS), schema=BatchSchema())

    async def tickets(stream: Any) -> None:  # noqa: ANN401 - a Faust stream
        await agent.receive(Delivery(event) async for event in stream.noack().events())

    app.agent(topic, name="tickets", supervisor_strategy=CrashingSupervisor)(tickets)
    app.task(agent.run)
    app.on_turn = agent.renew


def _register_watch(
    app: BatchApp, watched: WatchStore, settings: Settings, clock: Clock, meters: Meters, delay: Delay
) -> None:
    first = TP(settings.topic(TICKETS), 0)
    agent = WatchAgent(
        watched,
        FaustOutbox(app),
        clock,
        meters,
        settings.thresholds,
        topic=settings.topic(broker.SIGNALS),
        every_seconds=settings.alert_every_seconds,
        most_teams=settings.alert_most_teams,
        delay=delay,
        is_owner=lambda: not app.rebalancing and first in app.consumer.assignment(),
    )
    app.task(agent.run)


def _register_topics(app: BatchApp, settings: Settings) -> None:
    names = [settings.topic(TICKETS), settings.topic(ORDERS)]

    async def watch() -> None:
        threads = ThreadPoolExecutor(1, "kafka-topics")
        ids = TopicIds()
        try:
            while True:
                found = await asyncio.get_running_loop().run_in_executor(threads, broker.topic_ids, settings, names)
                for topic in ids.made_again(found):
                    log.warning("the topic was deleted and made again: reading it from its beginning", topic=topic)
                    await app.begin_anew(topic)
                await asyncio.sleep(_METADATA_MS / 1000)
        finally:
            threads.shutdown(wait=False)

    app.early_tasks = [*app.early_tasks, watch]


def _register_membership(app: BatchApp, membership: Membership, meters: Meters, settings: Settings) -> None:
    reminder, remedies = Reminder(), Remedies()

    async def watch() -> None:
        while True:
            if (fault := app.fault()) is not None:
                raise fault
            _look_at_group(app, membership, meters)
            if reminder.is_due(membership):
                _say_without_partitions(membership, app.conf.id)
            if remedy := remedies.due(membership):
                await _remedy(remedy, settings, app.conf.id)
            await asyncio.sleep(_MEMBERSHIP_SECONDS)

    app.early_tasks = [*app.early_tasks, watch]


async def _remedy(remedy: Remedy, settings: Settings, group: str) -> None:
    """Help a worker back into the embedded broker's group; any other broker is left alone."""
    if not await asyncio.to_thread(is_embedded, settings):
        return
    if remedy is Remedy.FORGET_GROUP:
        await asyncio.to_thread(forget, settings, group)
        return
    log.warning("the embedded broker's group gives no answer: starting afresh", group=group)
    _start_afresh()


def _look_at_group(app: BatchApp, membership: Membership, meters: Meters) -> None:
    membership.note(app.seen(), time.monotonic())
    meters.partitions.set(len(membership.partitions))
    meters.without_partitions.set(membership.seconds_without_partitions)


def _say_without_partitions(membership: Membership, group: str) -> None:
    told = {"group": group, **membership.told()}
    if membership.standing is Standing.STAND_BY:
        log.info("a stand-by: there are more workers than partitions", **told)
    else:
        log.warning("no partitions: the group gives no answer (deploy/RUNBOOK.md, Workers without partitions)", **told)


def _tell_seam(meters: Meters, agent: TicketsAgent, tp: TP, seam: Seam) -> None:
    """Say what Kafka lost, and what it made again."""
    place = f"{tp.topic}/{tp.partition}"
    if seam.lost:
        begin, end = seam.lost
        meters.lost.labels(tp.topic, str(tp.partition)).inc(end - begin)
        agent.tell_lost(tp.topic, tp.partition, begin, end)
        log.warning("Kafka removed records that nobody had read: they are lost", place=place, begin=begin, end=end)
    if seam.is_made_anew:
        log.warning("the partition was made anew: reading it from its beginning", place=place, begin=seam.resume)


def _register_pages(app: BatchApp, membership: Membership, meters: Meters) -> None:
    async def health(view: View, _: Request) -> Response:
        """Tell how the worker stands in its group; 503 unless it does its part or is there to do it."""
        _look_at_group(app, membership, meters)
        return view.json(membership.told(), status=200 if membership.is_ready else 503)

    async def metrics(view: View, _: Request) -> Response:
        """Tell everything to Prometheus."""
        _look_at_group(app, membership, meters)
        for tp in app.consumer.assignment():
            behind = app.lag_of(tp)
            if behind is not None:
                meters.lag.labels(tp.topic, str(tp.partition)).set(behind)
        return view.bytes(generate_latest(meters.registry), content_type=CONTENT_TYPE_LATEST.split(";")[0])

    app.page("/health")(health)
    app.page("/metrics")(metrics)


def _listening(settings: Settings) -> socket.socket:
    """Return a socket that listens on the web port; on a free one when the port is taken and nobody has set it."""
    host, port = settings.web_host, settings.web_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        if is_taken and "web_port" not in settings.model_fields_set:
            return socket.create_server((host, 0), family=family)
        fault = f"port {port} is taken" if is_taken else f"nothing can listen on {host}:{port} ({error.strerror})"
        raise SettingsError(f"{fault}: set another one by --web-port or SERVICEPULSE_WEB_PORT, or 0 for any") from error


def _credentials(settings: Settings) -> CredentialsT | None:
    context = settings.kafka_ssl_context()
    if settings.kafka_sasl_mechanism and settings.kafka_password:
        return SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None


def _leave_what_hangs(code: int) -> None:
    """End at once when a thread still waits for a server that does not answer: Python would wait with it."""
    hanging = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon
    ]
    if hanging:
        # Whatever asks ClickHouse does so in a thread of the event loop; Faust's own threads talk to Kafka.
        server = "ClickHouse" if any(name.startswith("asyncio_") for name in hanging) else "Kafka"
        log.warning(f"{server} does not answer: leaving, the batch in hand will be received again", threads=hanging)
        logging.shutdown()
        os._exit(code)


def _start_afresh() -> None:
    """Replace this process by a new one of the same command: no event loop or thread of the old one is left."""
    logging.shutdown()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command, no shell
