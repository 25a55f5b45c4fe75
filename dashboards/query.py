"""How metrics become SQL of panels: Grafana's range and variables around the registry's observations and measures."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from textwrap import indent
from typing import Final

from dashboards import text
from dashboards.estimate import FIGURE, LEAST_N, PREFIX, estimates, evidence, told
from streams.core.ask.maturity import FOLLOWED_UNTIL
from streams.core.ask.question import days_between, measures_of, observed
from streams.core.metrics import Dimension, Kind, Metric, Observations, Topic
from streams.core.metrics.policy import in_force

FILTERS: Final[Mapping[Dimension, str]] = {
    Dimension.TEAM: "team",
    Dimension.CHANNEL: "channel",
    Dimension.PRODUCT_LINE: "product_line",
    Dimension.CONTACT_TYPE: "contact_type",
}
"""Columns that every dashboard can be narrowed by, with the names of their variables."""
FIRST_DAY: Final = "(SELECT nullIf(min(day), toDate(0)) FROM ticket_days)"
"""Before it nothing is known; null while nothing is known at all. An index answers it, which `minOrNull` never asks."""
LEAST: Final = f"{in_force('least_n')} AS {LEAST_N}"
"""Names with how many observations a number is shown, by the policy in force now."""
LENGTH: Final = "dateDiff('millisecond', start_at, end_at)"
"""Of the range, in milliseconds."""


def shift_of(metric: Metric) -> int:
    """Return how many days earlier than the chosen range the cases lie that a number is told of.

    After-sales numbers come from matured cohorts only: from cases that all had their days by the end of the range.
    """
    return metric.matures_days if metric.topic is Topic.AFTER_SALES else 0


def with_range(*more: str, shift_days: int = 0) -> str:
    """Return the WITH clause that names the range `start_at` to `end_at` and `before_at`, as long before it.

    Args:
        more: Other names that the query needs, `expression AS name`.
        shift_days: The range lies so many days earlier than the one that was chosen.
    """
    shift = f" - toIntervalDay({shift_days})" if shift_days else ""
    names = [
        f"$__fromTime_ms{shift} AS start_at",
        f"$__toTime_ms{shift} AS end_at",
        f"start_at - toIntervalMillisecond({LENGTH}) AS before_at",
    ]
    return "WITH\n" + indent(",\n".join([*names, *more]), "    ")


def ages(metric: Metric) -> bool:
    """Return whether waiting still moves a number of the chosen range, until it is old enough."""
    return bool(metric.matures_days) and not shift_of(metric)


def with_age(metric: Metric) -> str:
    """Return the WITH clause of the range that a metric is told of, and how old it is as `core.ask.maturity` has it."""
    least = [LEAST] if metric.is_sampled else []
    if not ages(metric):
        return with_range(*least, shift_days=shift_of(metric))
    days = in_force(f"settled_after_days.{metric.matures_by}") if metric.matures_by else str(metric.matures_days)
    return with_range(
        *least,
        f"{FOLLOWED_UNTIL} AS followed_until",
        f"dateDiff('millisecond', start_at, followed_until - toIntervalDay(assumeNotNull({days}))) AS old",
        f"least(1, greatest(0, old / {LENGTH})) AS maturity",
    )


def filters(dimensions: Iterable[Dimension], known: Mapping[Dimension, str] = FILTERS) -> str:
    """Return the conditions of the variables on those columns; values travel quoted, and "all" asks nothing."""
    return "".join(
        f"\n    AND $__conditionalAll({known_or_named(column)} IN (${{{name}:singlequote}}), ${name})"
        for column, name in known.items()
        if column in dimensions
    )


def known_or_named(column: str) -> str:
    """Return a label as readers see it: one that nobody gave has a name as well, so that it can be chosen."""
    return f"if({column} = '', '{text.UNKNOWN}', {column})"


def observations_of(observations: Observations, start: str, end: str) -> str:
    """Return the SELECT of single observations that the variables leave, on the days from one instant to another."""
    return observed(observations, days_between(observations, start, end), filters(observations.dimensions))


def select(columns: Mapping[str, str], inner: str, *clauses: str) -> str:
    """Return a SELECT of named expressions from another one."""
    named = ",\n".join(sql if sql == name else f"{sql} AS {name}" for name, sql in columns.items())
    return "\n".join(["SELECT", indent(named, "    "), "FROM", "(", indent(inner, "    "), ")", *filter(None, clauses)])


def measured(metric: Metric) -> dict[str, str]:
    """Return the metric's measures as columns that `estimates` knows."""
    return {PREFIX + name: sql for name, sql in measures_of(metric).items()}


def by_observations(metrics: Iterable[Metric]) -> list[list[Metric]]:
    """Return metrics in groups of those that read the same observations: what is asked together is read once."""
    by_name = sorted(metrics, key=lambda metric: metric.observations.name)
    return [list(group) for _, group in groupby(by_name, key=lambda metric: metric.observations.name)]


def numbered(metrics: Iterable[Metric]) -> dict[str, str]:
    """Return the measures of several metrics as columns of one SELECT, each with its metric's place before its name."""
    return {
        f"{PREFIX}{place}_{name}": sql
        for place, metric in enumerate(metrics)
        for name, sql in measures_of(metric).items()
    }


def read_by(shown: Iterable[str], measures: Mapping[str, str]) -> dict[str, str]:
    """Return the measures that expressions read: one that nothing reads is left out of the answer, but is planned."""
    words = set(re.findall(r"\w+", " ".join(shown)))
    return {name: sql for name, sql in measures.items() if name in words}


def of_place(place: int, estimate: str) -> str:
    """Return an expression of `estimates` that reads the measures which `numbered` named for a place."""
    return estimate.replace(PREFIX, f"{PREFIX}{place}_")


# A number now, beside the period before -------------------------------------------------------------------------------


def number(metric: Metric) -> str:
    """Return one row: time, the number under its title, and the small print that says how sure it is."""
    columns = {
        "time": "$__toTime_ms",
        quoted(metric.title): told(metric),
        "evidence": evidence(metric, ages=ages(metric)),
    }
    return with_age(metric) + "\n" + select(columns, beside(metric, ()))


def beside(metric: Metric, keys: Iterable[str]) -> str:
    """Return figures of the range beside those of the period before, for each value of the keys."""
    keys = list(keys)
    columns = {key: key for key in keys} | {"is_now": "is_now"} | estimates(metric)
    begin_before = "start_at" if metric.observations.lasts else "before_at"
    counts = {"value": _count("is_now", "end_at"), "value_before": _count("NOT is_now", begin_before)}
    is_count = metric.kind is Kind.COUNT
    figures = select(columns, by_period(metric, measured(metric), keys))
    return joined_periods(keys, figures, counts if is_count else {})


def joined_periods(keys: Iterable[str], figures: str, instead: Mapping[str, str] | None = None) -> str:
    """Return figures of both periods in one row: `value` and the like, and `value_before` and the like.

    Args:
        keys: What a row stands for.
        figures: SELECT of the figures, each with its `is_now`.
        instead: Other expressions of some of the columns.
    """
    keys = list(keys)
    now = {name: "sumIf(figures.n, is_now)" if name == "n" else f"anyIf(figures.{name}, is_now)" for name in FIGURE}
    before = {f"{name}_before": f"anyIf(figures.{name}, NOT is_now)" for name in FIGURE}
    columns = {key: key for key in keys} | now | before | dict(instead or {})
    return select(columns, figures, "AS figures", f"GROUP BY {', '.join(keys)}" if keys else "")


def _count(period: str, since: str) -> str:
    """Return a count of a period: none is 0, but what was not known since then is not said."""
    return f"if({FIRST_DAY} <= toDate({since}), toNullable(toFloat64(sumIf(figures.n, {period}))), NULL)"


def by_period(metric: Metric, measures: Mapping[str, str], keys: Iterable[str]) -> str:
    """Return measures of the observations that a metric reads, of the range and of the period before."""
    observations = metric.observations
    columns = {key: known_or_named(f"seen.{key}") for key in keys}
    grouped = f"GROUP BY {', '.join(['is_now', *columns])}"
    if observations.lasts:
        inner = observations_of(observations, "start_at", "end_at")
        instant = "if(is_now, end_at, start_at)"
        clauses = ("AS seen", "ARRAY JOIN [true, false] AS is_now", f"WHERE since < {instant} AND until >= {instant}")
        return select({"is_now": "is_now"} | columns | dict(measures), inner, *clauses, grouped)
    inner = observations_of(observations, "before_at", "end_at")
    columns = {"is_now": "at >= start_at"} | columns | dict(measures)
    return select(columns, inner, "AS seen", "WHERE at >= before_at AND at < end_at", grouped)


def clock(instant: str) -> str:
    """Return an instant to the minute, by the clocks of the chosen time zone."""
    return f"formatDateTime({instant}, '%Y-%m-%d %H:%i', ${{zone:singlequote}})"


def quoted(name: str) -> str:
    """Return a name of a column that may hold any letter."""
    return '"' + name.replace('"', "") + '"'


def quoted_text(value: str) -> str:
    """Return words of ours as a literal."""
    return "'" + value.replace("'", "\\'") + "'"
