"""Whether the rule keeps its promise on ratings as they really come: false pages and delays, course by course."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import inf, sqrt
from statistics import median, stdev
from typing import Final
from zlib import crc32

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.drop.baseline import Baseline, Usual
from streams.core.drop.detector import Detector
from streams.core.drop.profile import HOURS, Profile
from streams.core.drop.rating import Tape
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS, HOUR_MS
from streams.simulation.course import CHANGE_DAYS, LEVEL, SHAPES, Course, Ratings, Shape, ratings_of, shares_at

KNOWN_DAYS: Final = 56
COUNTED_DAYS: Final = 90
FALLEN_DAYS: Final = 30
FAULT_TOLD_DAYS: Final = 7
"""A page within so long after a fault began is about the fault; one more in that time, or any other page, is false."""
_MONDAY: Final = 4 * DAY_MS
_HOURS: Final = np.arange(HOURS) * HOUR_MS


class Plan(Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        seed: Chooses the ratings.
        runs: Trials a cell, by ratings a day.
        courses: How ratings come.
        thresholds: Of the rule.
    """

    seed: int = 1
    runs: Mapping[int, int] = field(default_factory=lambda: {5: 30, 20: 40, 100: 30, 500: 4, 1000: 2})
    courses: Sequence[Course] = tuple(Course)
    thresholds: Thresholds = field(default_factory=Thresholds)


class Trial(Struct, frozen=True):
    """What came of one stretch of time: false pages without a fall, and hours until one was told."""

    course: Course
    per_day: int
    false_pages: int
    hours: float
    oracle_hours: float


class Cell(Struct, frozen=True, kw_only=True):
    """What trials of one course and volume amount to.

    Attributes:
        course: How ratings came.
        per_day: How many of them a day.
        false_pages: In 90 days, on average.
        error: Standard error of that average.
        hours: Median until a fall by 15 points was told; infinite when half of them were not.
        oracle_hours: The same for a rule that is told level, weekdays and moods as they truly are.
    """

    course: Course
    per_day: int
    false_pages: float
    error: float
    hours: float
    oracle_hours: float


def trials(plan: Plan) -> Iterator[Trial]:
    """Yield all trials of a plan, one after the other."""
    for course in plan.courses:
        for per_day, runs in plan.runs.items():
            for run in range(runs):
                seed = crc32(f"{plan.seed}/{course}/{per_day}/{run}".encode())
                yield Trial(
                    course,
                    per_day,
                    false_pages(SHAPES[course], per_day, seed, plan.thresholds),
                    *_hours(SHAPES[course], per_day, seed, plan.thresholds),
                )


def cells(done: Iterable[Trial]) -> list[Cell]:
    """Return what trials amount to, by course and volume."""
    groups = defaultdict[tuple[Course, int], list[Trial]](list)
    for trial in done:
        groups[trial.course, trial.per_day].append(trial)
    return [_cell(course, per_day, group) for (course, per_day), group in groups.items()]


def _cell(course: Course, per_day: int, group: Sequence[Trial]) -> Cell:
    pages = [trial.false_pages for trial in group]
    return Cell(
        course=course,
        per_day=per_day,
        false_pages=sum(pages) / len(pages),
        error=stdev(pages) / sqrt(len(pages)) if len(pages) > 1 else inf,
        hours=median(trial.hours for trial in group),
        oracle_hours=median(trial.oracle_hours for trial in group),
    )


def false_pages(shape: Shape, per_day: int, seed: int, thresholds: Thresholds) -> int:
    """Return how many pages of a quarter are false; the first one about a fault, or about a change for good, is not."""
    ratings = ratings_of(shape, per_day, KNOWN_DAYS, KNOWN_DAYS + COUNTED_DAYS, seed)
    pages = list(pages_of(ratings, thresholds, KNOWN_DAYS * DAY_MS))
    news = [(fault, FAULT_TOLD_DAYS) for fault in ratings.faults]
    if shape.shift:
        news.append(((KNOWN_DAYS + CHANGE_DAYS) * DAY_MS, FALLEN_DAYS))
    return len(pages) - sum(any(0 <= page - at <= days * DAY_MS for page in pages) for at, days in news)


def _hours(shape: Shape, per_day: int, seed: int, thresholds: Thresholds) -> tuple[float, float]:
    """Return the hours until a fall is told that begins at an hour of the week after those that are known.

    By our rule, and by one that knows the truth.
    """
    fallen_at = KNOWN_DAYS * DAY_MS + seed % (7 * 24) * HOUR_MS
    days = fallen_at // DAY_MS + FALLEN_DAYS
    ratings = ratings_of(shape, per_day, KNOWN_DAYS, days, seed + 1, fallen_at)
    ours, oracles = (
        next(pages_of(ratings, thresholds, fallen_at, usual), inf) for usual in (Usual, knowing(shape, per_day))
    )
    return (ours - fallen_at) / HOUR_MS, (oracles - fallen_at) / HOUR_MS


def pages_of(
    ratings: Ratings, thresholds: Thresholds, start_at: Ms, usual: Callable[[Thresholds, Tape], Usual] = Usual
) -> Iterator[Ms]:
    """Yield when the rule pages from an instant on."""
    detector, told = Detector(thresholds, Tape(), usual), 0
    for at, is_satisfied in zip(ratings.at.tolist(), ratings.is_satisfied.tolist(), strict=True):
        detector.take(at, is_satisfied=is_satisfied)
        opened = detector.opened
        if len(opened) > told:
            told = len(opened)
            if opened[-1].opened_at >= start_at:
                yield opened[-1].opened_at


def knowing(shape: Shape, per_day: int) -> Callable[[Thresholds, Tape], Usual]:
    """Return what makes baselines that are the truth."""
    offsets = tuple(float(share - LEVEL) for share in shares_at(replace(shape, wave=0.0), _MONDAY + _HOURS, KNOWN_DAYS))
    profile = Profile(offsets, (0.0,) * len(offsets), True, shape.mood**2 / (LEVEL * (1 - LEVEL)), 0.0, LEVEL)
    drifting = replace(shape, monday=0.0)

    class Oracle(Usual):
        def at(
            self,
            hour_at: Ms,
            parent: Tape,  # noqa: ARG002 - the truth needs no ratings
            told: Collection[int] = (),  # noqa: ARG002
            doubted_at: Ms | None = None,  # noqa: ARG002
        ) -> Baseline | None:
            share = float(shares_at(drifting, np.array([hour_at]), KNOWN_DAYS)[0])
            return Baseline(share, 0, 0, None, per_day, 0, hour_at, 0.0, profile)

    return Oracle
