"""Teams and agents: who does best as far as the numbers can tell."""

from typing import Final

from dashboards import figure, panel, query, variable
from dashboards.dashboard import Dashboard
from streams.core.metrics import METRICS, Dimension

_METRICS: Final = tuple(METRICS[name] for name in ("csat_share", "complaint_rate", "first_response_p50"))

DASHBOARD: Final = Dashboard(
    uid="teams",
    since="now-14d",
    refresh="5m",
    variables=[*variable.narrowings(query.FILTERS), variable.zone()],
    rows=[
        *(
            [
                figure.ranked(2 * i + 1, metric, Dimension.TEAM),
                figure.ranked(2 * i + 2, metric, Dimension.AGENT),
            ]
            for i, metric in enumerate(_METRICS)
        ),
        [
            figure.ranked(7, METRICS["csat_share"], Dimension.STRATEGY),
            figure.ranked(8, METRICS["reopen_rate"], Dimension.AGENT),
        ],
        [
            figure.ranked(10, METRICS["first_contact_resolution"], Dimension.TEAM),
            figure.ranked(11, METRICS["tickets_transferred"], Dimension.TEAM),
        ],
        [panel.definitions(9, _METRICS)],
    ],
)
