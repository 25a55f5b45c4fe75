"""Parts beside each other: the surely best first, with the ranks that the numbers leave to each."""

from typing import Final

from dashboards import text
from dashboards.estimate import FIGURE, is_clearly
from dashboards.query import beside, quoted, select, shift_of, with_range
from streams.core.figure import POINTS
from streams.core.metrics import Dimension, Direction, Metric, Unit

MOST: Final = 200
"""Lines of a ranking: nobody reads more."""

_SELF: Final = {name: name for name in FIGURE}
_BEFORE: Final = {name: f"{name}_before" for name in FIGURE}
_OTHER: Final = {"value": "other.1", "low": "other.2", "high": "other.3"}


def ranked(metric: Metric, by: Dimension) -> str:
    """Return a table: part, value, interval, n, rank, the value before, and the change where it is clear."""
    shown = {
        quoted(text.COLUMN_NAMES[by]): by.value,
        quoted(metric.title): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.N): "n",
        quoted(text.RANK): _rank(),
        quoted(text.BEFORE): "value_before",
        quoted(text.CHANGE): _change(metric),
    }
    places = select({"*": "*"} | _places(metric), beside(metric, [by.value]), "WHERE n > 0")
    order = f"ORDER BY value IS NULL, {_worth(metric)}, n DESC, {by}"
    return "\n".join([with_range(shift_days=shift_of(metric)), select(shown, places, order, f"LIMIT {MOST}")])


def _places(metric: Metric) -> dict[str, str]:
    others = "groupArrayIf((value, low, high), value IS NOT NULL) OVER ()"
    better, worse = is_clearly(metric, _OTHER, _SELF)
    return {
        "best": f"1 + arrayCount(other -> {better}, {others})",
        "worst": f"length({others}) - arrayCount(other -> {worse}, {others})",
    }


def _rank() -> str:
    between = f"concat(toString(best), ' {text.TO} ', toString(worst))"
    return f"multiIf(value IS NULL, '', best = worst, toString(best), {between})"


def _change(metric: Metric) -> str:
    """Return the difference in the words of `points`; null when it may be noise, or when nothing may be compared."""
    if metric.matures_days and not shift_of(metric):
        return "CAST(NULL AS Nullable(Float64))"
    better, worse = is_clearly(metric, _SELF, _BEFORE)
    scale = "100 * " if metric.unit is Unit.SHARE else ""
    return f"if({better} OR {worse}, {scale}(value - value_before), NULL)"


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
