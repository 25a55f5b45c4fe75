"""How much history may wait unread: what the workers fold in a few seconds, so that live events get through.

History and live events lie in one log, for one ticket's events must be read in one order. Whoever fills history in
therefore keeps the queue short: a live event waits behind what is unread of its own partition, and behind no more.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct

Place: TypeAlias = tuple[str, int]
"""Topic and partition."""

SECONDS: Final = 1.5
"""So much of the workers' time may wait in a partition."""
SPARE_SECONDS: Final = 0.6
MOST_SECONDS: Final = 4.5
"""Who lets less wait than a batch takes from its arrival to its commit never finds out how fast the workers could be,
and lets ever less wait. So it is a little more than the shortest that was seen lately, up to a limit."""
LEAST: Final = 5_000
"""So many records of a topic may wait however slow the workers are, or while nobody knows how fast they are: a small
batch costs little less than a large one, and who is given small ones only never shows how fast large ones are."""
TRICKLE_SHARE: Final = 0.05
TRICKLE_PER_SECOND: Final = 10.0
"""Where live events alone fill the workers, history gets this share of what they fold, and at least so many events."""

_SPAN_SECONDS: Final = 4.0
_FEW: Final = 3
"""A speed is that of the last four seconds and of three commits, whichever is longer."""
_REMEMBERED_SECONDS: Final = 8.0
"""The best speed of so long counts: who is given little to do is not slow."""
_CATCH_UP_SECONDS: Final = 0.1
_FORGOTTEN_SECONDS: Final = 30.0
"""Without a commit for so long nobody folds."""


class Look(Struct, frozen=True):
    """What is known at one instant.

    Attributes:
        at: Seconds, of a clock that never jumps.
        read: Up to which offset each partition is committed.
        ends: Up to which offset it reaches.
        sent: How many records we had sent to each partition, before the ends were asked for (`Pace.sent`).
        in_flight: How many of all that were not acknowledged then.
    """

    at: float
    read: Mapping[Place, int]
    ends: Mapping[Place, int]
    sent: Mapping[Place, int] = MappingProxyType({})
    in_flight: int = 0


class Pace:
    """Says of each record whether it may be sent now. Instants never fall.

    Several who keep to it share what may wait: each sees the unread records of all.
    """

    def __init__(self) -> None:
        self._look = Look(0.0, {}, {})
        self._speeds: defaultdict[Place, _Speed] = defaultdict(_Speed)
        self._sent: defaultdict[Place, int] = defaultdict(int)
        self._arrived: defaultdict[Place, int] = defaultdict(int)
        self._allowed: dict[Place, int] = {}
        self._per_second = 0.0
        self._trickled_at = 0.0
        self.moved_at: float | None = None
        """When a commit moved last, as far as was seen."""

    def note(self, look: Look) -> None:
        """Take a new look in."""
        for place, offset in look.read.items():
            if self._speeds[place].note(offset, look.ends.get(place, offset), look.at):
                self.moved_at = look.at
        for place, sent in look.sent.items():  # what was on its way may be missing in the ends, of whatever partition
            self._arrived[place] = max(self._arrived[place], sent - look.in_flight)
        partitions = Counter(topic for topic, _ in look.ends)
        speeds = {place: self._speeds[place] for place in look.ends}
        self._allowed = {
            place: max(1, LEAST // partitions[place[0]], speed.allowance(look.at)) for place, speed in speeds.items()
        }
        self._per_second = sum(speed.per_second(look.at) for speed in speeds.values())
        self._look = look

    @property
    def looked_at(self) -> float:
        """When the last look was."""
        return self._look.at

    def take(self, place: Place, now: float) -> bool:
        """Tell whether a record for a partition may be sent now, and count it if so."""
        if self.unread(place) < self.allowance(place):
            self._trickled_at = now
        elif not self._trickles(now):
            return False
        self._sent[place] += 1
        return True

    def sent(self) -> Mapping[Place, int]:
        """Return how many records were sent to each partition by now."""
        return dict(self._sent)

    def unread(self, place: Place) -> int:
        """Return how many records of a partition nobody has folded, our own since the last look among them."""
        waiting = self._look.ends.get(place, 0) - self._look.read.get(place, 0)
        return max(0, waiting) + self._sent[place] - self._arrived[place]

    def unread_in_all(self) -> int:
        """Return how many records wait in all partitions."""
        return sum(map(self.unread, self._look.ends))

    def allowance(self, place: Place) -> int:
        """Return how many records may wait in a partition."""
        return self._allowed.get(place, LEAST)

    def _trickles(self, now: float) -> bool:
        """Tell whether a record may go although too many wait: few do, and none while nothing is folded."""
        is_stuck = self.moved_at is None or now - self.moved_at > _SPAN_SECONDS
        if not self._per_second or is_stuck:
            return False
        next_at = self._trickled_at + 1 / max(TRICKLE_PER_SECOND, self._per_second * TRICKLE_SHARE)
        if now < next_at:
            return False
        self._trickled_at = max(next_at, now - _CATCH_UP_SECONDS)
        return True


class Attendance:
    """Knows whether anybody reads: members that were there come back soon, as when they are updated one by one."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._seen_at: float | None = None

    def note(self, members: int, at: float) -> bool:
        """Take in how many members the group has; tell whether to hold back for them."""
        if members:
            self._seen_at = at
        return self._seen_at is not None and at - self._seen_at < self._patience


class _Speed:
    """How fast one partition is folded, by its commits."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._commits: deque[tuple[float, int]] = deque()
        self._shown: deque[tuple[float, float]] = deque()
        self._arrivals: deque[tuple[float, int]] = deque()
        self._delays: deque[tuple[float, float]] = deque()

    def note(self, offset: int, end: int, at: float) -> bool:
        """Take in up to where the partition is committed; tell whether that has moved."""
        before, self._offset = self._offset, offset
        if before is None or offset < before:
            self._commits.clear()  # at first sight, and where the topic or the group began anew, nothing has moved
            self._arrivals.clear()
            return before is not None
        self._time(offset, end, at)
        if offset == before:
            if self._commits and offset >= end and at - self._commits[-1][0] > _SPAN_SECONDS:
                self._commits.clear()  # nothing to fold: that is no speed
            return False
        self._commits.append((at, offset))
        while len(self._commits) > _FEW and at - self._commits[0][0] > _SPAN_SECONDS:
            self._commits.popleft()
        self._show(at)
        return True

    def per_second(self, now: float) -> float:
        """Return the best that was shown lately, or what was shown last; 0 when that was long ago."""
        lately = [speed for at, speed in self._shown if now - at <= _REMEMBERED_SECONDS]
        last = [speed for at, speed in list(self._shown)[-1:] if now - at <= _FORGOTTEN_SECONDS]
        return max(lately or last, default=0.0)

    def allowance(self, now: float) -> int:
        """Return how many records may wait."""
        shortest = min((delay for _, delay in self._delays), default=0.0)
        return int(self.per_second(now) * min(MOST_SECONDS, max(SECONDS, shortest + SPARE_SECONDS)))

    def _time(self, offset: int, end: int, at: float) -> None:
        """Keep how long what is committed now took since it was seen to arrive."""
        if end > (self._arrivals[-1][1] if self._arrivals else offset):
            self._arrivals.append((at, end))
        while self._arrivals and self._arrivals[0][1] <= offset:
            self._delays.append((at, at - self._arrivals.popleft()[0]))
        while self._delays and at - self._delays[0][0] > _FORGOTTEN_SECONDS:
            self._delays.popleft()

    def _show(self, at: float) -> None:
        began_at, begin = self._commits[0]
        if at <= began_at:
            return
        self._shown.append((at, (self._commits[-1][1] - begin) / (at - began_at)))
        while at - self._shown[0][0] > _REMEMBERED_SECONDS:
            self._shown.popleft()
