"""Satisfaction: what customers say, by three clocks, how far they differ, how many answer; NPS and CES."""

from typing import Final

from dashboards import figure, panel, query, series, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.estimate import PREFIX, is_enough
from dashboards.panel import Panel
from schemas.policy import SATISFIED_FROM
from streams.core.metrics import METRICS, Dimension

_SHARE: Final = METRICS["csat_share"]
_MEAN: Final = METRICS["csat_mean"]
_ANSWERED: Final = METRICS["response_rate"]
_OWN: Final = METRICS["self_rating_share"]
_NPS: Final = METRICS["nps"]
_CES: Final = METRICS["ces"]
_CLOCKS: Final = {
    text.WHEN_RATED: _SHARE,
    text.WHEN_RESOLVED: METRICS["csat_share_by_resolution"],
    text.WHEN_CREATED: METRICS["csat_share_by_creation"],
}
_BANDS: Final = ((90, 101), (SATISFIED_FROM, 90), (50, SATISFIED_FROM), (25, 50), (0, 25))
"""From a score on, and below another one: of five stars each has a band, and where satisfaction begins one does."""


def _clocks() -> Panel:
    definitions = map(text.definition, _CLOCKS.values())
    return figure.side_by_side(6, text.CLOCKS_TITLE, text.CLOCKS, _CLOCKS, "clock", *definitions)


def _distribution() -> Panel:
    bands = ",\n".join(
        f"    ('{text.SCORE_NAME.format(low=low, high=end - 1)}', "
        f"countIf({_MEAN.counted} AND score >= {low} AND score < {end}))"
        for low, end in _BANDS
    )
    inner = query.observations_of(_MEAN.observations, "start_at", "end_at")
    counts = query.select({"bands": f"[\n{bands}\n]"}, inner, "WHERE at >= start_at AND at < end_at")
    shown = {'"Score"': "band.1", query.quoted(text.RATINGS): "band.2"}
    return Panel(
        id=7,
        title=text.DISTRIBUTION_TITLE,
        kind="bargauge",
        about=text.description(_MEAN, text.DISTRIBUTION.format(satisfied=SATISFIED_FROM)),
        width=12,
        height=8,
        sql=query.with_range() + "\n" + query.select(shown, counts, "ARRAY JOIN bands AS band"),
        empty=text.NO_TICKETS,
        look={"unit": "locale", "decimals": 0, "min": 0} | style.fixed(style.ACCENT),
        options=panel.BARS,
    )


def _spread() -> Panel:
    enough = is_enough(_MEAN)
    shown = {
        "time": "time",
        query.quoted(text.DEVIATION): f"if({enough}, {PREFIX}deviation, NULL)",
        query.quoted(text.TAILS): f"if({enough}, {PREFIX}p90 - {PREFIX}p10, NULL)",
    }
    return Panel(
        id=8,
        title=text.SPREAD_TITLE,
        kind="timeseries",
        about=text.description(_MEAN, text.SPREAD, text.STEPPED),
        width=12,
        height=8,
        sql="\n".join(
            [series.with_steps(), query.select(shown, series.by_step(_MEAN, query.measured(_MEAN))), "ORDER BY time"]
        ),
        format="timeseries",
        empty=text.NO_SERIES,
        look=style.unit(_MEAN.unit) | {"color": {"mode": "palette-classic-by-name"}, "custom": panel.line(), "min": 0},
        options=panel.series_options(),
    )


DASHBOARD: Final = Dashboard(
    uid="satisfaction",
    since="now-14d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_SHARE, _MEAN, _ANSWERED, _OWN))],
        [figure.number(13, _NPS, width=12), figure.number(14, _CES, width=12)],
        [figure.over_time(5, _SHARE), _clocks()],
        [_distribution(), _spread()],
        [figure.ranked(10, _SHARE, Dimension.TEAM), figure.ranked(11, _MEAN, Dimension.CHANNEL)],
        [panel.definitions(12, (_SHARE, _MEAN, _ANSWERED, _OWN, _NPS, _CES))],
    ],
)
