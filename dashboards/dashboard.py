"""A dashboard as Grafana's JSON: rows of panels with what is around them."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dashboards import text
from dashboards.annotation import ANNOTATIONS
from dashboards.panel import Panel, laid_out
from dashboards.style import Json

TAG: Final = "servicepulse"
SCHEMA_VERSION: Final = 41
"""Of Grafana 12; newer ones bring older schemas up to date by themselves."""


class Dashboard(Struct, frozen=True, kw_only=True):
    """One page.

    Attributes:
        uid: Part of its address, by which links and alert rules know it; it never changes.
        rows: Panels from the left, row below row.
        since: Begin of the range that it opens with, such as `now-7d`.
        refresh: How often it asks again.
        variables: What can be chosen.
    """

    uid: str
    rows: Sequence[Sequence[Panel]]
    since: str
    refresh: str
    variables: Sequence[Json]

    def to_json(self) -> Json:
        """Return it as Grafana takes it."""
        title, about = text.PAGES[self.uid]
        return {
            "uid": self.uid,
            "title": title,
            "description": about,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "editable": True,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": self.since, "to": "now"},
            "timepicker": {"refresh_intervals": ["10s", "30s", "1m", "5m", "15m"]},
            "refresh": self.refresh,
            "templating": {"list": list(self.variables)},
            "annotations": {"list": list(ANNOTATIONS)},
            "links": [_other_pages()],
            "panels": laid_out(self.rows),
        }


def _other_pages() -> Json:
    return {
        "type": "dashboards",
        "title": "",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
