"""What the desk's policy says of a ticket, by looking through everything that was ever published."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from schemas.codec import Event
from schemas.events import PolicyPublished
from schemas.policy import Policy, Rule
from streams.core.identity import fact_id

UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Promises:
    """The policy that counts, of all that events publish."""

    def __init__(self, events: Iterable[Event]) -> None:
        said = [one for one in events if isinstance(one.content, PolicyPublished)]
        last = max(said, key=lambda one: (one.at_ms, one.sequence, fact_id(one.source, one.id)), default=None)
        self._versions = last.content.versions if last and isinstance(last.content, PolicyPublished) else ()

    def is_satisfied(self, at: int, raw: float, scale: tuple[float, float]) -> bool:
        """Tell whether an answer on a scale is that of a satisfied customer at an instant."""
        version = self._at(at)
        for one in version.scales if version else ():
            if (one.scale_min, one.scale_max) == scale:
                return raw >= one.satisfied_from
        lowest, highest = scale
        return 100 * (raw - lowest) / (highest - lowest) >= (version.satisfied_from if version else 75)

    def least_n(self, at: int) -> int:
        """Return with how many observations a figure is shown at an instant."""
        version = self._at(at)
        return version.least_n if version else 20

    def is_missed(self, at: int, priority: str, seconds: float, *, is_given_up: bool) -> bool:
        """Tell whether a contact that began to wait at an instant is an important one that was missed."""
        version = self._at(at)
        priorities, within = (version.important.priorities, version.important.within) if version else ("hu", "")
        if version is None:
            return priority in ("high", "urgent") and (is_given_up or seconds > 120)
        may_wait = int(within[:-1]) * {"s": 1, "m": 60}[within[-1]]
        return priority in priorities and (is_given_up or seconds > may_wait)

    def reason_share(self, at: int) -> float:
        """Return the line of reasons at an instant."""
        version = self._at(at)
        return version.reason_share if version else 0.3

    def settled_after(self, at: int) -> dict[str, int]:
        """Return after how many days figures are settled that move by waiting, by what they wait for."""
        version = self._at(at)
        built_in = {"surveys": 7, "ratings": 14, "reopenings": 7, "reassignments": 7}
        return {name: getattr(version.settled_after_days, name) for name in built_in} if version else built_in

    def pauses(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what stops the clock of a ticket's resolution."""
        version = self._at(row["created_at"])
        rules = [rule for rule in version.resolution if _is_met(rule, row)] if version else []
        return rules[0].paused if rules else ()

    def target(self, what: str, row: Mapping[str, Any]) -> tuple[int, bool] | None:
        """Return a ticket's target in milliseconds, and whether only open hours count; None when it has none."""
        version = self._at(row["created_at"])
        if version is None:
            built_in = {"first_response": 3_600_000, "response": 4 * 3_600_000}
            return (built_in[what], False) if what in built_in else None
        for rule in getattr(version, what):
            if _is_met(rule, row):
                return int(rule.within[:-1]) * UNITS[rule.within[-1]], rule.hours == "open"
        return None

    def _at(self, at: int) -> Policy | None:
        begun = [version for version in self._versions if begins(version) <= at]
        return begun[-1] if begun else None


def begins(version: Policy) -> int:
    """Return when a version begins to count, in milliseconds since 1970."""
    begin = version.from_at if version.from_at.tzinfo else version.from_at.replace(tzinfo=ZoneInfo(version.zone))
    return int((begin - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def _is_met(rule: Rule, row: Mapping[str, Any]) -> bool:
    for name in ("priority", "channel", "team", "contact_type", "product_line", "region", "customer_segment"):
        wanted = getattr(rule, name)
        if wanted and (row[name] or "") not in wanted:
            return False
    return True
