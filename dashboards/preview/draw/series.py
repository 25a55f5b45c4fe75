"""Time series: lines, bars and points over time, with the axis in the unit of its fields."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dashboards.preview.draw.reading import reduced
from dashboards.preview.draw.scene import Drawing, Scene, empty, linked
from dashboards.preview.frame import Cell, Frame
from dashboards.preview.style import Style
from dashboards.preview.unit import ticks

_MOST_SERIES: Final = 40
_MOST_MARKS: Final = 200


def series(scene: Scene, marks: Sequence[Drawing] = ()) -> Drawing:
    """Draw every column of numbers over the column of time; marks are instants that something happened at."""
    pairs = [
        (frame, style)
        for frame, styles in zip(scene.frames, scene.styles, strict=True)
        if frame.time is not None
        for style in styles
        if style.field.kind == "number" and not _is_hidden(style, "viz", "tooltip")
    ][:_MOST_SERIES]
    drawn = [style for _, style in pairs if not _is_hidden(style, "viz")]
    if not any(cell is not None for style in drawn for cell in style.field.cells):
        return empty(scene)
    legend = scene.options.get("legend") or {}
    calcs = [str(calc) for calc in legend.get("calcs") or []]
    return {
        "kind": "series",
        "traces": [_trace(scene, frame, style, calcs) for frame, style in pairs],
        "axes": _axes(drawn),
        "thresholds": _thresholds(drawn),
        "range": [_at(scene.span.from_ms, scene.zone), _at(scene.span.to_ms, scene.zone)],
        "legend": {
            "shown": bool(legend.get("showLegend", True)) and legend.get("displayMode") != "hidden",
            "placement": legend.get("placement") or "bottom",
        },
        "marks": list(marks)[:_MOST_MARKS],
    }


def mark_of(row: dict[str, Cell], name: str, colour: str, zone: ZoneInfo) -> Drawing | None:
    """Return an annotation, None when it has no instant."""
    at = row.get("time")
    if isinstance(at, str) or at is None:
        return None
    end = row.get("timeEnd")
    parts = [str(part) for part in (row.get("title"), row.get("text")) if part]
    what = [str(part) for part in (name, row.get("title")) if part] or parts[:1]
    return {
        "at": _at(at, zone),
        "until": _at(end, zone) if isinstance(end, int | float) and end > at else None,
        "what": ": ".join(what),
        "text": ": ".join(parts) or name,
        "colour": colour,
    }


def _trace(scene: Scene, frame: Frame, style: Style, calcs: Sequence[str]) -> Drawing:
    instants = frame.time.cells if frame.time else ()
    last = reduced(style.field.cells, "lastNotNull")
    stacking = style.option("stacking") or {}
    row = scene.row(frame, frame.length - 1) if frame.length else {}
    return {
        "name": style.name,
        "x": [_at(at, scene.zone) for at in instants if isinstance(at, int | float)],
        "y": list(style.field.cells),
        "text": [str(style.show(cell)) for cell in style.field.cells],
        "colour": style.colour(last),
        "style": style.option("drawStyle", "line"),
        "width": style.option("lineWidth", 1),
        "fill": style.option("fillOpacity", 0),
        "shape": style.option("lineInterpolation", "linear"),
        "dash": (style.option("lineStyle") or {}).get("fill", "solid"),
        "points": style.option("showPoints", "auto"),
        "gaps": not style.option("spanNulls", default=False),
        "stack": stacking.get("group", "A") if stacking.get("mode", "none") != "none" else "",
        "below": style.option("fillBelowTo", ""),
        "right": style.option("axisPlacement") == "right",
        "in_legend": not _is_hidden(style, "legend"),
        "ghost": _is_hidden(style, "viz"),  # told when somebody points at the chart, never drawn
        "calcs": [f"{calc}: {style.show(reduced(style.field.cells, calc))}" for calc in calcs],
        "links": linked(style.hrefs(last, row)),
    }


def _is_hidden(style: Style, *everywhere: str) -> bool:
    hidden = style.option("hideFrom", {})
    return all(hidden.get(place) for place in everywhere)


def _axes(styles: Sequence[Style]) -> list[Drawing]:
    sides: list[list[Style]] = [[], []]
    for style in styles:
        sides[style.option("axisPlacement") == "right"].append(style)
    return [axis_of(side) for side in sides if side]


def axis_of(styles: Sequence[Style], *, from_zero: bool = False) -> Drawing:
    """Return ends and labels of an axis that has room for all these fields."""
    low, high = _reach(styles, from_zero=from_zero)
    first = styles[0]
    marks = ticks(low, high, first.unit)
    return {
        "low": low,
        "high": high,
        "ticks": marks,
        "labels": [_label(first, mark, marks) for mark in marks],
        "title": str(first.option("axisLabel", "")),
        "right": first.option("axisPlacement") == "right",
        "log": (first.option("scaleDistribution") or {}).get("type") == "log",
    }


def _label(style: Style, value: float, every: Sequence[float]) -> str:
    """Write a value for an axis: as few decimals as keep the values apart."""
    for decimals in range(4):
        labels = [str(_with(style, decimals).show(each)) for each in every]
        if len(set(labels)) == len(labels):
            return str(_with(style, decimals).show(value))
    return str(style.show(value))


def _with(style: Style, decimals: int) -> Style:
    return replace(style, config={**style.config, "decimals": decimals, "mappings": []})


def _reach(styles: Sequence[Style], *, from_zero: bool) -> tuple[float, float]:
    stacked = any((style.option("stacking") or {}).get("mode", "none") != "none" for style in styles)
    columns = [style.field.cells for style in styles]
    numbers = list(_sums(columns)) if stacked else [*_numbers(cell for cells in columns for cell in cells)]
    bars = from_zero or any(style.option("drawStyle") == "bars" or stacked for style in styles)
    low = _given(styles, "min", min([*numbers, *_softs(styles, "axisSoftMin"), *([0.0] if bars else [])]))
    high = _given(styles, "max", max([*numbers, *_softs(styles, "axisSoftMax"), *([0.0] if bars else [])]))
    if high <= low:
        return (low, low + 1) if low >= 0 else (low - 1, low + 1)
    room = (high - low) * 0.06
    has_floor = low == 0 or "min" in _named(styles)
    return (low if has_floor else low - room), (high if "max" in _named(styles) else high + room)


def _named(styles: Sequence[Style]) -> set[str]:
    return {name for style in styles for name in ("min", "max") if style.config.get(name) is not None}


def _given(styles: Sequence[Style], name: str, found: float) -> float:
    given = [style.config[name] for style in styles if style.config.get(name) is not None]
    return float(given[0]) if given else found


def _softs(styles: Sequence[Style], name: str) -> list[float]:
    return [float(style.option(name)) for style in styles if style.option(name) is not None]


def _numbers(cells: Iterable[Cell]) -> Iterable[float]:
    return (float(cell) for cell in cells if isinstance(cell, int | float))


def _sums(columns: Sequence[Sequence[Cell]]) -> Iterable[float]:
    longest = max(len(column) for column in columns)
    for index in range(longest):
        yield sum(_numbers(column[index] for column in columns if index < len(column)))


def _thresholds(styles: Sequence[Style]) -> list[Drawing]:
    for style in styles:
        mode = str((style.option("thresholdsStyle") or {}).get("mode", "off"))
        if mode != "off":
            return [
                {"from": at, "colour": colour, "line": "line" in mode or "dashed" in mode, "area": "area" in mode}
                for at, colour in style.thresholds
            ]
    return []


def _at(at: float, zone: ZoneInfo) -> str:
    """Write an instant as the clock of the zone shows it, which is how the axis is labelled."""
    return datetime.fromtimestamp(at / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
