"""What a segment's weeks are like: good and bad hours, how much days differ beyond chance, how fast the level moves.

Everything is learnt from whole weeks of the past, once a week, and shrunk: hour of the week towards weekday, weekday
towards the segment above, the mood of days likewise. What few ratings cannot tell is taken from above, or is nothing.
"""

from collections.abc import Collection
from math import log
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.rows import Ms
from streams.core.drop.rating import Tape
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS, HOUR_MS

HOURS: Final = 168
_DAY: Final = 24
_MONDAY: Final = 4
"""Day 0 of the epoch was a Thursday."""
_ENOUGH: Final = 200
"""With fewer ratings nothing of a segment's own weeks can be told: they are taken from above."""
_ENOUGH_FOR_HOURS: Final = 1_000
_HOUR_LEAST: Final = 0.03
"""Where no hour differs by 3 points from its weekday, half of what is worth a page, none does."""
_DAYS_LEAST: Final = 14
_MOOD_UNKNOWN: Final = 0.02
"""Correlation of two ratings of one day before anything is known: days differ by 5 points beyond chance, at 85 %."""
_MOOD: Final = 0.004
"""What it is usually, with nothing above to say so: 2 points."""
_MOOD_SPREAD: Final = 0.04
_ODD, _ODD_PART = 4.0, 0.9205
"""Squares of standard deviations count up to 4, so that a fall is no mood: by chance they are then 0.92 on average."""
_DIFFERENCES: Final = np.arange(0.0, 0.205, 0.01) ** 2
_KINDS, _KIND_PARTS = np.array([1.0, 4.0]), np.array([6 / 7, 1 / 7])
_DRIFTS: Final = (0.5, 1.0, 2.0, 4.0)
"""Factors of the drift that is expected, among which the segment's own past chooses ..."""
_DRIFT_SPREAD: Final = 0.7
"""... standard deviation of their logarithm."""
_DIGITS: Final = 9
"""Fitted numbers are rounded: sums of floating-point numbers may differ in their last digits between processors."""

Floats = NDArray[np.float64]


class Profile(NamedTuple):
    """What weeks are like.

    Attributes:
        offsets: What each hour of the week, from Monday on, lies above the level, as a share.
        variances: How unsure that is.
        is_hourly: Whether hours of one day differ.
        mood: Correlation of two ratings of one day beyond hour and level; 0 where days differ by chance alone.
        drift: Variance of what the level moves in a day.
        level: The share of satisfied ratings over all the weeks; None without any.
    """

    offsets: tuple[float, ...]
    variances: tuple[float, ...]
    is_hourly: bool
    mood: float
    drift: float
    level: float | None


def flat(thresholds: Thresholds) -> Profile:
    """Return the profile of which nothing is known."""
    return Profile((0.0,) * HOURS, (0.0,) * HOURS, False, _MOOD_UNKNOWN, drift_of(thresholds), None)


def drift_of(thresholds: Thresholds) -> float:
    """Return the variance of what the level is expected to move in a day."""
    return (thresholds.drift_points / 100) ** 2 / 7


def day_of(at: Ms, thresholds: Thresholds) -> int:
    """Return the number of the desk's day."""
    return (at - thresholds.day_begins_hour * HOUR_MS) // DAY_MS


def day_starts(day: int, thresholds: Thresholds) -> Ms:
    """Return when a day begins."""
    return day * DAY_MS + thresholds.day_begins_hour * HOUR_MS


def hour_of_week(at: Ms, thresholds: Thresholds) -> int:
    """Return the hour of the desk's week: 0 is the first one of its Monday."""
    return (at // HOUR_MS - thresholds.day_begins_hour - _MONDAY * _DAY) % HOURS


def weekday_of(day: int) -> int:
    """Return the weekday of a day: 0 is a Monday."""
    return (day - _MONDAY) % 7


def week_of(day: int) -> int:
    """Return the Monday at or before a day."""
    return day - weekday_of(day)


class _Days(NamedTuple):
    """Ratings of days, by hour, and what each day is."""

    is_told: NDArray[np.bool_]  # by day: a fall was told of it
    n: Floats  # days x 24
    satisfied: Floats
    block: NDArray[np.int64]  # a week of the window, by day
    weekday: NDArray[np.int64]


def fitted(own: Tape, end_day: int, told: Collection[int], above: Profile, thresholds: Thresholds) -> Profile:
    """Return what the weeks before a day were like.

    Args:
        own: Ratings of the segment.
        end_day: The day before which the weeks end.
        told: Days that are left out: a fall was told of them.
        above: The profile of the segment above, to which this one is shrunk.
        thresholds: Of the segment.
    """
    days = _days(own, end_day, told, thresholds)
    kept = days.n * ~days.is_told[:, None]
    n = kept.sum()
    level = float((days.satisfied * ~days.is_told[:, None]).sum() / n) if n else None
    if level is None or n < _ENOUGH or (days.n.sum(axis=1) > 0).sum() < _DAYS_LEAST:
        return above._replace(level=level)
    variance = _variance(level)
    mood_above = above.mood if above.level is not None else _MOOD
    mood, weekdays, rest = mood_above, np.zeros(7), np.zeros((len(days.n), _DAY))
    for _ in range(2):  # weights need the mood, and the mood needs what weights leave over
        weekdays, rest = _additive(days, mood)
        mood = _mood(days, rest.sum(axis=1), variance, mood_above)
    weekday_above = np.array(above.offsets).reshape(7, _DAY).mean(axis=1)
    totals = np.bincount(days.weekday, _weights(kept.sum(axis=1), mood), 7)
    offsets, unsure = _shrunk(weekdays, variance / np.maximum(totals, 1e-9), weekday_above)
    by_hour, hour_unsure = _hours(days, kept, rest, variance) if n >= _ENOUGH_FOR_HOURS else (np.zeros((7, _DAY)),) * 2
    return Profile(
        offsets=_rounded((offsets[:, None] + by_hour).ravel()),
        variances=_rounded((unsure[:, None] + hour_unsure).ravel()),
        is_hourly=bool(by_hour.any()),
        mood=round(mood, _DIGITS),
        drift=_drift(days, kept.sum(axis=1), offsets, by_hour, level, mood, drift_of(thresholds)),
        level=level,
    )


def _days(own: Tape, end_day: int, told: Collection[int], thresholds: Thresholds) -> _Days:
    start_day = end_day - thresholds.profile_days
    n, satisfied = own.hours(day_starts(start_day, thresholds), thresholds.profile_days * _DAY)
    n, satisfied = n.reshape(-1, _DAY), satisfied.reshape(-1, _DAY)
    number = np.arange(thresholds.profile_days)
    is_told = np.zeros(thresholds.profile_days, dtype=bool)
    is_told[[day - start_day for day in told if start_day <= day < end_day]] = True
    return _Days(is_told, n, satisfied, number // 7, (start_day - _MONDAY + number) % 7)


def _variance(level: float) -> float:
    level = min(max(level, 0.02), 0.98)
    return level * (1 - level)


def _weights(n: Floats, mood: float) -> Floats:
    """Return how many independent ratings those of each day are worth."""
    return n / (1 + np.maximum(n - 1, 0) * mood)


def _additive(days: _Days, mood: float) -> tuple[Floats, Floats]:
    """Return weekdays' deviations, and what is left of satisfied ratings by day and hour: week + weekday, weighted.

    Weeks take up what drifts, so that a slow change is neither a weekday nor a mood. Days of which a fall was told say
    nothing, unless nothing else is known of their week.
    """
    n = days.n.sum(axis=1)
    share = np.divide(days.satisfied.sum(axis=1), n, out=np.zeros_like(n), where=n > 0)
    is_known = np.bincount(days.block, ~days.is_told & (n > 0)) > 0
    weights = _weights(n, mood) * (~days.is_told | ~is_known[days.block])
    weekdays, weeks = np.zeros(7), np.zeros(days.block[-1] + 1)
    by_weekday, by_week = np.bincount(days.weekday, weights, 7), np.bincount(days.block, weights)
    for _ in range(4):
        weeks = np.bincount(days.block, weights * (share - weekdays[days.weekday])) / np.maximum(by_week, 1e-9)
        weekdays = np.bincount(days.weekday, weights * (share - weeks[days.block]), 7) / np.maximum(by_weekday, 1e-9)
        weekdays -= (by_weekday * weekdays).sum() / by_weekday.sum()
    expected = weeks[days.block] + weekdays[days.weekday]
    return weekdays, days.satisfied - days.n * expected[:, None]


def _mood(days: _Days, rest: Floats, variance: float, above: float) -> float:
    """Return the correlation of ratings of one day, from the squares of what days differ by; never below 0.

    Williams, D. A. (1982): Extra-binomial variation in logistic linear models. Applied Statistics 31 (2), 144-148:
    the moment estimate of his model II, corrected for the weeks and weekdays that were fitted. It is shrunk to that of
    the segment above by its own variance. All days count, also those of which a fall was told: without the worst ones
    every estimate would be too low, and the next page nearer. So that a real fall is no mood, single squares are
    bounded (Huber, P. J. (1964): Robust estimation of a location parameter. Annals of Mathematical Statistics 35,
    73-101, proposal 2).
    """
    n = days.n.sum(axis=1)
    seen = n > 0
    left = 1 - (len(np.unique(days.block[seen])) + len(np.unique(days.weekday[seen])) - 1) / seen.sum()
    pairs = (n * (n - 1)).sum()
    if left <= 0 or pairs <= 0:
        return above
    squares = rest**2 / variance / left
    estimate = max(0.0, (squares.sum() - n.sum()) / pairs)
    for _ in range(10):
        bounded = np.minimum(squares, _ODD * n * (1 + (n - 1) * max(estimate, 0.0)))
        estimate = (bounded.sum() / _ODD_PART - n.sum()) / pairs
    spread = 2 * ((n * (1 + (n - 1) * max(estimate, 0.0))) ** 2).sum() / pairs**2 / left
    part = _MOOD_SPREAD**2 / (_MOOD_SPREAD**2 + spread)
    return max(0.0, float(part * estimate + (1 - part) * above))


def _shrunk(found: Floats, variances: Floats, towards: Floats) -> tuple[Floats, Floats]:
    """Return found numbers, drawn towards others as far as chance alone could have parted them; and their variances.

    How much they truly differ is not known either: every standard deviation from 0 to 20 points is weighed by how well
    it explains what was found, all of them being as likely beforehand. An estimate of it would often be 0, and then
    sure of itself. Gelman, A. (2006): Prior distributions for variance parameters in hierarchical models. Bayesian
    Analysis 1 (3), 515-533. One in seven may differ four times as much, as a Monday among weekdays does: it is drawn
    less than the others (Tukey's contaminated normal distribution, 1960).
    """
    is_known = variances < 1.0
    if is_known.sum() < 2:
        return towards, np.full(len(found), 0.0)
    off, noise = (found - towards)[is_known], variances[is_known]
    true = _DIFFERENCES[None, :, None] * _KINDS[:, None, None] ** 2
    parts = true / (true + noise)
    each = np.log(_KIND_PARTS)[:, None, None] - 0.5 * (np.log(true + noise) + off**2 / (true + noise))
    of_either = np.logaddexp(*each)
    plausible = of_either.sum(axis=1)
    weights = np.exp(plausible - plausible.max())
    joint = np.exp(each - of_either) * (weights / weights.sum())[None, :, None]
    part, squared = (joint * parts).sum(axis=(0, 1)), (joint * parts**2).sum(axis=(0, 1))
    shrunk, unsure = towards.copy(), np.full(len(found), float((joint * true).sum() / len(off)))
    shrunk[is_known] += part * off
    unsure[is_known] = part * noise + off**2 * (squared - part**2)
    return shrunk, unsure


def _hours(days: _Days, kept: Floats, rest: Floats, variance: float) -> tuple[Floats, Floats]:
    """Return by how much hours of the week differ from their weekday, and the variance of that.

    What all weekdays have in common at an hour of the day is told by seven times as many ratings: it comes first.
    """
    n, left = np.zeros((7, _DAY)), np.zeros((7, _DAY))
    np.add.at(n, days.weekday, kept)
    np.add.at(left, days.weekday, rest * ~days.is_told[:, None])
    of_day, of_day_unsure = _shrunk_shares(n.sum(axis=0), left.sum(axis=0), variance)
    of_week, of_week_unsure = _shrunk_shares(n.ravel(), (left - n * of_day).ravel(), variance)
    found = of_week.reshape(7, _DAY) + of_day
    if np.abs(found).max() < _HOUR_LEAST:
        return np.zeros_like(found), np.zeros_like(found)
    return found, of_week_unsure.reshape(7, _DAY) + of_day_unsure


def _shrunk_shares(n: Floats, left: Floats, variance: float) -> tuple[Floats, Floats]:
    share = np.divide(left, n, out=np.zeros_like(n), where=n > 0)
    return _shrunk(share, np.where(n > 0, variance / np.maximum(n, 1e-9), 1e9), np.zeros(len(n)))


def _drift(
    days: _Days, n: Floats, offsets: Floats, by_hour: Floats, level: float, mood: float, expected: float
) -> float:
    """Return by how much the level moves in a day: the likeliest factor of what is expected.

    The likelihood is that of the errors by which a local level foretells the next day (Harvey, A. C. (1989):
    Forecasting, structural time series models and the Kalman filter. Cambridge, chapter 3).
    """
    usual = (days.n * (offsets[days.weekday, None] + by_hour[days.weekday])).sum(axis=1)
    adjusted = days.satisfied.sum(axis=1) - usual
    noise = _variance(level) / np.maximum(_weights(n, mood), 1e-9)
    shown = [(adjusted[i] / n[i], noise[i]) if n[i] else None for i in range(len(n))]

    def likelihood(factor: float) -> float:
        mean, spread, total = level, 0.01, -0.5 * (log(factor) / _DRIFT_SPREAD) ** 2
        for day in shown:
            spread += expected * factor**2
            if day:
                mean, spread, plausible = updated(mean, spread, float(day[0]), float(day[1]))
                total += plausible
        return total

    return expected * max(_DRIFTS, key=likelihood) ** 2


def updated(mean: float, spread: float, seen: float, noise: float) -> tuple[float, float, float]:
    """Return level and variance after one more observation, and its log-likelihood: one step of a Kalman filter."""
    total = spread + noise
    gain, error = spread / total, seen - mean
    return mean + gain * error, spread * (1 - gain), -0.5 * (log(total) + error * error / total)


def _rounded(numbers: Any) -> tuple[float, ...]:  # noqa: ANN401 - an array
    return tuple(np.round(numbers, _DIGITS).tolist())
