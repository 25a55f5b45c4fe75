"""One alert rule as Grafana takes it: its queries, its threshold, what it tells and to whom."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from dashboards.macro import interpolate
from dashboards.panel import DATASOURCE, target
from dashboards.style import Json

RUNBOOK: Final = "deploy/RUNBOOK.md"
INTERVAL_MS: Final = 60_000
MISSES_TO_RESOLVE: Final = 2
"""Evaluations without an alert's row, after which it is over."""
KEEP_LAST: Final = "KeepLast"
KEPT_SINCE: Final = (10, 4, 1)
"""The first Grafana that knows `KeepLast`; an older one refuses the whole file, and does not start."""
_EXPRESSIONS: Final = "__expr__"


class Rule(Struct, frozen=True, kw_only=True):
    """An alert rule. Its first query decides; the others only bring numbers for the text.

    Every query gives one number a row, and texts beside it: the labels, by which Grafana tells one alert from another.
    All queries of a rule give the same labels, and what stands in them never changes while an alert lasts.

    A query that fails says nothing of what the rule watches: alerts stay as they are, and the rule `clickhouse-away`
    tells it. An alert that waits while queries fail goes on waiting and then fires, by what was seen last.

    Attributes:
        uid: By which Grafana knows it, and the section of the runbook; it never changes.
        title: Its name.
        summary: One line; a template of Grafana.
        description: What else somebody needs who is paged; a template.
        severity: page, warning, info, or ticket: somebody should look into it this week.
        team: Who is told; "" when a label of the query says so.
        queries: SQL by its letter; A decides.
        above: It fires where the number of A is greater.
        below: It fires where the number of A is less; one of the two is given.
        window_seconds: How far back the range of its queries reaches.
        wait: For how long it must hold.
        no_data: What no row at all means: "OK" where that says that all is well, KEEP_LAST where it says nothing.
        error: What a query that fails means.
        dashboard: Where to look.
        panel: At which panel.
    """

    uid: str
    title: str
    summary: str
    description: str
    severity: str
    team: str = ""
    queries: Mapping[str, str]
    above: float | None = None
    below: float | None = None
    window_seconds: int
    wait: str
    no_data: str = "OK"
    error: str = KEEP_LAST
    dashboard: str
    panel: int

    def to_json(self) -> Json:
        """Return it as the file provisioning reads it."""
        return {
            **self._beginning(),
            "missing_series_evals_to_resolve": MISSES_TO_RESOLVE,
            "dashboardUid": self.dashboard,
            "panelId": self.panel,
            "annotations": self._annotations(),
            "labels": self._labels(),
        }

    def to_api(self, group: str, folder_uid: str, *, keeps: bool = True) -> Json:
        """Return it as the API takes it, which has other names for some of the same things.

        Args:
            group: Where it belongs.
            folder_uid: Where the group is.
            keeps: Whether that Grafana is no older than KEPT_SINCE. An older one is told that an error is no alert, for
                it must not page; it resolves what fires after two evaluations that fail.
        """
        return {
            "folderUID": folder_uid,
            "ruleGroup": group,
            **self._beginning(),
            **({} if keeps else self._without_keeping()),
            "missingSeriesEvalsToResolve": MISSES_TO_RESOLVE,
            "annotations": self._annotations(),
            "labels": self._labels(),
            "isPaused": False,
        }

    def _beginning(self) -> Json:
        return {
            "uid": self.uid,
            "title": self.title,
            "condition": "Z",
            "data": [*(self._query(name, sql) for name, sql in self.queries.items()), self._threshold()],
            "noDataState": self.no_data,
            "execErrState": self.error,
            "for": self.wait,
        }

    def _without_keeping(self) -> Json:
        states = {"noDataState": self.no_data, "execErrState": self.error}
        return {name: "OK" if state == KEEP_LAST else state for name, state in states.items()}

    def _annotations(self) -> Json:
        """Return its texts, and the panel: by these two names alone notifications find it."""
        place = {"__dashboardUid__": self.dashboard, "__panelId__": str(self.panel)}
        runbook = f"{RUNBOOK}#{self.uid}"
        return {"summary": self.summary, "description": self.description, "runbook_url": runbook} | place

    def _labels(self) -> Json:
        return {"severity": self.severity} | ({"team": self.team} if self.team else {})

    def _query(self, name: str, sql: str) -> Json:
        model = target(backend_only(sql), "table", name) | {"intervalMs": INTERVAL_MS, "maxDataPoints": 1000}
        return _step(name, str(DATASOURCE["uid"]), self.window_seconds, model)

    def _threshold(self) -> Json:
        kind, limit = ("gt", self.above) if self.above is not None else ("lt", self.below)
        model = {
            "refId": "Z",
            "type": "threshold",
            "datasource": {"type": _EXPRESSIONS, "uid": _EXPRESSIONS},
            "expression": "A",
            "conditions": [{"evaluator": {"type": kind, "params": [limit]}}],
            "intervalMs": INTERVAL_MS,
            "maxDataPoints": 1000,
        }
        return _step("Z", _EXPRESSIONS, 0, model)


def backend_only(sql: str) -> str:
    """Return SQL of a panel without what only a browser expands: every choice of a variable is "all"."""
    return interpolate(sql, {}).replace("\n    AND 1=1", "")


def _step(name: str, datasource: str, seconds: int, model: Mapping[str, Any]) -> Json:
    return {
        "refId": name,
        "relativeTimeRange": {"from": seconds, "to": 0},
        "datasourceUid": datasource,
        "model": dict(model),
    }
