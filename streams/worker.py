"""One worker: opens the store, makes the app, and runs it until told to stop."""

import asyncio
from typing import Final

import structlog
from clickhouse_connect.driver.client import Client
from faust import Worker
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential_jitter

from streams import broker
from streams.app import create_app
from streams.clock import SystemClock
from streams.fault import Fault, error_in, fault_of, kafka_error_in
from streams.meters import Meters
from streams.process import collect_less, leave_after, leave_what_hangs, share_memory_among_threads, start_afresh
from streams.settings import Settings
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.migrate import migrate
from streams.sinks.watch import ClickHouseWatchStore
from streams.store_error import StoreRejectedError, StoreUnavailableError

log = structlog.get_logger()

_REFUSED: Final = 2
_LEAVE_SECONDS: Final = 60.0
"""More than a stop takes at most, with a batch in hand and Kafka away."""


def run_worker(settings: Settings) -> int:
    """Run a worker until it is told to stop, and return its exit code.

    ClickHouse and Kafka are waited for. When Kafka is lost on the way, the worker starts afresh: it keeps no state.

    Raises:
        KafkaRefusedError: When Kafka refuses what only other settings can change.
        SettingsError: When the web port that somebody set is taken.
        StoreRejectedError: When ClickHouse refuses the login, or its schema does not fit this version.
    """
    share_memory_among_threads()
    client = _open_client(settings)
    created = broker.ensure_topics(settings)
    log.info("worker starts", kafka=settings.kafka, clickhouse=settings.clickhouse, topics_created=created)
    watched = ClickHouseWatchStore(client) if settings.alert_watch else None
    app = create_app(settings, ClickHouseStore(client), watched, clock=SystemClock(), meters=Meters())
    log.info("health and metrics", url=f"http://{settings.web_host}:{app.conf.web_port}")
    collect_less()
    worker = _Worker(app, override_logging=False, redirect_stdouts=False, quiet=True, loglevel=settings.log_level)
    worker.spinner = None  # it would write to the log
    code = _exit_code_of(worker)
    reason = app.crash_reason or _failed_start(worker)
    if (lost := kafka_error_in(reason)) is not None:
        code = _go_on_without(fault_of(lost, settings))
    elif (refused := error_in(reason, StoreRejectedError)) is not None:
        log.error("ClickHouse refuses what a worker must do", error=str(refused))
        code = _REFUSED
    leave_what_hangs(code)
    return code


class _Worker(Worker):
    """Runs an app until it is told to stop, and stops in the time that operators give it."""

    async def stop(self) -> None:
        """Stop in good order, or leave."""
        leave_after(_LEAVE_SECONDS)
        await super().stop()

    async def _sentinel_task(self) -> None:
        """Let what closes close. Faust gives it a second; nothing that was still open needed more than one turn."""
        await asyncio.sleep(0.1)


def _failed_start(worker: Worker) -> BaseException | None:
    """Return what kept a worker from starting, such as a Kafka that went away just then: Faust logs it and ends."""
    starting = worker._starting_fut
    return starting.exception() if starting and starting.done() and not starting.cancelled() else None


def _go_on_without(fault: Fault) -> int:
    """Start afresh when waiting can help, which the new process does; else return the exit code."""
    if fault.exit_code is None:
        log.warning("Kafka was lost: starting afresh", error=fault.sentence)
        start_afresh()
    log.error("Kafka does not take us", error=fault.sentence)
    return fault.exit_code or 1


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
