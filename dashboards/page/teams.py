"""Teams and agents: who does best as far as the numbers can tell."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.first import first
from dashboards.months import months
from dashboards.panel import Panel
from dashboards.ranking import change_unit
from streams.core.metrics import METRICS, Dimension, Unit

_METRICS: Final = tuple(METRICS[name] for name in ("csat_share", "complaint_rate", "first_response_p50"))

_SATISFIED: Final = METRICS["csat_share"]

_MORE: Final = tuple(METRICS[name] for name in ("reopen_rate", "first_contact_resolution", "tickets_transferred"))


def _first(id_: int, by: Dimension) -> Panel:
    metric = _SATISFIED
    title = text.FIRST_TITLE.format(metric=metric.title.lower(), part=text.COLUMN_NAMES[by].lower())
    share = style.unit(metric.unit)
    bar = {"custom__cellOptions": {"type": "gauge", "mode": "basic"}, "min": 0, "max": 1, **style.fixed(style.ACCENT)}
    return Panel(
        id=id_,
        title=title,
        kind="table",
        about=text.description(metric, text.FIRST),
        width=24,
        height=9,
        sql=first(metric, by),
        empty=text.NO_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(text.CHANCE, **share, **bar),
            *(style.override(name, **share) for name in (metric.title, text.LOW, text.HIGH)),
            style.override(text.N, **style.unit(Unit.NUMBER)),
        ],
        options=panel.TABLE,
    )


def _months() -> Panel:
    share = style.unit(_SATISFIED.unit)
    return Panel(
        id=13,
        title=text.MONTHS_TITLE.format(metric=_SATISFIED.title),
        kind="table",
        about=text.description(_SATISFIED, text.MONTHS),
        width=24,
        height=9,
        sql=months(_SATISFIED),
        empty=text.NO_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=[
            *(style.override(name, **share) for name in (_SATISFIED.title, text.LOW, text.HIGH, text.OTHERS)),
            style.override(text.CHANGE, unit=change_unit(_SATISFIED), decimals=1, **style.CHANGE),
            style.override(text.N, **style.unit(Unit.NUMBER)),
        ],
        options=panel.TABLE,
    )


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
        [_months()],
        [_first(12, Dimension.TEAM)],
        [panel.definitions(9, (*_METRICS, *_MORE))],
    ],
)
