"""The dashboards as they are checked in: the only place that SQL comes from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dashboards.preview.fault import PreviewError, UnknownError

Json = Mapping[str, Any]

CHECKED_IN: Final = Path(__file__).parents[1] / "json"
"""Where the dashboards of this project are."""
FIRST: Final = "service-pulse"
"""The page that people come for."""

_VARIABLE_TYPES: Final = frozenset({"query", "custom", "interval", "constant", "textbox"})
_LARGEST_BYTES: Final = 4 * 2**20


@dataclass(frozen=True)
class Variable:
    """A choice at the head of a dashboard."""

    json: Json

    @property
    def name(self) -> str:
        """By which queries know it."""
        return str(self.json["name"])

    @property
    def kind(self) -> str:
        """How its values come about."""
        return str(self.json["type"])

    @property
    def label(self) -> str:
        """By which people know it."""
        return str(self.json.get("label") or self.name)

    @property
    def is_multi(self) -> bool:
        """Whether several values can be chosen."""
        return bool(self.json.get("multi"))

    @property
    def has_all(self) -> bool:
        """Whether everything can be chosen."""
        return bool(self.json.get("includeAll"))

    @property
    def is_shown(self) -> bool:
        """Whether people see it."""
        return self.json.get("hide", 0) not in {2, "hideVariable"} and self.kind != "constant"

    @property
    def current(self) -> list[str]:
        """The values that the dashboard opens with."""
        value = (self.json.get("current") or {}).get("value")
        if value is None:
            value = self.json.get("query", "") if self.kind in {"constant", "textbox"} else []
        return [str(each) for each in (value if isinstance(value, list) else [value])]

    @property
    def sql(self) -> str:
        """The query that lists its values."""
        query = self.json.get("query", "")
        return str(query.get("rawSql", "")) if isinstance(query, Mapping) else str(query)

    @property
    def listed(self) -> list[tuple[str, str]]:
        """Value and text of the options that stand in the dashboard itself."""
        options = self.json.get("options") or []
        if options:
            return [(str(option["value"]), str(option.get("text", option["value"]))) for option in options]
        items = [item.strip() for item in str(self.json.get("query", "")).split(",") if item.strip()]
        pairs = [[part.strip() for part in item.split(" : ", 1)] for item in items]
        return [(pair[-1], pair[0]) for pair in pairs]


@dataclass(frozen=True)
class Dashboard:
    """One dashboard, found by its uid."""

    json: Json

    @property
    def uid(self) -> str:
        """By which links know it."""
        return str(self.json["uid"])

    @property
    def title(self) -> str:
        """By which people know it."""
        return str(self.json["title"])

    @property
    def variables(self) -> list[Variable]:
        """Its choices; of kinds that the preview does not know nothing is offered."""
        listed = (self.json.get("templating") or {}).get("list") or []
        return [Variable(each) for each in listed if each.get("type") in _VARIABLE_TYPES]

    @property
    def panels(self) -> list[Json]:
        """Every panel in the order of the page, those of folded rows too."""
        return list(_flat(self.json.get("panels") or []))

    @property
    def annotations(self) -> list[Json]:
        """The annotations that have a query of their own."""
        listed = (self.json.get("annotations") or {}).get("list") or []
        return [each for each in listed if each.get("enable", True) and (each.get("target") or {}).get("rawSql")]

    def panel(self, panel_id: int) -> Json:
        """Return a panel.

        Raises:
            UnknownError: When there is none of this number.
        """
        for panel in self.panels:
            if panel.get("id") == panel_id:
                return panel
        raise UnknownError(f"the dashboard {self.title} has no panel {panel_id}")

    def variable(self, name: str) -> Variable:
        """Return a variable.

        Raises:
            UnknownError: When there is none of this name.
        """
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise UnknownError(f"the dashboard {self.title} has no variable {name}")


@dataclass(frozen=True)
class Library:
    """All dashboards of a folder."""

    dashboards: Sequence[Dashboard]

    @classmethod
    def read(cls, folder: Path) -> "Library":
        """Return the dashboards of the JSON files of a folder by their titles, the one that people come for first.

        Raises:
            PreviewError: When there is none, or when a file is no dashboard.
        """
        found = [_read(file) for file in sorted(folder.glob("*.json"))]
        if not found:
            raise PreviewError(f"there is no dashboard in {folder}")
        return cls.of(found)

    @classmethod
    def of(cls, found: Sequence[Dashboard]) -> "Library":
        """Return dashboards by their titles, the one that people come for first."""
        return cls(sorted(found, key=lambda dashboard: (dashboard.uid != FIRST, dashboard.title)))

    def dashboard(self, uid: str) -> Dashboard:
        """Return a dashboard.

        Raises:
            UnknownError: When there is none of this uid.
        """
        for dashboard in self.dashboards:
            if dashboard.uid == uid:
                return dashboard
        raise UnknownError(f"there is no dashboard {uid!r}")


def _read(file: Path) -> Dashboard:
    if file.stat().st_size > _LARGEST_BYTES:
        raise PreviewError(f"{file} is too large for a dashboard")
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise PreviewError(f"{file} is no JSON: {error}") from error
    content = content.get("dashboard", content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not {"uid", "title", "panels"} <= content.keys():
        raise PreviewError(f"{file} is no dashboard: it needs uid, title and panels")
    return Dashboard(content)


def _flat(panels: Sequence[Json]) -> Iterator[Json]:
    for panel in panels:
        yield panel
        yield from _flat(panel.get("panels") or [])
