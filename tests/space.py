"""A place of its own for each integration test: a database and topics on shared servers, removed afterwards."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from clickhouse_connect.driver.client import Client
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from schemas.codec import CONTENT_TYPE, decode, partition_key
from schemas.events import OrderData
from streams.broker import TOPICS, ensure_topics, kafka_options, knock
from streams.core.said import ROW_OF
from streams.core.ticket.batch import TICKET_EVENTS
from streams.fault import KafkaErrors
from streams.settings import PREFIX, Settings
from streams.sinks.clickhouse import TABLES
from streams.sinks.connection import connect
from tests.databases import REST_SECONDS, any_name, given_back, lent
from tests.forks import ROOT as ROOT
from tests.forks import Fork, started

WORKER = ("streams.cli", "worker")
_PATIENCE_SECONDS = 120.0  # a machine may be busy
_POLL_SECONDS = 0.1
_MOST_POLL_SECONDS = 1.0
_SUMMED = (
    *("events", "event_times", "open_hours", "policies", "tickets", "ticket_days", "orders", "order_days"),
    *("messages_out", "retractions", "compensation_events", "templated_messages"),
    *dict.fromkeys(TABLES[row] for row in ROW_OF.values()),
)
"""What of a database must be the same whatever happens to workers on the way."""
_REST = 4
"""Asking shall not take the time of what is asked for: between two questions is several times what the first took."""


def wait_until(claim: Callable[[], bool], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
    """Return once the claim holds; fail by name when it does not in time."""
    end = (asked := time.monotonic()) + seconds
    while not claim():
        now = time.monotonic()
        if now > end:
            raise AssertionError(f"after {seconds:g} s still not: {what}")
        time.sleep(min(max(_POLL_SECONDS, _REST * (now - asked)), _MOST_POLL_SECONDS))
        asked = time.monotonic()


@dataclass
class WorkerProcess:
    """A worker as its operators see it: a process, its log, its pages."""

    process: subprocess.Popen[bytes] | Fork
    log_path: Path
    port: int

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def kill(self) -> None:
        """End it as the kernel or a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def meter(self, name: str) -> float:
        """Return a meter, added up over its labels."""
        lines = [line for line in self.page("/metrics").splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def health(self) -> dict[str, Any]:
        """Return what it says of itself, nothing while it does not answer."""
        try:
            return dict(json.loads(self.page("/health")))
        except urllib.error.HTTPError as error:
            return dict(json.loads(error.read()))
        except OSError:
            return {}

    def is_ready(self) -> bool:
        """Tell whether it has partitions: a stand-by has none to read."""
        return self.health().get("status") == "ok"


@dataclass
class Space:
    """One test's database and topics, with what a test does to them; all of it is gone after its block."""

    settings: Settings
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)
    is_forking: bool = True
    """Whether workers may be forks. Some are started as operators start them: what a signal does depends on it."""

    @cached_property
    def client(self) -> Client:
        """Return one client for all questions: to make one, it reads more than a thousand settings of the server."""
        return connect(self.settings)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        return self.client.query(sql, parameters=dict(parameters or {})).result_rows

    def value(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        return self.query(sql, parameters)[0][0]

    def checksum(self) -> dict[str, tuple[int, int]]:
        """Return rows and a sum over every column but the ingestion times, for each table."""
        sql = "SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM (SELECT * EXCEPT (ingested_at) FROM {} FINAL)"
        return {table: tuple(self.query(sql.format(table))[0]) for table in _SUMMED}

    def environment(self) -> dict[str, str]:
        """Return what a command needs to work in this space."""
        names = ("kafka", "clickhouse", "kafka_topic_prefix", "database", "web_port", "kafka_session_timeout_seconds")
        given = {f"{PREFIX}{name.upper()}": str(getattr(self.settings, name)) for name in names}
        return {**os.environ, **given, "COLUMNS": "160"}

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command of `servicepulse` to its end, with variables beside those of the space."""
        command = ["streams.cli", *arguments]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = started(command, self.environment() | variables, out, err)
            try:
                code = process.wait(timeout=300)
            finally:
                process.kill()
                process.wait()
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(command, code, out.read(), err.read())

    def start_worker(self, *command: str, **overrides: object) -> WorkerProcess:
        """Start a worker, or what a command makes of one, and return without waiting for it."""
        number = len(self.workers)
        log_path = self.folder / f"worker-{number}.log"
        port = free_port()
        given = {f"{PREFIX}{name.upper()}": str(value) for name, value in overrides.items()}
        # What a worker leaves wrong shall be seen, not mended behind the test's back.
        usual = {f"{PREFIX}RECHECK_EVERY_SECONDS": "3600", f"{PREFIX}WEB_PORT": str(port)}
        environment = {**self.environment(), **usual, **given}
        with log_path.open("wb") as lines:
            process = started(command or WORKER, environment, lines, lines, is_owned=True, is_forked=self.is_forking)
        self.workers.append(WorkerProcess(process, log_path, port))
        return self.workers[-1]

    def started_worker(self, **overrides: object) -> WorkerProcess:
        """Start a worker and return once it has its partitions."""
        worker = self.start_worker(**overrides)
        wait_until(lambda: worker.is_ready() or worker.process.poll() is not None, "the worker is ready or has ended")
        assert worker.process.poll() is None, f"the worker ended; its log ends:\n{worker.log[-2000:]}"
        return worker

    def send(self, values: Sequence[bytes | None], *, topic: str = "tickets", key: bytes | None = None) -> None:
        """Publish raw records, each under its event's key if it is an event, and wait for the broker to have them."""
        with self._producer() as producer:
            sent = [
                producer.send(
                    self.settings.topic(topic), value=value, key=key or _key_of(value), headers=_headers_of(value)
                )
                for value in values
            ]
            for future in sent:
                future.get(timeout=30)

    def publish(self, events: Sequence[bytes]) -> None:
        """Publish valid events to the topics where they belong."""
        decoded = [decode(event, now_ms=2**50) for event in events]
        orders = [event.raw for event in decoded if isinstance(event.content, OrderData)]
        tickets = [event.raw for event in decoded if not isinstance(event.content, OrderData)]
        self.send(tickets)
        self.send(orders, topic="orders")

    def read(self, topic: str, *, seconds: float = 5) -> list[bytes]:
        """Return the values of all records of a topic, once no more have come for a moment."""
        consumer = KafkaConsumer(
            self.settings.topic(topic),
            **kafka_options(self.settings),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            consumer_timeout_ms=int(seconds * 1000),
        )
        try:
            return [record.value for record in consumer]
        finally:
            consumer.close()

    def wait_for_events(self, count: int, seconds: float = _PATIENCE_SECONDS) -> None:
        """Return once so many different events are stored, folded into their tickets and acknowledged."""
        wait_until(lambda: self.value("SELECT count() FROM events FINAL") >= count, f"{count} events stored", seconds)
        folded = """
            SELECT (SELECT count() FROM events FINAL WHERE name IN {names:Array(String)})
                 = (SELECT sum(events) FROM tickets FINAL)
        """
        wait_until(lambda: bool(self.value(folded, {"names": TICKET_EVENTS})), "every stored event is folded", seconds)
        wait_until(self.is_quiet, "everything that was sent is committed", seconds)

    def is_quiet(self) -> bool:
        """Tell whether no live worker knows of anything left to do.

        The embedded broker says too little of how far a partition reaches, so this alone proves nothing.
        """
        live = [worker for worker in self.workers if worker.process.poll() is None]
        return bool(live) and all(_lag(worker) == 0 for worker in live)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """End the workers, drop the database, delete the topics."""
        for worker in self.workers:
            worker.kill()
        with suppress(Exception):
            given_back(self.client, rest_seconds=REST_SECONDS if self.workers else 0)
        with suppress(*KafkaErrors, OSError):
            knock(self.settings)  # kafka-python leaves its sockets open when it cannot start
            admin = KafkaAdminClient(**kafka_options(self.settings))
            admin.delete_topics([self.settings.topic(name) for name in TOPICS])
            admin.close()

    @contextmanager
    def _producer(self) -> Iterator[KafkaProducer]:
        producer = KafkaProducer(**kafka_options(self.settings), acks="all", max_request_size=4 * 2**20)
        try:
            yield producer
        finally:
            producer.close()


def new_space(kafka: str, clickhouse: str, folder: Path, *, partitions: int = 4) -> Space:
    """Return a space with its topics and its migrated database."""
    name = any_name()
    settings = Settings(
        kafka=kafka,
        clickhouse=clickhouse,
        database=lent(clickhouse),
        kafka_topic_prefix=f"{name}-",
        kafka_partitions=partitions,
        kafka_session_timeout_seconds=6,
        web_port=0,
        folder=folder,
    )
    ensure_topics(settings)
    return Space(settings, folder)


def _lag(worker: WorkerProcess) -> int:
    """Return how many records are not committed, 1 as long as the worker cannot tell."""
    try:
        return int(worker.meter("servicepulse_lag_records")) if worker.is_ready() else 1
    except OSError:
        return 1


def _key_of(value: bytes | None) -> bytes | None:
    with suppress(Exception):
        return partition_key(decode(value, now_ms=2**50))
    return None


def _headers_of(value: bytes | None) -> list[tuple[str, bytes]]:
    return [("content-type", CONTENT_TYPE.encode())] if value and value.startswith(b"{") else []


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
