"""What a worker does about an embedded broker's group that gives it no answer.

Whoever leads a group divides its partitions. A leader that joined and never says how - its answer was lost, it hangs -
is given up by Apache Kafka after a while; the embedded broker waits for as long as its heartbeats come, and nobody gets
a partition. So a worker that was in the group starts afresh: it may be the one that hangs. One that was never let in
has the broker forget the group. All join anew then, under the same name, so that there are never two groups at once.
Commits are forgotten with it: everything is read again, which changes nothing.
"""

import enum
from contextlib import closing
from typing import Final

import structlog
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from streams.broker import kafka_options
from streams.membership import LONG_SECONDS, Membership
from streams.settings import Settings

log = structlog.get_logger()

EMBEDDED_CLUSTER: Final = "servicepulse-"
"""How the ids of embedded clusters begin; Apache Kafka makes up others."""


class Remedy(enum.Enum):
    """What helps a worker whose group gives no answer."""

    START_AFRESH = enum.auto()
    FORGET_GROUP = enum.auto()


class Remedies:
    """Says when to do something about a group, and what: once a minute while it gives no answer."""

    def __init__(self) -> None:
        self._tried_at = 0.0

    def due(self, membership: Membership) -> Remedy | None:
        """Return what to do now, and remember that it was; None for nothing.

        A broker that could not be reached gets a minute, too.
        """
        outside = membership.seconds_outside
        is_kept_waiting = membership.seen.coordinator and not membership.seen.missing
        self._tried_at = min(self._tried_at, outside) if is_kept_waiting else outside
        if outside - self._tried_at < LONG_SECONDS:
            return None
        self._tried_at = outside
        return Remedy.START_AFRESH if membership.was_joined else Remedy.FORGET_GROUP


def is_embedded(settings: Settings) -> bool:
    """Tell whether it is the embedded broker that answers; False when nobody does. Blocks for seconds at most."""
    try:
        with closing(KafkaAdminClient(**kafka_options(settings), client_id="servicepulse-group")) as admin:
            return str(admin.describe_cluster()["cluster_id"]).startswith(EMBEDDED_CLUSTER)
    except (KafkaError, OSError):
        return False


def forget(settings: Settings, group: str) -> None:
    """Have the embedded broker forget a group. Done again, or by several workers, the members join once more.

    Apache Kafka refuses this for a group that has members. Blocks for seconds at most.
    """
    try:
        with closing(KafkaAdminClient(**kafka_options(settings), client_id="servicepulse-group")) as admin:
            admin.delete_groups([group])
    except (KafkaError, OSError) as error:
        log.warning("the embedded broker keeps its group", group=group, error=str(error) or type(error).__name__)
    else:
        log.warning("the embedded broker's group did not move: it begins anew, and all is read again", group=group)
