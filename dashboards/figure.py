"""The panels that every page shares: a number of now, lines by part, a series with its band, a ranking."""

from dashboards import link, panel, query, style, text
from dashboards.panel import Panel
from streams.core.metrics import Dimension, Metric


def number(id_: int, metric: Metric, *, width: int = 6, height: int = 6, shift_days: int = 0, title: str = "") -> Panel:
    """Return a big number with its verdict, interval and n, and a link to the tickets behind it."""
    matured = [text.MATURED.format(days=shift_days)] if shift_days else []
    empty = text.NOT_MATURED.format(days=shift_days) if shift_days else text.NOT_ENOUGH
    return Panel(
        id=id_,
        title=title or metric.title,
        kind="stat",
        about=text.description(metric, text.LASTS if metric.observations.lasts else text.COMPARED, *matured),
        width=width,
        height=height,
        sql=query.number(metric, shift_days=shift_days),
        format="timeseries",
        empty=empty,
        look=style.unit(metric.unit)
        | style.fixed(style.PLAIN)
        | {"displayName": "${__field.labels.evidence}", "links": [link.to_tickets(metric)]},
        overrides=style.verdict_colours(),
        options=panel.STAT,
    )


def lines_by(id_: int, metric: Metric, by: Dimension, *, width: int, height: int, shift_days: int = 0) -> Panel:
    """Return a line for each part, every point over a window as long as the range."""
    matured = [text.MATURED.format(days=shift_days)] if shift_days else []
    label = f"${{__field.labels.{by}}}"
    return Panel(
        id=id_,
        title=f"{metric.title}, by {text.COLUMN_NAMES[by].lower()}",
        kind="timeseries",
        about=text.description(metric, text.ROLLING, *matured),
        width=width,
        height=height,
        sql=query.rolling(metric, by, shift_days=shift_days),
        format="timeseries",
        empty=text.NO_MATURED_SERIES.format(days=shift_days)
        if shift_days
        else text.NO_SERIES.format(n_min=metric.n_min),
        look=style.unit(metric.unit)
        | {"color": {"mode": "palette-classic-by-name"}, "custom": panel.line(), "displayName": label}
        | {"links": [link.to_tickets(metric, by, f"{label[:-1]}:percentencode}}")]},
        options=panel.series_options(),
    )
