"""Tables of figures: parts of one metric, the surely best first with the ranks left to each, and metrics in a list."""

from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Final

from dashboards import text
from dashboards.estimate import FIGURE, change, estimates, is_clearly, told
from dashboards.query import (
    ages,
    beside,
    by_observations,
    by_period,
    joined_periods,
    numbered,
    of_place,
    quoted,
    quoted_text,
    select,
    with_age,
)
from dashboards.together import AT_ONCE, HOLDS, bounds_at, judged, with_certainty
from streams.core.ask.figure import POINTS
from streams.core.metrics import Dimension, Direction, Kind, Metric, Unit

MOST: Final = 200
"""Lines of a ranking: nobody reads more."""

_SELF: Final = {name: name for name in FIGURE}
_BEFORE: Final = {name: f"{name}_before" for name in FIGURE}
_AT_ONCE: Final = {"value": "value", "low": "low_at_once", "high": "high_at_once"}
_OTHER: Final = {"value": "other.1", "low": "other.2", "high": "other.3"}


def ranked(metric: Metric, by: Dimension) -> str:
    """Return a table: part, value, interval, n, rank, the value before, and the change as `estimate.change` has it.

    Ranks and changes hold for all rows at once, also for those that the table has no room for.
    """
    shown = {
        quoted(text.COLUMN_NAMES[by]): by.value,
        quoted(metric.title): told(metric),
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.N): "n",
        quoted(text.RANK): _rank(),
        quoted(text.BEFORE): told(metric, "value_before", "n_before"),
        quoted(text.CHANGE): _change(metric),
    }
    places = placed(metric, select({"*": "*"}, beside(metric, [by.value]), "WHERE n > 0"))
    order = f"ORDER BY value IS NULL, {_worth(metric)}, n DESC, {by}"
    return "\n".join([with_age(metric), select(shown, places, order, f"LIMIT {MOST}")])


def placed(metric: Metric, rows: str) -> str:
    """Return the rows of a table with the places left to each, `best` and `worst`, and what `HOLDS` asks for.

    Args:
        metric: Which number.
        rows: SELECT of figures of two periods, as `query.beside` has them.
    """
    certain = with_certainty(rows, "value IS NOT NULL")
    return select({"*": "*"} | _places(metric), _judged(metric, select({"*": "*"} | _bounds(metric), certain)))


def _places(metric: Metric) -> dict[str, str]:
    others = f"groupArrayIf(({', '.join(_AT_ONCE.values())}), value IS NOT NULL) OVER ()"
    better, worse = is_clearly(metric, _OTHER, _AT_ONCE)
    return {
        "best": f"1 + arrayCount(other -> {better}, {others})",
        "worst": f"length({others}) - arrayCount(other -> {worse}, {others})",
    }


def _bounds(metric: Metric) -> dict[str, str]:
    if metric.kind is Kind.COUNT:
        return dict.fromkeys(("low_at_once", "high_at_once"), "CAST(NULL AS Nullable(Float64))")
    return dict(zip(("low_at_once", "high_at_once"), bounds_at(metric.kind, _SELF, AT_ONCE), strict=True))


def _judged(metric: Metric, rows: str) -> str:
    return judged(metric.kind, rows, _SELF, _BEFORE, is_known=_is_known(metric))


def _is_known(metric: Metric) -> str:
    return "maturity >= 1" if ages(metric) else "true"


def _rank() -> str:
    between = f"concat(toString(best), ' {text.TO} ', toString(worst))"
    return f"multiIf(value IS NULL, '', best = worst, toString(best), {between})"


def _change(metric: Metric) -> str:
    scale = "100 * " if metric.unit is Unit.SHARE else ""
    return change(f"{scale}(value - value_before)", _SELF, _BEFORE, is_known=_is_known(metric), holds=HOLDS)


def change_unit(metric: Metric) -> str:
    """Return Grafana's name of what a change is measured in."""
    return "s" if metric.unit is Unit.SECONDS else f"suffix: {POINTS[metric.unit]}"


def _worth(metric: Metric) -> str:
    """Return the order: by the bound on the bad side, so that three lucky ratings do not lead."""
    match metric.direction:
        case Direction.DOWN:
            return "ifNull(high, value) ASC"
        case Direction.UP:
            return "ifNull(low, value) DESC"
        case Direction.NEITHER:
            return "value DESC"


# Metrics in a list ----------------------------------------------------------------------------------------------------


def listed(metrics: Sequence[Metric]) -> str:
    """Return a table with a line for each metric; those that read the same observations are asked together.

    Args:
        metrics: Of one kind, unit and direction, in the order of the table; none that moves by waiting.

    Raises:
        ValueError: When these differ, so that no column could say what it means, or one still moves.
    """
    first = metrics[0]
    if any(_column_of(one) != _column_of(first) or one.matures_days for one in metrics):
        raise ValueError(
            "a column of numbers needs one kind, unit and direction, and figures that waiting does not move"
        )
    places = {metric.name: place for place, metric in enumerate(metrics)}
    rows = "\nUNION ALL\n".join(_of_one_kind(kind, places) for kind in by_observations(metrics))
    columns = {"place": "row.1", "title": "row.2", **{name: f"row.{3 + i}" for i, name in enumerate(FIGURE)}}
    figures = select({"is_now": "is_now"} | columns, rows, "ARRAY JOIN rows AS row")
    shown = {
        quoted(text.METRIC): "title",
        quoted(text.VALUE): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.N): "n",
        quoted(text.BEFORE): "value_before",
        quoted(text.CHANGE): _change(first),
    }
    beside_each = _judged(first, joined_periods(["place", "title"], figures))
    return "\n".join([with_age(first), select(shown, beside_each, "ORDER BY place")])


def _column_of(metric: Metric) -> tuple[Kind, Unit, Direction]:
    """Return what metrics of one column have in common."""
    return metric.kind, metric.unit, metric.direction


def _of_one_kind(metrics: Sequence[Metric], places: Mapping[str, int]) -> str:
    """Return for both periods an array with a row for each metric: place, title and figure."""
    rows = ",\n".join(_row(metric, i, places[metric.name]) for i, metric in enumerate(metrics))
    figures = by_period(metrics[0], numbered(metrics), ())
    return select({"is_now": "is_now", "rows": f"[\n{indent(rows, '    ')}\n]"}, figures)


def _row(metric: Metric, number: int, place: int) -> str:
    figure = estimates(metric)
    numbers = (figure["n"], *(f"toNullable(toFloat64({figure[name]}))" for name in FIGURE[1:]))
    return f"({place}, {quoted_text(metric.title)}, {', '.join(of_place(number, sql) for sql in numbers)})"
