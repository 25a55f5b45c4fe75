"""Knows whether a worker has its place in the group: what it holds, since when it holds nothing, and how that reads."""

import enum
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

LONG_SECONDS: Final = 60.0
"""A rebalance takes seconds, and at most the session timeout of a worker that was killed; so long it does not take."""


class Seen(NamedTuple):
    """What the group let a worker know at one moment.

    Attributes:
        partitions: What it holds, as (topic, partition).
        is_joined: Whether the group has given it its part, be it an empty one, and no rebalance is under way.
        generation: How often the group has been divided, as the broker counts; None before it said so.
        member: The broker's name for this worker; empty when it knows none.
        coordinator: The broker that looks after the group; empty while none is known.
        missing: Topics that are to be read and that the brokers do not have.
    """

    partitions: AbstractSet[tuple[str, int]] = frozenset()
    is_joined: bool = False
    generation: int | None = None
    member: str = ""
    coordinator: str = ""
    missing: AbstractSet[str] = frozenset()


class Standing(enum.StrEnum):
    """How a worker stands in its group.

    A stand-by is ready: there are more workers than partitions, and it takes over when another one ends. A worker with
    partitions is not while a topic that it must read is gone: nobody reads what is published next.
    """

    OK = "ok"
    STAND_BY = "stand-by"
    STARTING = "starting"
    REBALANCING = "rebalancing"
    STUCK = "stuck"
    TOPICS_MISSING = "topics missing"


READY: Final = frozenset({Standing.OK, Standing.STAND_BY})


class Membership:
    """Remembers how a worker has stood since it began. Instants are seconds of a clock that never jumps."""

    def __init__(self, now: float) -> None:
        self.seen = Seen()
        self._at = now
        self._empty_since: float | None = now
        self._outside_since: float | None = now
        self.was_joined = False
        """Whether the group has ever given it its part."""

    def note(self, seen: Seen, now: float) -> None:
        """Take in what the group says now. Instants never fall."""
        self.seen = seen
        self._at = now
        self._empty_since = None if self.partitions else _first(self._empty_since, now)
        self._outside_since = None if seen.is_joined else _first(self._outside_since, now)
        self.was_joined = self.was_joined or seen.is_joined

    @property
    def partitions(self) -> AbstractSet[tuple[str, int]]:
        """What may be read now: nothing while the group is being divided anew."""
        return self.seen.partitions if self.seen.is_joined else frozenset()

    @property
    def standing(self) -> Standing:
        """How the worker stands."""
        if self.seen.missing:
            return Standing.TOPICS_MISSING
        if self.seen.is_joined:
            return Standing.OK if self.seen.partitions else Standing.STAND_BY
        if self.seconds_outside >= LONG_SECONDS:
            return Standing.STUCK
        return Standing.REBALANCING if self.was_joined else Standing.STARTING

    @property
    def is_ready(self) -> bool:
        """Whether the worker does, or is there to do, its part."""
        return self.standing in READY

    @property
    def seconds_without_partitions(self) -> float:
        """For how long there has been nothing to read; 0 while there is."""
        return 0.0 if self._empty_since is None else self._at - self._empty_since

    @property
    def seconds_outside(self) -> float:
        """For how long the group has given no answer; 0 once it has, be it an empty part."""
        return 0.0 if self._outside_since is None else self._at - self._outside_since

    def told(self) -> dict[str, Any]:
        """Return all that is known, by name, for pages and logs."""
        seen = self.seen
        known = {
            "generation": seen.generation,
            "member": seen.member,
            "coordinator": seen.coordinator,
            "missing_topics": sorted(seen.missing) or None,
        }
        return {
            "status": self.standing.value,
            "partitions": len(self.partitions),
            "seconds_without_partitions": round(self.seconds_without_partitions, 1),
            **{name: value for name, value in known.items() if value not in (None, "")},
        }


class Reminder:
    """Says when a log should speak of a worker without partitions: of a stuck one each minute, of a stand-by once."""

    def __init__(self) -> None:
        self._standing: Standing | None = None
        self._said_at = 0.0

    def is_due(self, membership: Membership) -> bool:
        """Tell whether to speak now, and remember that it was said."""
        empty = membership.seconds_without_partitions
        standing = membership.standing
        if empty < LONG_SECONDS:
            self._standing = None
            return False
        is_new = standing is not self._standing
        is_again = standing is not Standing.STAND_BY and empty - self._said_at >= LONG_SECONDS
        if is_new or is_again:
            self._standing, self._said_at = standing, empty
        return is_new or is_again


def _first(since: float | None, now: float) -> float:
    return now if since is None else since
