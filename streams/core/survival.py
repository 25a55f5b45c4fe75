"""Kaplan-Meier: what durations amount to when some of them still last, and how sure that is."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import exp, inf, log, sqrt
from typing import Final, NamedTuple

from streams.core.interval import Z95, Interval

TOLERANCE: Final = 1e-9
"""So close to the share asked for is that share: of 10,000,000 observations two shares lie further apart."""


class Step(NamedTuple):
    """The curve from one duration on until the next one.

    Attributes:
        after: The duration.
        at_risk: How many had lasted so long.
        ended: How many of them ended then.
        share: Of all, how many last longer: the product-limit estimate.
        low: Where that share lies with 95 % confidence;
        high: at share 0 nobody is left to tell, and the bounds are 0 and 1.
    """

    after: float
    at_risk: int
    ended: int
    share: float
    low: float
    high: float


def curve(lasted: Iterable[tuple[float, bool]], z: float = Z95) -> list[Step]:
    """Return how many last how long, in order of duration; what had not ended by then counts until then.

    Kaplan, E. L. and Meier, P. (1958): Nonparametric estimation from incomplete observations. Journal of the American
    Statistical Association 53 (282), 457-481. The bounds are Greenwood's variance on the scale log(-log share).

    Args:
        lasted: How long each lasted, and whether it ended then; else it lasted longer, nobody knows how long. Of equal
            durations those that ended come first.
        z: Half the width in standard deviations.
    """
    ordered = sorted(lasted)
    steps: list[Step] = []
    at_risk, hazard, variance = len(ordered), 0.0, 0.0
    for after, alike in groupby(ordered, key=lambda one: one[0]):
        ends = [has_ended for _, has_ended in alike]
        ended, left = sum(ends), at_risk - sum(ends)
        hazard += log(at_risk / left) if left else inf
        variance += ended / (at_risk * left) if left else inf
        steps.append(Step(after, at_risk, ended, exp(-hazard), *_band(hazard, variance, z)))
        at_risk -= len(ends)
    return steps


def _band(hazard: float, variance: float, z: float) -> tuple[float, float]:
    if hazard == 0:
        return 1.0, 1.0
    if hazard == inf:
        return 0.0, 1.0
    width = z * sqrt(variance) / hazard
    return exp(-hazard * exp(width)), exp(-hazard * exp(-width))


def quantile(steps: Sequence[Step], p: float) -> tuple[float | None, Interval]:
    """Return the duration within which a share p has ended, and its 95 % interval; None where the curve stays above.

    The interval inverts the band: from where its lower side falls to 1 - p until where its upper side does. Where the
    lower side stays above to the end, the quantile is not below the longest duration that was seen.
    Brookmeyer, R. and Crowley, J. (1982): A confidence interval for the median survival time. Biometrics 38, 29-41.

    Args:
        steps: As `curve` has them.
        p: Between 0 and 1, both excluded.
    """
    left = (1 - p) * (1 + TOLERANCE)
    value = next((step.after for step in steps if step.share <= left), None)
    longest = steps[-1].after if steps else None
    low = next((step.after for step in steps if min(step.share, step.low) <= left), longest)
    return value, Interval(low, next((step.after for step in steps if step.high <= left), None))
