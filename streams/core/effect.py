"""What something that was done has changed: afterwards against before, less what changed where nobody did anything.

Season, a campaign, a Monday more in the month change all teams and all reasons alike; each of them also goes its own
way. How far those that nobody touched went apart says how far the touched one would have gone by itself.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Final, NamedTuple

from msgspec import Struct

from streams.core.interval import Z95

DAYS: Final = 28
"""Before and after: whole weeks, so that weekdays weigh the same on both sides."""
LEAST_UNTOUCHED: Final = 4
"""With fewer that nobody touched nothing is said: how far they go apart by themselves would be a guess."""


class Moved(NamedTuple):
    """How far one part moved from before to after: by so much, and with the variance that chance alone gives it."""

    by: float
    variance: float


class Effect(Struct, frozen=True):
    """What was changed beyond what changed anyway, with its 95 % interval.

    Attributes:
        value: In what the movements are measured in.
        low: Begin of the interval.
        high: Its end.
        untouched: How many parts that nobody touched it is held against.
    """

    value: float
    low: float
    high: float
    untouched: int


def of_share(before: tuple[int, int], after: tuple[int, int]) -> Moved:
    """Return how a share moved, from hits and n before to those after; its variance by Agresti and Coull (1998)."""
    (hits, n), (hits_after, n_after) = before, after
    adjusted = [((x + 1) / (of + 2), of + 2) for x, of in (before, after)]
    variance = sum(share * (1 - share) / of for share, of in adjusted)
    return Moved(hits_after / n_after - hits / n, variance)


def of_count(before: int, after: int) -> Moved:
    """Return how a count moved, as the logarithm of a ratio: its variance is that of Poisson counts (Woolf 1955)."""
    return Moved(log((after + 0.5) / (before + 0.5)), 1 / (after + 0.5) + 1 / (before + 0.5))


def effect_of(touched: Moved, untouched: Sequence[Moved]) -> Effect | None:
    """Return the difference of differences; None where too few are untouched.

    How far the untouched ones go apart beyond chance is estimated by moments (DerSimonian and Laird 1986), and the
    touched one is taken to be one of their kind: so its own way is part of the interval, and Student's t of as many
    degrees of freedom as there are untouched ones, less one, stands for how little is known of that.
    """
    if len(untouched) < LEAST_UNTOUCHED:
        return None
    weights = [1 / one.variance for one in untouched]
    mean = sum(w * one.by for w, one in zip(weights, untouched, strict=True)) / sum(weights)
    spread = sum(w * (one.by - mean) ** 2 for w, one in zip(weights, untouched, strict=True))
    scale = sum(weights) - sum(w * w for w in weights) / sum(weights)
    apart = max(0.0, (spread - (len(untouched) - 1)) / scale)
    weights = [1 / (one.variance + apart) for one in untouched]
    mean = sum(w * one.by for w, one in zip(weights, untouched, strict=True)) / sum(weights)
    margin = t95(len(untouched) - 1) * sqrt(touched.variance + apart + 1 / sum(weights))
    value = touched.by - mean
    return Effect(value, value - margin, value + margin, len(untouched))


def drop_of(effect: Effect) -> Effect:
    """Return an effect on counts as the share of them that is gone: 0.3 where three in ten do not come any more."""
    return Effect(1 - exp(effect.value), 1 - exp(effect.high), 1 - exp(effect.low), effect.untouched)


def t95(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t by the expansion of Fisher and Cornish (1960); 0.8 % low at 3."""
    z, v = Z95, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )
