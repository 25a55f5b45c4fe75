"""Slow declines: whether the last weeks lie on a line that falls, though no day of them looks bad.

Judged once a week, when the desk's week begins, from the ratings up to then: so it follows from ratings and clock, like
all else. A fall by a step, which is the pages' to tell, is none: most weeks must lie below most of those before them.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import combinations, pairwise
from math import sqrt
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.rows import Ms
from streams.core.drop.profile import day_of, day_starts, week_of
from streams.core.drop.rating import Rating
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS, Window

WEEKS: Final = 9
"""A trend is judged by so many weeks: two months."""
_LEAST_WEEKS: Final = 6
_LEAST_RATINGS: Final = 10
"""In each of them."""
_PRIOR_WEEKS: Final = 4
"""Weeks differ as chance would have it, as if so many had said so before; what the own ones say weighs more."""
_ORDERED: Final = -20 / 36
"""Kendall's tau of weeks and shares is at most this. A step that lasted for two weeks so far makes -14 of 36 pairs, one
in the middle of the nine weeks -20; the other pairs are as chance would have them."""
_BEGIN_WEEKS: Final = 13
_RECENT_MS: Final = 28 * DAY_MS

Floats = NDArray[np.float64]


class Standing(NamedTuple):
    """How a decline stood at the begin of a week.

    Attributes:
        at: That instant.
        n: Ratings of the four weeks before.
        satisfied: Of them.
        points: How far the line fell over the nine weeks, in percentage points.
    """

    at: Ms
    n: int
    satisfied: int
    points: float


class Decline(Struct, frozen=True, kw_only=True):
    """One trend, from opening to resolution.

    Attributes:
        opened_at: When it was found.
        closed_at: When it was over; None while it goes on.
        since_at: When it began, as far as the ratings tell.
        usual: The share of satisfied ratings before it began, and ...
        usual_n: ... over how many ratings.
        first: How it stood at the opening.
        last: How it stood when it was last judged.
    """

    opened_at: Ms
    closed_at: Ms | None
    since_at: Ms
    usual: float
    usual_n: int
    first: Standing
    last: Standing

    def weeks_before(self, until: Ms) -> Window:
        """Return the weeks in which it shows most, up to an instant: the last four of it."""
        return Window(max(self.since_at, until - _RECENT_MS), until)

    @property
    def usual_weeks(self) -> Window:
        """The four weeks before it began."""
        return Window(self.since_at - _RECENT_MS, self.since_at)


class _Weeks(NamedTuple):
    """Counts by week, the oldest first, and when each begins; the last entry of `starts` is the end of the last one."""

    starts: list[Ms]
    n: Floats
    satisfied: Floats


class _Line(NamedTuple):
    """A line through weeks: its slope over the standard error of that, how far it falls, and Kendall's tau of them."""

    ratio: float
    fall: float
    order: float


def declines(ratings: Sequence[Rating], thresholds: Thresholds, start_at: Ms, now: Ms) -> list[Decline]:
    """Return every decline, in order; the last one may go on.

    A line through the weekly shares of nine weeks, each weighed by its ratings; its slope is compared with how much
    weeks differ from it, never less than chance, and chance weighs like four weeks: Smyth, G. K. (2004): Linear models
    and empirical Bayes methods for assessing differential expression. Statistical Applications in Genetics and
    Molecular Biology 3 (1), article 3, for the moderated t; McCullagh, P. and Nelder, J. A. (1989): Generalized linear
    models. Chapman and Hall, section 4.5, for the dispersion of binomial counts. And the weeks must be in order, by
    Mann, H. B. (1945): Nonparametric tests against trend. Econometrica 13, 245-259.

    Args:
        ratings: Of the segment, in order, replayed ones too.
        thresholds: Of the segment.
        start_at: Earlier ratings change nothing.
        now: The clock; later ones neither.
    """
    weeks = _weeks(ratings, thresholds, start_at, now)
    found: list[Decline] = []
    for end in range(WEEKS, len(weeks.starts)):
        line, at = _line(weeks, end), weeks.starts[end]
        is_open = bool(found) and found[-1].closed_at is None
        if is_open:
            is_over = line is not None and line.fall < thresholds.trend_points / 200
            standing = _standing(weeks, end, line)
            found[-1] = replace(found[-1], last=standing, closed_at=at if is_over else None)
        elif line is not None and _is_declining(line, thresholds):
            found.append(_begun(weeks, end, line))
    return found


def _is_declining(line: _Line, thresholds: Thresholds) -> bool:
    is_sure = line.ratio <= -thresholds.trend_limit and line.order <= _ORDERED + 1e-9
    return is_sure and line.fall >= thresholds.trend_points / 100


def _weeks(ratings: Sequence[Rating], thresholds: Thresholds, start_at: Ms, now: Ms) -> _Weeks:
    first, last = week_of(day_of(start_at + 7 * DAY_MS - 1, thresholds)), week_of(day_of(now, thresholds))
    starts = [day_starts(day, thresholds) for day in range(first, last + 1, 7)]
    counted = [one for one in ratings if one.at >= start_at and not one.is_stale(thresholds)]
    places = [bisect_left(counted, at, key=lambda one: one.at) for at in starts]
    satisfied = [sum(one.is_satisfied for one in counted[a:b]) for a, b in pairwise(places)]
    return _Weeks(starts, np.diff(places).astype(float), np.array(satisfied, dtype=float))


def _line(weeks: _Weeks, end: int) -> _Line | None:
    """Return the line through the weeks before one; None where they are too few, or the last one tells nothing."""
    span = slice(end - WEEKS, end)
    n, satisfied = weeks.n[span], weeks.satisfied[span]
    is_known = n >= _LEAST_RATINGS
    if is_known.sum() < _LEAST_WEEKS or not is_known[-1]:
        return None
    x, n, share = np.arange(WEEKS)[is_known], n[is_known], satisfied[is_known] / n[is_known]
    level = float(np.clip((n * share).sum() / n.sum(), 0.02, 0.98))
    weights = n / (level * (1 - level))
    off = x - (weights * x).sum() / weights.sum()
    spread = (weights * off**2).sum()
    slope = (weights * off * share).sum() / spread
    rest = share - (weights * share).sum() / weights.sum() - slope * off
    squares = (weights * rest**2).sum()
    dispersion = max(1.0, (_PRIOR_WEEKS + squares) / (_PRIOR_WEEKS + len(x) - 2))
    return _Line(float(slope * sqrt(spread / dispersion)), float(-slope * (WEEKS - 1)), _order(share))


def _order(share: Floats) -> float:
    """Return Kendall's tau: the pairs of which the later one is higher, minus those of which it is lower, of all."""
    signs = [np.sign(later - earlier) for earlier, later in combinations(share.tolist(), 2)]
    return float(sum(signs)) / len(signs)


def _begun(weeks: _Weeks, end: int, line: _Line) -> Decline:
    begin = _begin(weeks, end)
    usual_n, usual = weeks.n[max(0, begin - 4) : begin].sum(), weeks.satisfied[max(0, begin - 4) : begin].sum()
    standing = _standing(weeks, end, line)
    return Decline(
        opened_at=standing.at,
        closed_at=None,
        since_at=weeks.starts[begin],
        usual=float(usual / usual_n) if usual_n else 0.0,
        usual_n=int(usual_n),
        first=standing,
        last=standing,
    )


def _standing(weeks: _Weeks, end: int, line: _Line | None) -> Standing:
    recent = slice(end - 4, end)
    points = round(100 * line.fall, 6) if line else 0.0
    return Standing(weeks.starts[end], int(weeks.n[recent].sum()), int(weeks.satisfied[recent].sum()), points)


def _begin(weeks: _Weeks, end: int) -> int:
    """Return the week in which a decline began: level up to there, on a line from there on, as fits best.

    Hinkley, D. V. (1971): Inference in two-phase regression. Journal of the American Statistical Association 66,
    736-743.
    """
    first = max(0, end - _BEGIN_WEEKS)
    n = np.where(weeks.n[first:end] >= _LEAST_RATINGS, weeks.n[first:end], 0.0)
    share = weeks.satisfied[first:end] / np.maximum(weeks.n[first:end], 1)
    return min(range(first + 1, end - 2), key=lambda week: _misfit(n, share, week - first))


def _misfit(n: Floats, share: Floats, begin: int) -> float:
    ramp = np.maximum(0.0, np.arange(len(n)) - begin + 1.0)
    design = np.stack([np.ones(len(n)), ramp], axis=1) * np.sqrt(n)[:, None]
    fitted, *_ = np.linalg.lstsq(design, share * np.sqrt(n), rcond=None)
    return round(float(((design @ fitted - share * np.sqrt(n)) ** 2).sum()), 9)
