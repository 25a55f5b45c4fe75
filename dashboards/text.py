"""Every word that a dashboard shows and the registry of metrics does not know; another language is another file."""

from typing import Final

from streams.core.metrics import Metric

UNKNOWN: Final = "(unknown)"
"""Stands for a label that nobody gave."""

# Verdicts: style.py colours what begins with the first two
BETTER: Final = "better"
WORSE: Final = "worse"
UNCLEAR: Final = "no clear change"

WAS: Final = "was"
SO_FAR: Final = "so far"
MOVES: Final = "moves for {days} days"
N: Final = "n"
TO: Final = "to"

NOT_ENOUGH: Final = "not enough data"
NO_TICKETS: Final = "No tickets in this range. Widen it, or publish events: servicepulse import, servicepulse demo."
NO_EVENTS: Final = "No event was stored in this range. Does a worker run? servicepulse status tells."
NO_SERIES: Final = "Fewer than {n_min} observations at every point of this range: widen it, or choose more teams."
NOT_MATURED: Final = "no case is {days} days old yet"
NO_MATURED_SERIES: Final = "No cases that are {days} days old lie before this range yet."

TICKETS_LINK: Final = "The tickets behind it"
TICKETS_OF_PART_LINK: Final = "The tickets behind ${__value.text}"

DEFINITIONS: Final = "How these numbers are defined"

# Columns
COLUMN_NAMES: Final = {
    "team": "Team",
    "agent_id": "Agent",
    "channel": "Channel",
    "product_line": "Product line",
    "reason": "Reason",
    "contact_type": "Contact type",
    "priority": "Priority",
    "region": "Region",
    "strategy": "Strategy",
}
VALUE: Final = "Value"
LOW: Final = "95 % from"
HIGH: Final = "95 % to"
RANK: Final = "Rank"
BEFORE: Final = "Before"
CHANGE: Final = "Change"

# Variables
ALL: Final = "All"
ZONE_LABEL: Final = "Time zone"
STEP_LABEL: Final = "Step"
METRIC_LABEL: Final = "Behind"
STEPS: Final = {"hour": "Hour", "day": "Day", "week": "Week", "month": "Month"}


def definition(metric: Metric) -> str:
    """Return how a metric is defined, as one paragraph of Markdown."""
    of = "" if metric.denominator.startswith("none") else f" / {metric.denominator}"
    least = f" Shown from n = {metric.n_min} on." if metric.n_min else ""
    return f"**{metric.title}** = {metric.numerator}{of}.{least} *Clock*: {metric.clock}. {metric.about}"


def description(metric: Metric, *more: str) -> str:
    """Return what the i of a panel says: the definition, and what this panel makes of it."""
    return "\n\n".join([definition(metric), *more])


COMPARED: Final = (
    "The small print says whether it is clearly better or worse than over the period of the same length before, what "
    "it was then, the 95 % interval and n. It is coloured only where the difference is clear: where the 95 % interval "
    "of the difference excludes 0."
)
ROLLING: Final = (
    "Each point is the number over a window as long as the chosen range that ends there: the last point is the number "
    "of now, the first one that of the period before. Points with too few observations are left out."
)
BUCKETED: Final = (
    "One point for each step, by the clocks of the chosen time zone; the last step is not over yet. The band is the "
    "95 % interval, n stands in the tooltip. Points with too few observations are left out."
)
MATURED: Final = "Of cases that were resolved {days} days before the chosen range, so that each had its {days} days."
RANKED: Final = (
    "The best first: by the bound of the 95 % interval on the bad side, so that a few lucky tickets do not lead. The "
    "rank says between which places the numbers cannot decide. Change only where it is clear."
)
LASTS: Final = "As the range ends; before: as it begins. A count is what it is and has no interval."
