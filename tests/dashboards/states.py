"""The states of one alert rule, as Grafana keeps them from one evaluation to the next, and what it tells of them.

Two generations: since 10.3 an error or no data is taken for all alerts that a rule has, and since 10.4.1 they may keep
their state; before, it was one more alert, and the others were over once two evaluations had passed without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dashboards.style import Json

Labels = tuple[tuple[str, str], ...]
INTERVAL: Final = 60
"""Seconds between two evaluations."""


class State(StrEnum):
    NORMAL = "Normal"
    PENDING = "Pending"
    ALERTING = "Alerting"
    ERROR = "Error"
    NO_DATA = "NoData"


class Said(StrEnum):
    FIRES = "fires"
    RESOLVED = "resolved"
    GONE = "no longer known"
    """Resolved for another reason than a number."""


TELLS: Final = {State.ALERTING, State.ERROR, State.NO_DATA}


@dataclass
class Alert:
    state: State = State.NORMAL
    since: int = 0
    seen: int = 0


@dataclass(frozen=True)
class Notice:
    """What people are told: of which alert, in which state, and whether it begins or ends."""

    labels: Labels
    said: Said
    state: State


@dataclass
class Evaluated:
    """A rule between evaluations.

    Attributes:
        rule: As provisioned.
        is_new: Whether that Grafana knows KeepLast.
        alerts: Its alerts by their labels.
    """

    rule: Json
    is_new: bool = True
    alerts: dict[Labels, Alert] = field(default_factory=dict)

    @property
    def wait(self) -> int:
        """Return for how many seconds a condition must hold."""
        text = self.rule["for"]
        return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]

    def look(self, now: int, firing: Mapping[Labels, bool] | None) -> list[Notice]:
        """Return what one evaluation tells.

        Args:
            now: In seconds.
            firing: Whether the condition holds, by labels; None where a query failed.
        """
        if firing:
            told = [
                self._step(now, labels, State.ALERTING if is_so else State.NORMAL) for labels, is_so in firing.items()
            ]
            return [one for one in told if one] + self._without_series(now)
        meaning = self._meaning("execErrState" if firing is None else "noDataState")
        labels = list(self.alerts) if self.is_new and self.alerts and meaning not in TELLS - {State.ALERTING} else [()]
        told = [self._step(now, one, meaning, Said.GONE) for one in labels]
        return [one for one in told if one] + self._without_series(now)

    def _meaning(self, setting: str) -> State | None:
        """Return the state that a setting stands for; None keeps the last."""
        said = self.rule[setting]
        if said == "KeepLast":
            assert self.is_new, "that Grafana does not start"
            return None
        return {"OK": State.NORMAL, "Alerting": State.ALERTING}.get(said) or State(said)

    def _step(self, now: int, labels: Labels, into: State | None, ends: Said = Said.RESOLVED) -> Notice | None:
        alert = self.alerts.setdefault(labels, Alert())
        alert.seen = now
        before = alert.state
        if into is None:
            into = State.ALERTING if before is State.PENDING else before
        if into is State.ALERTING and before is not State.ALERTING:
            into = self._waiting(now, alert)
        if into is before:
            return None
        alert.state, alert.since = into, now
        return self._told(labels, before, into, ends)

    def _waiting(self, now: int, alert: Alert) -> State:
        """Return whether a condition that holds has held for long enough."""
        since = alert.since if alert.state is State.PENDING else now
        return State.ALERTING if now - since >= self.wait else State.PENDING

    @staticmethod
    def _told(labels: Labels, before: State, into: State, ends: Said) -> Notice | None:
        if into in TELLS:
            return Notice(labels, Said.FIRES, into)
        return Notice(labels, ends, before) if before in TELLS else None

    def _without_series(self, now: int) -> list[Notice]:
        """Return what is over for want of a row, and forget it."""
        stale = [labels for labels, one in self.alerts.items() if now - one.seen >= self._misses * INTERVAL]
        gone = {labels: self.alerts.pop(labels) for labels in stale}
        return [Notice(labels, Said.GONE, one.state) for labels, one in gone.items() if one.state in TELLS]

    @property
    def _misses(self) -> int:
        return int(self.rule.get("missing_series_evals_to_resolve", 2))
