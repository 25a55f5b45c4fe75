"""Where a click leads: from a number to the tickets behind it, with the same range and the same choices."""

from typing import Final

from dashboards import text
from dashboards.query import FILTERS
from dashboards.style import Json
from streams.core.metrics import METRICS, Dimension, Kind, Metric

TICKETS_UID: Final = "tickets"
LINKED: Final = dict(FILTERS) | {Dimension.REASON: "reason", Dimension.AGENT: "agent"}
"""By which the list of tickets can be narrowed, with the names of its variables."""

_KINDS: Final = {metric.observations.name for metric in METRICS.values() if metric.is_main}
LISTED: Final = {metric.name: metric for metric in METRICS.values() if metric.observations.name in _KINDS}
"""Metrics whose observations can be listed: those that read what a main metric reads, so that the query stays short."""


def is_listed(metric: Metric) -> bool:
    """Tell whether the page of tickets has those that a metric counts."""
    is_rate = metric.kind is Kind.RATE
    return metric.name in LISTED or (is_rate and any(one.hit and one.hit == metric.hit for one in LISTED.values()))


def _listed_as(metric: Metric) -> Metric:
    """Return the metric that lists the same tickets: of a rate, the share with the same hits."""
    same = (one for one in LISTED.values() if one.hit and one.hit == metric.hit)
    return metric if metric.name in LISTED else next(same)


def tickets_behind(metric: Metric) -> list[Json]:
    """Return the link to the tickets that a metric counts; none where that page does not list them."""
    return [to_tickets(metric)] if is_listed(metric) else []


def tickets_of_part(metric: Metric, part: Dimension, chosen: str = "${__value.text:percentencode}") -> list[Json]:
    """Return the same of one value of a column."""
    return [to_tickets(metric, part, chosen)] if is_listed(metric) else []


def to_tickets(metric: Metric, part: Dimension | None = None, chosen: str = "${__value.text:percentencode}") -> Json:
    """Return the link to the tickets that a metric counts.

    Args:
        metric: What is looked at.
        part: The number is about one value of this column.
        chosen: Where Grafana finds that value.
    """
    kept = [f"${{{name}:queryparam}}" for column, name in FILTERS.items() if column != part]
    narrowed = [f"var-{LINKED[part]}={chosen}"] if part else []
    query = "&".join(["${__url_time_range}", f"var-metric={_listed_as(metric).name}", *kept, *narrowed])
    return {
        "title": text.TICKETS_OF_PART_LINK if part else text.TICKETS_LINK,
        "url": f"/d/{TICKETS_UID}/{TICKETS_UID}?{query}",
    }
