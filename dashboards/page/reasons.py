"""Reasons: why customers come, and which reason somebody else could remove."""

from typing import Final

from dashboards import figure, link, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import change, wilson
from dashboards.panel import Panel
from dashboards.query import known_or_named, quoted, select
from dashboards.together import HOLDS, judged
from streams.core.metrics import METRICS, Dimension, Kind
from streams.core.metrics.policy import in_force

_LINE: Final = f"{in_force('reason_share')} AS line"
"""When one reason makes up more of all contacts, the department that can remove its cause should know."""
LEAST: Final = 50
"""Tickets that a share must rest on."""
DAYS: Final = 7
POINTS: Final = 48
MOST: Final = 8
"""Lines of a chart that can still be told apart."""

_SHARES: Final = (text.SHARE, text.LOW, text.HIGH, text.BEFORE)
_POINTS: Final = {"unit": "suffix: percentage points", "decimals": 1}
_TICKETS: Final = METRICS["tickets"]
_REASON: Final = quoted(text.COLUMN_NAMES[Dimension.REASON])


def _last_days_sql() -> str:
    named = query.with_range(
        _LINE, f"end_at - toIntervalDay({DAYS}) AS first_at", f"end_at - toIntervalDay({2 * DAYS}) AS older_at"
    )
    inner = query.observations_of(_TICKETS.observations, "older_at", "end_at")
    columns = {
        "reason": known_or_named("seen.reason"),
        "hits": "countIf(at >= first_at)",
        "hits_before": "countIf(at < first_at)",
    }
    counted = select(columns, inner, "AS seen", "WHERE at >= older_at AND at < end_at", "GROUP BY reason")
    totals = select({"*": "*", "n": "sum(hits) OVER ()", "n_before": "sum(hits_before) OVER ()"}, counted)
    enough, enough_before = f"n >= {LEAST}", f"n >= {LEAST} AND n_before >= {LEAST}"
    now = dict(zip(("value", "low", "high"), wilson("hits", "n"), strict=True))
    before = dict(zip(("value", "low", "high"), wilson("hits_before", "n_before"), strict=True))
    figures = {"reason": "reason", "hits": "hits", "n": "n", "n_before": "n_before"}
    figures |= {name: f"if({enough}, {sql}, NULL)" for name, sql in now.items()}
    figures |= {f"{name}_before": f"if({enough_before}, {sql}, NULL)" for name, sql in before.items()}
    independent = {"design": "1"}
    itself = independent | {name: name for name in ("n", *now)}
    earlier = independent | {name: f"{name}_before" for name in ("n", *before)}
    rows = select(figures, totals, "WHERE hits > 0")
    shown = {
        _REASON: "reason",
        quoted(text.SHARE): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.ABOVE): "if(value > line, 100 * (value - line), NULL)",
        quoted(text.TICKETS_OF_REASON): "hits",
        quoted(text.N): "n",
        quoted(text.BEFORE): "value_before",
        quoted(text.CHANGE): change("100 * (value - value_before)", itself, earlier, holds=HOLDS),
    }
    return "\n".join(
        [named, select(shown, judged(Kind.SHARE, rows, itself, earlier), "ORDER BY hits DESC, reason", "LIMIT 100")]
    )


def _last_days() -> Panel:
    share = style.unit(METRICS["inquiry_share"].unit)
    return Panel(
        id=3,
        title=text.SHARES_TITLE,
        kind="table",
        about=text.SHARES,
        width=14,
        height=12,
        sql=_last_days_sql(),
        empty=text.TOO_FEW_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(
                text.COLUMN_NAMES[Dimension.REASON],
                links=[link.to_tickets(_TICKETS, Dimension.REASON)],
            ),
            *(style.override(name, **share, noValue=text.TOO_FEW) for name in _SHARES),
            style.override(text.ABOVE, **_POINTS, **style.fixed(style.BAD), custom__cellOptions={"type": "color-text"}),
            style.override(text.CHANGE, **_POINTS, **style.CHANGE),
        ],
        options=panel.TABLE,
    )


def _bars() -> Panel:
    named = query.with_range(f"end_at - toIntervalDay({DAYS}) AS first_at")
    inner = query.observations_of(_TICKETS.observations, "first_at", "end_at")
    columns = {"reason": known_or_named("seen.reason"), "hits": "count()"}
    counted = select(columns, inner, "AS seen", "WHERE at >= first_at AND at < end_at", "GROUP BY reason")
    shares = select({"reason": "reason", "hits": "hits", "n": "sum(hits) OVER ()"}, counted)
    shown = {_REASON: "reason", quoted(text.SHARE): "hits / n"}
    return Panel(
        id=4,
        title=text.BARS_TITLE,
        kind="bargauge",
        about=text.BARS,
        width=10,
        height=12,
        sql=named + "\n" + select(shown, shares, f"WHERE n >= {LEAST}", "ORDER BY hits DESC, reason", f"LIMIT {MOST}"),
        empty=text.TOO_FEW_TICKETS,
        look=style.unit(METRICS["inquiry_share"].unit) | {"min": 0, "max": 0.5} | style.fixed(style.ACCENT),
        options=panel.BARS,
    )


def shares_over_time(id: int) -> Panel:
    """Return the chart of how large a part of all contacts each reason makes up, with the policy's line."""
    named = query.with_range(
        f"intDiv({query.LENGTH}, {POINTS}) AS step",
        f"start_at - toIntervalDay({DAYS}) AS older_at",
        f"{DAYS} * 86400000 AS span",
        _LINE,
    )
    inner = query.observations_of(_TICKETS.observations, "older_at", "end_at")
    age = "dateDiff('millisecond', at, end_at)"
    first = f"greatest(0, intDiv({age} - span + step - 1, step))"
    windows = f"range(toUInt64({first}), toUInt64(least({POINTS}, intDiv({age} - 1, step)) + 1)) AS number"
    columns = {"number": "number", "reason": known_or_named("seen.reason"), "hits": "count()"}
    clauses = ("AS seen", f"ARRAY JOIN {windows}", "WHERE at >= older_at AND at < end_at", "GROUP BY number, reason")
    counted = select(columns, inner, *clauses)
    totals = select(
        {
            "*": "*",
            "n": "sum(hits) OVER (PARTITION BY number)",
            "all_hits": "sum(hits) OVER (PARTITION BY reason)",
        },
        counted,
    )
    places = select({"*": "*", "place": "dense_rank() OVER (ORDER BY all_hits DESC, reason)"}, totals)
    lines = f"if(place = 1, [(reason, hits / n), ('{text.LINE}', line)], [(reason, hits / n)])"
    told = select({"number": "number", "n": "n", "lines": lines}, places, f"WHERE place <= {MOST}")
    shown = {
        "time": "$__toTime_ms - toIntervalMillisecond(number * step)",
        "reason": "share.1",
        quoted(text.SHARE): f"if(n >= {LEAST}, share.2, NULL)",
    }
    return Panel(
        id=id,
        title=text.SHARES_OVER_TIME_TITLE,
        kind="timeseries",
        about=text.SHARES_OVER_TIME,
        width=24,
        height=10,
        sql="\n".join([named, select(shown, told, "ARRAY JOIN lines AS share"), "ORDER BY time, reason"]),
        format="timeseries",
        empty=text.TOO_FEW_TICKETS,
        look=style.unit(METRICS["inquiry_share"].unit)
        | {"color": {"mode": "palette-classic-by-name"}, "displayName": "${__field.labels.reason}", "min": 0}
        | {"custom": panel.line()}
        | {"links": [link.to_tickets(_TICKETS, Dimension.REASON, "${__field.labels.reason:percentencode}")]},
        overrides=[
            {
                "matcher": {"id": "byRegexp", "options": f"/{text.LINE}/"},
                "properties": [
                    {"id": "color", "value": style.fixed(style.BAD)["color"]},
                    {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}},
                    {"id": "links", "value": []},
                ],
            }
        ],
        options=panel.series_options(),
    )


DASHBOARD: Final = Dashboard(
    uid="reasons",
    since="now-14d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        [figure.number(1, METRICS["inquiry_share"], width=12), figure.number(2, METRICS["tickets"], width=12)],
        [_last_days(), _bars()],
        [shares_over_time(5)],
        [
            figure.ranked(6, METRICS["complaint_rate"], Dimension.REASON),
            figure.ranked(7, METRICS["csat_share"], Dimension.REASON),
        ],
        [panel.definitions(8, (METRICS["inquiry_share"], METRICS["complaint_rate"], METRICS["csat_share"]))],
    ],
)
