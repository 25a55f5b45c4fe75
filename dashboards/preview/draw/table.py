"""Table: rows as they are, each cell in its unit."""

from collections.abc import Mapping, Sequence
from typing import Final

from dashboards.preview.draw.scene import Drawing, Scene, empty, linked
from dashboards.preview.frame import Cell, Frame
from dashboards.preview.style import Style

_MOST_ROWS: Final = 500


def table(scene: Scene) -> Drawing:
    """Draw the rows of the first frame that has any; more than a screen reads is cut, and that is said."""
    place = next((index for index, frame in enumerate(scene.frames) if frame.length), None)
    if place is None:
        return empty(scene)
    frame, every = scene.frames[place], scene.styles[place]
    styles = [style for style in every if not style.option("hidden", default=False)]
    order = _order(frame, every, scene.options.get("sortBy") or [])
    return {
        "kind": "table",
        "columns": [_column(style) for style in styles],
        "rows": [_row(styles, scene.row(frame, row), row) for row in order[:_MOST_ROWS]],
        "left_out": max(0, len(order) - _MOST_ROWS),
    }


def _column(style: Style) -> Drawing:
    align = style.option("align", "auto")
    if align == "auto":
        align = "right" if style.field.kind == "number" else "left"
    return {"name": style.name, "align": align, "width": style.option("width")}


def _row(styles: Sequence[Style], cells: Mapping[str, Cell], row: int) -> list[Drawing]:
    return [_cell(style, style.field.cells[row], cells) for style in styles]


def _cell(style: Style, cell: Cell, row: Mapping[str, Cell]) -> Drawing:
    drawing: Drawing = {"text": str(style.show(cell))}
    if cell is None:
        drawing["is_empty"] = True
    how = str((style.option("cellOptions") or {}).get("type") or style.option("displayMode", "auto"))
    if how != "auto" and cell is not None:
        drawing["how"] = how
        drawing["colour"] = style.colour(cell)
        if how == "gauge":
            drawing["share"] = _share(style, cell)
    if links := style.hrefs(cell, row):
        drawing["links"] = linked(links)
    return drawing


def _share(style: Style, cell: Cell) -> float:
    numbers = [each for each in style.field.cells if isinstance(each, int | float)]
    low = style.config.get("min")
    high = style.config.get("max")
    lowest = min([0.0, *numbers]) if low is None else float(low)
    highest = max(numbers, default=0.0) if high is None else float(high)
    if not isinstance(cell, int | float) or highest <= lowest:
        return 0.0
    return round(min(max((cell - lowest) / (highest - lowest), 0.0), 1.0), 4)


def _order(frame: Frame, styles: Sequence[Style], sort_by: Sequence[Mapping[str, object]]) -> list[int]:
    order = list(range(frame.length))
    for each in reversed(sort_by):
        style = next((style for style in styles if each.get("displayName") in {style.name, style.field.name}), None)
        if style is not None:
            order = _sorted(order, style.field.cells, descending=bool(each.get("desc")))
    return order


def _sorted(order: list[int], cells: Sequence[Cell], *, descending: bool) -> list[int]:
    """Order rows; empty cells come last either way."""
    there = [row for row in order if cells[row] is not None]
    numbers = all(isinstance(cells[row], int | float) for row in there)
    there.sort(key=lambda row: _number(cells[row]) if numbers else str(cells[row]), reverse=descending)
    return there + [row for row in order if cells[row] is None]


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
