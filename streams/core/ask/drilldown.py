"""The observations behind a number, one by one: what they amount to is the number."""

from collections.abc import Sequence
from math import ceil, floor
from statistics import fmean

from msgspec import Struct

from schemas.rows import Ms
from streams.core.metrics import Dimension, Kind, Metric
from streams.core.survival import curve, quantile


class Seen(Struct, frozen=True):
    """One observation.

    Attributes:
        at: When it happened; of what lasts, when that began.
        ticket_id: On which ticket.
        dimensions: What it can be divided by.
        counts_once: Whose observations count as one: the ticket's, or the customer's.
        measure: 1 or 0 of a share, 1, 0 or -1 of a balance, what was measured of a mean or a quantile, 1 of a count or
            a rate.
        has_ended: False of a time that was not over by then, as far as is known.
        rule: By which it has its target: from when on its policy is in force, and its place there, from 1 on.
    """

    at: Ms
    ticket_id: str
    dimensions: dict[Dimension, str]
    counts_once: str
    measure: float
    has_ended: bool = True
    rule: tuple[Ms, int] | None = None


def total(metric: Metric, seen: Sequence[Seen]) -> tuple[int, float | None]:
    """Return n and the value that observations amount to, computed from the list alone.

    Of a rate n is the hits, and there is no value: what they are divided by are no tickets. What was not reached is no
    value either.
    """
    measures = [one.measure for one in seen]
    if metric.once_per and metric.kind is Kind.SHARE:
        best: dict[str, float] = {}
        for one in seen:
            best[one.counts_once] = max(one.measure, best.get(one.counts_once, 0.0))
        measures = list(best.values())
    if metric.kind is Kind.COUNT:
        return len(measures), float(len(measures))
    if metric.kind is Kind.SURVIVAL:
        return len(measures), quantile(curve((one.measure, one.has_ended) for one in seen), metric.p)[0]
    if metric.kind is Kind.RATE or not measures:
        return len(measures), None
    if metric.kind is Kind.QUANTILE:
        return len(measures), _quantile(sorted(measures), metric.p)
    return len(measures), fmean(measures) * (100 if metric.kind is Kind.BALANCE else 1)


def _quantile(ordered: Sequence[float], p: float) -> float:
    """Return the p-quantile, between two neighbours in proportion: type 7 of Hyndman and Fan (1996)."""
    place = p * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (place - floor(place)) * (high - low)
