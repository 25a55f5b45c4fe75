"""Stretches of event time: windows, the period before one, and the hours, days, weeks and months of a time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas import instant
from schemas.rows import Ms

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
MAX_BUCKETS: Final = 10_000
"""More lines than anybody reads, and more than a database should be asked for by mistake."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WindowError(ValueError):
    """A window, a time zone or a bucket that cannot be meant; the message says what to write instead."""


class Bucket(StrEnum):
    """A unit of the calendar; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Window(Struct, frozen=True, order=True):
    """The instants from `start_at` on and before `end_at`."""

    start_at: Ms
    end_at: Ms

    def __post_init__(self) -> None:
        """Refuse a window without any instant.

        Raises:
            WindowError: When it ends before it has begun.
        """
        if self.end_at <= self.start_at:
            raise WindowError("the window is empty: it must end after it begins")

    @property
    def length_ms(self) -> Ms:
        """How long it lasts."""
        return self.end_at - self.start_at


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a name of the IANA database, such as `Europe/Berlin`.

    Raises:
        WindowError: When there is none; the message names similar ones.
    """
    try:
        return instant.zone_of(name)
    except instant.UnknownZoneError as error:
        raise WindowError(str(error)) from None


def instant_of(text: str, zone: ZoneInfo) -> Ms:
    """Return the instant that an ISO 8601 date or time means; without an offset it is one of the zone.

    A date is the first instant of that day.

    Raises:
        WindowError: When it is neither.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise WindowError(
            f"{text!r} is no date and no time: write 2026-03-31, 2026-03-31T14:00 or 2026-03-31T14:00+02:00"
        ) from None
    return _ms(at if at.tzinfo else at.replace(tzinfo=zone))


def local_of(at: Ms, zone: ZoneInfo) -> datetime:
    """Return an instant as the clocks of a zone show it."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone)


def previous(window: Window, zone: ZoneInfo) -> Window:
    """Return the period of equal length right before a window.

    A window of whole days of the zone follows upon as many whole days, also when one of them had 23 or 25 hours.
    """
    start, end = local_of(window.start_at, zone), local_of(window.end_at, zone)
    if start.time() == end.time() == time.min:
        return Window(_midnight(start.date() - (end.date() - start.date()), zone), window.start_at)
    return Window(window.start_at - window.length_ms, window.start_at)


def buckets_of(window: Window, bucket: Bucket, zone: ZoneInfo) -> list[Window]:
    """Return the hours, days, weeks or months of a zone that a window touches, in order and each one whole.

    Raises:
        WindowError: When they are more than `MAX_BUCKETS`.
    """
    starts = list(islice(_starts(window, bucket, zone), MAX_BUCKETS + 2))
    if len(starts) > MAX_BUCKETS + 1:
        raise WindowError(f"the window has more than {MAX_BUCKETS:,} {bucket}s: choose a coarser bucket")
    return [Window(start, end) for start, end in pairwise(starts)]


def _starts(window: Window, bucket: Bucket, zone: ZoneInfo) -> Iterator[Ms]:
    """Yield the starts of the buckets up to the first one at or after the window's end."""
    start = _floor(window.start_at, bucket, zone)
    while True:
        yield start
        if start >= window.end_at:
            return
        start = _next(start, bucket, zone)


def _floor(at: Ms, bucket: Bucket, zone: ZoneInfo) -> Ms:
    local = local_of(at, zone)
    day = local.date()
    match bucket:
        case Bucket.HOUR:
            past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            return at - past // timedelta(milliseconds=1)
        case Bucket.DAY:
            return _midnight(day, zone)
        case Bucket.WEEK:
            return _midnight(day - timedelta(days=day.weekday()), zone)
        case Bucket.MONTH:
            return _midnight(day.replace(day=1), zone)


def _next(start: Ms, bucket: Bucket, zone: ZoneInfo) -> Ms:
    day = local_of(start, zone).date()
    match bucket:
        case Bucket.HOUR:
            return start + HOUR_MS
        case Bucket.DAY:
            return _midnight(day + timedelta(days=1), zone)
        case Bucket.WEEK:
            return _midnight(day + timedelta(days=7), zone)
        case Bucket.MONTH:
            return _midnight((day.replace(day=1) + timedelta(days=32)).replace(day=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> Ms:
    """Return the first instant of a day; where clocks skip midnight it is the instant of the skip."""
    return _ms(datetime.combine(day, time.min, zone))


def _ms(at: datetime) -> Ms:
    return (at - _EPOCH) // timedelta(milliseconds=1)
