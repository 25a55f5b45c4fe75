"""Panels as Grafana's JSON: one query each, a fixed number, a place in the grid, words for when there is nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dashboards import style, text
from dashboards.style import Json
from streams.core.metrics import Dimension, Metric

COLUMNS: Final = 24
PLUGIN: Final = "grafana-clickhouse-datasource"
PLUGIN_VERSION: Final = "4.20.0"
DATASOURCE: Final[Json] = {"type": PLUGIN, "uid": "clickhouse"}
"""As `deploy/grafana` provisions it."""

_FORMATS: Final[Mapping[str, int]] = {"timeseries": 0, "table": 1}


class Panel(Struct, frozen=True, kw_only=True):
    """One panel.

    Attributes:
        id: By which links and alert rules know it on its dashboard; it never changes.
        title: Above it.
        kind: Grafana's name of the visualization.
        about: What the i says: how its numbers are defined, in Markdown.
        width: Of 24 columns.
        height: In steps of the grid.
        sql: What it shows; "" for a panel without numbers.
        format: What the plugin makes of the answer: `timeseries` needs a column `time`, `table` takes anything.
        empty: What stands there when the answer has no value.
        look: Defaults of its fields.
        overrides: What is different about some of them.
        options: Of the visualization.
        min_interval: The narrowest step of a series.
        compares: Of which dimension it ranks the values against each other; None where it ranks nothing.
    """

    id: int
    title: str
    kind: str
    about: str
    width: int
    height: int
    sql: str = ""
    format: str = "table"
    empty: str = ""
    look: Mapping[str, Any] = {}
    overrides: Sequence[Json] = ()
    options: Mapping[str, Any] = {}
    min_interval: str = ""
    compares: Dimension | None = None


_CELLS: Final[Sequence[Json]] = [
    {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": text.TOO_FEW}]}
]
"""A cell without a value: what is said of an empty table is not said of it."""


def target(sql: str, format_: str, ref_id: str = "A") -> Json:
    """Return a query as the plugin's editor and its backend both understand it."""
    return {
        "refId": ref_id,
        "datasource": DATASOURCE,
        "editorType": "sql",
        "queryType": format_,
        "format": _FORMATS[format_],
        "pluginVersion": PLUGIN_VERSION,
        "meta": {},
        "rawSql": sql,
    }


def laid_out(rows: Sequence[Sequence[Panel]]) -> list[Json]:
    """Return the panels of rows, side by side from the left and row below row.

    Raises:
        ValueError: When a row is wider than the grid.
    """
    return list(_placed(rows))


def _placed(rows: Sequence[Sequence[Panel]]) -> Iterator[Json]:
    y = 0
    for row in rows:
        x = 0
        for panel in row:
            yield _json(panel, {"x": x, "y": y, "w": panel.width, "h": panel.height})
            x += panel.width
        if x > COLUMNS:
            raise ValueError(f"the row of {row[0].title!r} is {x} columns wide, the grid has {COLUMNS}")
        y += max(panel.height for panel in row)


def _json(panel: Panel, place: Json) -> Json:
    made: Json = {
        "id": panel.id,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": ({"noValue": panel.empty} if panel.empty else {}) | dict(panel.look),
            "overrides": [*(_CELLS if panel.kind == "table" else ()), *panel.overrides],
        },
        "options": dict(panel.options),
        "targets": [target(panel.sql, panel.format)] if panel.sql else [],
    }
    return made | ({"interval": panel.min_interval} if panel.min_interval else {})


# Kinds ----------------------------------------------------------------------------------------------------------------

STAT: Final[Json] = {
    "colorMode": "value",
    "graphMode": "none",
    "justifyMode": "center",
    "orientation": "auto",
    "textMode": "value_and_name",
    "wideLayout": False,
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
}
TABLE: Final[Json] = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": [], "fields": ""}}
BARS: Final[Json] = {
    "displayMode": "basic",
    "orientation": "horizontal",
    "valueMode": "color",
    "namePlacement": "auto",
    "showUnfilled": True,
    "minVizHeight": 16,
    "minVizWidth": 8,
    "reduceOptions": {"calcs": [], "fields": "", "values": True},
}
"""A bar for each row: its text is the name, its number the length."""


def series_options(*, has_legend: bool = True) -> Json:
    """Return how a chart over time explains its lines."""
    return {
        "legend": {"showLegend": has_legend, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "none"},
    }


def line(**more: Any) -> Json:  # noqa: ANN401 - properties of Grafana's own kinds
    """Return how a line is drawn: a gap where a value is unknown, never a bridge."""
    return {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 2,
        "fillOpacity": 0,
        "showPoints": "auto",
        "pointSize": 5,
        "spanNulls": False,
        "axisBorderShow": False,
    } | more


def words(id_: int, title: str, markdown: str, *, height: int = 7) -> Panel:
    """Return a panel that only says something."""
    return Panel(
        id=id_,
        title=title,
        kind="text",
        about=text.DEFINITIONS_ABOUT,
        width=COLUMNS,
        height=height,
        options={"mode": "markdown", "content": markdown},
    )


def definitions(id_: int, metrics: Sequence[Metric]) -> Panel:
    """Return how the numbers of a page are defined."""
    return words(id_, text.DEFINITIONS, "\n\n".join(map(text.definition, metrics)), height=2 + 2 * len(metrics))


def band(value: str, low: str, high: str, n: str) -> list[Json]:
    """Return how a chart shows a value with its interval as a band, and n in the tooltip only."""
    quiet = {"viz": False, "legend": True, "tooltip": False}
    return [
        style.override(value, color={"mode": "fixed", "fixedColor": style.ACCENT}),
        style.override(
            high,
            color={"mode": "fixed", "fixedColor": style.ACCENT},
            custom__lineWidth=0,
            custom__showPoints="never",
            custom__fillBelowTo=low,
            custom__fillOpacity=15,
            custom__hideFrom=quiet,
        ),
        style.override(
            low,
            color={"mode": "fixed", "fixedColor": style.ACCENT},
            custom__lineWidth=0,
            custom__showPoints="never",
            custom__hideFrom=quiet,
        ),
        style.override(n, custom__hideFrom={"viz": True, "legend": True, "tooltip": False}, unit="locale", decimals=0),
    ]
