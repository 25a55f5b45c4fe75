"""Bar chart: values side by side, one group for each row."""

from dashboards.preview.draw.scene import Drawing, Scene, empty, linked
from dashboards.preview.draw.series import axis_of
from dashboards.preview.style import Style


def columns(scene: Scene) -> Drawing:
    """Draw the columns of numbers over the first column of texts, or the one that the panel names."""
    place = next((index for index, frame in enumerate(scene.frames) if frame.length), None)
    if place is None:
        return empty(scene)
    styles = scene.styles[place]
    wanted = scene.options.get("xField")
    names = next(
        (each for each in styles if wanted in {each.name, each.field.name}),
        next((each for each in styles if each.field.kind != "number"), styles[0]),
    )
    shown = [each for each in styles if each.field.kind == "number" and each is not names]
    shown = [each for each in shown if not each.option("hideFrom", {}).get("viz")]
    if not any(cell is not None for style in shown for cell in style.field.cells):
        return empty(scene)
    return {
        "kind": "columns",
        "names": [str(names.show(cell)) for cell in names.field.cells],
        "horizontal": scene.options.get("orientation") == "horizontal",
        "stacked": scene.options.get("stacking", "none") != "none",
        "series": [_series(scene, place, style) for style in shown],
        "axis": axis_of(shown, from_zero=True),
        "legend": bool((scene.options.get("legend") or {}).get("showLegend", True)) and len(shown) > 1,
    }


def _series(scene: Scene, place: int, style: Style) -> Drawing:
    frame = scene.frames[place]
    cells = style.field.cells
    return {
        "name": style.name,
        "values": list(cells),
        "text": [str(style.show(cell)) for cell in cells],
        "colours": [style.colour(cell) for cell in cells],
        "links": [linked(style.hrefs(cell, scene.row(frame, row))) for row, cell in enumerate(cells)],
    }
