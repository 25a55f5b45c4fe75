"""After-sales and repurchase: who buys again, by cohort and by age."""

from typing import Final

from msgspec.structs import replace

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import estimates, is_enough
from dashboards.panel import Panel
from dashboards.query import measured, quoted, quoted_text, select
from dashboards.series import step_of
from streams.core.ask import survival
from streams.core.ask.maturity import FOLLOWED_UNTIL
from streams.core.metrics import METRICS, Dimension, Metric, Topic

_REPURCHASE: Final = tuple(metric for metric in METRICS.values() if metric.topic is Topic.AFTER_SALES)
_FIRST: Final = _REPURCHASE[0]
_EVERY: Final = 5
"""Days from one row of the curve to the next."""
MONTHS: Final = 5
"""How far back cohorts are shown, whatever the range."""

_KNOWN_AT: Final = f"least({FOLLOWED_UNTIL}, $__toTime_ms) AS known_at"
_REOPENED: Final = METRICS["reopen_rate"]
_TICKETS_REOPENED: Final = METRICS["tickets_reopened"]


def _with_cohorts(step: str) -> str:
    begin = f"$__toTime_ms - toIntervalMonth({MONTHS})"
    first_at = f"{step_of(begin, quoted_text(step))} AS first_at"
    return query.with_range(query.LEAST, first_at, _KNOWN_AT)


def _cohorts(step: str, measures: dict[str, str]) -> str:
    """Return measures of each cohort of the last months; the first one is whole."""
    inner = query.observations_of(_FIRST.observations, "first_at", "end_at")
    clauses = ("AS seen", "WHERE at >= first_at AND at < end_at", "GROUP BY cohort_at")
    return select({"cohort_at": step_of("seen.at", quoted_text(step))} | measures, inner, *clauses)


def _triangle() -> Panel:
    measures = {"seen_n": measured(_FIRST)["seen_n"]}
    columns = {quoted(text.COHORT): "formatDateTime(cohort_at, '%Y-%m', ${zone:singlequote})"}
    columns |= {quoted(text.CUSTOMERS): "seen_n"}
    for metric in _REPURCHASE:
        measures[f"hits_{metric.name}"] = measured(metric)["seen_hits"]
        is_ripe = f"cohort_at + toIntervalMonth(1) + toIntervalDay({metric.matures_days}) <= known_at"
        is_shown = f"{is_ripe} AND {is_enough(metric)}"
        columns[quoted(_within(metric))] = f"if({is_shown}, hits_{metric.name} / seen_n, NULL)"
    sql = [_with_cohorts("month"), select(columns, _cohorts("month", measures))]
    share = {"custom__cellOptions": {"type": "color-background", "mode": "basic"}, "noValue": text.STILL_YOUNG}
    colours = {"color": {"mode": "continuous-blues"}, "min": 0, "max": 0.5}
    return Panel(
        id=5,
        title=text.TRIANGLE_TITLE,
        kind="table",
        about=text.description(_FIRST, text.TRIANGLE),
        width=12,
        height=9,
        sql="\n".join([*sql, "ORDER BY cohort_at"]),
        empty=text.NO_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(_within(metric), **style.unit(metric.unit), **colours, **share) for metric in _REPURCHASE
        ],
        options=panel.TABLE,
    )


def _within(metric: Metric) -> str:
    return text.WITHIN.format(days=metric.matures_days)


def _maturing() -> Panel:
    value = estimates(_FIRST)["value"]
    is_ripe = f"cohort_at + toIntervalDay(7 + {_FIRST.matures_days}) <= known_at"
    columns = {
        "time": "cohort_at",
        quoted(text.MATURED_LINE): f"if({is_ripe}, {value}, NULL)",
        quoted(text.MATURING_LINE): f"if({is_ripe}, NULL, {value})",
    }
    return Panel(
        id=6,
        title=text.MATURING_TITLE.format(days=_FIRST.matures_days),
        kind="timeseries",
        about=text.description(_FIRST, text.MATURING.format(days=_FIRST.matures_days)),
        width=12,
        height=9,
        sql="\n".join([_with_cohorts("week"), select(columns, _cohorts("week", measured(_FIRST))), "ORDER BY time"]),
        format="timeseries",
        empty=text.NO_SERIES,
        look=style.unit(_FIRST.unit)
        | style.fixed(style.ACCENT)
        | {"custom": panel.line(showPoints="always"), "min": 0},
        overrides=[style.override(text.MATURING_LINE, custom__lineStyle={"fill": "dash", "dash": [8, 8]})],
        options=panel.series_options(),
    )


def _bought() -> str:
    """Return for each customer of the range how long after the first case the next order came, or none had come yet."""
    inner = query.observations_of(_FIRST.observations, "start_at", "end_at")
    placed = "arrayFilter(placed_at -> placed_at > began_at, argMin(ordered_at, (at, ticket_id)))"
    columns = {
        "began_at": "min(at)",
        "placed": placed,
        "has_bought": "notEmpty(placed) AND arrayMin(placed) <= known_at",
    }
    clauses = ("AS seen", "WHERE at >= start_at AND at < end_at", f"GROUP BY {_FIRST.once_per}")
    return select(columns, inner, *clauses)


def _curve() -> Panel:
    seconds = "greatest(0, dateDiff('millisecond', began_at, if(has_bought, arrayMin(placed), known_at))) / 1000"
    all_of_them = select(
        {
            "codes": survival.codes_of(seconds, "has_bought"),
            "ages": "groupArray(dateDiff('millisecond', began_at, known_at))",
        },
        _bought(),
    )
    known = "arrayCount(age -> age >= days * 86400000, ages)"
    figures = select(
        {"days": "days", "known": known} | survival.shares_over("codes", "days"),
        all_of_them,
        f"ARRAY JOIN range({_EVERY}, {_REPURCHASE[-1].matures_days} + 1, {_EVERY}) AS days",
    )
    is_shown = is_enough(_FIRST, "known")
    columns = {
        quoted(text.AFTER_DAYS): "days",
        quoted(text.SHARE): f"if({is_shown}, share, NULL)",
        quoted(text.LOW): f"if({is_shown} AND share > 0 AND share < 1, low, NULL)",
        quoted(text.HIGH): f"if({is_shown} AND share > 0 AND share < 1, high, NULL)",
        quoted(text.FOLLOWED): "known",
    }
    bars = {"custom__cellOptions": {"type": "gauge", "mode": "basic"}, "min": 0, **style.fixed(style.ACCENT)}
    young = {"noValue": text.STILL_YOUNG}
    return Panel(
        id=13,
        title=text.CURVE_TITLE,
        kind="table",
        about=text.CURVE,
        width=12,
        height=9,
        sql="\n".join([query.with_range(query.LEAST, _KNOWN_AT), select(columns, figures), "ORDER BY days"]),
        empty=text.NO_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(text.SHARE, **style.unit(_FIRST.unit), **bars, **young),
            *(style.override(name, **style.unit(_FIRST.unit), **young) for name in (text.LOW, text.HIGH)),
            style.override(text.FOLLOWED, unit="locale", decimals=0),
        ],
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="after-sales",
    since="now-30d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        [
            *(figure.number(1 + i, one, width=5) for i, one in enumerate((*_REPURCHASE, _REOPENED))),
            figure.number(12, _TICKETS_REOPENED, width=4),
        ],
        [_triangle(), _maturing()],
        [_curve(), figure.ranked(7, _FIRST, Dimension.TEAM)],
        [figure.ranked(8, _FIRST, Dimension.PRODUCT_LINE), figure.ranked(9, _FIRST, Dimension.STRATEGY)],
        [figure.ranked(10, _REOPENED, Dimension.TEAM, width=24)],
        # The first one cannot be broken into columns and is longer than the height for two leaves room for.
        [replace(panel.definitions(11, (_FIRST, _REOPENED, _TICKETS_REOPENED)), height=9)],
    ],
)
