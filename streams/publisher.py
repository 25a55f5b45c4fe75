"""What an upstream service imports to publish events: validated before they leave, counted when they have arrived."""

import socket
import ssl
import time as clock
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Condition
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Protocol, Self, TypeAlias

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.producer.future import RecordMetadata

from schemas.codec import CONTENT_TYPE, Event, partition_key, topic_of
from schemas.events import Data
from streams.event_form import EventForm

MOST_OUTSTANDING_EVENTS: Final = 20_000
MOST_OUTSTANDING_BYTES: Final = 64 * 1024 * 1024
"""What may wait for acknowledgement at once; kafka-python itself would buffer without end."""
FLUSH_SECONDS: Final = 30.0
ROOM_SECONDS: Final = 60.0
"""How long `publish` waits for acknowledgements when too many are outstanding: a broker restarts in less."""
BATCH_BYTES: Final = 256 * 1024
"""Four partitions of such batches fit one request of 1 MiB, the size that brokers take unless told otherwise."""

_HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]
_PROBE_SECONDS: Final = 5.0
_PROBE_PAUSE_SECONDS: Final = 0.2
_SHOWN: Final = 5
_DELIVERY_MS: Final = 120_000
_BLOCK_MS: Final = 60_000

Compression: TypeAlias = Literal["gzip", "snappy", "lz4", "zstd"]


class Identity(NamedTuple):
    """What makes an event itself: the same pair is the same event, however often it is published."""

    source: str
    id: str


class Unacknowledged(NamedTuple):
    """An event of which nobody knows whether the broker has it."""

    source: str
    id: str
    why: str


class BrokerUnavailableError(Exception):
    """No broker takes our events at this address. Trying again later may help; the message names the address."""


class NotAcknowledgedError(Exception):
    """Events may not have arrived. Publish them again under the same ids: an event that arrives twice counts once.

    Attributes:
        unacknowledged: Which events, and why.
    """

    def __init__(self, unacknowledged: list[Unacknowledged]) -> None:
        shown = "; ".join(f"{source} {id}: {why}" for source, id, why in unacknowledged[:_SHOWN])
        more = f"; and {len(unacknowledged) - _SHOWN:,} more" if len(unacknowledged) > _SHOWN else ""
        super().__init__(
            f"{len(unacknowledged):,} events were not acknowledged; publish them again with the same ids, "
            f"an event that arrives twice counts once: {shown}{more}"
        )
        self.unacknowledged = unacknowledged


@dataclass(frozen=True)
class Login:
    """Who we are to the brokers (SASL)."""

    username: str
    password: str = field(repr=False)
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"


class Secret(Protocol):
    """A text that is shown in no log."""

    def get_secret_value(self) -> str:
        """Return it."""


class KafkaSettings(Protocol):
    """Where the brokers are, and who we are to them, as the settings of a process say it."""

    @property
    def kafka(self) -> str | None: ...  # noqa: D102 - the words say it
    @property
    def kafka_topic_prefix(self) -> str: ...  # noqa: D102
    @property
    def kafka_sasl_mechanism(self) -> Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None: ...  # noqa: D102
    @property
    def kafka_username(self) -> str | None: ...  # noqa: D102
    @property
    def kafka_password(self) -> Secret | None: ...  # noqa: D102

    def kafka_ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, None without TLS."""


class Publisher:
    """Publishes events of the contract to Kafka. Threads may share one; leaving the `with` block flushes.

    An event is written once per `publish`, in order within its subject, and acknowledged by all replicas. The same
    `(source, id)` published again changes nothing downstream, so after any error publishing again is safe.

    Attributes:
        acknowledged: How many events the broker has confirmed so far.
        gate: Called with each event before it leaves, which may take its time; what it raises keeps the event here.
        heard: Called from a thread of its own with each event that is acknowledged, its topic, partition and offset.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        source: str | None = None,
        topic_prefix: str = "",
        derived: bool = False,
        tls: ssl.SSLContext | bool = False,
        login: Login | None = None,
        timeout_seconds: float = 10.0,
        linger_seconds: float = 0.02,
        compression: Compression | None = "gzip",
        patience_seconds: float | None = None,
    ) -> None:
        """Connect to the brokers.

        Args:
            bootstrap: `host:port[,host:port]`.
            source: CloudEvents source of what `publish` sends, a URI such as `urn:shop:helpdesk`.
            topic_prefix: Put before every topic name.
            derived: Allow events that only Service Pulse itself derives.
            tls: True for the system's certificate authorities, or a context of your own.
            login: Name and password for SASL.
            timeout_seconds: How long to wait for a broker that is still starting.
            linger_seconds: How long an event waits for others to travel with.
            compression: Of batches. gzip needs no further package.
            patience_seconds: How long a broker that goes away later may stay away before events count as not
                acknowledged; not given: `FLUSH_SECONDS` for a flush, `ROOM_SECONDS` for `publish`.

        Raises:
            BrokerUnavailableError: When no broker answers in time.
            ValueError: When an address is not host:port.
        """
        self._bootstrap = bootstrap
        self._topic_prefix = topic_prefix
        self._patience_seconds = patience_seconds
        self.gate: Callable[[Event], object] | None = None
        self.heard: Callable[[Identity, str, int, int], object] | None = None
        self._outstanding = _Outstanding(patience_seconds)
        self._closed = False
        self._form = EventForm(source, derived=derived)
        context = ssl.create_default_context() if tls is True else tls or None
        _await_listener(_addresses(bootstrap), context, timeout_seconds)
        options = _security(context, login) | {"linger_ms": int(linger_seconds * 1000), "compression_type": compression}
        if patience_seconds is not None:
            options |= _lasting(patience_seconds)
        self._producer = _producer(bootstrap, max(timeout_seconds, 1.0), options)

    @classmethod
    def from_settings(
        cls,
        settings: KafkaSettings,
        *,
        source: str | None = None,
        derived: bool = False,
        patience_seconds: float | None = None,
    ) -> Self:
        """Return a publisher to the brokers that the settings name.

        Raises:
            ValueError: When the settings name none.
            SettingsError: When a certificate cannot be read.
            BrokerUnavailableError: When no broker answers in time.
        """
        if settings.kafka is None:
            raise ValueError("no broker is set: set SERVICEPULSE_KAFKA to host:port")
        login = None
        if settings.kafka_sasl_mechanism and settings.kafka_username and settings.kafka_password:
            password = settings.kafka_password.get_secret_value()
            login = Login(settings.kafka_username, password, settings.kafka_sasl_mechanism)
        return cls(
            settings.kafka,
            source=source,
            topic_prefix=settings.kafka_topic_prefix,
            derived=derived,
            tls=settings.kafka_ssl_context() or False,
            login=login,
            patience_seconds=patience_seconds,
        )

    @property
    def outstanding(self) -> int:
        """How many events are on their way."""
        return self._outstanding.count

    @property
    def acknowledged(self) -> int:  # noqa: D102 - described by the class
        return self._outstanding.acknowledged

    def publish(
        self,
        content: Data,
        *,
        time: datetime,
        id: str | None = None,
        subject: str | None = None,
        subjectseq: int | None = None,
        replay: bool = False,
        correlationid: str | None = None,
        causationid: str | None = None,
    ) -> Identity:
        """Publish one event and return its identity. It is on its way, not yet acknowledged: see `flush`.

        Args:
            content: What happened, one of the classes in `schemas.events`.
            time: When it happened, with a time zone.
            id: Unique within the source. Give one that your system can derive again, so that a repetition is
                recognised; a unique one is made up when there is none.
            subject: Needed for a retraction only: the ticket of the retracted event. The others name theirs.
            subjectseq: Order of events of one ticket that share an instant.
            replay: True for history that is filled in: it never pages anybody.
            correlationid: What belongs together across systems.
            causationid: The event that caused this one.

        Raises:
            ValueError: When `time` has no time zone, or the publisher has no source.
            InvalidEventError: When a field does not keep the contract; the pointer names it.
            BrokerUnavailableError: When the broker has taken nothing for a minute.
        """
        value = self._form.written(
            content,
            time=time,
            id=id,
            subject=subject,
            subjectseq=subjectseq,
            replay=replay,
            correlationid=correlationid,
            causationid=causationid,
        )
        return self.publish_event(value)

    def publish_event(self, event: Mapping[str, Any] | bytes | str) -> Identity:
        """Publish a whole CloudEvent, given as a mapping or as JSON, and return its identity.

        Raises:
            InvalidEventError: When it is no event of the contract, or one that only Service Pulse derives.
            BrokerUnavailableError: When the broker has taken nothing for a minute.
        """
        if self._closed:
            raise ValueError("this publisher is closed")
        decoded = self._form.read(event)
        if self.gate is not None:
            self.gate(decoded)
        identity = Identity(decoded.source, decoded.id)
        number = self._outstanding.reserve(identity, len(decoded.raw), self._bootstrap)
        try:
            self._send(decoded, number)
        except BaseException:
            self._outstanding.withdraw(number)
            raise
        return identity

    def flush(self, timeout_seconds: float | None = None) -> None:
        """Wait until all that was published before is acknowledged. What failed is reported once.

        Raises:
            NotAcknowledgedError: Naming each event that failed since the last flush, or is not acknowledged in time.
        """
        seconds = timeout_seconds if timeout_seconds is not None else self._patience_seconds
        unacknowledged = self._outstanding.settle(FLUSH_SECONDS if seconds is None else seconds)
        if unacknowledged:
            raise NotAcknowledgedError(unacknowledged)

    def close(self, timeout_seconds: float | None = None) -> None:
        """Flush, then let go of the connection. Closing again does nothing.

        Raises:
            NotAcknowledgedError: As `flush` does; the connection is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.flush(timeout_seconds)
        finally:
            _close(self._producer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except NotAcknowledgedError as unacknowledged:
            if error is None:
                raise
            error.add_note(str(unacknowledged))

    def _send(self, event: Event, number: int) -> None:
        topic = f"{self._topic_prefix}{topic_of(event)}"
        try:
            # The list is copied by nobody: kafka-python only reads it.
            future = self._producer.send(topic, event.raw, partition_key(event), _HEADERS)
        except KafkaTimeoutError as error:
            raise BrokerUnavailableError(
                f"{self._bootstrap} names no partition of topic {topic}: it went away, or the topic does not exist "
                f"(a worker creates its topics when it starts)"
            ) from error
        identity = Identity(event.source, event.id)
        future.add_callback(partial(self._acknowledged, number, identity))
        future.add_errback(partial(self._outstanding.fail, number))

    def _acknowledged(self, number: int, identity: Identity, metadata: RecordMetadata) -> None:
        if self.heard is not None:
            self.heard(identity, metadata.topic, metadata.partition, metadata.offset)
        self._outstanding.acknowledge(number, metadata)


class _Outstanding:
    """The events that left and are not acknowledged yet, and those that failed and were not reported yet."""

    def __init__(self, patience_seconds: float | None = None) -> None:
        self.acknowledged = 0
        self._patience_seconds = patience_seconds
        self._changed = Condition()
        self._last = 0
        self._bytes = 0
        self._waiting: dict[int, tuple[Identity, int]] = {}
        self._failed: list[Unacknowledged] = []

    @property
    def count(self) -> int:
        return len(self._waiting)

    def reserve(self, identity: Identity, size: int, bootstrap: str) -> int:
        """Return the number of a new outstanding event, as soon as there is room for it."""
        seconds = ROOM_SECONDS if self._patience_seconds is None else self._patience_seconds
        with self._changed:
            if not self._changed.wait_for(self._has_room, seconds):
                raise BrokerUnavailableError(
                    f"{bootstrap} leaves {len(self._waiting):,} events unacknowledged for {seconds:g} seconds"
                )
            self._last += 1
            self._bytes += size
            self._waiting[self._last] = (identity, size)
            return self._last

    def acknowledge(self, number: int, _metadata: object) -> None:
        if self.withdraw(number):
            self.acknowledged += 1

    def fail(self, number: int, error: Exception) -> None:
        with self._changed:
            identity = self.withdraw(number)
            if identity:
                self._failed.append(Unacknowledged(*identity, str(error)))

    def withdraw(self, number: int) -> Identity | None:
        with self._changed:
            identity, size = self._waiting.pop(number, (None, 0))
            self._bytes -= size
            self._changed.notify_all()
            return identity

    def settle(self, timeout_seconds: float) -> list[Unacknowledged]:
        """Wait for what is outstanding now; return what failed or is late, and forget the failures."""
        with self._changed:
            last = self._last
            self._changed.wait_for(lambda: next(iter(self._waiting), last + 1) > last, timeout_seconds)
            late = [identity for number, (identity, _) in self._waiting.items() if number <= last]
            failed, self._failed = self._failed, []
            return failed + [Unacknowledged(*identity, f"nothing heard in {timeout_seconds:g} s") for identity in late]

    def _has_room(self) -> bool:
        return len(self._waiting) < MOST_OUTSTANDING_EVENTS and self._bytes < MOST_OUTSTANDING_BYTES


def _addresses(bootstrap: str) -> list[tuple[str, int]]:
    addresses = []
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()):
            raise ValueError(f"{address!r} is no broker address; give host:port, several divided by commas")
        addresses.append((host.strip("[]"), int(port)))
    return addresses


def client_options(bootstrap: str, tls: ssl.SSLContext | bool, login: Login | None) -> dict[str, Any]:
    """Return how an aiokafka client reaches the brokers.

    Raises:
        ValueError: When an address is not host:port.
    """
    context = ssl.create_default_context() if tls is True else tls or None
    servers = [f"{host}:{port}" for host, port in _addresses(bootstrap)]
    return {"bootstrap_servers": servers, "sasl_mechanism": "PLAIN", **_security(context, login)}


def _security(context: ssl.SSLContext | None, login: Login | None) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": "SSL" if context else "PLAINTEXT", "ssl_context": context}
    if login is None:
        return options
    return options | {
        "security_protocol": f"SASL_{options['security_protocol']}",
        "sasl_mechanism": login.mechanism,
        "sasl_plain_username": login.username,
        "sasl_plain_password": login.password,
    }


def _lasting(patience_seconds: float) -> dict[str, Any]:
    """Return what makes kafka-python try a batch again for so long, rather than the two minutes of its own."""
    milliseconds = int(patience_seconds * 1000)
    return {"delivery_timeout_ms": max(_DELIVERY_MS, milliseconds), "max_block_ms": max(_BLOCK_MS, milliseconds)}


def _await_listener(addresses: list[tuple[str, int]], context: ssl.SSLContext | None, timeout_seconds: float) -> None:
    """Wait until one address accepts a connection.

    kafka-python says only that it could not connect, and waits without end for the TLS handshake of a broker that
    speaks no TLS.
    """
    end = clock.monotonic() + timeout_seconds
    while True:
        try:
            return _probe_any(addresses, context, min(timeout_seconds, _PROBE_SECONDS))
        except BrokerUnavailableError:
            if clock.monotonic() >= end:
                raise
        clock.sleep(_PROBE_PAUSE_SECONDS)


def _probe_any(addresses: list[tuple[str, int]], context: ssl.SSLContext | None, timeout_seconds: float) -> None:
    faults = []
    for address in addresses:
        try:
            _probe(address, context, timeout_seconds)
        except OSError as error:
            faults.append(f"{address[0]}:{address[1]} ({error.strerror or error})")
        else:
            return
    encrypted = " over TLS" if context else ""
    raise BrokerUnavailableError(f"no broker answers{encrypted} at {', '.join(faults)}")


def _probe(address: tuple[str, int], context: ssl.SSLContext | None, timeout_seconds: float) -> None:
    with socket.create_connection(address, timeout=timeout_seconds) as connection:
        if context is not None:
            context.wrap_socket(connection, server_hostname=address[0]).close()


def _producer(bootstrap: str, timeout_seconds: float, options: dict[str, Any]) -> KafkaProducer:
    clients: list[KafkaNetClient] = []

    def connect(**configuration: Any) -> KafkaNetClient:  # noqa: ANN401 - passed through as it comes
        clients.append(KafkaNetClient(**configuration))
        return clients[-1]

    try:
        return KafkaProducer(
            kafka_client=connect,
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=int(timeout_seconds * 1000),
            acks="all",
            enable_idempotence=True,
            # A topic that springs up by itself has as few partitions as the broker likes; workers create them right.
            allow_auto_create_topics=False,
            batch_size=BATCH_BYTES,
            metrics_enabled=False,
            **options,
        )
    except KafkaError as error:
        for client in clients:
            client.close()  # kafka-python leaves its sockets open when it cannot start
        raise BrokerUnavailableError(
            f"{bootstrap} accepts connections, but not ours: is it Kafka, and are TLS and login right? ({error})"
        ) from error


def _close(producer: KafkaProducer) -> None:
    with suppress(KafkaTimeoutError):
        producer.close(timeout=5)
        return
    # kafka-python's own close gives up, thread and sockets left open, while a batch cannot be delivered.
    producer._sender.force_close()
    producer._sender.join(5)
    producer.close(timeout=1)
