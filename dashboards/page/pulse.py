"""Service pulse: the four numbers of now, for a wall."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from streams.core.metrics import METRICS, Dimension

FOUR: Final = ("complaint_rate", "csat_share", "first_response_p50", "repurchase_30d")
"""What service is judged by."""

_NEWEST: Final = "\n".join(
    [
        query.with_range(),
        "SELECT",
        "    $__toTime_ms AS time,",
        "    if(stored = 0, NULL, greatest(0, dateDiff('millisecond', newest_at, now64(3)) / 1000))",
        '        AS "Newest event",',
        "    if(stored = 0, '', concat(formatDateTime(newest_at, '%Y-%m-%d %H:%i:%S', ${zone:singlequote}), ' · ',",
        "        toString(stored), ' events stored in this range')) AS evidence",
        "FROM",
        "(",
        "    SELECT max(at) AS newest_at, count() AS stored",
        "    FROM events",
        "    WHERE ingested_at >= start_at AND ingested_at < end_at",
        ")",
    ]
)


def _shift(name: str) -> int:
    return METRICS[name].matures_days


def _newest() -> Panel:
    return Panel(
        id=11,
        title="Newest event, ago",
        kind="stat",
        about="How long ago the newest event happened that was stored within the range, by the clocks of the chosen "
        "time zone. Red from ten minutes on: what stands above is then as old.",
        width=8,
        height=5,
        sql=_NEWEST,
        format="timeseries",
        empty=text.NO_EVENTS,
        look={"unit": "s", "decimals": 0, "displayName": "${__field.labels.evidence}"}
        | style.by_threshold([(None, style.PLAIN), (600, style.BAD)]),
        options=panel.STAT,
    )


DASHBOARD: Final = Dashboard(
    uid="service-pulse",
    title="Service pulse",
    about="Complaints, satisfaction, response time and repurchase now, against the period before.",
    since="now-7d",
    refresh="10s",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        [figure.number(1 + i, METRICS[name], shift_days=_shift(name)) for i, name in enumerate(FOUR)],
        [
            figure.lines_by(5 + i, METRICS[name], Dimension.TEAM, width=6, height=9, shift_days=_shift(name))
            for i, name in enumerate(FOUR)
        ],
        [
            figure.number(9, METRICS["open_waits"], width=8, height=5),
            figure.number(10, METRICS["backlog"], width=8, height=5),
            _newest(),
        ],
        [panel.words(12, text.DEFINITIONS, "\n\n".join(text.definition(METRICS[name]) for name in FOUR), height=8)],
    ],
)
