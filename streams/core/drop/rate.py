"""The rule over counts by the hour: complaints among tickets, first responses in time. Ratings are judged one by one.

It is the rule for satisfaction, whose ratings are these: a ticket that is no complaint, a first response in time.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from schemas.rows import Ms
from streams.core.drop.detector import Detector
from streams.core.drop.level import Level
from streams.core.drop.rating import Tally
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS

SETTLED_DAYS: Final = 3
"""Counts of longer ago hardly ever change: what the rule knew then is kept, and only later counts are judged again."""


class RateWatch:
    """A rate of one segment under watch.

    What it says equals `rated` the same counts, however often it was asked, and whatever they were before.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self._tallies: Sequence[Tally] = ()
        self._above = Level()
        self._start_at: Ms = 0
        self._settled: Detector | None = None
        self._taken = 0  # counts that the settled detector knows

    def judged(self, tallies: Sequence[Tally], above: Level, start_at: Ms, now: Ms) -> Detector:
        """Return how the segment stands after counts, as they are known now.

        Args:
            tallies: Of the segment, by the hour, in order.
            above: Of the segment above.
            start_at: Earlier counts are none of them: see `reads_from`.
            now: The clock; it decides what is kept, not what is said.
        """
        settled = self._settled_before(tallies, above, start_at)
        until = bisect_left(tallies, now - SETTLED_DAYS * DAY_MS, key=lambda tally: tally.at)
        for tally in tallies[self._taken : until]:
            settled.count(tally)
        self._taken = max(self._taken, until)
        self._settled, self._tallies, self._above, self._start_at = settled, tallies, above, start_at
        detector = settled.copied()
        for tally in tallies[self._taken :]:
            detector.count(tally)
        return detector

    def _settled_before(self, tallies: Sequence[Tally], above: Level, start_at: Ms) -> Detector:
        """Return what is known of counts that are as they were, or begin anew."""
        parent, settled, taken = above.since(start_at), self._settled, self._taken
        is_same = start_at == self._start_at and tallies[:taken] == self._tallies[:taken]
        if settled is None or not is_same or above.differs_from(self._above, start_at, settled.parent_reached_at()):
            self._taken = 0
            return Detector(self.thresholds, parent)
        settled.parent = parent
        return settled


def rated(tallies: Sequence[Tally], above: Level, thresholds: Thresholds, start_at: Ms) -> Detector:
    """Return the rule after counts in order: a pure function of them."""
    detector = Detector(thresholds, above.since(start_at))
    for tally in tallies:
        detector.count(tally)
    return detector
