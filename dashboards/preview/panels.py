"""What the browser is told about a panel: its queries expanded and run, their answers drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from dashboards.macro import MacroError, Value, built_in, expand, interpolate
from dashboards.preview.draw.columns import columns
from dashboards.preview.draw.heat import heat
from dashboards.preview.draw.scene import Drawing, Scene
from dashboards.preview.draw.series import mark_of, series
from dashboards.preview.draw.stat import bars, stat
from dashboards.preview.draw.table import table
from dashboards.preview.draw.words import html_of, words
from dashboards.preview.fault import PreviewError
from dashboards.preview.frame import Ask, Frame, frame_of
from dashboards.preview.library import Dashboard, Json
from dashboards.preview.link import address, filled, link_values
from dashboards.preview.span import Span, moved, span_of
from dashboards.preview.variables import chosen_values, options_of, text_of

_DRAWERS: Final[Mapping[str, Callable[[Scene], Drawing]]] = {
    "stat": stat,
    "gauge": bars,
    "bargauge": bars,
    "table": table,
    "heatmap": heat,
    "barchart": columns,
    "text": words,
}
_AS_TABLE: Final = frozenset({1, "table"})
_TRANSFORMED: Final = frozenset({"organize"})


@dataclass(frozen=True)
class View:
    """A dashboard as somebody looks at it: range, choices, whose clock."""

    dashboard: Dashboard
    begin: str
    end: str
    now_ms: int
    zone: ZoneInfo
    variables: Mapping[str, Value]

    @property
    def span(self) -> Span:
        """The range of time."""
        return span_of(self.begin, self.end, self.now_ms, self.zone)

    @property
    def link_values(self) -> Mapping[str, Value]:
        """What texts and links may refer to."""
        texts = {each.name: text_of(each, self.variables[each.name]) for each in self.dashboard.variables}
        return link_values(self.variables, texts, self.begin, self.end)


def view_of(
    dashboard: Dashboard,
    *,
    begin: str | None,
    end: str | None,
    zone: ZoneInfo,
    wanted: Mapping[str, Sequence[str]],
    now_ms: int,
) -> View:
    """Return a view of what is wanted, and of what the dashboard says where nothing is.

    Raises:
        PreviewError: When the range is none, or a value is not offered.
    """
    time = dashboard.json.get("time") or {}
    own = dashboard.json.get("timezone")
    if own and own not in {"browser", ""}:
        zone = ZoneInfo("UTC" if own == "utc" else own)
    view = View(
        dashboard,
        begin or str(time.get("from") or "now-6h"),
        end or str(time.get("to") or "now"),
        now_ms,
        zone,
        chosen_values(dashboard, wanted),
    )
    _ = view.span
    return view


def panel_drawing(view: View, panel: Json, points: int, ask: Ask) -> Drawing:
    """Return what a panel shows.

    Args:
        view: Which range and choices.
        panel: The panel.
        points: How many points there is room for.
        ask: Runs a query.

    Raises:
        PreviewError: When a query is refused or the panel cannot be drawn; the message is for its reader.
    """
    kind = str(panel.get("type"))
    span = moved(view.span, panel.get("timeFrom"), panel.get("timeShift"), view.now_ms)
    if kind != "timeseries" and kind not in _DRAWERS:
        raise PreviewError(f"the preview does not draw panels of the kind {kind}; Grafana does")
    step = span.step_seconds(int(panel.get("maxDataPoints") or points), panel.get("interval"))
    frames = [_frame(view, target, span, step, ask) for target in panel.get("targets") or [] if not target.get("hide")]
    frames = [_arranged(frame, panel.get("transformations") or []) for frame in frames]
    scene = Scene(panel, frames, span, view.zone, view.link_values)
    if kind == "timeseries":
        return series(scene, _marks(view, span, step, ask))
    return _DRAWERS[kind](scene)


def page(view: View, ask: Ask) -> Drawing:
    """Return what stands around the panels: title, variables with what can be chosen, places, links.

    A variable whose query fails says so and keeps its value; the rest of the page works on.
    """
    dashboard = view.dashboard
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "about": str(dashboard.json.get("description") or ""),
        "time": {"from": view.begin, "to": view.end},
        "refresh": str(dashboard.json.get("refresh") or ""),
        "refreshes": (dashboard.json.get("timepicker") or {}).get("refresh_intervals") or ["10s", "30s", "1m", "5m"],
        "variables": _variables(view, ask),
        "panels": [_place(panel, view) for panel in dashboard.panels],
        "links": [link for each in dashboard.json.get("links") or [] if (link := _page_link(each, view))],
    }


def _frame(view: View, target: Json, span: Span, step: float, ask: Ask) -> Frame:
    sql = _expanded(view, str(target.get("rawSql") or ""), span, step)
    return frame_of(ask(sql), is_table=target.get("format") in _AS_TABLE, ref_id=str(target.get("refId") or "A"))


def _expanded(view: View, sql: str, span: Span, step: float) -> str:
    own = built_in(from_ms=span.from_ms, to_ms=span.to_ms, interval_seconds=step)
    try:
        browser = interpolate(sql, {**view.variables, **own})
        return expand(browser, from_ms=span.from_ms, to_ms=span.to_ms, interval_seconds=step)
    except MacroError as error:
        raise PreviewError(f"the query cannot be expanded: {error}") from error


def _arranged(frame: Frame, transformations: Sequence[Json]) -> Frame:
    for each in transformations:
        if each.get("disabled"):
            continue
        if each.get("id") not in _TRANSFORMED:
            raise PreviewError(f"the preview does not know the transformation {each.get('id')}; Grafana does")
        frame = _organized(frame, each.get("options") or {})
    return frame


def _organized(frame: Frame, options: Json) -> Frame:
    excluded, places, names = (options.get(name) or {} for name in ("excludeByName", "indexByName", "renameByName"))
    kept = [each for each in frame.fields if not excluded.get(each.name)]
    kept.sort(key=lambda each: places.get(each.name, len(frame.fields)))
    renamed = [type(each)(names.get(each.name) or each.name, each.kind, each.cells, each.labels) for each in kept]
    return Frame(renamed, frame.ref_id)


def _marks(view: View, span: Span, step: float, ask: Ask) -> list[Drawing]:
    """Return the annotations in a range; one whose query fails is not worth a panel."""
    marks: list[Drawing] = []
    for annotation in view.dashboard.annotations:
        frame = frame_of(ask(_expanded(view, str(annotation["target"]["rawSql"]), span, step)), is_table=True)
        name, colour = str(annotation.get("name", "")), str(annotation.get("iconColor") or "blue")
        rows = ({each.name: each.cells[row] for each in frame.fields} for row in range(frame.length))
        marks += [mark for row in rows if (mark := mark_of(row, name, colour, view.zone))]
    return marks


def _variables(view: View, ask: Ask) -> list[Drawing]:
    def run(sql: str) -> Frame:
        return frame_of(ask(_expanded(view, sql, view.span, 60)), is_table=True)

    return [_variable(view, place, run) for place in range(len(view.dashboard.variables))]


def _variable(view: View, place: int, run: Callable[[str], Frame]) -> Drawing:
    variable = view.dashboard.variables[place]
    value = view.variables[variable.name]
    drawing: Drawing = {
        "name": variable.name,
        "label": variable.label,
        "multi": variable.is_multi,
        "free": variable.kind == "textbox",
        "shown": variable.is_shown,
        "value": [value] if isinstance(value, str) else list(value),
        "options": [],
    }
    if variable.is_shown:
        try:
            drawing["options"] = [[option.value, option.text] for option in options_of(variable, run)]
        except PreviewError as error:
            drawing["error"] = str(error)
    return drawing


def _place(panel: Json, view: View) -> Drawing:
    grid = panel.get("gridPos") or {}
    title = filled(str(panel.get("title") or ""), view.link_values)
    links = panel.get("links") or []
    return {
        "id": panel.get("id"),
        "kind": panel.get("type"),
        "title": title,
        "about": html_of(str(panel.get("description") or "")),
        "bare": bool(panel.get("transparent")),
        "grid": [int(grid.get(name, default)) for name, default in (("x", 0), ("y", 0), ("w", 12), ("h", 8))],
        "links": [link for each in links if (link := _page_link(each, view))],
    }


def _page_link(link: Json, view: View) -> Drawing | None:
    """Return a link of a page or a panel; those to other dashboards by tag are the list that every page has anyway."""
    href = address(str(link.get("url") or ""), view.link_values)
    return {"title": str(link.get("title") or ""), "href": href} if href else None
