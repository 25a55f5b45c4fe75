"""Metrics over time: rolling windows by part, and steps of the calendar of a time zone."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import indent
from typing import Final

from dashboards import text
from dashboards.estimate import estimates
from dashboards.query import (
    FIRST_DAY,
    LEAST,
    LENGTH,
    by_observations,
    known_or_named,
    measured,
    numbered,
    observations_of,
    of_place,
    quoted,
    quoted_text,
    read_by,
    select,
    shift_of,
    with_range,
)
from streams.core.metrics import Dimension, Metric

POINTS: Final = 24
"""Of a rolling series: dense enough for a line, few enough for a refresh every ten seconds."""

_AGE: Final = "dateDiff('millisecond', at, end_at)"
_ZONE: Final = "${zone:singlequote}"


def rolling(metric: Metric, by: Dimension) -> str:
    """Return a long series: each point and part the number over a window as long as the range that ends there."""
    value = estimates(metric)["value"]
    columns = {"number": "number", by.value: known_or_named(f"seen.{by}")} | read_by([value], measured(metric))
    clauses = (
        "AS seen",
        f"ARRAY JOIN {_windows()} AS number",
        "WHERE at >= before_at AND at < end_at",
        f"GROUP BY number, {by}",
    )
    shown = {
        "time": "$__toTime_ms - toIntervalMillisecond(number * step)",
        by.value: by.value,
        quoted(metric.title): value,
    }
    named = with_range(LEAST, f"greatest(1, intDiv({LENGTH}, {POINTS})) AS step", shift_days=shift_of(metric))
    inner = observations_of(metric.observations, "before_at", "end_at")
    return "\n".join([named, select(shown, select(columns, inner, *clauses)), f"ORDER BY time, {by}"])


def _windows() -> str:
    """Return which windows, counted back from the end, an observation of a certain age lies in."""
    first = f"greatest(0, intDiv({_AGE} - {LENGTH} + step - 1, step))"
    last = f"least({POINTS} - 1, intDiv({_AGE} - 1, step))"
    return f"range(toUInt64({first}), toUInt64({last} + 1))"


# Steps of the calendar ------------------------------------------------------------------------------------------------


def step_of(at: str, step: str = "${step:singlequote}") -> str:
    """Return the begin of the hour, day, week or month of an instant, by the clocks of the zone.

    Args:
        at: The instant.
        step: Which of them.
    """
    starts = {
        unit: f"toDateTime(toStartOfInterval({at}, INTERVAL 1 {unit.upper()}, {_ZONE}), {_ZONE})" for unit in text.STEPS
    }
    cases = ", ".join(f"{step} = '{unit}', {sql}" for unit, sql in starts.items() if unit != "day")
    return f"multiIf({cases}, {starts['day']})"


def stepped(metric: Metric) -> str:
    """Return a wide series: the number of each step with its interval and n."""
    shown = {
        "time": "time",
        quoted(metric.title): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.N): "n",
    }
    figures = select({"time": "time"} | estimates(metric), by_step(metric, measured(metric)))
    return "\n".join([with_steps(), select(shown, figures), "ORDER BY time"])


def stepped_together(metrics: Sequence[Metric]) -> str:
    """Return a wide series of several metrics that read the same observations.

    Raises:
        ValueError: When they read different ones.
    """
    first = metrics[0]
    if any(metric.observations != first.observations for metric in metrics):
        raise ValueError("metrics that read different observations need a query each")
    shown = {"time": "time"} | {
        quoted(metric.title): of_place(i, estimates(metric)["value"]) for i, metric in enumerate(metrics)
    }
    figures = by_step(first, read_by(shown.values(), numbered(metrics)))
    return "\n".join([with_steps(), select(shown, figures), "ORDER BY time"])


def stepped_side_by_side(metrics: Mapping[str, Metric], column: str) -> str:
    """Return a long series of several metrics, each under its name; the same observations are read once."""
    names = {metric.name: name for name, metric in metrics.items()}
    parts = (_lines(group, names, column) for group in by_observations(metrics.values()))
    together = indent("\nUNION ALL\n".join(parts), "    ")
    return f"{with_steps()}\nSELECT time, {column}, value\nFROM\n(\n{together}\n)\nORDER BY time, {column}"


def _lines(metrics: Sequence[Metric], names: Mapping[str, str], column: str) -> str:
    """Return the lines of metrics that read the same observations, each under its name."""
    lines = ",\n    ".join(
        f"({quoted_text(names[metric.name])}, toNullable(toFloat64({of_place(i, estimates(metric)['value'])})))"
        for i, metric in enumerate(metrics)
    )
    steps = by_step(metrics[0], read_by([lines], numbered(metrics)))
    figures = select({"time": "time", "lines": f"[\n    {lines}\n]"}, steps)
    return select({"time": "time", column: "line.1", "value": "line.2"}, figures, "ARRAY JOIN lines AS line")


_BEGUN: Final = (
    f"arrayMap(hour -> {step_of('start_at + toIntervalHour(hour)')},\n"
    f"        range(toUInt64(intDiv({LENGTH}, 3600000) + 1)))"
)
"""The begins of all steps that an hour of the range lies in, some of them many times."""


def with_steps() -> str:
    """Return the WITH clause of a series by steps: the first step is whole, and none lies before all knowledge."""
    last = step_of("end_at - toIntervalMillisecond(1)")
    known = f"step >= {step_of(f'toDateTime({FIRST_DAY})')} AND step < least(end_at, now64(3))"
    steps = f"arrayFilter(step -> {known},\n        arrayDistinct(arrayConcat({_BEGUN}, [{last}]))) AS steps"
    return with_range(LEAST, f"{step_of('start_at')} AS first_at", steps)


def by_step(metric: Metric, measures: Mapping[str, str]) -> str:
    """Return measures of each step that the range touches; the first one is whole, the last one ends with the range."""
    inner = observations_of(metric.observations, "first_at", "end_at")
    clauses = ("AS seen", "WHERE at >= first_at AND at < end_at", "GROUP BY time")
    return _at_each("steps", select({"time": step_of("seen.at")} | dict(measures), inner, *clauses), measures)


def lasting(metric: Metric) -> str:
    """Return a series of what lasts: how much of it goes on at the end of each step."""
    ends = f"arrayMap(step -> toDateTime64(step, 3, 'UTC'), arrayDistinct({_BEGUN}))"
    instants = (
        f"arrayFilter(instant -> instant > greatest(start_at, toDateTime({FIRST_DAY})),\n"
        f"        arrayDistinct(arrayConcat({ends}, [toDateTime64(end_at, 3, 'UTC')]))) AS instants"
    )
    inner = observations_of(metric.observations, "start_at", "end_at")
    clauses = (
        "AS seen",
        "ARRAY JOIN arrayFilter(instant -> since < instant AND until >= instant, instants) AS time",
        "GROUP BY time",
    )
    counted = select({"time": "time", "number": "count()"}, inner, *clauses)
    shown = {"time": "time", quoted(metric.title): "number"}
    return "\n".join([with_range(instants), select(shown, _at_each("instants", counted, ["number"])), "ORDER BY time"])


def _at_each(instants: str, figures: str, names: Iterable[str]) -> str:
    """Return a row for each instant, with zeros where there is no figure: a line must not lead over what is missing.

    Without any figure at all there is no row either.
    """
    columns = {"time": "every.time"} | {name: f"figures.{name}" for name in names}
    found = select({"time": "time", "is_found": "true"} | {name: name for name in names}, figures)
    return select(
        columns,
        f"SELECT arrayJoin({instants}) AS time",
        "AS every",
        f"LEFT JOIN\n(\n{indent(found, '    ')}\n) AS figures ON figures.time = every.time",
        "QUALIFY max(figures.is_found) OVER ()",
    )
