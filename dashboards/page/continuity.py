"""Continuity and integrity: whom returning customers meet, and whether the desk sees its work as customers do."""

from typing import Final

from dashboards import figure, panel, query, variable
from dashboards.dashboard import Dashboard
from streams.core.metrics import METRICS, Dimension

_USUAL: Final = METRICS["usual_agent_share"]
_MET: Final = METRICS["agents_met"]
_BIAS: Final = METRICS["self_rating_bias"]
_MOVED: Final = METRICS["reassigned_after_bad_rating"]
_OWN: Final = METRICS["self_rating_share"]

DASHBOARD: Final = Dashboard(
    uid="continuity",
    since="now-14d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_USUAL, _MET, _BIAS, _MOVED))],
        [figure.over_time(5, _USUAL), figure.over_time(6, _MET)],
        [figure.ranked(7, _USUAL, Dimension.TEAM), figure.ranked(8, _MET, Dimension.TEAM)],
        [figure.ranked(9, _BIAS, Dimension.TEAM), figure.ranked(10, _OWN, Dimension.TEAM)],
        [panel.definitions(11, (_USUAL, _MET, _BIAS, _MOVED, _OWN))],
    ],
)
