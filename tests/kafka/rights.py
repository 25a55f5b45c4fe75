"""The rights of a worker on Kafka, as deploy/README.md lists them, and how tests grant and take them."""

from collections.abc import Iterable, Mapping
from typing import Final

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from streams.settings import Settings
from tests.kafka.broker import USERS, Kafka

READ, WRITE, DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE
USER: Final = "pulse"

OF_TOPICS: Final[Mapping[str, tuple[ACLOperation, ...]]] = {
    "tickets": (READ, WRITE, DESCRIBE),
    "orders": (READ, DESCRIBE),
    "dead-letters": (WRITE, DESCRIBE),
    "signals": (WRITE, DESCRIBE),
}
GROUP: Final = "servicepulse"


def login(kafka: Kafka, *, password: str = USERS[USER], mechanism: str = "SCRAM-SHA-512") -> dict[str, object]:
    """Return the settings of whoever logs in over TLS."""
    return {
        "kafka": kafka.tls,
        "kafka_tls": True,
        "kafka_ca_file": kafka.ca_file,
        "kafka_sasl_mechanism": mechanism,
        "kafka_username": USER,
        "kafka_password": password,
    }


def documented(settings: Settings) -> list[ACL]:
    """Return what a worker with these settings needs."""
    topics = [
        right(ResourceType.TOPIC, settings.topic(name), operation)
        for name, operations in OF_TOPICS.items()
        for operation in operations
    ]
    return [*topics, right(ResourceType.GROUP, settings.topic(GROUP), READ)]


def right(kind: ResourceType, name: str, operation: ACLOperation) -> ACL:
    """Return the right of our user to do something with one topic or group."""
    return ACL(f"User:{USER}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))


def grant(kafka: Kafka, rights: Iterable[ACL]) -> None:
    """Give rights to our user."""
    admin = kafka.admin()
    assert not admin.create_acls(list(rights))["failed"]
    admin.close()


def take(kafka: Kafka, kind: ResourceType, name: str) -> None:
    """Take everything on one topic or group from our user."""
    pattern = ResourcePatternFilter(kind, name, ACLResourcePatternType.LITERAL)
    admin = kafka.admin()
    admin.delete_acls([ACLFilter(f"User:{USER}", "*", ACLOperation.ANY, ACLPermissionType.ANY, pattern)])
    admin.close()
