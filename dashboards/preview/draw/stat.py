"""Stat and bar gauge: few values, large."""

from datetime import datetime
from typing import Final

from dashboards.preview.draw.reading import Reading, readings
from dashboards.preview.draw.scene import Drawing, Scene, empty, linked

_SPARK_POINTS: Final = 120


def stat(scene: Scene) -> Drawing:
    """Draw each value as a large number, with its course behind it where the panel asks for that."""
    values = readings(scene)
    if not values:
        return empty(scene)
    mode = scene.options.get("textMode") or "auto"
    named = mode in {"value_and_name", "name"} or (mode == "auto" and len(values) > 1)
    with_course = scene.options.get("graphMode", "area") == "area"
    return {
        "kind": "stat",
        "colour": scene.options.get("colorMode") or "value",
        "wide": scene.options.get("orientation") == "horizontal",
        "values": [{**_value(each), "named": named, "spark": _spark(each) if with_course else []} for each in values],
    }


def bars(scene: Scene) -> Drawing:
    """Draw each value as a bar, all on one scale."""
    values = readings(scene)
    if not values:
        return empty(scene)
    low, high = _scale(scene, values)
    return {
        "kind": "bars",
        "vertical": scene.options.get("orientation") == "vertical",
        "values": [{**_value(each), "share": _share(each.cell, low, high)} for each in values],
    }


def _value(reading: Reading) -> Drawing:
    shown = reading.style.show(reading.cell)
    return {
        "name": reading.name,
        "text": shown.text,
        "prefix": shown.prefix,
        "suffix": shown.suffix,
        "colour": reading.style.colour(reading.cell),
        "links": linked(reading.hrefs),
        "is_empty": reading.cell is None,
    }


def _spark(reading: Reading) -> list[tuple[str, float | None]]:
    zone = reading.style.zone
    course = reading.course[-_SPARK_POINTS:]
    return [(datetime.fromtimestamp(at / 1000, zone).isoformat(), value) for at, value in course]


def _scale(scene: Scene, values: list[Reading]) -> tuple[float, float]:
    numbers = [each.cell for each in values if isinstance(each.cell, int | float)]
    low, high = scene.defaults.get("min"), scene.defaults.get("max")
    lowest = min([0.0, *numbers]) if low is None else float(low)
    highest = max([0.0, *numbers]) if high is None else float(high)
    return lowest, highest if highest > lowest else lowest + 1


def _share(cell: object, low: float, high: float) -> float:
    if not isinstance(cell, int | float):
        return 0.0
    return round(min(max((cell - low) / (high - low), 0.0), 1.0), 4)
