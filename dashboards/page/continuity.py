"""Continuity: whom returning customers meet, who had read their story, when they are answered, what they remember."""

from typing import Final

from dashboards import figure, panel, query, variable
from dashboards.dashboard import Dashboard
from streams.core.metrics import METRICS, Dimension

_USUAL: Final = METRICS["usual_agent_share"]
_MET: Final = METRICS["agents_met"]
_PREPARED: Final = METRICS["prepared_share"]
_OUTSIDE: Final = METRICS["answers_outside_hours"]
_OFF_SHIFT: Final = METRICS["answers_off_shift"]
_HURT: Final = METRICS["hurt_customers"]
_SATISFIED: Final = METRICS["csat_share"]

DASHBOARD: Final = Dashboard(
    uid="continuity",
    since="now-14d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_USUAL, _MET, _PREPARED, _HURT))],
        [figure.over_time(5, _USUAL), figure.over_time(6, _HURT)],
        [figure.ranked(7, _USUAL, Dimension.TEAM), figure.ranked(10, _HURT, Dimension.TEAM)],
        [figure.ranked(9, _PREPARED, Dimension.TEAM), figure.ranked(12, _SATISFIED, Dimension.AGENT)],
        [figure.ranked(11, _OUTSIDE, Dimension.AGENT), figure.ranked(14, _OFF_SHIFT, Dimension.AGENT)],
        [panel.definitions(13, (_USUAL, _MET, _PREPARED, _OUTSIDE, _OFF_SHIFT, _HURT))],
    ],
)
