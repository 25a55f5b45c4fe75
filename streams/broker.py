"""The broker before a worker starts: waited for, and given the topics that are missing."""

from typing import Any, Final

import structlog
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential_jitter

from schemas.codec import ORDERS, TICKETS
from streams.settings import Settings

log = structlog.get_logger()

DEAD_LETTERS: Final = "dead-letters"
SIGNALS: Final = "signals"
TOPICS: Final = (TICKETS, ORDERS, DEAD_LETTERS, SIGNALS)
"""Topics by their short names; `Settings.topic` gives the full one."""


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Return what every kafka-python client needs to reach the brokers."""
    password = settings.kafka_password
    return {
        "bootstrap_servers": (settings.kafka or "").split(","),
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": settings.kafka_ssl_context(),
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
    }


def _say(state: RetryCallState) -> None:
    log.warning(
        "Kafka is away: waiting",
        attempt=state.attempt_number,
        next_try_seconds=round(state.upcoming_sleep, 1),
        error=str(state.outcome.exception()) if state.outcome else None,
    )


@retry(
    retry=retry_if_exception_type((KafkaError, OSError)),
    wait=wait_exponential_jitter(multiplier=0.5, max=15),
    before_sleep=_say,
)
def ensure_topics(settings: Settings) -> list[str]:
    """Wait for the broker, create the topics that it lacks, and return their names. Those it has stay as they are."""
    admin = KafkaAdminClient(**kafka_options(settings), client_id="servicepulse-admin")
    try:
        wanted = {settings.topic(name) for name in TOPICS}
        missing = sorted(wanted - set(admin.list_topics()))
        if missing:
            partitions, replication = settings.kafka_partitions, settings.kafka_replication
            admin.create_topics([NewTopic(name, partitions, replication) for name in missing])
    except TopicAlreadyExistsError:
        return []  # another worker was faster
    finally:
        admin.close()
    return missing
