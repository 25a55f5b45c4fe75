"""Ratings as they really come: weeks, moods of days, drift, faults in clusters; drawn by arrays, by a seed."""

from collections.abc import Mapping
from enum import StrEnum
from math import pi
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.rows import Ms
from streams.core.window import DAY_MS

LEVEL: Final = 0.85
"""The usual share of satisfied ratings, on average."""
FALL: Final = 0.15
"""A fall worth a page takes so much away."""
_LOWEST, _HIGHEST = 0.02, 0.995
_EVENING: Final = DAY_MS * 3 // 4
_MONDAY: Final = 4
"""Day 0 of the epoch was a Thursday."""


class Course(StrEnum):
    """How ratings come."""

    INDEPENDENT = "independent"
    DAYS_3 = "day effects of 3 points"
    DAYS_6 = "day effects of 6 points"
    MONDAYS_8 = "Mondays 8 points lower"
    MONDAYS_15 = "Mondays 15 points lower"
    WAVE = "slow wave of 4 points in 60 days"
    BOTH = "Mondays 15 points lower, day effects of 6"
    CLUSTERS = "three faults of 30 bad ratings each"
    VOLUME = "three times the volume from a day on"
    SCALE = "another scale, 5 points lower, from a day on"


class Shape(Struct, frozen=True, kw_only=True):
    """What is true of a course, in shares.

    Attributes:
        level: The usual share, on average.
        mood: Standard deviation of the effect of a day.
        monday: By how much Mondays lie below the other days.
        evening: By how much the last six hours of a day lie below the others.
        wave: Amplitude of a sine of `WAVE_DAYS`.
        faults: How many clusters of bad ratings come.
        growth: Factor of the volume after the change.
        shift: By how much the level changes for good.
    """

    level: float = LEVEL
    mood: float = 0.0
    monday: float = 0.0
    evening: float = 0.0
    wave: float = 0.0
    faults: int = 0
    growth: float = 1.0
    shift: float = 0.0


SHAPES: Final[Mapping[Course, Shape]] = {
    Course.INDEPENDENT: Shape(),
    Course.DAYS_3: Shape(mood=0.03),
    Course.DAYS_6: Shape(mood=0.06),
    Course.MONDAYS_8: Shape(monday=0.08),
    Course.MONDAYS_15: Shape(monday=0.15),
    Course.WAVE: Shape(wave=0.04),
    Course.BOTH: Shape(mood=0.06, monday=0.15),
    Course.CLUSTERS: Shape(faults=3),
    Course.VOLUME: Shape(growth=3.0),
    Course.SCALE: Shape(shift=-0.05),
}
WAVE_DAYS: Final = 60
FAULT_RATINGS: Final = 30
FAULT_DAYS: Final = 2
CHANGE_DAYS: Final = 30
"""Volume and scale change so long after the days that are known."""


class Ratings(NamedTuple):
    """Ratings in order of time.

    Attributes:
        at: When they were given.
        is_satisfied: Whether they count as satisfied.
        faults: When each cluster of bad ratings began.
    """

    at: NDArray[np.int64]
    is_satisfied: NDArray[np.bool_]
    faults: NDArray[np.int64]


def shares_at(shape: Shape, at: NDArray[np.int64], known_days: int) -> NDArray[np.float64]:
    """Return the share of satisfied ratings to be expected at instants, the mood of the day aside."""
    days = at / DAY_MS
    share = np.full(len(at), shape.level)
    if shape.monday:
        share -= shape.monday * ((at // DAY_MS) % 7 == _MONDAY)
    if shape.evening:
        share -= shape.evening * (at % DAY_MS >= _EVENING)
    if shape.wave:
        share += shape.wave * np.sin(2 * pi * days / WAVE_DAYS)
    if shape.shift:
        share += shape.shift * (days >= known_days + CHANGE_DAYS)
    return share


def ratings_of(
    shape: Shape, per_day: float, known_days: int, days: int, seed: int, fallen_at: Ms | None = None, fall: float = FALL
) -> Ratings:
    """Return ratings from instant 0 on: a Poisson process whose rate is that of the volume.

    Moods are drawn from a normal distribution, one for each day of UTC. The same arguments give the same ratings.

    Args:
        shape: Of the course.
        per_day: Ratings a day.
        known_days: Days of history before those that count.
        days: All days.
        seed: Chooses the ratings.
        fallen_at: From when on fewer are satisfied; None for never.
        fall: How many, as a share.
    """
    rng = np.random.default_rng(seed)
    volume = np.full(days, float(per_day))
    volume[known_days + CHANGE_DAYS :] *= shape.growth
    counts = rng.poisson(volume)
    at = np.sort(np.repeat(np.arange(days), counts) * DAY_MS + rng.integers(0, DAY_MS, counts.sum()))
    share = shares_at(shape, at, known_days) + rng.normal(0.0, shape.mood, days)[at // DAY_MS]
    if fallen_at is not None:
        share -= fall * (at >= fallen_at)
    is_satisfied = rng.random(len(at)) < np.clip(share, _LOWEST, _HIGHEST)
    faults = _faults(shape, known_days, days, rng)
    bad = (faults[:, None] + rng.integers(0, FAULT_DAYS * DAY_MS, (len(faults), FAULT_RATINGS))).ravel()
    at, is_satisfied = np.concatenate([at, bad]), np.concatenate([is_satisfied, np.zeros(len(bad), dtype=bool)])
    order = np.argsort(at, kind="stable")
    return Ratings(at[order], is_satisfied[order], faults)


def _faults(shape: Shape, known_days: int, days: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return when faults begin: at any hour, evenly over the days that count."""
    spacing = (days - known_days) // (shape.faults + 1)
    begins = known_days + spacing * np.arange(1, shape.faults + 1)
    return np.asarray(begins * DAY_MS + rng.integers(0, DAY_MS, shape.faults), dtype=np.int64)
