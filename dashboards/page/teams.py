"""Teams and agents: who does best as far as the numbers can tell."""

from typing import Final

from dashboards import figure, panel, query, variable
from dashboards.dashboard import Dashboard
from streams.core.metrics import METRICS, Dimension

_METRICS: Final = tuple(METRICS[name] for name in ("csat_share", "complaint_rate", "first_response_p50"))

_MORE: Final = tuple(METRICS[name] for name in ("reopen_rate", "first_contact_resolution", "tickets_transferred"))

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
            figure.ranked(8, _MORE[0], Dimension.AGENT),
        ],
        [
            figure.ranked(10, _MORE[1], Dimension.TEAM),
            figure.ranked(11, _MORE[2], Dimension.TEAM),
        ],
        [panel.definitions(9, (*_METRICS, *_MORE))],
    ],
)
