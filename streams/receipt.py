"""What the broker has taken of what was sent: which events, and where each of them lies on Kafka."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from streams.core.identity import fact_id
from streams.core.pace import Place

_OFFSET: Final = "q"


class Receipt:
    """Of a million events 100 MiB; an event takes 4 microseconds.

    Events are noted by one thread, and looked up once nothing is on its way any more.
    """

    def __init__(self) -> None:
        self._identities: set[int] = set()
        self._offsets: defaultdict[Place, array[int]] = defaultdict(lambda: array(_OFFSET))
        self._disordered: set[Place] = set()

    def take(self, source: str, id: str, place: Place, offset: int) -> None:
        """Note an event that was acknowledged."""
        self._identities.add(fact_id(source, id))
        offsets = self._offsets[place]
        if offsets and offset < offsets[-1]:
            self._disordered.add(place)  # what was sent again after a fault
        offsets.append(offset)

    @property
    def events(self) -> int:
        """How many were acknowledged, each time that one was sent."""
        return sum(map(len, self._offsets.values()))

    @property
    def bounds(self) -> Mapping[Place, tuple[int, int]]:
        """The first and the last offset in each place."""
        return {place: (offsets[0], offsets[-1]) for place, offsets in self._ordered().items()}

    def knows(self, source: str, id: str) -> bool:
        """Say whether an event is one of those."""
        return fact_id(source, id) in self._identities

    def lies_at(self, place: Place, offset: int) -> bool:
        """Say whether one of those lies there."""
        offsets = self._ordered().get(place, ())
        found = bisect_left(offsets, offset)
        return found < len(offsets) and offsets[found] == offset

    def beyond(self, read: Mapping[Place, int]) -> int:
        """Return how many lie where nobody has read yet: at or behind the offsets up to which each place is read."""
        ordered = self._ordered().items()
        return sum(len(offsets) - bisect_left(offsets, read.get(place, 0)) for place, offsets in ordered)

    def _ordered(self) -> Mapping[Place, Sequence[int]]:
        while self._disordered:
            place = self._disordered.pop()
            self._offsets[place] = array(_OFFSET, sorted(self._offsets[place]))
        return self._offsets
