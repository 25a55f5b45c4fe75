"""How the segment above was rated, hour by hour: told to all segments below it, and kept once for all of them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from schemas.rows import Ms
from streams.core.drop.rating import Tally, Tape


class Level:
    """Ratings by the hour, as they stood when they were told."""

    def __init__(self, tallies: Iterable[Tally] = ()) -> None:
        self._tallies = sorted(tallies)
        self._tapes: dict[Ms, Tape] = {}
        self._compared: tuple[Level, Ms | None] | None = None

    def since(self, start_at: Ms) -> Tape:
        """Return the ratings from an instant on; segments that ask for the same one share it."""
        tape = self._tapes.get(start_at)
        if tape is None:
            tape = self._tapes[start_at] = Tape()
            for tally in self._tallies[bisect_left(self._tallies, start_at, key=_instant) :]:
                tape.append(*tally)
        return tape

    def differs_from(self, before: "Level", start_at: Ms, end_at: Ms) -> bool:
        """Say whether anything between two instants is not what it was at a level before."""
        first = self._first_difference(before)
        if first is None or first >= end_at:
            return False
        return first >= start_at or self._between(start_at, end_at) != before._between(start_at, end_at)

    def _first_difference(self, before: "Level") -> Ms | None:
        """Return the instant before which both say the same; all segments below ask it of the same two levels."""
        if self._compared is None or self._compared[0] is not before:
            pairs = zip_longest(self._tallies, before._tallies)
            first = next((min(one.at for one in pair if one) for pair in pairs if pair[0] != pair[1]), None)
            before._compared = None  # it would keep all levels before it
            self._compared = (before, first)
        return self._compared[1]

    def _between(self, start_at: Ms, end_at: Ms) -> Sequence[Tally]:
        tallies = self._tallies
        return tallies[bisect_left(tallies, start_at, key=_instant) : bisect_left(tallies, end_at, key=_instant)]


def _instant(tally: Tally) -> Ms:
    return tally.at
