"""Holds history back while the workers have much unread, so that live events need not wait for all of it.

Looks several times a second how far the workers' group has read, and lets go what `streams.core.pace` allows.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from time import monotonic
from types import TracebackType
from typing import Final, Self

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)
from kafka.partitioner.default import murmur2

from schemas.codec import ORDERS, TICKETS, Event, partition_key, topic_of
from streams.broker import GROUP
from streams.core.pace import Attendance, Look, Pace, Place
from streams.fault import KafkaErrors
from streams.progress import admin_of, members, offsets
from streams.settings import Settings

LOOK_SECONDS: Final = 0.2
MEMBERS_SECONDS: Final = 2.0
"""How often it is asked who reads, and how many partitions there are."""
IDLE_SECONDS: Final = 5.0
"""Where nothing was to be sent for so long, as at the end of a file that grows, it is looked only so often."""
QUIET_SECONDS: Final = 10.0
"""After waiting for so long, and as often again, a line is said."""
_ANSWER_MS: Final = 5_000
_NOT_FOR_US: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)


class NothingFoldedError(Exception):
    """Workers are there, and have read nothing for as long as was to be waited. Trying again later may help."""


class Pacing:
    """Lets history through at the workers' pace. It begins to look when the first event comes; a `with` block ends it.

    For one thread. Where nobody reads, nobody waits: then everything goes at once, until a worker comes. Likewise where
    the group may not be seen. Either is said once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patience_seconds: float,
        in_flight: Callable[[], int],
        say: Callable[[str], object],
    ) -> None:
        """Look at nothing yet.

        Args:
            settings: Where the brokers are, and how topics and group are called.
            patience_seconds: How long to wait for workers that read nothing, or for a broker that says nothing.
            in_flight: Tells how many events were sent and are not acknowledged.
            say: Shows a line.
        """
        self._group = settings.topic(GROUP)
        self._topics = {name: settings.topic(name) for name in (TICKETS, ORDERS)}
        self._settings = settings
        self._patience = patience_seconds
        self._in_flight = in_flight
        self._say = say
        self._pace = Pace()
        self._attendance = Attendance(patience_seconds)
        self._counts: dict[str, int] = {}
        self._is_read = False
        self._is_paced: bool | None = None
        self._was_held_back = False
        self._asked_at = self._admitted_at = float("-inf")
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._fault: Exception | None = None
        self._done = threading.Event()

    def admit(self, event: Event) -> None:
        """Return as soon as an event may be sent.

        Raises:
            NothingFoldedError: When workers are there and read nothing, or no broker says how far they are, for as long
                as `patience_seconds`.
        """
        with self._changed:
            self._admitted_at = monotonic()
            if self._thread is None:
                self._begin()
            place = self._place_of(event)
            if not self._may_go(place):
                self._wait(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            is_hurried = kind is not None and issubclass(kind, KeyboardInterrupt)
            self._thread.join(0.5 if is_hurried else 2 * _ANSWER_MS / 1000)  # it ends with the look in hand

    # Waiting ----------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Start to look, and wait for the first look."""
        self._thread = threading.Thread(target=self._run, name="pacing", daemon=True)
        self._thread.start()
        self._changed.wait(_ANSWER_MS / 1000)

    def _place_of(self, event: Event) -> Place | None:
        topic = self._topics[topic_of(event)]
        count = self._counts.get(topic)
        return (topic, (murmur2(partition_key(event)) & 0x7FFFFFFF) % count) if count else None

    def _may_go(self, place: Place | None) -> bool:
        if self._fault is not None:
            raise self._fault
        if self._is_paced is None:
            return False
        return not self._is_paced or place is None or self._pace.take(place, monotonic())

    def _wait(self, event: Event) -> None:
        since = said_at = monotonic()
        while not self._may_go(self._place_of(event)):
            self._tell_first()
            self._admitted_at = monotonic()
            self._changed.wait(LOOK_SECONDS / 4)
            now = monotonic()
            idle = now - max(since, self._pace.moved_at or since)
            if idle >= self._patience:
                raise NothingFoldedError(f"{self._waiting()}: given up after {self._patience:g} s (--patience)")
            if idle >= QUIET_SECONDS and now - said_at >= QUIET_SECONDS:
                said_at = now
                self._say(f"{self._waiting()} for {idle:.0f} s; giving up after {self._patience:g} s (--patience)")

    def _waiting(self) -> str:
        if self._is_paced is None or monotonic() - self._pace.looked_at > _ANSWER_MS / 1000:
            return f"Waiting for Kafka to say how far the workers of group {self._group} have read: no answer"
        unread = self._pace.unread_in_all()
        return f"Waiting for the workers of group {self._group}: {unread:,} records are unread, no commit"

    def _tell_first(self) -> None:
        if self._is_paced and not self._was_held_back:
            self._was_held_back = True
            self._say(
                "Going at the pace of the workers, some seconds of whose work may be unread, so that live "
                "events get through (--at-once does not wait)"
            )

    # Looking ----------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 - raised where somebody waits
            with self._changed:
                self._fault = error
                self._changed.notify_all()

    def _watch(self) -> None:
        with ExitStack() as opened:
            admin: KafkaAdminClient | None = None
            while not self._done.is_set():
                try:
                    admin = admin or opened.enter_context(closing(self._admin()))
                    self._observe(admin)
                except _NOT_FOR_US as refused:
                    self._go_at_once(f"How far the workers have read cannot be seen here ({_told(refused)})")
                    return
                except (*KafkaErrors, OSError):
                    pass  # a broker that is away says nothing; whoever waits knows since when
                is_idle = monotonic() - self._admitted_at > IDLE_SECONDS
                self._done.wait(IDLE_SECONDS if is_idle else LOOK_SECONDS)

    def _admin(self) -> KafkaAdminClient:
        return admin_of(self._settings, client_id="servicepulse-pacing", answer_ms=_ANSWER_MS)

    def _observe(self, admin: KafkaAdminClient) -> None:
        if monotonic() - self._asked_at >= MEMBERS_SECONDS:
            self._ask(admin)
            self._asked_at = monotonic()
        if self._is_read:
            look = self._look(admin)
            with self._changed:
                self._pace.note(look)
                self._is_paced = True
                self._changed.notify_all()
        elif self._is_paced is not False:
            self._go_at_once(f"No worker of group {self._group} reads")

    def _ask(self, admin: KafkaAdminClient) -> None:
        """Ask who reads, and how many partitions there are."""
        topics = admin.describe_topics(list(self._topics.values()))
        self._counts = {topic["name"]: len(topic["partitions"]) for topic in topics}
        self._is_read = self._attendance.note(members(admin, self._group), monotonic())

    def _look(self, admin: KafkaAdminClient) -> Look:
        places = [TopicPartition(topic, number) for topic, count in self._counts.items() for number in range(count)]
        if not places:
            return Look(monotonic(), {}, {})  # no topics yet: the publisher says so
        with self._changed:
            sent = self._pace.sent()
        in_flight = self._in_flight()
        committed = admin.list_group_offsets({self._group: places})[self._group]
        read = {place: known.offset for place, known in committed.items() if known.offset >= 0}
        if fresh := [place for place in places if place not in read]:
            read |= offsets(admin, fresh, OffsetSpec.EARLIEST)
        ends = offsets(admin, places, OffsetSpec.LATEST)
        return Look(monotonic(), read, ends, sent, in_flight)

    def _go_at_once(self, because: str) -> None:
        with self._changed:
            self._is_paced = False
            self._changed.notify_all()
        self._say(f"{because}: publishing at once; live events that come now are read after it")


def _told(error: KafkaError) -> str:
    return type(error).__name__.removesuffix("Error")
