"""How much of what was published the workers have yet to read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from time import monotonic, sleep
from typing import Final, NamedTuple

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from schemas.codec import ORDERS, TICKETS
from streams.broker import GROUP
from streams.core.pace import Place
from streams.fault import KafkaErrors
from streams.progress import admin_of, members, offsets
from streams.settings import Settings

_LOOK_SECONDS: Final = 0.5
_ANSWER_MS: Final = 10_000


class Reading(NamedTuple):
    """How far the workers have read.

    Attributes:
        read: Up to which offset in each place; places of which nothing was ever read are left out.
        is_attended: Whether the group has members.
    """

    read: Mapping[Place, int]
    is_attended: bool


class UnreadError(Exception):
    """It cannot be told how far the workers have read. Trying again later may help."""


def wait_until_read(settings: Settings, *, patience_seconds: float, say: Callable[[str], object]) -> int:
    """Wait until the workers have read all that is there now, as long as they get on; return how much they have not.

    Args:
        settings: Where the brokers are, and how topics and group are called.
        patience_seconds: How long to wait for workers that read nothing.
        say: Shows a line, once, if there is anything to wait for.

    Raises:
        UnreadError: When no broker says.
    """
    with _opened(settings) as admin:
        return _waited(admin, settings, patience_seconds, say)


def how_far_read(settings: Settings, places: Sequence[Place]) -> Iterator[Reading]:
    """Yield how far the workers have read in some places, twice a second for as long as it is asked.

    Raises:
        UnreadError: When no broker says.
    """
    wanted = [TopicPartition(topic, partition) for topic, partition in places]
    group = settings.topic(GROUP)
    with _opened(settings) as admin:
        while True:
            committed = admin.list_group_offsets({group: wanted})[group]
            read = {(place.topic, place.partition): max(0, known.offset) for place, known in committed.items()}
            yield Reading(read, bool(members(admin, group)))
            sleep(_LOOK_SECONDS)


@contextmanager
def _opened(settings: Settings) -> Iterator[KafkaAdminClient]:
    try:
        with closing(admin_of(settings, client_id="servicepulse-unread", answer_ms=_ANSWER_MS)) as admin:
            yield admin
    except (*KafkaErrors, OSError) as error:
        told = str(error) or type(error).__name__
        raise UnreadError(f"how far the workers have read cannot be seen: {told}") from error


def _waited(admin: KafkaAdminClient, settings: Settings, patience_seconds: float, say: Callable[[str], object]) -> int:
    ends = _ends(admin, settings)  # what comes after this look is not waited for: it may never end
    unread, moved_at = _unread(admin, settings, ends), monotonic()
    if unread and members(admin, settings.topic(GROUP)):
        say(f"Waiting for the workers, which have yet to read {unread:,} records of before")
        while unread and monotonic() - moved_at < patience_seconds:
            sleep(_LOOK_SECONDS)
            before, unread = unread, _unread(admin, settings, ends)
            moved_at = monotonic() if unread < before else moved_at
    return unread


def _ends(admin: KafkaAdminClient, settings: Settings) -> Mapping[TopicPartition, int]:
    """Return where the topics of events end, as far as there are any."""
    names = set(admin.list_topics())
    wanted = [topic for name in (TICKETS, ORDERS) if (topic := settings.topic(name)) in names]
    described = admin.describe_topics(wanted) if wanted else []
    places = [TopicPartition(one["name"], part["partition_index"]) for one in described for part in one["partitions"]]
    return offsets(admin, places, OffsetSpec.LATEST)


def _unread(admin: KafkaAdminClient, settings: Settings, ends: Mapping[TopicPartition, int]) -> int:
    if not ends:
        return 0
    group = settings.topic(GROUP)
    committed = admin.list_group_offsets({group: list(ends)})[group]
    begins = offsets(admin, ends, OffsetSpec.EARLIEST)
    read = {place: max(known.offset, begins[place]) for place, known in committed.items()}
    return sum(max(0, end - read.get(place, begins[place])) for place, end in ends.items())
