"""How a field is shown: its configuration with what overrides it, its name, its colours, its text."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboards.macro import Value
from dashboards.preview.frame import Cell, Field, Frame
from dashboards.preview.library import Json
from dashboards.preview.link import address, filled
from dashboards.preview.unit import Shown, shown

NOTHING: Final = "–"
"""What stands for an empty cell; a zero would be a claim."""


@dataclass(frozen=True)
class Style:
    """One field of a panel as people see it."""

    field: Field
    config: Json
    name: str
    index: int
    zone: ZoneInfo
    values: Mapping[str, Value]

    @property
    def unit(self) -> str:
        """Grafana's name of the unit."""
        return str(self.config.get("unit") or "")

    @property
    def custom(self) -> Json:
        """What only panels of one kind know."""
        custom: Json = self.config.get("custom") or {}
        return custom

    def option(self, name: str, default: object = None) -> Any:  # noqa: ANN401 - as the JSON has it
        """Return one of the options that only panels of one kind know."""
        found = self.custom.get(name)
        return default if found is None else found

    def show(self, cell: Cell) -> Shown:
        """Return a cell as text."""
        mapped = self._mapping(cell)
        if mapped and mapped.get("text"):
            return Shown(str(mapped["text"]))
        if cell is None:
            return Shown(str(self.config.get("noValue") or NOTHING))
        if self.field.kind == "time" and not isinstance(cell, str):
            return shown(cell, self.unit or "dateTime", None, self.zone)
        if isinstance(cell, bool):
            return Shown("yes" if cell else "no")
        if isinstance(cell, str):
            return Shown(cell)
        decimals = self.config.get("decimals")
        return shown(cell, self.unit, int(decimals) if decimals is not None else None, self.zone)

    def colour(self, cell: Cell) -> str:
        """Return the name of the colour of a value, as Grafana calls it.

        The fourth of the series is `palette:3`; `name:billing` goes by that name on the whole page.
        """
        mapped = self._mapping(cell)
        if mapped and mapped.get("color"):
            return str(mapped["color"])
        colour = self.config.get("color") or {}
        mode = str(colour.get("mode") or ("thresholds" if self.thresholds else "palette-classic"))
        if mode == "fixed":
            return str(colour.get("fixedColor") or "text")
        if mode == "palette-classic-by-name":
            return f"name:{self.name}"
        if mode.startswith("palette"):
            return f"palette:{self.index}"
        return self._threshold(cell)

    @property
    def thresholds(self) -> list[tuple[float | None, str]]:
        """From which value on which colour; the first begins below everything."""
        thresholds = self.config.get("thresholds") or {}
        steps = [(step.get("value"), str(step.get("color") or "text")) for step in thresholds.get("steps") or []]
        if thresholds.get("mode") != "percentage":
            return steps
        low, high = self.config.get("min") or 0.0, self.config.get("max") or 100.0
        return [(None if at is None else low + (high - low) * at / 100, colour) for at, colour in steps]

    def hrefs(self, cell: Cell, row: Mapping[str, Cell]) -> list[tuple[str, str]]:
        """Return title and address of the links behind a value."""
        links = self.config.get("links") or []
        if not links:
            return []
        raw = "" if cell is None else str(cell)
        values: dict[str, Value] = {
            **self.values,
            "__value.raw": raw,
            "__value.numeric": raw,
            "__value.text": str(self.show(cell)),
            "__field.name": self.name,
            **{f"__field.labels.{name}": text for name, text in self.field.labels.items()},
            **{f"__data.fields.{name}": "" if each is None else _plain(each) for name, each in row.items()},
        }
        found = [
            (filled(str(link.get("title", "")), values), address(str(link.get("url", "")), values)) for link in links
        ]
        return [(title, href) for title, href in found if href]

    def _threshold(self, cell: Cell) -> str:
        chosen = "text"
        if isinstance(cell, bool) or not isinstance(cell, int | float):
            return chosen
        for at, colour in self.thresholds:
            if at is None or cell >= at:
                chosen = colour
        return chosen

    def _mapping(self, cell: Cell) -> Json | None:
        for mapping in self.config.get("mappings") or []:
            options = mapping.get("options") or {}
            result = _MATCHES[mapping["type"]](cell, options) if mapping.get("type") in _MATCHES else None
            if result:
                return result
        return None


def styles_of(panel: Json, frames: Sequence[Frame], zone: ZoneInfo, values: Mapping[str, Value]) -> list[list[Style]]:
    """Return the style of every field of every frame."""
    made: list[list[Style]] = []
    index = 0
    for frame in frames:
        row: list[Style] = []
        for each in frame.fields:
            config = _config(panel, frame, each)
            row.append(Style(each, config, _name(each, config, values), index, zone, values))
            index += each.kind == "number"
        made.append(row)
    return made


def _config(panel: Json, frame: Frame, field: Field) -> Json:
    given = panel.get("fieldConfig") or {}
    config = deepcopy(dict(given.get("defaults") or {}))
    for override in given.get("overrides") or []:
        name = _name(field, config, {})
        if _matches(override.get("matcher") or {}, frame, field, name):
            for each in override.get("properties") or []:
                _put(config, str(each["id"]).split("."), each.get("value"))
    return config


def _matches(matcher: Json, frame: Frame, field: Field, name: str) -> bool:
    options = matcher.get("options")
    match matcher.get("id"):
        case "byName":
            return options in {field.name, name}
        case "byNames":
            return bool({field.name, name} & set((options or {}).get("names") or []))
        case "byRegexp":
            pattern = re.compile(str(options).strip("/"))
            return bool(pattern.search(field.name) or pattern.search(name))
        case "byType":
            return {"string": "text", "boolean": "bool"}.get(str(options), options) == field.kind
        case "byFrameRefID":
            return bool(options == frame.ref_id)
    return False


def _put(config: dict[str, Any], path: list[str], value: object) -> None:
    for part in path[:-1]:
        config = config.setdefault(part, {})
    config[path[-1]] = value


def _name(field: Field, config: Json, values: Mapping[str, Value]) -> str:
    template = config.get("displayName")
    if template:
        own: dict[str, Value] = {"__field.name": field.name, "__series.name": field.name}
        own |= {f"__field.labels.{name}": text for name, text in field.labels.items()}
        own |= {"__field.labels": ", ".join(field.labels.values())}
        return filled(str(template), {**values, **own}).strip()
    return " ".join([field.name, *field.labels.values()]) if field.labels else field.name


def _plain(cell: Cell) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell == int(cell) else str(cell)


def _by_value(cell: Cell, options: Json) -> Json | None:
    text = ("true" if cell else "false") if isinstance(cell, bool) else "null" if cell is None else _plain(cell)
    found: Json | None = options.get(text)
    return found


def _by_range(cell: Cell, options: Json) -> Json | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    low, high = options.get("from"), options.get("to")
    inside = (low is None or cell >= low) and (high is None or cell <= high)
    return options.get("result") if inside else None


def _by_pattern(cell: Cell, options: Json) -> Json | None:
    pattern = str(options.get("pattern", "")).strip("/")
    return options.get("result") if isinstance(cell, str) and re.search(pattern, cell) else None


def _special(cell: Cell, options: Json) -> Json | None:
    holds = {"null": cell is None, "null+nan": cell is None, "empty": cell == "", "true": cell is True}
    holds["false"] = cell is False
    return options.get("result") if holds.get(str(options.get("match"))) else None


_MATCHES: Final = {"value": _by_value, "range": _by_range, "regex": _by_pattern, "special": _special}
