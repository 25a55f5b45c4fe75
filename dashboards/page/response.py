"""Response time: how long customers wait for a person, and who waits now."""

from itertools import pairwise
from typing import Final

from dashboards import figure, link, panel, query, series, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from streams.core.metrics import METRICS, Dimension, Kind, Topic, Unit

_MEDIAN: Final = METRICS["time_to_first_response_p50"]
_ANSWERED: Final = METRICS["first_response_p50"]
_WITHIN: Final = METRICS["first_response_in_target"]
_ANY: Final = METRICS["time_to_response_p90"]
_WAITING: Final = METRICS["open_waits"]
_UNANSWERED: Final = METRICS["resolved_unanswered"]
_PERCENTILES: Final = {
    METRICS[name].title: METRICS[name]
    for name in (
        "time_to_first_response_p50",
        "time_to_first_response_p90",
        "first_response_p50",
        "first_response_p90",
        "first_response_p99",
    )
}
_DURATIONS: Final = tuple(
    metric
    for metric in METRICS.values()
    if metric.kind is Kind.QUANTILE and metric.topic in (Topic.RESPONSE, Topic.RESOLUTION) and metric.p <= 0.9
)
"""How long things took: medians, and what the unlucky tenth exceeds. Kaplan-Meier ones would take seconds to plan."""
_CALENDAR: Final = tuple(metric for metric in _DURATIONS if "_business_" not in metric.name)
_BUSINESS: Final = tuple(
    metric for metric in _DURATIONS if "_business_" in metric.name and metric.observations.name != "business_cases"
)
"""Without the full resolution, which would be a third query over all of it: `servicepulse report --full` has that."""
_LISTED: Final = (*_CALENDAR, *_BUSINESS)
_BOUNDS: Final = (
    (0, ""),
    (60, "1 min"),
    (300, "5 min"),
    (900, "15 min"),
    (1_800, "30 min"),
    (3_600, "1 h"),
    (7_200, "2 h"),
    (14_400, "4 h"),
    (28_800, "8 h"),
    (86_400, "1 d"),
    (259_200, "3 d"),
)
"""Where one row of the heatmap ends and the next begins, in seconds, with the name of the row below."""
_LONGER: Final = "longer"
_LONGEST: Final = 100
_TOLD: Final = (Dimension.TEAM, Dimension.AGENT, Dimension.CHANNEL, Dimension.REASON)
"""What the list of waiting customers says of each."""


def _percentiles() -> Panel:
    definitions = (text.definition(_PERCENTILES[one.title]) for one in (_MEDIAN, _ANSWERED))
    return figure.side_by_side(5, text.PERCENTILES_TITLE, text.PERCENTILES, _PERCENTILES, "percentile", *definitions)


def _heatmap() -> Panel:
    rows = {
        query.quoted(name): f"countIf(seconds >= {low} AND seconds < {high})"
        for (low, _), (high, name) in pairwise(_BOUNDS)
    }
    rows[query.quoted(_LONGER)] = f"countIf(seconds >= {_BOUNDS[-1][0]})"
    return Panel(
        id=6,
        title=text.HEATMAP_TITLE,
        kind="heatmap",
        about=text.description(_ANSWERED, text.HEATMAP),
        width=12,
        height=9,
        sql="\n".join([series.with_steps(), series.by_step(_ANSWERED, rows), "ORDER BY time"]),
        format="timeseries",
        empty=text.NO_TICKETS,
        look={"custom": {"hideFrom": {"viz": False, "legend": False, "tooltip": False}}},
        options={
            "calculate": False,
            "cellGap": 1,
            "cellValues": {"unit": "locale", "decimals": 0},
            "color": {"mode": "scheme", "scheme": "Blues", "steps": 32, "reverse": False, "exponent": 0.5},
            "rowsFrame": {"layout": "le", "value": "n"},
            "yAxis": {"axisPlacement": "left", "reverse": False},
            "legend": {"show": True},
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
            "filterValues": {"le": 1e-9},
        },
    )


def _longest() -> Panel:
    inner = query.observations_of(_WAITING.observations, "end_at", "end_at")
    columns = {
        query.quoted(text.WAITED): "dateDiff('second', began_at, end_at)",
        query.quoted(text.TICKET): "ticket_id",
        **{query.quoted(text.COLUMN_NAMES[by]): query.known_or_named(by) for by in _TOLD},
        query.quoted(text.SINCE): query.clock("began_at"),
    }
    clauses = ("WHERE since < end_at AND until >= end_at", "ORDER BY began_at, ticket_id", f"LIMIT {_LONGEST}")
    return Panel(
        id=8,
        title=text.LONGEST_TITLE,
        kind="table",
        about=text.description(_WAITING, text.LONGEST),
        width=12,
        height=9,
        sql=query.with_range() + "\n" + query.select(columns, inner, *clauses),
        empty=text.NOBODY_WAITS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(text.WAITED, unit="s", decimals=1, custom__width=100),
            style.override(text.COLUMN_NAMES[Dimension.TEAM], links=[link.to_tickets(_WAITING, Dimension.TEAM)]),
        ],
        options=panel.TABLE,
    )


def _waiting() -> Panel:
    return Panel(
        id=10,
        title=text.WAITS_TITLE,
        kind="timeseries",
        about=text.description(_WAITING, text.WAITS),
        width=12,
        height=9,
        sql=series.lasting(_WAITING),
        format="timeseries",
        empty=text.NOBODY_WAITS,
        look=style.unit(Unit.NUMBER) | style.fixed(style.ACCENT) | {"custom": panel.line(), "min": 0},
        options=panel.series_options(has_legend=False),
    )


DASHBOARD: Final = Dashboard(
    uid="response-time",
    since="now-7d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [
            *(figure.number(1 + i, one, width=5) for i, one in enumerate((_MEDIAN, _WITHIN, _ANY, _WAITING))),
            figure.number(14, _UNANSWERED, width=4),
        ],
        [_percentiles(), _heatmap()],
        [figure.lines_by(7, _WITHIN, Dimension.TEAM), _longest()],
        [figure.ranked(9, _ANSWERED, Dimension.TEAM), _waiting()],
        [figure.listed(12, text.DURATIONS_TITLE, _LISTED, height=2 + len(_LISTED))],
        [panel.definitions(11, (_MEDIAN, _WITHIN, _ANY, _ANSWERED, _WAITING, _UNANSWERED))],
    ],
)
