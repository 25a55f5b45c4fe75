"""How fast something grows, with how sure that is: a straight line through the means of minutes."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist, fmean, linear_regression
from typing import Final, NamedTuple

_Z95: Final = NormalDist().inv_cdf(0.975)
_HOUR_SECONDS: Final = 3600


class Sample(NamedTuple):
    """Something measured at an instant, in seconds from the first one."""

    seconds: float
    value: float


class Trend(NamedTuple):
    """Growth an hour, and its 95 % interval."""

    per_hour: float
    low: float
    high: float

    @property
    def is_flat(self) -> bool:
        """Tell whether it cannot be told from no growth."""
        return self.low <= 0 <= self.high


def trend_of(samples: Sequence[Sample], span_seconds: float = 60) -> Trend:
    """Return the growth of samples in the order of time.

    Neighbouring samples resemble each other: taken by themselves they would feign to know the slope much too well. So
    the line goes through the means of spans, and the interval follows from how far these lie from it.

    Args:
        samples: What was measured.
        span_seconds: How long to take a mean over.

    Raises:
        ValueError: When there are fewer than three spans.
    """
    points = _means(samples, span_seconds)
    if len(points) < 3:
        raise ValueError(f"{len(points)} spans of {span_seconds:g} s are too few for a slope with an interval")
    hours = [point.seconds / _HOUR_SECONDS for point in points]
    values = [point.value for point in points]
    slope, at_zero = linear_regression(hours, values)
    middle, freedom = fmean(hours), len(points) - 2
    left = sum((value - at_zero - slope * hour) ** 2 for hour, value in zip(hours, values, strict=True))
    error = sqrt(left / freedom / sum((hour - middle) ** 2 for hour in hours))
    half = _student(freedom) * error
    return Trend(slope, slope - half, slope + half)


def _means(samples: Sequence[Sample], span_seconds: float) -> list[Sample]:
    spans: dict[int, list[Sample]] = {}
    for sample in samples:
        spans.setdefault(int((sample.seconds - samples[0].seconds) // span_seconds), []).append(sample)
    return [Sample(*map(fmean, zip(*span, strict=True))) for span in spans.values()]


def _student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t: of tables up to two degrees, beyond by Cornish and Fisher's series."""
    if freedom <= 2:
        return 12.706 if freedom == 1 else 4.303
    z = _Z95
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third
