"""The broker before a worker starts: waited for, asked whether it takes us, and given the topics that are missing."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from schemas.codec import ORDERS, TICKETS
from streams.fault import Fault, KafkaErrors, KafkaRefusedError, MissingRightsError, fault_of
from streams.settings import Settings

log = structlog.get_logger()

GROUP: Final = "servicepulse"
DEAD_LETTERS: Final = "dead-letters"
SIGNALS: Final = "signals"
TOPICS: Final = (TICKETS, ORDERS, DEAD_LETTERS, SIGNALS)
"""Topics by their short names; `Settings.topic` gives the full one."""
NEEDED: Final[Mapping[str, Sequence[str]]] = {
    TICKETS: ("READ", "WRITE"),
    ORDERS: ("READ",),
    DEAD_LETTERS: ("WRITE",),
    SIGNALS: ("WRITE",),
}
"""What a worker does with each topic; either includes DESCRIBE."""
GRACE_SECONDS: Final = 10.0
"""How long what waiting should not mend is tried on: brokers that just start know neither all logins nor each other."""

_ANSWER_MS: Final = 5_000
_NOT_ALLOWED: Final = TopicAuthorizationFailedError.errno
_UNKNOWN: Final = 3


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Return what every kafka-python client needs to reach the brokers."""
    return {"bootstrap_servers": (settings.kafka or "").split(","), **_connection(settings)}


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Return what every aiokafka client needs to reach the brokers.

    Raises:
        SettingsError: When a certificate cannot be read.
    """
    return kafka_options(settings) | {"sasl_mechanism": settings.kafka_sasl_mechanism or "PLAIN"}


def ensure_topics(settings: Settings) -> list[str]:
    """Wait for the broker, create the topics that it lacks, and return their names. Those it has stay as they are.

    Rights that are missing are waited for as well: whoever grants them need not start anything again.

    Raises:
        KafkaRefusedError: When the broker refuses what only other settings can change, for `GRACE_SECONDS` on end.
        SettingsError: When a certificate cannot be read.
    """
    waiting = Retrying(
        retry=retry_if_exception_type((*KafkaErrors, OSError, MissingRightsError)),
        wait=wait_exponential_jitter(multiplier=0.5, max=15),
        stop=_Grace(settings),
        before_sleep=lambda state: _say(state, settings),
        retry_error_callback=lambda state: _refuse(_fault(state, settings)),
    )
    return waiting(_ensured, settings)


def topic_ids(settings: Settings, names: Sequence[str]) -> dict[str, str | None]:
    """Return the id of each topic, None where there is none; nothing at all while no broker answers."""
    patience = {"bootstrap_timeout_ms": _ANSWER_MS, "request_timeout_ms": _ANSWER_MS}
    try:
        knock(settings)  # kafka-python leaves its sockets open when it cannot start
        admin = KafkaAdminClient(**kafka_options(settings), **patience, client_id="servicepulse-topics")
    except (*KafkaErrors, OSError):
        return {}
    try:
        return {topic["name"]: topic.get("topic_id") for topic in admin.describe_topics(list(names))}
    except (KafkaError, OSError):
        return {}
    finally:
        admin.close()


def knock(settings: Settings) -> None:
    """Return once one of the brokers has taken our login and answered; in a thread, whatever runs in this one.

    kafka-python says of every fault that it could not connect, after half a minute.

    Raises:
        KafkaError: Of aiokafka, when none does: what only other settings can change before what may pass.
        OSError: Likewise.
        SettingsError: When a certificate cannot be read.
    """
    with ThreadPoolExecutor(1, "kafka-knock") as thread:
        thread.submit(asyncio.run, _knock(settings)).result()


async def _knock(settings: Settings) -> None:
    options = _connection(settings)
    faults: list[Exception] = []
    for address in (settings.kafka or "").split(","):
        host, _, port = address.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), request_timeout_ms=_ANSWER_MS, **options)
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
        except (*KafkaErrors, OSError) as error:
            faults.append(error)
        else:
            return
    raise min(faults, key=lambda error: fault_of(error, settings).exit_code is None)


def _connection(settings: Settings) -> dict[str, Any]:
    password = settings.kafka_password
    return {
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": settings.kafka_ssl_context(),
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
    }


def _ensured(settings: Settings) -> list[str]:
    knock(settings)
    admin = KafkaAdminClient(**kafka_options(settings), client_id="servicepulse-admin")
    try:
        topics = admin.describe_topics([settings.topic(name) for name in TOPICS])
        missing = sorted(topic["name"] for topic in topics if topic["error_code"] == _UNKNOWN)
        lacking = [*_lacking_of_topics(topics, settings), *_lacking_of_group(admin, topics, settings)]
        if lacking:
            raise MissingRightsError(lacking, settings)
        return _created(admin, missing, settings) if missing else []
    finally:
        admin.close()


def _created(admin: KafkaAdminClient, missing: Iterable[str], settings: Settings) -> list[str]:
    wanted = [NewTopic(name, settings.kafka_partitions, settings.kafka_replication) for name in missing]
    try:
        admin.create_topics(wanted)
    except TopicAlreadyExistsError:
        return []  # another worker was faster
    except (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
        rights = [f"CREATE on topic {topic.name} (or make it: deploy/kafka/topics.sh)" for topic in wanted]
        raise MissingRightsError(rights, settings) from None
    return [topic.name for topic in wanted]


def _lacking_of_topics(topics: Iterable[Mapping[str, Any]], settings: Settings) -> list[str]:
    """Return the rights on topics that are missing, as far as the broker tells what may be done."""
    needed = {settings.topic(name): rights for name, rights in NEEDED.items() if _is_used(name, settings)}
    return [
        f"{right} on topic {topic['name']}"
        for topic in topics
        for right in needed.get(topic["name"], ())
        if topic["error_code"] == _NOT_ALLOWED or _lacks(topic, right)
    ]


def _lacking_of_group(admin: KafkaAdminClient, topics: Iterable[Mapping[str, Any]], settings: Settings) -> list[str]:
    if all(topic["error_code"] != _NOT_ALLOWED and topic.get("authorized_operations") is None for topic in topics):
        return []  # this broker knows no rights
    group = settings.topic(GROUP)
    try:
        described = admin.describe_groups([group])[group]
    except GroupAuthorizationFailedError:
        return [f"READ on group {group}"]
    except KafkaError:
        return []  # its coordinator is still being chosen
    return [f"READ on group {group}"] if _lacks(described, "READ") else []


def _lacks(described: Mapping[str, Any], right: str) -> bool:
    allowed = described.get("authorized_operations")
    return allowed is not None and right not in allowed


def _is_used(name: str, settings: Settings) -> bool:
    return name != SIGNALS or settings.alert_watch


class _Grace:
    """Says when to give up: when only other settings could help, for a while on end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._since: float | None = None

    def __call__(self, state: RetryCallState) -> bool:
        if _fault(state, self._settings).exit_code is None:
            self._since = None
            return False
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since >= GRACE_SECONDS


def _fault(state: RetryCallState, settings: Settings) -> Fault:
    return fault_of(_error(state), settings)


def _error(state: RetryCallState) -> BaseException:
    return (state.outcome.exception() if state.outcome else None) or OSError("no answer")


def _say(state: RetryCallState, settings: Settings) -> None:
    fault, error = _fault(state, settings), _error(state)
    title = "Kafka is away: waiting" if fault.exit_code is None else "Kafka does not take us"
    if isinstance(error, MissingRightsError):
        title = "rights on Kafka are missing: waiting"
    log.warning(
        title, attempt=state.attempt_number, next_try_seconds=round(state.upcoming_sleep, 1), error=fault.sentence
    )


def _refuse(fault: Fault) -> list[str]:
    raise KafkaRefusedError(fault)
