"""The single values of a panel: a column reduced to one number, or each row for itself."""

import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.preview.draw.scene import Scene
from dashboards.preview.frame import Cell, Field, Frame
from dashboards.preview.style import Style


@dataclass(frozen=True)
class Reading:
    """One value with its name and what it was reduced from."""

    name: str
    cell: Cell
    style: Style
    hrefs: list[tuple[str, str]]
    course: Sequence[tuple[float, float | None]] = ()


def readings(scene: Scene) -> list[Reading]:
    """Return the values of a panel in the order of its columns or rows."""
    how = scene.options.get("reduceOptions") or {}
    found: list[Reading] = []
    for frame, styles in zip(scene.frames, scene.styles, strict=True):
        chosen = [style for style in styles if _is_chosen(style, str(how.get("fields") or ""))]
        if how.get("values"):
            rows = range(min(frame.length, int(how.get("limit") or 25)))
            found += [_of_row(scene, frame, styles, style, len(chosen), row) for row in rows for style in chosen]
        elif frame.length:
            found += _reduced(scene, frame, chosen, how.get("calcs") or ["lastNotNull"])
    return found


def reduced(cells: Sequence[Cell], how: str) -> Cell:
    """Return one value for many, None when there is none to be had."""
    if how in _ANY:
        return _ANY[how](cells)
    numbers = [cell for cell in cells if isinstance(cell, int | float) and not isinstance(cell, bool)]
    return _NUMBERS.get(how, _last)(numbers) if numbers else None


def _is_chosen(style: Style, pattern: str) -> bool:
    if style.option("hideFrom", {}).get("viz"):
        return False
    if not pattern:
        return style.field.kind == "number"
    if pattern.startswith("/"):
        return bool(re.search(pattern.strip("/"), style.name))
    return pattern in {style.name, style.field.name}


def _of_row(scene: Scene, frame: Frame, styles: list[Style], style: Style, chosen: int, row: int) -> Reading:
    """Name a row by its texts, as Grafana does."""
    texts = [str(each.show(each.field.cells[row])) for each in styles if each.field.kind in {"text", "time"}]
    name = " ".join([*texts, style.name] if chosen > 1 or not texts else texts)
    cell = style.field.cells[row]
    return Reading(name, cell, style, style.hrefs(cell, scene.row(frame, row)))


def _reduced(scene: Scene, frame: Frame, chosen: list[Style], calcs: Sequence[str]) -> Iterator[Reading]:
    last_row = scene.row(frame, frame.length - 1)
    for style in chosen:
        for calc in calcs:
            cell = reduced(style.field.cells, str(calc))
            name = style.name if len(calcs) == 1 else f"{style.name} ({calc})"
            yield Reading(name, cell, style, style.hrefs(cell, last_row), _course(frame, style.field))


def _course(frame: Frame, field: Field) -> Sequence[tuple[float, float | None]]:
    if frame.time is None:
        return ()
    pairs = zip(frame.time.cells, field.cells, strict=True)
    return [(at, cell if isinstance(cell, int | float) else None) for at, cell in pairs if isinstance(at, int | float)]


def _first(cells: Sequence[Cell]) -> Cell:
    return next((cell for cell in cells if cell is not None), None)


def _last(cells: Sequence[Cell]) -> Cell:
    return next((cell for cell in reversed(cells) if cell is not None), None)


_ANY: Final[dict[str, Callable[[Sequence[Cell]], Cell]]] = {
    "lastNotNull": _last,
    "last": lambda cells: cells[-1] if cells else None,
    "firstNotNull": _first,
    "first": lambda cells: cells[0] if cells else None,
    "count": len,
    "uniqueValues": lambda cells: len(set(cells)),
}
_NUMBERS: Final[dict[str, Callable[[Sequence[float]], Cell]]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": sum,
    "range": lambda numbers: max(numbers) - min(numbers),
    "diff": lambda numbers: numbers[-1] - numbers[0],
}
