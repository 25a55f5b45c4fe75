"""A published number: the value with its n and interval, whether it may be shown at all, and how it changed."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from msgspec import Struct

from streams.core.interval import Interval, around_mean, balance, of_difference, of_rate, wilson
from streams.core.metrics import Direction, Kind, Metric, Unit

POINTS: Final[Mapping[Unit, str]] = {
    Unit.SHARE: "percentage points",
    Unit.PER_1000: "per 1,000",
    Unit.SCORE: "points of 100",
    Unit.BALANCE: "points",
    Unit.SECONDS: "seconds",
    Unit.NUMBER: "number",
    Unit.AVERAGE: "number on average",
}
"""What the difference of two values is measured in."""

PER: Final = 1_000
"""Rates are told per so many."""

_UNBOUNDED: Final = Interval(None, None)


class Spread(NamedTuple):
    """How far observations lie apart: their standard deviation, and the values that a tenth is below and above."""

    deviation: float | None
    p10: float
    p90: float


class Figure(Struct, frozen=True, kw_only=True):
    """What a metric amounts to over one window.

    Attributes:
        n: Observations behind it.
        value: Exact, in the metric's unit; None when there is nothing to tell. It may rest on too few observations:
            show `shown`.
        interval: Where the true value lies with 95 % confidence; a count is what it is and has none.
        hits: Of a share or a balance how many of n, of a rate how many per n, of a Kaplan-Meier quantile how many times
            were over.
        misses: Of a balance how many of n count against.
        design_effect: By how much customers behind several observations make the variance larger.
        spread: Of a mean.
    """

    metric: Metric
    n: int
    value: float | None
    interval: Interval = _UNBOUNDED
    hits: int | None = None
    misses: int | None = None
    spread: Spread | None = None
    design_effect: float = 1.0

    @property
    def effective_n(self) -> float:
        """So many independent observations would be as sure."""
        return self.n / self.design_effect

    @property
    def is_enough(self) -> bool:
        """Whether it rests on enough observations to be shown."""
        return self.value is not None and self.n >= self.metric.n_min

    @property
    def is_unreached(self) -> bool:
        """Whether there is no value because too few of many observations came so far: it is larger than can be told."""
        return self.metric.kind is Kind.SURVIVAL and self.value is None and self.n >= self.metric.n_min

    @property
    def shown(self) -> float | None:
        """The value, or None when it is too unsure to be shown."""
        return self.value if self.is_enough else None


class Change(Struct, frozen=True, kw_only=True):
    """How a value differs from an earlier one.

    Attributes:
        points: The difference; shares in percentage points, all else in the metric's unit. None where one of the two
            was not reached: then it is clear if their intervals lie apart.
        relative: The difference as a part of the earlier value (-0.3 is 30 % less); None when that was 0, and of
            a balance, whose 0 is no "nothing".
        interval: Where the true difference lies with 95 % confidence, in points.
        is_clear: False when the difference may be noise, None when there is no telling.
        is_better: Whether the metric moved the good way; None when no way is good or nothing changed.
    """

    points: float | None
    relative: float | None
    interval: Interval
    is_clear: bool | None
    is_better: bool | None


def figure_of(metric: Metric, measures: Mapping[str, Any] | None, *, is_known: bool = True) -> Figure:
    """Return the figure that aggregates amount to.

    Args:
        metric: What was asked.
        measures: The answer, by the names of `measures_of`; None when no observation fell into the window.
        is_known: Whether anything is known of the window: of one before the first event no count can be told, not
            even 0.
    """
    n = int(measures["n"]) if measures else 0
    if metric.kind is Kind.COUNT:
        return Figure(metric=metric, n=n, value=float(n) if is_known else None)
    if not measures or not n:
        return Figure(metric=metric, n=0, value=None)
    design = float(measures.get("design", 1.0))
    if metric.kind is Kind.SHARE:
        hits = int(measures["hits"])
        interval = wilson(hits / design, n / design)
        return Figure(metric=metric, n=n, value=hits / n, interval=interval, hits=hits, design_effect=design)
    if metric.kind is Kind.BALANCE:
        return _balance(metric, n, int(measures["hits"]), int(measures["misses"]), design)
    if metric.kind is Kind.RATE:
        hits = int(measures["hits"])
        return Figure(metric=metric, n=n, value=PER * hits / n, interval=of_rate(hits, n, per=PER), hits=hits)
    if metric.kind is Kind.SURVIVAL:
        reached, low, high = measures["band"]
        return Figure(metric=metric, n=n, value=reached, interval=Interval(low, high), hits=int(measures["hits"]))
    value = float(measures["value"])
    if metric.kind is Kind.QUANTILE:
        return Figure(metric=metric, n=n, value=value, interval=Interval(measures["low"], measures["high"]))
    return _mean(metric, n, value, measures, design)


def _balance(metric: Metric, n: int, hits: int, misses: int, design: float) -> Figure:
    """Return a balance in points: a hundred times what it is of n."""
    around = balance(hits / design, misses / design, n / design)
    low, high = (100 * bound for bound in around if bound is not None)
    return Figure(
        metric=metric,
        n=n,
        value=100 * (hits - misses) / n,
        interval=Interval(low, high),
        hits=hits,
        misses=misses,
        design_effect=design,
    )


def _mean(metric: Metric, n: int, mean: float, measures: Mapping[str, Any], design: float) -> Figure:
    deviation = float(measures["deviation"])
    known = deviation if isfinite(deviation) else None  # one observation has no deviation
    return Figure(
        metric=metric,
        n=n,
        value=mean,
        interval=_UNBOUNDED if known is None else around_mean(mean, known, n / design),
        spread=Spread(known, float(measures["p10"]), float(measures["p90"])),
        design_effect=design,
    )


def change_of(figure: Figure, before: Figure) -> Change | None:
    """Return how a figure differs from an earlier one of the same metric; None unless both can tell something."""
    value, earlier = figure.shown, before.shown
    if figure.is_unreached != before.is_unreached and (figure.is_unreached or before.is_unreached):
        return _beyond(figure, before)
    if value is None or earlier is None:
        return None
    scale = 100 if figure.metric.unit is Unit.SHARE else 1
    low, high = of_difference(value, figure.interval, earlier, before.interval)
    difference = value - earlier
    return Change(
        points=difference * scale,
        relative=difference / earlier if earlier and figure.metric.kind is not Kind.BALANCE else None,
        interval=Interval(None if low is None else low * scale, None if high is None else high * scale),
        is_clear=_excludes_zero(low, high),
        is_better=_is_better(figure.metric.direction, difference),
    )


def _beyond(figure: Figure, before: Figure) -> Change | None:
    """Return the change to or from a value that was not reached, which no number tells; None beside too few."""
    longer, shorter = (figure, before) if figure.is_unreached else (before, figure)
    if shorter.shown is None:
        return None
    low, high = longer.interval.low, shorter.interval.high
    return Change(
        points=None,
        relative=None,
        interval=_UNBOUNDED,
        is_clear=low is not None and high is not None and low > high,
        is_better=_is_better(figure.metric.direction, 1 if figure.is_unreached else -1),
    )


def _excludes_zero(low: float | None, high: float | None) -> bool | None:
    if (low is not None and low > 0) or (high is not None and high < 0):
        return True
    return None if low is None and high is None else False


def _is_better(direction: Direction, difference: float) -> bool | None:
    if direction is Direction.NEITHER or difference == 0:
        return None
    return (difference > 0) == (direction is Direction.UP)
