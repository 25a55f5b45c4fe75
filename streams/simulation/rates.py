"""Whether complaints and late first responses are told at the rate that was chosen: false alarms, and delays."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, sqrt
from statistics import mean, median, stdev
from typing import Final
from zlib import crc32

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.drop import Cause, Tally, Thresholds
from streams.core.drop.detector import Detector
from streams.core.drop.rating import Tape
from streams.core.signal.segment import ThresholdBook
from streams.core.window import DAY_MS, HOUR_MS
from streams.simulation.course import Ratings, Shape, ratings_of
from streams.simulation.endurance import COUNTED_DAYS, FALLEN_DAYS, FAULT_TOLD_DAYS, KNOWN_DAYS

_COMPLAINTS: Final = Shape(level=0.94)
_IN_TIME: Final = Shape(level=0.88)
SHAPES: Final[Mapping[Cause, Mapping[str, Shape]]] = {
    Cause.COMPLAINTS_SURGE: {
        "independent": _COMPLAINTS,
        "day effects of 1.5 points": replace(_COMPLAINTS, mood=0.015),
        "day effects of 3 points": replace(_COMPLAINTS, mood=0.03),
        "Mondays 4 points more": replace(_COMPLAINTS, monday=0.04),
        "evenings 6 points more": replace(_COMPLAINTS, evening=0.06),
        "Mondays 4 points more, day effects of 3": replace(_COMPLAINTS, monday=0.04, mood=0.03),
        "slow wave of 1.5 points in 60 days": replace(_COMPLAINTS, wave=0.015),
        "three times the volume from a day on": replace(_COMPLAINTS, growth=3.0),
        "three faults of 30 complaints each": replace(_COMPLAINTS, faults=3),
    },
    Cause.FIRST_RESPONSES_LATE: {
        "independent": _IN_TIME,
        "day effects of 5 points": replace(_IN_TIME, mood=0.05),
        "day effects of 10 points": replace(_IN_TIME, mood=0.1),
        "Mondays 15 points lower": replace(_IN_TIME, monday=0.15),
        "evenings 20 points lower": replace(_IN_TIME, evening=0.2),
        "Mondays 15 points lower, day effects of 10": replace(_IN_TIME, monday=0.15, mood=0.1),
        "slow wave of 4 points in 60 days": replace(_IN_TIME, wave=0.04),
        "three times the volume from a day on": replace(_IN_TIME, growth=3.0),
        "three faults of 30 late responses each": replace(_IN_TIME, faults=3),
    },
}
"""Six of a hundred tickets are complaints, 88 of a hundred first responses come in time."""
FALLS: Final[Mapping[Cause, Sequence[float]]] = {
    Cause.COMPLAINTS_SURGE: (0.06, 0.12),
    Cause.FIRST_RESPONSES_LATE: (0.1, 0.2),
}
"""Twice and three times the complaints; 10 and 20 points fewer in time."""


class Plan(Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        seed: Chooses the counts.
        runs: Trials a cell, by tickets a day.
        causes: Which rates.
        book: Thresholds.
    """

    seed: int = 1
    runs: Mapping[int, int] = field(default_factory=lambda: {20: 12, 60: 12, 100: 12, 500: 4})
    causes: Sequence[Cause] = tuple(SHAPES)
    book: ThresholdBook = field(default_factory=ThresholdBook)

    @property
    def trials(self) -> int:
        """How many trials that makes."""
        return sum(len(SHAPES[cause]) for cause in self.causes) * sum(self.runs.values())


class Trial(Struct, frozen=True):
    """What came of one stretch of time: false alarms without a fall, and hours until each fall was told."""

    cause: Cause
    course: str
    per_day: int
    false_alarms: int
    hours: tuple[float, ...]


class Cell(Struct, frozen=True, kw_only=True):
    """What trials of one course and volume amount to.

    Attributes:
        cause: Which rate.
        course: How counts came.
        per_day: How many of them a day.
        false_alarms: In 90 days, on average.
        error: Standard error of that average.
        hours: Median until each of the falls was told; infinite when half of them were not.
    """

    cause: Cause
    course: str
    per_day: int
    false_alarms: float
    error: float
    hours: Sequence[float]


def trials(plan: Plan) -> Iterator[Trial]:
    """Yield all trials of a plan, one after the other."""
    for cause in plan.causes:
        rule = plan.book.of_rate(cause)
        for course, shape in SHAPES[cause].items():
            for per_day, runs in plan.runs.items():
                for run in range(runs):
                    seed = crc32(f"{plan.seed}/{cause}/{course}/{per_day}/{run}".encode())
                    hours = tuple(hours_until_told(shape, per_day, seed, rule, fall) for fall in FALLS[cause])
                    yield Trial(cause, course, per_day, false_alarms(shape, per_day, seed, rule), hours)


def cells(done: Iterable[Trial]) -> list[Cell]:
    """Return what trials amount to, by rate, course and volume."""
    groups = defaultdict[tuple[Cause, str, int], list[Trial]](list)
    for trial in done:
        groups[trial.cause, trial.course, trial.per_day].append(trial)
    return [_cell(*key, group) for key, group in groups.items()]


def _cell(cause: Cause, course: str, per_day: int, group: Sequence[Trial]) -> Cell:
    alarms = [trial.false_alarms for trial in group]
    return Cell(
        cause=cause,
        course=course,
        per_day=per_day,
        false_alarms=mean(alarms),
        error=stdev(alarms) / sqrt(len(alarms)) if len(alarms) > 1 else inf,
        hours=[median(hours) for hours in zip(*(trial.hours for trial in group), strict=True)],
    )


def false_alarms(shape: Shape, per_day: int, seed: int, rule: Thresholds) -> int:
    """Return how many signals of a quarter without a fall are false; the first one about a fault is not."""
    seen = ratings_of(shape, per_day, KNOWN_DAYS, KNOWN_DAYS + COUNTED_DAYS, seed)
    told = list(signals_of(seen, rule, KNOWN_DAYS * DAY_MS))
    true = sum(any(0 <= at - fault <= FAULT_TOLD_DAYS * DAY_MS for at in told) for fault in seen.faults)
    return len(told) - true


def hours_until_told(shape: Shape, per_day: int, seed: int, rule: Thresholds, fall: float) -> float:
    """Return the hours until a fall is told that begins at an hour of the week after those that are known."""
    fallen_at = KNOWN_DAYS * DAY_MS + seed % (7 * 24) * HOUR_MS
    days = fallen_at // DAY_MS + FALLEN_DAYS
    seen = ratings_of(shape, per_day, KNOWN_DAYS, days, seed + 1, fallen_at, fall)
    return (next(signals_of(seen, rule, fallen_at), inf) - fallen_at) / HOUR_MS


def signals_of(seen: Ratings, rule: Thresholds, start_at: Ms) -> Iterator[Ms]:
    """Yield when the rule tells something from an instant on; that of an hour is seen with the counts of the next."""
    detector, told = Detector(rule, Tape()), 0
    for tally in hourly(seen):
        detector.count(tally)
        if len(detector.opened) > told:
            told = len(detector.opened)
            if detector.opened[-1].opened_at >= start_at:
                yield detector.opened[-1].opened_at


def hourly(seen: Ratings) -> Iterator[Tally]:
    """Yield counts by the hour; each bears the last millisecond of its hour."""
    hour = seen.at // HOUR_MS
    n = np.bincount(hour)
    good = np.bincount(hour, seen.is_satisfied, len(n)).astype(int)
    for at in np.flatnonzero(n).tolist():
        yield Tally((at + 1) * HOUR_MS - 1, int(n[at]), int(good[at]))
