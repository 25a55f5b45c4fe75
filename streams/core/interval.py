"""How sure a number is: 95 % intervals of shares, balances, means, quantiles and of differences between two numbers.

Where some customers are behind several observations, n stands for fewer: it is divided by the design effect.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from math import sqrt
from statistics import fmean
from typing import Final, NamedTuple

Z95: Final = 1.959963984540054
"""The 97.5 % point of the normal distribution: 95 % of it lie within so many standard deviations."""


ALIKE: Final = 1e-9
"""Squares of deviations that sum up to less are rounding errors: all observations are alike."""


class Interval(NamedTuple):
    """Where the true number lies with 95 % confidence; None at an end where the observations give no bound."""

    low: float | None
    high: float | None


def design_effect(observations: Iterable[tuple[Hashable, float]]) -> float:
    """Return by how much observations of the same customers make the variance of a share or mean larger.

    The variance with customers drawn whole (ultimate clusters, by Taylor's linearisation: what each one's observations
    differ from the mean, in all, squared) over that of as many independent observations; 1 where every customer counts
    once. It is never below 1: customers who contradict themselves more than strangers would do so by chance, and an
    interval must not be narrowed by the noise of its own estimate. Where all observations are alike they do not tell
    how much alike those of one customer are, so they count as one each; so do all of a single customer.

    Kish, L. (1965): Survey Sampling, chapters 5, 6 and 8. Korn, E. L. and Graubard, B. I. (1998): Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data. Survey Methodology 24,
    193-201: n over the design effect in place of n. With Wilson's interval: Franco, C., Little, R. J. A., Louis, T. A.
    and Slud, E. V. (2019): Comparative study of confidence intervals for proportions in complex
    sample surveys. Journal of Survey Statistics and Methodology 7 (3), 334-364.

    Args:
        observations: Whose each is, and what it measures: 1 or 0 of a share.
    """
    told = list(observations)
    n = len(told)
    mean = fmean(measure for _, measure in told) if told else 0.0
    of_each: dict[Hashable, list[float]] = defaultdict(list)
    for customer, measure in told:
        of_each[customer].append(measure - mean)
    if len(of_each) < 2:
        return float(max(1, n))
    apart = sum((measure - mean) ** 2 for _, measure in told)
    if apart < ALIKE:
        return sum(len(own) ** 2 for own in of_each.values()) / n
    ratio = sum(sum(own) ** 2 for own in of_each.values()) / apart
    return max(1.0, ratio * len(of_each) * (n - 1) / ((len(of_each) - 1) * n))


def wilson(hits: float, n: float, z: float = Z95) -> Interval:
    """Return the score interval of a share: within 0 and 1, and honest for few observations and for 0 or n hits.

    Wilson, E. B. (1927): Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22 (158), 209-212.

    Args:
        hits: Observations that count; of those that are not independent as many as they stand for.
        n: All observations, in the same way.
        z: Half the width in standard deviations.

    Raises:
        ValueError: When the hits are no part of n, or nothing was observed.
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} is no share")
    share = hits / n
    scale = 1 + z * z / n
    centre = share + z * z / (2 * n)
    margin = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if hits == 0 else (centre - margin) / scale
    high = 1.0 if hits == n else (centre + margin) / scale
    return Interval(low, high)


def balance(hits: float, misses: float, n: float, z: float = Z95) -> Interval:
    """Return the interval of a balance: the share of hits less that of misses, of n that may be neither.

    The variance of a difference of two shares of one multinomial, `(p + q - (p - q)^2) / n`, with one more hit and one
    more miss, so that all of a kind do not look certain. Bonett, D. G. and Price, R. M. (2012): Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data. Journal of Educational and
    Behavioral Statistics 37 (4), 479-488. The like is advised for the net promoter score by Rocks, B. (2016): Interval
    estimation for the "net promoter score". The American Statistician 70 (4), 365-372.

    Args:
        hits: Observations that count.
        misses: Observations that count against.
        n: All observations.
        z: Half the width in standard deviations.

    Raises:
        ValueError: When hits and misses are no parts of n, or nothing was observed.
    """
    if hits < 0 or misses < 0 or hits + misses > n + ALIKE or n == 0:
        raise ValueError(f"{hits} for and {misses} against of {n} is no balance")
    p, q = (hits + 1) / (n + 2), (misses + 1) / (n + 2)
    margin = z * sqrt((p + q - (p - q) ** 2) / (n + 2))
    return Interval(max(-1.0, p - q - margin), min(1.0, p - q + margin))


def of_rate(hits: int, n: int, z: float = Z95, *, per: float = 1.0) -> Interval:
    """Return the interval of a rate: hits that happen by chance, however often each, over a known n.

    Byar's approximation of the exact Poisson limits: Breslow, N. E. and Day, N. E. (1987): Statistical Methods in
    Cancer Research II, section 2.3. From one hit on it is within 2 % of them.

    Args:
        hits: How often it happened.
        n: Over how many.
        z: Half the width in standard deviations.
        per: The rate is told per so many.

    Raises:
        ValueError: When there is nothing to count over.
    """
    if hits < 0 or n <= 0:
        raise ValueError(f"{hits} per {n} is no rate")
    low = hits * (1 - 1 / (9 * hits) - z / (3 * sqrt(hits))) ** 3 if hits else 0.0
    above = hits + 1
    high = above * (1 - 1 / (9 * above) + z / (3 * sqrt(above))) ** 3
    return Interval(max(0.0, per * low / n), per * high / n)


def around_mean(mean: float, deviation: float, n: float, z: float = Z95) -> Interval:
    """Return the normal interval of a mean: the standard error `deviation / sqrt(n)`, z times to either side.

    Args:
        mean: Of the observations.
        deviation: Their standard deviation, estimated with n - 1.
        n: How many they are, or stand for; a single one says nothing about its spread.
        z: Half the width in standard errors.
    """
    if n < 2:
        return Interval(None, None)
    margin = z * deviation / sqrt(n)
    return Interval(mean - margin, mean + margin)


def of_difference(value: float, interval: Interval, before: float, interval_before: Interval) -> Interval:
    """Return the interval of `value - before`, made of the intervals of both.

    For shares this is method 10 of Newcombe, R. G. (1998): Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17, 873-890; for other numbers Zou, G. Y. and Donner, A. (2008): Construction of
    confidence limits about effect measures. Statistics in Medicine 27, 1693-1702.
    """
    difference = value - before
    return Interval(
        _bound(difference, -1, value, interval.low, before, interval_before.high),
        _bound(difference, +1, value, interval.high, before, interval_before.low),
    )


def _bound(
    difference: float, side: int, value: float, limit: float | None, before: float, limit_before: float | None
) -> float | None:
    if limit is None or limit_before is None:
        return None
    return difference + side * sqrt((value - limit) ** 2 + (before - limit_before) ** 2)
