"""What a drawing is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.macro import Value
from dashboards.preview.frame import Cell, Frame
from dashboards.preview.library import Json
from dashboards.preview.span import Span
from dashboards.preview.style import Style, styles_of

Drawing = dict[str, Any]
"""What the browser is told, as JSON. `kind` says which drawing it is."""


@dataclass(frozen=True)
class Scene:
    """A panel with the answers to its queries."""

    panel: Json
    frames: Sequence[Frame]
    span: Span
    zone: ZoneInfo
    values: Mapping[str, Value]

    @cached_property
    def styles(self) -> list[list[Style]]:
        """The style of every field of every frame."""
        return styles_of(self.panel, self.frames, self.zone, self.values)

    @property
    def options(self) -> Json:
        """The options of this kind of panel."""
        options: Json = self.panel.get("options") or {}
        return options

    @property
    def defaults(self) -> Json:
        """The configuration that fields have unless something overrides it."""
        defaults: Json = (self.panel.get("fieldConfig") or {}).get("defaults") or {}
        return defaults

    def row(self, frame: Frame, index: int) -> dict[str, Cell]:
        """Return the cells of a row by the names of their columns."""
        return {each.name: each.cells[index] for each in frame.fields}


def empty(scene: Scene) -> Drawing:
    """Say that there is nothing, in the words of the panel."""
    return {"kind": "empty", "text": str(scene.defaults.get("noValue") or "no data in this time range")}


def linked(hrefs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Return links as the browser takes them."""
    return [{"title": title, "href": href} for title, href in hrefs]
