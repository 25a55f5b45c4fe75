"""The variables of a dashboard: what it can be narrowed by, by whose clocks, in which steps."""

from collections.abc import Mapping, Sequence
from typing import Final

from dashboards import text
from dashboards.panel import DATASOURCE, target
from dashboards.query import known_or_named
from dashboards.style import Json
from streams.core.metrics import Dimension

ZONES: Final = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Istanbul",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
)
"""To choose from; any other IANA name can be typed."""


def narrowing(dimension: Dimension, name: str) -> Json:
    """Return a variable with the values of a column in the newest 90 days, the most frequent first; all by default.

    A value with a backslash or a dollar is not offered: Grafana puts values into SQL in single quotes and escapes those
    alone. Tickets with such a value are still there as long as all are chosen.
    """
    conditions = (
        "day >= (SELECT max(day) FROM ticket_days) - 90",
        rf"position({dimension}, '\\') = 0",
        f"position({dimension}, '$') = 0",
    )
    clauses = ("WHERE " + "\n    AND ".join(conditions), "GROUP BY value", "ORDER BY count() DESC, value", "LIMIT 500")
    sql = "\n".join([f"SELECT {known_or_named(dimension)} AS value", "FROM ticket_days", *clauses])
    return {
        "name": name,
        "label": text.COLUMN_NAMES[dimension],
        "type": "query",
        "datasource": DATASOURCE,
        "query": target(sql, "table", f"var-{name}"),
        "definition": sql,
        "refresh": 1,
        "sort": 0,
        "multi": True,
        "includeAll": True,
        "allowCustomValue": False,
        "current": {"text": [text.ALL], "value": ["$__all"], "selected": True},
        "options": [],
        "hide": 0,
    }


def choice(
    name: str, label: str, values: Mapping[str, str], default: str, *, takes_others: bool = False, hide: int = 0
) -> Json:
    """Return a variable with fixed values, told by their names; one of them is always chosen."""
    options = [{"text": shown, "value": value, "selected": value == default} for value, shown in values.items()]
    return {
        "name": name,
        "label": label,
        "type": "custom",
        "query": ", ".join(value if value == shown else f"{shown} : {value}" for value, shown in values.items()),
        "multi": False,
        "includeAll": False,
        "allowCustomValue": takes_others,
        "current": next(option for option in options if option["selected"]),
        "options": options,
        "hide": hide,
    }


def zone() -> Json:
    """Return the choice of a time zone."""
    return choice("zone", text.ZONE_LABEL, {name: name for name in ZONES}, "UTC", takes_others=True)


def step() -> Json:
    """Return the choice of a step of the calendar."""
    return choice("step", text.STEP_LABEL, text.STEPS, "day")


def narrowings(names: Mapping[Dimension, str]) -> Sequence[Json]:
    """Return a variable for each of these columns."""
    return [narrowing(dimension, name) for dimension, name in names.items()]
