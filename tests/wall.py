"""The clock on the wall of a desk, looked at every minute: business time with nothing of the code that computes it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from schemas.codec import Event
from schemas.events import SchedulePublished
from schemas.schedule import Version
from streams.core.identity import fact_id

MINUTE_MS: Final = 60_000
DAY_MINUTES: Final = 1_440
FORESIGHT_MS: Final = 31 * 86_400_000
NEVER: Final = 2**62
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


Halts: TypeAlias = Sequence[tuple[int, int]]
"""From when until when no time counts."""


def is_open(versions: Sequence[Version], at: int) -> bool | None:
    """Tell whether a desk is open; None before its first version. Versions stand in the order of time."""
    return _clock(tuple(versions)).is_open(at)


class Clock:
    """A desk's clock with its hours beside it, and what was seen when somebody looked."""

    def __init__(self, versions: Sequence[Version]) -> None:
        self._rules = [
            (
                begins(version),
                ZoneInfo(version.zone),
                {other.day: other.hours for other in version.special_days} | dict.fromkeys(version.holidays, ()),
                [getattr(version.weekly, weekday) for weekday in WEEKDAYS],
            )
            for version in versions
        ]
        self._seen: dict[int, bool | None] = {}

    def is_open(self, at: int) -> bool | None:
        """Tell whether the desk is open at an instant; None before its first version."""
        if at not in self._seen:
            self._seen[at] = self._look(EPOCH + timedelta(milliseconds=at))
        return self._seen[at]

    def _look(self, instant: datetime) -> bool | None:
        rule = next((rule for rule in reversed(self._rules) if rule[0] <= instant), None)
        if rule is None:
            return None
        _, zone, special, usual = rule
        local = instant.astimezone(zone)
        shown = f"{local.hour:02}:{local.minute:02}"
        hours = special.get(local.date(), usual[local.weekday()])
        return any(span[:5] <= shown < span[6:] for span in hours)


@lru_cache(maxsize=32)
def _clock(versions: tuple[Version, ...]) -> Clock:
    return Clock(versions)


def begins(version: Version) -> datetime:
    """Return when a version begins to count."""
    return version.from_at if version.from_at.tzinfo else version.from_at.replace(tzinfo=ZoneInfo(version.zone))


def due_at(started: int, target_ms: int, passed: Callable[[int], int], halts: Halts) -> int:
    """Return the last instant at which no more time than a target went by, in minutes that count and outside of halts.

    It is `NEVER` where that is not reached within `FORESIGHT_MS`.

    Args:
        started: From when.
        target_ms: The target.
        passed: How many milliseconds count from some beginning to a minute.
        halts: When no time counts, in order.
    """
    left = target_ms
    begin, end = started // MINUTE_MS, (started + FORESIGHT_MS) // MINUTE_MS
    for since, until in _without(halts, begin, end):
        had = passed(since)
        if since == begin:  # of the first minute only the rest counts
            had += min(started - since * MINUTE_MS, passed(since + 1) - had)
        counted = passed(until) - had
        if left < counted:
            minute = bisect_right(range(since, until), had + left, key=lambda one: passed(one + 1)) + since
            return max(started, minute * MINUTE_MS) + left - max(0, passed(minute) - had)
        left -= counted
    return NEVER


def _without(halts: Halts, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of minutes outside of halts, none longer than a day: few are looked at in vain."""
    for since, until in [*halts, (end * MINUTE_MS, end * MINUTE_MS)]:
        halt = min(end, -(-since // MINUTE_MS))
        yield from ((day, min(day + DAY_MINUTES, halt)) for day in range(begin, halt, DAY_MINUTES))
        begin = max(begin, -(-until // MINUTE_MS))


class Wall:
    """What the clock showed from one instant to another. Everything must happen at full minutes."""

    def __init__(self, versions: Sequence[Version], start_at: int, end_at: int) -> None:
        self._clock = _clock(tuple(versions))
        self._first = start_at // MINUTE_MS
        self._looks: list[bool | None] = []
        self._before = [0]
        self._look_until(end_at // MINUTE_MS + 2)

    def open_ms(self, started: int, ended: int) -> int | None:
        """Return how long it was open between two instants; None when nothing is known of the first."""
        if self._looks[started // MINUTE_MS - self._first] is None:
            return None
        return max(0, self._until(ended) - self._until(started))

    def due_at(self, started: int, target_ms: int, halts: Halts = ()) -> int:
        """Return the last instant at which no more than a target was open since another, halts left out."""
        return due_at(started, target_ms, self._passed, halts)

    def _passed(self, minute: int) -> int:
        self._look_until(minute)
        return self._before[minute - self._first]

    def _look_until(self, minute: int) -> None:
        for each in range(self._first + len(self._looks), minute):
            self._looks.append(self._clock.is_open(each * MINUTE_MS))
            self._before.append(self._before[-1] + MINUTE_MS * bool(self._looks[-1]))

    def _until(self, at: int) -> int:
        place = at // MINUTE_MS - self._first
        return self._before[place] + at % MINUTE_MS * bool(self._looks[place])


class Walls:
    """The walls of all desks that events publish."""

    def __init__(self, events: Iterable[Event], start_at: int, end_at: int) -> None:
        newest: dict[str, Event] = {}
        for one in events:
            if isinstance(one.content, SchedulePublished):
                newest[one.content.name] = max(newest.get(one.content.name, one), one, key=_order)
        said = {name: one.content for name, one in newest.items() if isinstance(one.content, SchedulePublished)}
        self._walls: Mapping[str, Wall] = {
            name: Wall(content.versions, start_at, end_at) for name, content in said.items() if content.versions
        }

    def seconds(self, team: str, started: int, ended: int) -> float | None:
        """Return the business seconds of a wait; None where a team has no schedule, or had none yet."""
        wall = self._walls.get(team) or self._walls.get("default")
        passed = wall.open_ms(started, ended) if wall else None
        return None if passed is None else passed / 1000

    def due_at(self, team: str, started: int, target_ms: int, halts: Halts = ()) -> int | None:
        """Return the last instant within a target of open hours, NEVER where it does not come; None as for seconds."""
        wall = self._walls.get(team) or self._walls.get("default")
        if wall is None or wall.open_ms(started, started) is None:
            return None
        return wall.due_at(started, target_ms, halts)


def _order(one: Event) -> tuple[int, int, int]:
    return one.at_ms, one.sequence, fact_id(one.source, one.id)
