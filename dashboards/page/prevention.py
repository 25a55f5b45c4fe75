"""Prevention: which question another department can remove, what it did, and how many do not come any more."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.effect import FIX, FIXES, drops
from dashboards.page.reasons import shares_over_time
from dashboards.panel import Panel
from dashboards.query import clock, quoted, select
from streams.core.metrics import METRICS, Dimension

_REPORTED: Final = METRICS["root_causes"]
_ACKNOWLEDGED: Final = METRICS["root_cause_acknowledged_p50"]
_FIXED: Final = METRICS["root_cause_fixed_p50"]
_INQUIRIES: Final = METRICS["inquiry_share"]
_MOST: Final = 50


def _loop() -> Panel:
    """Return every reason that a department was told of, as far as it has come."""
    columns = {
        quoted(text.COLUMN_NAMES[Dimension.REASON]): "reason",
        quoted(text.DEPARTMENT): f"if(department = '', '{text.NOBODY_RESPONSIBLE}', department)",
        quoted(text.STAGE): f"multiIf(fixed_at IS NOT NULL, '{text.FIXED_STAGE}', "
        f"acknowledged_at IS NOT NULL, '{text.ACKNOWLEDGED}', '{text.REPORTED}')",
        quoted(text.REPORTED_AT): clock("reported_at"),
        quoted(text.ACKNOWLEDGED_AFTER): "dateDiff('second', reported_at, acknowledged_at)",
        quoted(text.FIXED_AFTER): "dateDiff('second', reported_at, fixed_at)",
        quoted(text.ACTION): "action",
        quoted(text.GONE): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.AVOIDED): "round(n_after * value / (100 - value))",
        quoted(text.N_BEFORE): "n_before",
        quoted(text.N_AFTER): "n_after",
        quoted(text.BESIDE): "untouched",
    }
    told = select({"*": "*", "fix": f"if(fixed_at IS NULL, '', {FIX})"}, "SELECT * FROM root_causes")
    joined = select({"*": "*"}, told, f"AS told LEFT JOIN (\n{drops()}\n) AS measured USING (fix)")
    clauses = (
        "AS causes",
        "WHERE reported_at < end_at AND (reported_at >= start_at OR fixed_at IS NULL OR fixed_at >= start_at)",
        f"ORDER BY fixed_at IS NULL DESC, reported_at DESC, reason LIMIT {_MOST}",
    )
    per_cent = {"unit": "suffix: %", "decimals": 0}
    return Panel(
        id=4,
        title=text.CAUSES_TITLE,
        kind="table",
        about=text.CAUSES,
        width=24,
        height=9,
        sql=query.with_range(*FIXES) + "\n" + select(columns, joined, *clauses),
        empty=text.NO_CAUSES,
        look=style.PLAIN_TABLE,
        overrides=[
            *(style.override(name, unit="s", decimals=1) for name in (text.ACKNOWLEDGED_AFTER, text.FIXED_AFTER)),
            *(style.override(name, **per_cent) for name in (text.GONE, text.LOW, text.HIGH)),
        ],
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="prevention",
    since="now-90d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        [figure.number(1 + i, one, width=8) for i, one in enumerate((_REPORTED, _ACKNOWLEDGED, _FIXED))],
        [_loop()],
        [shares_over_time(5)],
        [panel.definitions(6, (_REPORTED, _ACKNOWLEDGED, _FIXED, _INQUIRIES))],
    ],
)
