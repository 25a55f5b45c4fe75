"""Heat map: how often what happened when; each column of a series is a row of cells."""

from datetime import datetime

from dashboards.preview.draw.scene import Drawing, Scene, empty


def heat(scene: Scene) -> Drawing:
    """Draw the columns of numbers as rows over time, the first one at the bottom."""
    place = next((index for index, frame in enumerate(scene.frames) if frame.time and frame.length), None)
    if place is None:
        return empty(scene)
    frame, styles = scene.frames[place], scene.styles[place]
    rows = [style for style in styles if style.field.kind == "number"]
    instants = [at for at in (frame.time.cells if frame.time else ()) if isinstance(at, int | float)]
    if not any(cell for style in rows for cell in style.field.cells):
        return empty(scene)
    return {
        "kind": "heat",
        "x": [datetime.fromtimestamp(at / 1000, scene.zone).strftime("%Y-%m-%d %H:%M:%S") for at in instants],
        "y": [" ".join(style.field.labels.values()) or style.name for style in rows],
        # Nothing in a cell is drawn as nothing, not as the palest colour.
        "z": [[cell or None for cell in style.field.cells] for style in rows],
        "text": [[str(style.show(cell)) for cell in style.field.cells] for style in rows],
    }
