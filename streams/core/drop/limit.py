"""From which sum on the CUSUM finds a fall: by the thresholds, and by what the segment's own weeks have added up."""

from array import array
from bisect import bisect_left
from typing import Final, NamedTuple

from schemas.rows import Ms
from streams.core.drop.baseline import Baseline
from streams.core.drop.calibration import Week, calibrated, reached, week_of_steps
from streams.core.drop.profile import day_of, day_starts, week_of
from streams.core.drop.threshold import CUSUM_PART, Thresholds


class _Known(NamedTuple):
    """The weeks before a Monday: how many of them were judged, and what the sum reached in quarters made of them."""

    end: int
    weeks: int
    reached: float | None


_NOTHING: Final = _Known(0, 0, None)


class Limit:
    """Keeps account of what ratings add up.

    Args:
        thresholds: Of the segment.
        at: When ratings came; it grows by one before each `put`.
    """

    def __init__(self, thresholds: Thresholds, at: "array[Ms]") -> None:
        self._thresholds = thresholds
        self._at = at
        self._steps = array("f")  # what each would have added by itself
        self._begin = 0  # of what was judged by a baseline
        self._told: dict[int, float] = {}  # by the Monday of weeks in which a fall was told: what the sum reached
        self._known = _NOTHING

    @property
    def weeks(self) -> int:
        """By how many of the segment's own weeks it is calibrated; 0 where they are too few."""
        return 0 if self._known.reached is None else self._known.weeks

    def put(self, step: float) -> None:
        """Take into account what one more rating adds to the sum, were it independent of all others."""
        self._steps.append(step)

    def begin(self) -> None:
        """Note that nothing was judged so far."""
        self._begin = len(self._at)

    def under(self, usual: Baseline, sure_at: Ms) -> float:
        """Return the limit under a baseline; own weeks are looked at anew once a week.

        Args:
            usual: The baseline.
            sure_at: Up to when ratings are beyond doubt.
        """
        rule, effect = self._thresholds, usual.design_effect
        limit, week = rule.limit(usual.per_day / effect, usual.spread), week_of(day_of(sure_at, rule))
        if week != self._known.end:
            begins = range(week - rule.profile_days // 7 * 7, week, 7)
            weeks = [one for one in map(self._week, begins) if one is not None]
            self._known = _Known(week, len(weeks), reached(weeks, max(rule.accepted_of_sum, CUSUM_PART)))
        if self._known.reached is None:
            return limit
        own = self._known.reached / effect + max(0.0, rule.rarer(usual.spread))
        return max(rule.limit_least, calibrated(own, self._known.weeks, limit))

    def leave_out(self, since_at: Ms, opened_at: Ms, sum_reached: float) -> None:
        """Take a fall out that is over: in its week the sum reached the limit of then, whatever came.

        It counts for so much, or a limit that is too low would take its own false pages for falls and never rise.
        """
        start = bisect_left(self._at, since_at)
        self._steps[start:] = array("f", bytes(self._steps.itemsize * (len(self._steps) - start)))
        self._told[week_of(day_of(opened_at, self._thresholds))] = sum_reached
        self._known = _NOTHING

    def _week(self, monday: int) -> Week | None:
        """Return what a week has added up; None when it was not judged as a whole."""
        start, end = (bisect_left(self._at, day_starts(day, self._thresholds)) for day in (monday, monday + 7))
        if start == end or start < self._begin:
            return None
        week = week_of_steps(self._steps[start:end])
        return week._replace(peak=max(week.peak, self._told.get(monday, 0.0)))
