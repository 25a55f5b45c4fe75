"""The week of the shop in local time: when people get in touch, when somebody answers, when the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import count
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from streams.simulation.world import HOUR_WEIGHTS, OPENING_HOURS, WEEKDAY_FACTORS, ZONE

SECOND: Final = 1_000
"""Instants inside the simulation are milliseconds since 1970; so are durations that carry no other unit."""
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_HOUR_FACTORS: Final = tuple(weight * 24 / sum(HOUR_WEIGHTS) for weight in HOUR_WEIGHTS)


class Span(NamedTuple):
    """A half-open stretch of time."""

    start: int
    end: int

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.start <= at < self.end


class Rhythm:
    """Answers what the local clock means.

    From `live_from` on, if given, the desk never sleeps: contacts come evenly and somebody is always there, so that
    whoever watches at night sees a busy desk too.
    """

    def __init__(self, live_from: int | None = None) -> None:
        self._live_from = live_from

    def is_live(self, at: int) -> bool:
        """Say whether the desk has stopped to follow the clock."""
        return self._live_from is not None and at >= self._live_from

    def demand(self, at: int) -> float:
        """Return how busy this hour is; an average hour of a week has 1."""
        if self.is_live(at):
            return 1.0
        local = _local_hour(at // HOUR)
        return _HOUR_FACTORS[local.hour] * WEEKDAY_FACTORS[local.weekday()]

    def demand_changes_at(self, at: int) -> int:
        """Return the next instant from which on `demand` may differ."""
        next_hour = (at // HOUR + 1) * HOUR
        if self._live_from is not None and at < self._live_from:
            return min(next_hour, self._live_from)
        return next_hour

    def is_open(self, at: int) -> bool:
        """Say whether somebody answers."""
        return self.is_live(at) or at in _shift(_local_hour(at // HOUR).toordinal())

    def worked(self, at: int, duration: int) -> int:
        """Return the instant at which the desk has been open for `duration` since `at`."""
        if self.is_live(at):
            return at + duration
        for day in count(_local_hour(at // HOUR).toordinal()):
            shift = _shift(day)
            begins_at = max(at, shift.start)
            if begins_at + duration < shift.end:
                return begins_at + duration
            duration -= max(0, shift.end - begins_at)
        raise AssertionError("days do not end")


def milliseconds(at: datetime) -> int:
    """Return an instant as milliseconds since 1970."""
    return (at - _EPOCH) // _MILLISECOND


def instant(at: int) -> datetime:
    """Return milliseconds since 1970 as an instant in UTC."""
    return _EPOCH + at * _MILLISECOND


def faulty_week(now: int) -> Span:
    """Return the second-last full local week, Monday to Monday, before `now`: a month shows fall and recovery."""
    today = instant(now).astimezone(_zone()).date()
    this_monday = today.toordinal() - today.weekday()
    return Span(_local_instant(this_monday - 14, 0), _local_instant(this_monday - 7, 0))


@lru_cache(maxsize=64)
def _local_hour(hour_since_1970: int) -> datetime:
    # Europe changes its clocks at full hours of UTC, so that an hour of UTC never spans two offsets.
    return instant(hour_since_1970 * HOUR).astimezone(_zone())


@lru_cache(maxsize=64)
def _shift(day: int) -> Span:
    """Return the opening hours of a local day, given as ordinal; an empty span where the desk stays closed."""
    hours = OPENING_HOURS[date.fromordinal(day).weekday()]
    if hours is None:
        return Span(_local_instant(day, 12), _local_instant(day, 12))
    return Span(_local_instant(day, hours[0]), _local_instant(day, hours[1]))


def _local_instant(day: int, hour: int) -> int:
    return milliseconds(datetime.combine(date.fromordinal(day), time(hour), tzinfo=_zone()))


@cache
def _zone() -> ZoneInfo:
    return ZoneInfo(ZONE)
