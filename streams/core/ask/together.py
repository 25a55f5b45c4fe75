"""What may be said of many rows at once: which of them changed, which of two is better; wrong in 5 % of tables.

Each verdict goes back to the interval by which one row would be judged by itself: a difference is so many standard
deviations away from nothing as its interval may be wide without holding 0. So a table of one row says what the row
says.
"""

from collections.abc import Sequence
from math import erfc, inf, sqrt
from statistics import NormalDist
from typing import Final

from streams.core.ask.figure import PER, Figure
from streams.core.interval import Z95, Interval, balance, of_difference, of_rate, wilson
from streams.core.metrics import Kind

WRONG: Final = 0.05
"""In so many tables, at most, chance alone makes a claim."""
MOST: Final = 10.0
"""Standard deviations: one chance in 10^23, nothing need be surer."""
HALVINGS: Final = 30
"""Of all that lies between 0 and `MOST`: what is left is a hundred-millionth of a deviation. SQL pays for each."""


def bounds_at(figure: Figure, z: float) -> Interval:
    """Return the interval of a figure at another certainty than 95 %: half as wide as so many standard deviations.

    Shares, balances and rates have their own formula. A mean's interval grows as Student's does, from the 95 % on; so
    does a quantile's, on the scale of logarithms, for durations are skewed.
    """
    low, high = figure.interval
    n, design = figure.effective_n, figure.design_effect
    hits, misses = (figure.hits or 0) / design, (figure.misses or 0) / design
    by = _student(z, n) / _student(Z95, n)
    match figure.metric.kind:
        case Kind.SHARE:
            return wilson(hits, n, z)
        case Kind.BALANCE:
            return Interval(*(100 * (bound or 0) for bound in balance(hits, misses, n, z)))
        case Kind.RATE:
            return of_rate(figure.hits or 0, figure.n, z, per=PER)
        case Kind.QUANTILE | Kind.SURVIVAL:
            return Interval(*(_stretched(figure.value or 0.0, bound, by) for bound in (low, high)))
        case _:
            value = figure.value or 0.0
            return Interval(*(None if bound is None else value + (bound - value) * by for bound in (low, high)))


def _student(z: float, n: float) -> float:
    """Return the point of Student's distribution that is as rare as z: few observations do not know their own spread.

    The first terms of its expansion, which hold for order statistics about the median as well. Abramowitz, M. and
    Stegun, I. A. (1964): Handbook of Mathematical Functions, 26.7.5.
    """
    return z + (z**3 + z) / (4 * max(1, n - 1))


def _stretched(value: float, bound: float | None, by: float) -> float | None:
    if bound is None:
        return None
    return value * (bound / value) ** by if value > 0 and bound >= 0 else value + (bound - value) * by


def deviations(figure: Figure, before: Figure) -> float:
    """Return how many standard deviations two figures lie apart: at that z the interval of their difference touches 0.

    0 where the side towards 0 has no bound. Where one was not reached, only whether their intervals lie apart is known.

    Args:
        figure: One that may be shown, or was not reached.
        before: Another of the same metric.
    """
    if figure.is_unreached or before.is_unreached:
        return sqrt(2) * Z95 if _lie_apart(figure.interval, before.interval) else 0.0
    low, high = 0.0, MOST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _differ(figure, before, middle):
            low = middle
        else:
            high = middle
    return low


def _differ(figure: Figure, before: Figure, z: float) -> bool:
    """Return whether the interval of a difference excludes 0."""
    value, earlier = figure.value or 0.0, before.value or 0.0
    low, high = of_difference(value, bounds_at(figure, z), earlier, bounds_at(before, z))
    return (low is not None and low > 0) or (high is not None and high < 0)


def _lie_apart(one: Interval, other: Interval) -> bool:
    return any(
        low is not None and high is not None and low > high
        for low, high in ((one.low, other.high), (other.low, one.high))
    )


def probability(z: float) -> float:
    """Return how often chance alone leads so far away from nothing, to either side."""
    return erfc(z / sqrt(2))


def clear_among(apart: Sequence[float]) -> list[bool]:
    """Return which differences are clear where all of them stand in one table, by how many deviations each is apart.

    Of what is called clear 5 % are expected to be chance; where nothing changed, 5 % of tables call anything so.
    Benjamini, Y. and Hochberg, Y. (1995): Controlling the false discovery rate. Journal of the Royal Statistical
    Society B 57 (1), 289-300.
    """
    chances = sorted(map(probability, apart))
    limits = [WRONG * (place + 1) / len(chances) for place in range(len(chances))]
    least = max((chance for chance, limit in zip(chances, limits, strict=True) if chance <= limit), default=-inf)
    return [probability(z) <= least for z in apart]


def surely(pairs: int) -> float:
    """Return how many deviations two rows must lie apart, so that of so many pairs 5 % of tables claim a wrong one.

    Bonferroni's bound. Ranks that follow from all pairs hold at once: Mohamad, D., Goeman, J. and van Zwet, E. (2022):
    Simultaneous confidence intervals for ranks with application to ranking institutions. Biometrics 78 (1), 238-247.
    """
    return NormalDist().inv_cdf(1 - WRONG / (2 * max(1, pairs)))


def pairs_of(rows: int) -> int:
    """Return how many pairs so many rows make."""
    return rows * (rows - 1) // 2
