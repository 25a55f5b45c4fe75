"""Interventions: what was done, for whom, and what it changed beyond what changed anyway."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.effect import effects
from dashboards.panel import Panel
from dashboards.query import clock, quoted
from streams.core.metrics import METRICS, Dimension

_SATISFIED: Final = METRICS["csat_share"]
_COMPLAINTS: Final = METRICS["complaint_rate"]
_TICKETS: Final = METRICS["tickets"]
_MOST: Final = 100


def _effects() -> Panel:
    kinds, titles = (", ".join(f"'{one}'" for one in some) for some in zip(*text.INTERVENTIONS.items(), strict=True))
    shown = {
        quoted(text.WHEN): clock("began_at"),
        quoted(text.DONE): f"concat(transform(kind, [{kinds}], [{titles}], kind), if(title = '', '', ': '), title)",
        quoted(text.FOR): "scope",
        quoted(text.MEASURED): "measured",
        quoted(text.EFFECT): "value",
        quoted(text.LOW): "low",
        quoted(text.HIGH): "high",
        quoted(text.VERDICT): f"multiIf(value IS NULL, '{text.CANNOT_BE_TOLD}', "
        f"low > 0, if(is_good_up, '{text.BETTER}', '{text.WORSE}'), "
        f"high < 0, if(is_good_up, '{text.WORSE}', '{text.BETTER}'), '{text.UNCLEAR}')",
        quoted(text.N_BEFORE): "n_before",
        quoted(text.N_AFTER): "n_after",
        quoted(text.BESIDE): "untouched",
        quoted(text.DAYS_AFTER): "days_after",
    }
    return Panel(
        id=1,
        title=text.EFFECTS_TITLE,
        kind="table",
        about=text.EFFECTS,
        width=24,
        height=11,
        sql=effects(shown, f"ORDER BY began_at DESC, intervention_id, measured LIMIT {_MOST}"),
        empty=text.NO_INTERVENTIONS,
        look=style.PLAIN_TABLE,
        overrides=[style.override(name, unit="none", decimals=1) for name in (text.EFFECT, text.LOW, text.HIGH)],
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="interventions",
    since="now-90d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [_effects()],
        [figure.lines_by(2, _SATISFIED, Dimension.TEAM), figure.lines_by(3, _COMPLAINTS, Dimension.TEAM)],
        [figure.over_time(4, _TICKETS), figure.lines_by(5, _TICKETS, Dimension.REASON)],
        [panel.definitions(6, (_SATISFIED, _COMPLAINTS, _TICKETS))],
    ],
)
