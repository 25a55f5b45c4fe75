"""How late a fall would be told: a segment's own weeks go on, drawn anew, and fall."""

from collections.abc import Iterator, Sequence
from math import inf, isfinite, nan
from random import Random
from statistics import median
from typing import Final, NamedTuple

from schemas.rows import Ms
from streams.core.backtest.past import Judged
from streams.core.drop import Thresholds
from streams.core.drop.baseline import LOWEST, Baseline
from streams.core.drop.detector import Detector
from streams.core.drop.profile import hour_of_week
from streams.core.window import DAY_MS, HOUR_MS

POINTS: Final = (15, 10, 5)
"""Falls, in percentage points."""
FALLEN_DAYS: Final = 30
"""A fall lasts so long; one that no page told of by then was missed."""
WEEKS_LEAST: Final = 3
"""Of fewer weeks nothing can be put together that would not be the same over and over."""
_WEEKS: Final = 8
_WEEK_MS: Final = 7 * DAY_MS
_AHEAD: Final = 2 + FALLEN_DAYS // 7
_SEED: Final = 1954


class Delay(NamedTuple):
    """How soon a fall would be told.

    Attributes:
        points: By how much satisfaction falls.
        median_hours: None when half of the falls or more were not told within 30 days.
        missed: The share that was not.
        trials: How many falls there were; those into which a page rang already are none.
    """

    points: int
    median_hours: float | None
    missed: float
    trials: int


class _Seen(NamedTuple):
    """A rating of a week that is over: how long after its begin it came, and what was usual then."""

    after: Ms
    is_satisfied: bool
    usual: float


class _Ahead(NamedTuple):
    """A rating to come: one of the past, at the same time of a later week."""

    at: Ms
    was_satisfied: bool
    was_usual: float
    usual: float
    luck: float

    def is_satisfied(self, fall: float) -> bool:
        """Say whether it is satisfied where the usual share lies by so much lower: what it was, as far as that goes."""
        share = max(LOWEST, self.usual - fall)
        if self.was_satisfied:
            return self.luck * self.was_usual < share
        return self.luck * (1 - self.was_usual) < share - self.was_usual


def delays(name: str, judged: Judged, quiet: Detector, now: Ms, trials: int) -> list[Delay]:
    """Return how late falls of each size would be told at this volume, with these weeks and moods.

    A block bootstrap: whole weeks of the past follow each other anew, drawn with replacement, so that hours, weekdays
    and moods stay as they were; each rating is moved by what is usual now and was then. Kunsch, H. R. (1989): The
    jackknife and the bootstrap for general stationary observations. Annals of Statistics 17 (3), 1217-1241. The fall
    begins at any time of the first week. The same arguments give the same delays; all sizes, and all budgets, see the
    same draws.

    Args:
        name: Chooses the draws.
        judged: The past.
        quiet: The rule at the end of it, without an open signal.
        now: When the weeks to come begin.
        trials: Falls of each size.

    Returns:
        One for each size; none while the segment is learning, or where fewer than three weeks are known.
    """
    weeks = list(_weeks(judged, now))
    usual = quiet.verdict(now).baseline
    if usual is None or len(weeks) < WEEKS_LEAST or not trials:
        return []
    hours: dict[int, list[float]] = {points: [] for points in POINTS}
    for trial in range(trials):
        rng = Random(f"{_SEED}/{name}/{trial}")
        fallen_at = now + int(rng.random() * _WEEK_MS)
        ahead = list(_ahead(weeks, usual, quiet.thresholds, now, rng))
        for points in POINTS:
            hours[points].append(_hours(quiet.copied(), ahead, fallen_at, points / 100))
    return [_delay(points, [hour for hour in of_size if hour == hour]) for points, of_size in hours.items()]  # no nan


def _weeks(judged: Judged, now: Ms) -> Iterator[Sequence[_Seen]]:
    """Yield each week that was judged as a whole and is no part of a fall that was told."""
    told = [(page.episode.since_at, page.episode.closed_at or now) for page in judged.pages]
    for back in range(1, _WEEKS + 1):
        start_at = now - back * _WEEK_MS
        of_week = [
            (rating, usual)
            for rating, usual in zip(judged.ratings, judged.usual, strict=True)
            if start_at <= rating.at < start_at + _WEEK_MS
        ]
        seen = [_Seen(one.at - start_at, one.is_satisfied, usual) for one, usual in of_week if usual is not None]
        if not seen or len(seen) < len(of_week):
            continue
        is_told = any(begin < start_at + _WEEK_MS and end > start_at for begin, end in told)
        if not (is_told and _is_low(seen, judged.detector.thresholds.recovery_points / 100)):
            yield seen


def _is_low(week: Sequence[_Seen], points: float) -> bool:
    """Say whether a week lies lower than a signal is resolved at: one that was told lasts until long after the fall."""
    return sum(one.usual - one.is_satisfied for one in week) > points * len(week)


def _ahead(
    weeks: Sequence[Sequence[_Seen]], usual: Baseline, rule: Thresholds, begin: Ms, rng: Random
) -> Iterator[_Ahead]:
    for _ in range(_AHEAD):
        for one in rng.choice(weeks):
            at = begin + one.after
            yield _Ahead(at, one.is_satisfied, one.usual, usual.at(hour_of_week(at, rule), rule), rng.random())
        begin += _WEEK_MS


def _hours(detector: Detector, ahead: Sequence[_Ahead], fallen_at: Ms, fall: float) -> float:
    """Return the hours until a fall is told; infinite when it is not, no number when a page rang before it began."""
    for one in ahead:
        due_at = detector.due_at
        if due_at is not None and due_at <= one.at:
            return (due_at - fallen_at) / HOUR_MS if due_at >= fallen_at else nan
        if one.at > fallen_at + FALLEN_DAYS * DAY_MS:
            break
        detector.take(one.at, is_satisfied=one.is_satisfied(fall if one.at >= fallen_at else 0.0))
    return inf


def _delay(points: int, hours: Sequence[float]) -> Delay:
    if not hours:
        return Delay(points, None, 0.0, 0)
    middle = median(hours)
    return Delay(
        points, middle if isfinite(middle) else None, sum(hour == inf for hour in hours) / len(hours), len(hours)
    )
