"""Month by month: a number beside the month before and beside everybody else, and which differences are clear."""

from typing import Final

from dashboards import text
from dashboards.estimate import estimates, is_clearly
from dashboards.query import LEAST, filters, measured, quoted, quoted_text, select, with_range
from dashboards.series import step_of
from streams.core.ask.question import days_between, observed
from streams.core.metrics import Metric, Unit

MONTHS: Final = 12
"""How far back, whatever the range."""
_FIGURE: Final = ("value", "low", "high", "design", "n")


def months(metric: Metric) -> str:
    """Return a table: month, value, interval, n, change from the month before, the others' value, and two verdicts.

    What the variables leave is the own; all else are the others. The last month may not be over: it is so far.
    """
    observations = metric.observations
    inner = observed(observations, days_between(observations, "first_at", "end_at"))
    is_own = f"(true{filters(observations.dimensions)})"
    of_each = select(
        {"month": step_of("seen.at", quoted_text("month")), "is_own": is_own} | measured(metric),
        inner,
        "AS seen",
        "WHERE at >= first_at AND at < end_at",
        "GROUP BY month, is_own",
    )
    figures = select({"month": "month", "is_own": "is_own"} | estimates(metric), of_each)
    beside = select(
        {"month": "month"}
        | {name: f"anyIf(figures.{name}, is_own)" for name in _FIGURE}
        | {f"{name}_others": f"anyIf(figures.{name}, NOT is_own)" for name in _FIGURE},
        figures,
        "AS figures",
        "GROUP BY month",
    )
    before = "OVER (ORDER BY month ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
    lagged = {f"{name}_before": f"lagInFrame(toNullable({name})) {before}" for name in _FIGURE}
    sequence = select({"*": "*"} | lagged, beside)
    scale = "100 * " if metric.unit is Unit.SHARE else ""
    shown = {
        quoted(text.MONTH): f"concat(formatDateTime(month, '%Y-%m', ${{zone:singlequote}}), "
        f"if(month + toIntervalMonth(1) > end_at, ' {text.SO_FAR}', ''))",
        quoted(metric.title): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.N): "n",
        quoted(text.CHANGE): f"{scale}(value - value_before)",
        quoted(text.AGAINST_BEFORE): _verdict(metric, "before"),
        quoted(text.OTHERS): "value_others",
        quoted(text.AGAINST_OTHERS): _verdict(metric, "others"),
    }
    first_at = step_of(f"$__toTime_ms - toIntervalMonth({MONTHS - 1})", quoted_text("month"))
    return "\n".join(
        [with_range(LEAST, f"{first_at} AS first_at"), select(shown, sequence, "WHERE n > 0"), "ORDER BY month"]
    )


def _verdict(metric: Metric, other: str) -> str:
    own = {name: name for name in _FIGURE}
    better, worse = is_clearly(metric, own, {name: f"{name}_{other}" for name in _FIGURE})
    cases = f"{better}, '{text.BETTER}', {worse}, '{text.WORSE}', '{text.UNCLEAR}'"
    return f"multiIf(value IS NULL OR value_{other} IS NULL, '', {cases})"
