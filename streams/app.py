"""A Faust app with its agents, made from the settings: what reads, what watches, what looks at the group, its pages."""

import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import structlog
from faust import SASLCredentials, SSLCredentials
from faust.types import TP
from faust.types.auth import CredentialsT
from faust.types.web import Request, Response
from faust.web import View
from mode.supervisors import CrashingSupervisor
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.codec import ORDERS, TICKETS
from streams import broker
from streams.agents.tickets import TicketsAgent
from streams.agents.watch import WatchAgent
from streams.core.ticket.delay import Delay
from streams.group import Remedies, Remedy, forget, is_embedded
from streams.intake import BatchApp, BatchSchema, Delivery, NoTables, Pages
from streams.ledger import Seam
from streams.listening import listening
from streams.membership import Membership, Reminder, Standing
from streams.meters import Meters
from streams.outbox import FaustOutbox
from streams.ports import Clock, Store, WatchStore
from streams.process import start_afresh
from streams.settings import Settings
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
_LONG: Final = 24 * 3600.0
"""Seconds without a poll before the group gives a worker up: one that waits for ClickHouse is no less alive."""


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
    sock = listening(settings, "web", "--web-port")
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
        TableManager=NoTables,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=True,
        stream_buffer_maxsize=64,
        stream_processing_timeout=_LONG,
        web_bind=settings.web_host,
        web_port=sock.getsockname()[1],
        web_in_thread=False,
        datadir=tempfile.gettempdir(),  # Faust insists on one; without tables it stays empty
    )
    app.web = Pages(app, sock)
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
    start_afresh()


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
