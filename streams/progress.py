"""How far the workers' group has read, as Kafka's administration tells it."""

from collections.abc import Iterable
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import GroupAuthorizationFailedError, GroupIdNotFoundError, KafkaError

from streams.broker import kafka_options, knock
from streams.settings import Settings


class _Admin(KafkaAdminClient):  # type: ignore[misc]  # kafka-python has no types
    """Leaves aside what we may do with groups and topics: the embedded broker names rights that there are none of."""

    def _process_acl_operations(self, described: dict[str, Any]) -> dict[str, Any]:
        described.pop("authorized_operations", None)
        return described


def admin_of(settings: Settings, *, client_id: str, answer_ms: int) -> KafkaAdminClient:
    """Return a connection to the brokers that the settings name, to be closed; an answer may take so long.

    Raises:
        KafkaError: When the brokers do not take us.
        OSError: When no broker answers.
    """
    knock(settings)  # kafka-python leaves its sockets open when it cannot start
    patience = {"bootstrap_timeout_ms": answer_ms, "request_timeout_ms": answer_ms}
    return _Admin(**kafka_options(settings), **patience, client_id=client_id)


def offsets(admin: KafkaAdminClient, places: Iterable[TopicPartition], which: OffsetSpec) -> dict[TopicPartition, int]:
    """Return where partitions begin or end; nothing is asked where there are none."""
    asked = dict.fromkeys(places, which)
    return {place: known.offset for place, known in admin.list_partition_offsets(asked).items()} if asked else {}


def members(admin: KafkaAdminClient, group: str) -> int:
    """Return how many members a group has, none where there is no such group.

    Raises:
        KafkaError: When the brokers do not say.
    """
    described = admin.describe_groups([group])[group]
    error = described["error"]  # kafka-python makes a text of it
    if error is None or GroupIdNotFoundError.__name__ in error:
        return len(described["members"])
    raise (GroupAuthorizationFailedError if GroupAuthorizationFailedError.__name__ in error else KafkaError)(error)
