"""The tables of streams/SIGNALS.md that no command writes: how rare rare pages are, and what trends tell in vain.

`python -m tests.bench.tables budgets` and `python -m tests.bench.tables trends` print them as Markdown, with the trials
of each cell scaled by `--part` (0.1 is a first glance). `servicepulse simulate-alerts` writes all else of that page.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from math import inf, isfinite, sqrt
from statistics import mean, median, stdev
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streams.core.drop import Decline, Rating, Thresholds, declines
from streams.core.window import DAY_MS
from streams.simulation.course import SHAPES, Course, Ratings, Shape, ratings_of
from streams.simulation.endurance import COUNTED_DAYS, false_pages

BUDGETS: Final[Mapping[str, tuple[float, int]]] = {
    "0.17: one page, six segments": (1, 6),
    "0.04: a quarter of a page, six segments": (0.25, 6),
    "2": (2, 1),
    "4": (4, 1),
}
"""False pages that are accepted in 90 days, and the segments that share them."""
BUDGET_RUNS: Final = {5: 240, 10: 120, 20: 100, 50: 50}
TREND_RUNS: Final = {5: 120, 20: 80, 100: 30, 500: 6}
TREND_WEEKS: Final = 9
_KNOWN: Final = TREND_WEEKS * 7 * DAY_MS
_STEADY: Final = (
    Course.INDEPENDENT,
    Course.DAYS_3,
    Course.DAYS_6,
    Course.MONDAYS_15,
    Course.BOTH,
    Course.VOLUME,
    Course.CLUSTERS,
    Course.WAVE,
)
Taken = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""What is taken from the share of satisfied ratings, by instants."""


def step(points: float, days: float) -> Taken:
    """Return a fall that lasts for so many days, from three weeks on."""
    begin = _KNOWN + 21 * DAY_MS
    return lambda at: np.where((at >= begin) & (at < begin + days * DAY_MS), points / 100, 0.0)


def ramp(points: float, days: float = 60) -> Taken:
    """Return a decline within so many days that stays."""
    return lambda at: points / 100 * np.clip((at - _KNOWN) / (days * DAY_MS), 0, 1).astype(np.float64)


def nothing(at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take nothing."""
    return np.zeros(len(at))


def budgets(part: float) -> Iterator[list[str]]:
    """Yield false pages of each budget at each volume, 87 % satisfied, after eight weeks."""
    yield ["accepted of a segment", *(f"{per_day} a day" for per_day in BUDGET_RUNS)]
    for said, (accepted, segments) in BUDGETS.items():
        rule = Thresholds(false_pages_per_90_days=accepted, paging_segments=segments)
        yield [said, *(_pages(rule, per_day, _scaled(runs, part)) for per_day, runs in BUDGET_RUNS.items())]


def _pages(rule: Thresholds, per_day: int, runs: int) -> str:
    shape = Shape(level=0.87)
    pages = [false_pages(shape, per_day, crc32(f"budget/{per_day}/{run}".encode()), rule) for run in range(runs)]
    error = stdev(pages) / sqrt(runs) if runs > 1 else inf
    return f"{mean(pages):.2f} ± {error:.2f}"


def trends(part: float) -> Iterator[list[str]]:
    """Yield trends that are told in 90 days, in vain; then how many declines are told within nine weeks, and when."""
    yield ["ratings", *(f"{per_day} a day" for per_day in TREND_RUNS)]
    courses: dict[str, tuple[Shape, Taken]] = {course.value: (SHAPES[course], nothing) for course in _STEADY}
    usual = SHAPES[Course.INDEPENDENT]
    courses |= {f"15 points lower for {days} days": (usual, step(15, days)) for days in (7, 14, 28)}
    courses["5 points lower for good"] = (usual, step(5, inf))
    for said, (shape, taken) in courses.items():
        told = (_told(shape, taken, per_day, _scaled(runs, part)) for per_day, runs in TREND_RUNS.items())
        yield [said, *(f"{mean(map(len, of)):.2f}" for of in told)]
    for said, shape, points in [
        ("10 points in 60 days", usual, 10),
        ("the same with day effects of 6 points", SHAPES[Course.DAYS_6], 10),
        ("6 points in 60 days", usual, 6),
    ]:
        runs = {per_day: _scaled(runs / 2, part) for per_day, runs in TREND_RUNS.items()}
        yield [said, *(_soon(_told(shape, ramp(points), per_day, runs[per_day])) for per_day in runs)]


def _told(shape: Shape, taken: Taken, per_day: int, runs: int) -> list[list[Decline]]:
    """Return the trends of each run that are told within 90 days after nine weeks."""
    days, found = TREND_WEEKS * 7 + COUNTED_DAYS, []
    for run in range(runs):
        seed = crc32(f"trend/{shape}/{per_day}/{run}".encode())
        seen = ratings_of(shape, per_day, TREND_WEEKS * 7, days, seed)
        told = declines(_listed(seen, taken, shape, seed), Thresholds(), 0, days * DAY_MS)
        found.append([one for one in told if one.opened_at > _KNOWN])
    return found


def _listed(seen: Ratings, taken: Taken, shape: Shape, seed: int) -> list[Rating]:
    kept = np.random.default_rng(seed + 1).random(len(seen.at)) >= taken(seen.at) / shape.level
    good = (seen.is_satisfied & kept).tolist()
    return [
        Rating(at, str(i), is_satisfied)
        for i, (at, is_satisfied) in enumerate(zip(seen.at.tolist(), good, strict=True))
    ]


def _soon(told: list[list[Decline]]) -> str:
    weeks = [min(((one.opened_at - _KNOWN) / (7 * DAY_MS) for one in of), default=inf) for of in told]
    late = median(weeks)
    return f"{mean(week <= TREND_WEEKS for week in weeks):.0%}, {f'{late:.0f} weeks' if isfinite(late) else 'never'}"


def _scaled(runs: float, part: float) -> int:
    return max(1, round(runs * part))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=["budgets", "trends"])
    parser.add_argument("--part", type=float, default=1.0, help="of the trials")
    given = parser.parse_args()
    for number, row in enumerate({"budgets": budgets, "trends": trends}[given.table](given.part)):
        lines = [row] if number else [row, ["---"] * len(row)]
        for line in lines:
            sys.stdout.write(f"| {' | '.join(line)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
