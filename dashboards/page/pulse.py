"""Service pulse: the four numbers of now, for a wall."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import counted
from dashboards.panel import Panel
from streams.core.metrics import METRICS, Dimension
from streams.core.signal.segment import SignalState

FOUR: Final = tuple(
    METRICS[name] for name in ("complaint_rate", "csat_share", "time_to_first_response_p50", "repurchase_30d")
)
"""What service is judged by."""

SILENT_SECONDS: Final = 600


def _newest_sql() -> str:
    stored = query.select(
        {"newest_at": "max(at)", "stored": "count()"},
        "SELECT at FROM event_times WHERE ingested_at >= start_at AND ingested_at <= end_at",
    )
    clock = "formatDateTime(newest_at, '%Y-%m-%d %H:%i:%S', ${zone:singlequote})"
    shown = {
        "time": "$__toTime_ms",
        "seconds": "if(stored = 0, NULL, greatest(0, dateDiff('millisecond', newest_at, now64(3)) / 1000))",
        "evidence": f"if(stored = 0, '', concat({clock}, ' · ', {counted('toString(stored)')}, ' {text.STORED}'))",
    }
    return query.with_range() + "\n" + query.select(shown, stored)


def newest(id_: int, *, width: int, height: int = 5) -> Panel:
    """Return how old all other numbers are."""
    return Panel(
        id=id_,
        title=text.NEWEST_TITLE,
        kind="stat",
        about=text.NEWEST,
        width=width,
        height=height,
        sql=_newest_sql(),
        format="timeseries",
        empty=text.NO_EVENTS,
        look={"unit": "s", "decimals": 0, "displayName": "${__field.labels.evidence}"}
        | style.by_threshold([(None, style.PLAIN), (SILENT_SECONDS, style.BAD)]),
        options=panel.STAT,
    )


def _signals_sql() -> str:
    clock = query.clock("since_at")
    columns = {
        text.STATE: f"if(is_page OR state != '{SignalState.OPEN}', toString(state), '{text.OPEN_NO_PAGE}')",
        text.WHAT: "replaceAll(kind, '_', ' ')",
        text.WHOSE: "concat(segment_kind, ' ', segment)",
        text.BEGAN: clock,
        text.NOW: text.told_line("value"),
        text.CONTRIBUTES: "told['slices']",
        text.TICKET: "told['tickets']",
    }
    listed = ",\n    ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
    return "\n".join(
        [
            f"SELECT\n    {listed}",
            "FROM signals FINAL",
            f"WHERE state = '{SignalState.OPEN}'",
            f"    OR (state = '{SignalState.RESOLVED}' AND resolved_at >= $__fromTime_ms",
            "        AND opened_at <= $__toTime_ms)",
            f"ORDER BY state = '{SignalState.OPEN}' DESC, opened_at DESC, signal_id",
            "LIMIT 20",
        ]
    )


def _signals(id_: int) -> Panel:
    """Return the signals that are open, and those of the range."""
    return Panel(
        id=id_,
        title=text.SIGNALS_TITLE,
        kind="table",
        about=text.SIGNALS,
        width=24,
        height=6,
        sql=_signals_sql(),
        empty=text.NO_SIGNALS,
        look=style.PLAIN_TABLE,
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="service-pulse",
    since="now-7d",
    refresh="10s",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        [figure.number(1 + i, metric, height=6) for i, metric in enumerate(FOUR)],
        [figure.lines_by(5 + i, metric, Dimension.TEAM, width=6) for i, metric in enumerate(FOUR)],
        [
            figure.number(9, METRICS["open_waits"], width=8),
            figure.number(10, METRICS["backlog"], width=8),
            newest(11, width=8),
        ],
        [_signals(13)],
        [panel.definitions(12, FOUR)],
    ],
)
