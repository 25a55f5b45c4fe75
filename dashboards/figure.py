"""The panels that pages share: a number of now, lines by part, a series with its band, a ranking."""

from collections.abc import Mapping, Sequence
from typing import Final

from dashboards import link, panel, query, ranking, series, style, text
from dashboards.panel import Panel
from dashboards.style import Json
from streams.core.metrics import Dimension, Metric


def number(id_: int, metric: Metric, *, width: int = 6, height: int = 5) -> Panel:
    """Return a big number with its verdict, interval and n, and a link to the tickets behind it."""
    days = query.shift_of(metric)
    return Panel(
        id=id_,
        title=metric.title,
        kind="stat",
        about=text.description(metric, text.LASTS if metric.observations.lasts else text.COMPARED, *_matured(metric)),
        width=width,
        height=height,
        sql=query.number(metric),
        format="timeseries",
        empty=text.NOT_MATURED.format(days=days) if days else text.NOT_ENOUGH,
        look=style.unit(metric.unit)
        | style.unreached(metric)
        | style.fixed(style.PLAIN)
        | {"displayName": "${__field.labels.evidence}", "links": link.tickets_behind(metric)},
        overrides=style.verdict_colours(),
        options=panel.STAT,
    )


def lines_by(id_: int, metric: Metric, by: Dimension, *, width: int = 12, height: int = 9) -> Panel:
    """Return a line for each part, every point over a window as long as the range."""
    days = query.shift_of(metric)
    label = f"__field.labels.{by}"
    look = style.unit(metric.unit) | {"color": {"mode": "palette-classic-by-name"}, "custom": panel.line()}
    return Panel(
        id=id_,
        title=f"{metric.title}, by {text.COLUMN_NAMES[by].lower()}",
        kind="timeseries",
        about=text.description(metric, text.ROLLING, *_matured(metric)),
        width=width,
        height=height,
        sql=series.rolling(metric, by),
        format="timeseries",
        empty=text.NO_MATURED_SERIES.format(days=days) if days else text.NO_SERIES,
        look=look
        | {"displayName": f"${{{label}}}", "links": link.tickets_of_part(metric, by, f"${{{label}:percentencode}}")},
        options=panel.series_options(),
    )


def side_by_side(
    id_: int,
    title: str,
    about: str,
    metrics: Mapping[str, Metric],
    column: str,
    *definitions: str,
    width: int = 12,
    height: int = 9,
    line: Json | None = None,
) -> Panel:
    """Return the numbers of each step of the calendar as lines beside each other.

    Args:
        id_: Of the panel.
        title: Of the panel.
        about: What is to be seen.
        metrics: All of one unit, by the name of their line.
        column: What the names are, for programs.
        definitions: What the metrics are, in words.
        width: Of the panel.
        height: Of the panel.
        line: How lines are drawn, where not as usual.
    """
    (unit,) = {metric.unit for metric in metrics.values()}
    return Panel(
        id=id_,
        title=title,
        kind="timeseries",
        about="\n\n".join([about, text.STEPPED, *definitions]),
        width=width,
        height=height,
        sql=series.stepped_side_by_side(metrics, column),
        format="timeseries",
        empty=text.NO_SERIES,
        look=style.unit(unit)
        | {"color": {"mode": "palette-classic-by-name"}, "custom": line or panel.line()}
        | {"displayName": f"${{__field.labels.{column}}}"},
        options=panel.series_options(),
    )


def over_time(id_: int, metric: Metric, *, width: int = 12, height: int = 9) -> Panel:
    """Return the number of each step of the calendar, with its interval as a band."""
    return Panel(
        id=id_,
        title=f"{metric.title}, over time",
        kind="timeseries",
        about=text.description(metric, text.BUCKETED),
        width=width,
        height=height,
        sql=series.stepped(metric),
        format="timeseries",
        empty=text.NO_SERIES,
        look=style.unit(metric.unit) | style.fixed(style.ACCENT) | {"custom": panel.line()},
        overrides=panel.band(metric.title, text.LOW, text.HIGH, text.N),
        options=panel.series_options(has_legend=False),
    )


def together(id_: int, title: str, metrics: Sequence[Metric], *, width: int = 12, height: int = 9) -> Panel:
    """Return several metrics of the same observations over time, such as percentiles."""
    first = metrics[0]
    return Panel(
        id=id_,
        title=title,
        kind="timeseries",
        about="\n\n".join([*(text.definition(metric) for metric in metrics), text.STEPPED]),
        width=width,
        height=height,
        sql=series.stepped_together(metrics),
        format="timeseries",
        empty=text.NO_SERIES,
        look=style.unit(first.unit) | {"color": {"mode": "palette-classic-by-name"}, "custom": panel.line()},
        options=panel.series_options(),
    )


def ranked(id_: int, metric: Metric, by: Dimension, *, width: int = 12, height: int = 9) -> Panel:
    """Return parts beside each other, the surely best first."""
    days = query.shift_of(metric)
    return Panel(
        id=id_,
        title=f"{metric.title}, by {text.COLUMN_NAMES[by].lower()}",
        kind="table",
        about=text.description(metric, text.RANKED, *_matured(metric), *_young(metric)),
        width=width,
        height=height,
        sql=ranking.ranked(metric, by),
        empty=text.NO_MATURED.format(days=days) if days else text.NO_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=_ranking_columns(metric, by),
        options=panel.TABLE,
        compares=by,
    )


def listed(id_: int, title: str, metrics: Sequence[Metric], *, height: int) -> Panel:
    """Return a table with a line for each of several metrics of one unit."""
    unit, change = style.unit(metrics[0].unit), _change_look(metrics[0])
    return Panel(
        id=id_,
        title=title,
        kind="table",
        about="\n\n".join([text.LISTED, *map(text.definition, metrics)]),
        width=panel.COLUMNS,
        height=height,
        sql=ranking.listed(metrics),
        empty=text.NO_TICKETS,
        look=style.PLAIN_TABLE,
        overrides=[
            style.override(text.METRIC, custom__width=380),
            *(style.override(name, **unit, **_FEW) for name in (text.VALUE, text.LOW, text.HIGH, text.BEFORE)),
            style.override(text.N, unit="locale", decimals=0),
            style.override(text.CHANGE, **change),
        ],
        options=panel.TABLE,
    )


_FEW: Final = {"noValue": text.TOO_FEW}


def _ranking_columns(metric: Metric, by: Dimension) -> list[Json]:
    unit, words = style.unit(metric.unit), style.unreached(metric)
    links = link.tickets_of_part(metric, by) if by in link.LINKED else []
    return [
        style.override(text.COLUMN_NAMES[by], links=links),
        style.override(metric.title, **unit, **words, **_FEW),
        *(style.override(column, **unit, **_FEW, custom__width=90) for column in (text.LOW, text.HIGH)),
        style.override(text.BEFORE, **unit, **words, **_FEW, custom__width=90),
        style.override(text.N, unit="locale", decimals=0, custom__width=70),
        style.override(text.RANK, custom__width=80),
        style.override(text.CHANGE, **_change_look(metric)),
    ]


def _change_look(metric: Metric) -> Json:
    return {
        "unit": ranking.change_unit(metric),
        "decimals": 1,
        **style.CHANGE,
        "custom__cellOptions": {"type": "color-text"},
    } | style.change_colours(metric)


def _young(metric: Metric) -> list[str]:
    return [text.RANKED_YOUNG.format(days=metric.matures_days)] if query.ages(metric) else []


def _matured(metric: Metric) -> list[str]:
    days = query.shift_of(metric)
    return [text.MATURED.format(days=days)] if days else []
