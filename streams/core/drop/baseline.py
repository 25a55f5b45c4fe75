"""The usual level of a segment: where it stands, what its weeks are like, and how sure that is."""

from collections.abc import Collection
from math import sqrt
from typing import Final, NamedTuple

from schemas.rows import Ms
from streams.core.drop.profile import (
    Profile,
    day_of,
    day_starts,
    fitted,
    flat,
    updated,
    week_of,
    weekday_of,
)
from streams.core.drop.rating import Tape
from streams.core.drop.threshold import Thresholds
from streams.core.interval import Z95, Interval
from streams.core.window import DAY_MS, HOUR_MS

_UNKNOWN: Final = 0.25
"""Variance of a level of which nothing is known: a standard deviation of 50 points."""
LOWEST: Final = 0.02
"""An hour may be worse than the lowest level that is taken for usual, but not hopeless: nothing falls from there."""
_VOLUME_DAYS: Final = 14
DOUBT_DAYS: Final = 14
"""What bad ratings have added up since is no part of the usual level, for so many days: a fall that takes a week to be
told does not become usual meanwhile. What lasts longer without being told is drift."""


class Baseline(NamedTuple):
    """What is usual.

    Attributes:
        share: The usual share of satisfied ratings, over a whole week, after shrinkage and clamp.
        n: Ratings of the segment in the last weeks, of `baseline_days`.
        satisfied: How many of them are satisfied.
        parent_share: What the segment above has; None when nothing is known of it, or nothing lies above.
        per_day: Ratings a day, lately.
        start_at: Begin of the days behind it.
        end_at: Their end; that instant is not part of them.
        spread: Standard deviation of how wrong `share` may be.
        profile: What weeks are like.
    """

    share: float
    n: int
    satisfied: int
    parent_share: float | None
    per_day: float
    start_at: Ms
    end_at: Ms
    spread: float = 0.0
    profile: Profile = flat(Thresholds())._replace(mood=0.0)

    def at(self, hour: int, thresholds: Thresholds) -> float:
        """Return the usual share at an hour of the week."""
        share = self.share + self.profile.offsets[hour]
        return min(max(share, LOWEST), thresholds.baseline_highest)

    def interval(self, hour: int) -> Interval:
        """Return where the true share of an hour of the week lies with 95 % confidence."""
        share = self.share + self.profile.offsets[hour]
        half = Z95 * sqrt(self.spread**2 + self.profile.variances[hour])
        return Interval(max(0.0, share - half), min(1.0, share + half))

    @property
    def design_effect(self) -> float:
        """How many ratings of a usual day say as much as one independent one; at least 1.

        Kish, L. (1965): Survey sampling. Wiley: `1 + (m - 1) * mood` for days of m ratings.
        """
        return 1 + max(0.0, self.per_day - 1) * self.profile.mood


def hour_of(at: Ms) -> Ms:
    """Return the full hour at or before an instant: baselines change there, and nowhere else."""
    return at - at % HOUR_MS


def sure_until(end_at: Ms, doubted_at: Ms | None) -> Ms:
    """Return up to when ratings tell what is usual, of those before an instant."""
    return end_at if doubted_at is None else max(min(end_at, doubted_at), end_at - DOUBT_DAYS * DAY_MS)


class Usual:
    """Makes baselines of one segment, at hours that come one after the other.

    The level is filtered day by day from the first rating on, each day weighed by what its ratings are worth (a local
    level model: Harvey, A. C. (1989): Forecasting, structural time series models and the Kalman filter. Cambridge,
    chapter 2). It begins at that of the segment above, which counts like `baseline_weight` ratings. The profile is
    learnt anew in each week that is asked about. Days of falls that were told are left out of both.
    """

    def __init__(self, thresholds: Thresholds, own: Tape) -> None:
        self._thresholds = thresholds
        self._own = own
        self._profile = flat(thresholds)
        self._week: int | None = None  # of the profile
        self._told: Collection[int] = ()
        self._day: int | None = None  # the next one to filter
        self._mean = self._variance = 0.0
        self._of_one = 0.0  # variance of one rating

    def at(
        self, hour_at: Ms, parent: Tape, told: Collection[int] = (), doubted_at: Ms | None = None
    ) -> Baseline | None:
        """Return what is usual from a full hour on; None while ratings or days are too few to say.

        Args:
            hour_at: The hour; not before one that was asked about.
            parent: Ratings of the segment above.
            told: Days that are left out, as a fall was told of them; they grow and never shrink.
            doubted_at: Since when bad ratings have added up; None when they have not.
        """
        rule, own = self._thresholds, self._own
        end_at = hour_at - rule.baseline_lag_hours * HOUR_MS
        start_at = end_at - rule.baseline_days * DAY_MS
        n, satisfied = own.between(start_at, end_at)
        if n < max(1, rule.baseline_least):
            return None
        known_days = (end_at - max(start_at, own.at[0])) / DAY_MS
        if known_days < rule.baseline_days_least:
            return None
        parent_n, parent_satisfied = parent.between(start_at, end_at)
        parent_share = parent_satisfied / parent_n if parent_n else None
        sure_at = sure_until(end_at, doubted_at)
        day = day_of(sure_at, rule)
        self._filter(day, parent, told, satisfied / n if parent_share is None else parent_share, parent_n > 0)
        mean, variance = self._after(day, sure_at)
        horizon = (hour_at - sure_at) / DAY_MS + 0.5
        lately = min(known_days, _VOLUME_DAYS)
        return Baseline(
            share=min(max(mean, rule.baseline_lowest), rule.baseline_highest),
            n=n,
            satisfied=satisfied,
            parent_share=parent_share,
            per_day=own.between(end_at - round(lately * DAY_MS), end_at)[0] / max(1.0, lately),
            start_at=start_at,
            end_at=end_at,
            spread=sqrt(variance + self._profile.drift * horizon),
            profile=self._profile,
        )

    def _filter(self, day: int, parent: Tape, told: Collection[int], begin: float, is_steadied: bool) -> None:
        """Bring profile and level to the begin of a day; after a fall that was told, the level from the beginning."""
        week, is_anew = week_of(day), self._day is None or len(told) != len(self._told)
        if week != self._week or is_anew:
            self._profile = fitted(self._own, week, told, _above(parent, week, self._thresholds), self._thresholds)
            self._week, self._told = week, told
        if is_anew:
            weight = self._thresholds.baseline_weight if is_steadied else 0.0
            self._of_one = min(max(begin, 0.05), 0.95) * (1 - min(max(begin, 0.05), 0.95))
            self._mean, self._variance = begin, min(_UNKNOWN, self._of_one / weight) if weight else _UNKNOWN
            self._day = day_of(self._own.at[0], self._thresholds)
        assert self._day is not None
        while self._day < day:
            self._variance = min(_UNKNOWN, self._variance + self._profile.drift)
            self._mean, self._variance = self._after(self._day, day_starts(self._day + 1, self._thresholds))
            self._day += 1

    def _after(self, day: int, until: Ms) -> tuple[float, float]:
        """Return level and variance after the ratings of a day up to an instant."""
        start_at = day_starts(day, self._thresholds)
        n, satisfied = self._own.between(start_at, until)
        if not n or day in self._told:
            return self._mean, self._variance
        offset, unsure = self._offset(day)
        noise = self._of_one / n * (1 + (n - 1) * self._profile.mood) + unsure
        mean, variance, _ = updated(self._mean, self._variance, satisfied / n - offset, noise)
        return mean, variance

    def _offset(self, day: int) -> tuple[float, float]:
        """Return what the ratings of a day are to lie above the level, and the variance of that."""
        first = 24 * weekday_of(day)
        offsets, unsure = self._profile.offsets, self._profile.variances[first]
        if not self._profile.is_hourly:
            return offsets[first], unsure
        at = day_starts(day, self._thresholds)
        by_hour = [self._own.between(at + hour * HOUR_MS, at + (hour + 1) * HOUR_MS)[0] for hour in range(24)]
        known = sum(by_hour) or 1
        return sum(count * offsets[first + hour] for hour, count in enumerate(by_hour)) / known, unsure


def _above(parent: Tape, week: int, thresholds: Thresholds) -> Profile:
    """Return the profile of the segment above; segments below it share it."""
    if not len(parent):
        return flat(thresholds)
    key = (week, thresholds)
    known: Profile | None = parent.memo.get(key)
    if known is None:
        known = parent.memo[key] = fitted(parent, week, (), flat(thresholds), thresholds)
    return known
