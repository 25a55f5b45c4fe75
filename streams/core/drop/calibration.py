"""The limit of the CUSUM from what the segment's own weeks would have added up, put together anew in many ways."""

from collections.abc import Sequence
from functools import cache
from math import exp
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_WEEKS: Final = 13
"""Of a path: 90 days, and one more."""
_PATHS: Final = 200
_SEED: Final = 1954
WEEKS_LEAST: Final = 4
"""With fewer weeks the limit is that of the thresholds, and with few it is drawn towards it, ..."""
_TRUST: Final = 8
"""... as if so many weeks had said the latter."""
_LOWER, _HIGHER = 0.5, 2.0
"""So much below and above it at most."""


class Week(NamedTuple):
    """What the ratings of one week do to the sum S that they meet.

    It becomes `max(S + total, rest)`, and meanwhile reaches `max(S + climb, peak)`: exactly what `S = max(0, S + step)`
    makes of it, rating by rating.
    """

    total: float
    rest: float
    climb: float
    peak: float


def week_of_steps(steps: Sequence[float]) -> Week:
    """Return what steps do, one after the other."""
    if not len(steps):
        return Week(0.0, 0.0, 0.0, 0.0)
    sums = np.cumsum(np.asarray(steps, dtype=np.float64))
    own = sums - np.minimum.accumulate(np.minimum(sums, 0.0))
    return Week(float(sums[-1]), float(own[-1]), float(max(0.0, sums.max())), float(own.max()))


@cache
def _paths(weeks: int) -> NDArray[np.int64]:
    return np.random.default_rng(_SEED).integers(0, weeks, (_WEEKS, _PATHS))


def peaks(weeks: Sequence[Week]) -> NDArray[np.float64]:
    """Return the highest sum of each of many quarters that are made of these weeks, drawn with replacement.

    A block bootstrap: within a week everything stays as it was, moods and hours included. Kunsch, H. R. (1989): The
    jackknife and the bootstrap for general stationary observations. Annals of Statistics 17 (3), 1217-1241.
    """
    total, rest, climb, peak = np.array(weeks).T
    sums, highest = np.zeros(_PATHS), np.zeros(_PATHS)
    for drawn in _paths(len(weeks)):
        highest = np.maximum(highest, np.maximum(sums + climb[drawn], peak[drawn]))
        sums = np.maximum(sums + total[drawn], rest[drawn])
    return highest


def reached(weeks: Sequence[Week], false_pages: float) -> float | None:
    """Return what the sum of independent ratings reached in these weeks as often as is accepted; None of too few.

    Args:
        weeks: Of the past.
        false_pages: How many are accepted in 90 days.
    """
    if len(weeks) < WEEKS_LEAST:
        return None
    return round(float(np.sort(peaks(weeks))[round(exp(-false_pages) * (_PATHS - 1))]), 9)


def calibrated(own: float, weeks: int, usual: float) -> float:
    """Return the limit of a segment.

    Args:
        own: What its own weeks reached.
        weeks: How many they are.
        usual: The limit by the thresholds.
    """
    part = weeks / (weeks + _TRUST)
    return min(max(usual + part * (own - usual), usual - _LOWER), usual + _HIGHER)
