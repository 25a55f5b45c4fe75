"""Instants: from the text in a cell, in some format and some zone, to a time with an offset.

Local times that daylight saving makes ambiguous or impossible are decided here, by PEP 495.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streams.core.mapping.document import Time
from streams.core.mapping.fault import RowError

Reader: TypeAlias = Callable[[str], datetime]

_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_HOUR_24: Final = re.compile(r"[0-9W-]{8,10}[^0-9]24")
_UNIX_DIVISORS: Final = {"unix": 1, "unix_ms": 1000}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DISTANT_SECONDS: Final = 250_000_000_000


class TimeSettingError(ValueError):
    """Format or zone are wrong; the message says what to write instead."""


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name, or a fixed offset such as `+01:00`.

    Raises:
        TimeSettingError: When there is none of that name.
    """
    fixed = _OFFSET.fullmatch(name)
    if fixed:
        distance = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-distance if fixed[1] == "-" else distance)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeSettingError(
            f"no time zone {name!r}; give an IANA name such as Europe/Rome, or an offset such as +01:00"
        ) from None


def reader_of(time: Time) -> Reader:
    """Return the function that reads instants as a mapping describes them; it raises `RowError` on what it cannot read.

    Raises:
        TimeSettingError: When format or zone are wrong.
    """
    if time.format in _UNIX_DIVISORS:
        divisor = _UNIX_DIVISORS[time.format]
        return lambda text: _from_unix(text, divisor)
    naive = _iso if time.format == "iso" else _strptime_reader(time.format)
    zone = None if time.zone is None else zone_of(time.zone)
    if zone is None and time.format != "iso" and "%z" not in time.format:
        raise TimeSettingError("the format has no offset (%z): give the `zone` that the times are in")
    return lambda text: _at(_parsed(naive, text, time.format), zone, time)


def _iso(text: str) -> datetime:
    """Read as Python up to 3.13 does: from 3.14 on it takes 24:00, and the same row would count there and not here."""
    if _HOUR_24.match(text):
        raise ValueError("hour must be in 0..23")
    return datetime.fromisoformat(text)


def _strptime_reader(format: str) -> Reader:
    if "%" not in format:
        raise TimeSettingError(f"unknown format {format!r}; give iso, unix, unix_ms or a strptime format (%Y-%m-%d)")
    try:
        datetime.strptime("", format)  # noqa: DTZ007 - only the format is tried
    except ValueError as error:
        if "does not match" not in str(error):
            raise TimeSettingError(f"{error}") from None
    return lambda text: datetime.strptime(text, format)  # noqa: DTZ007 - the zone follows


def _parsed(read: Reader, text: str, format: str) -> datetime:
    try:
        return read(text)
    except ValueError:
        raise RowError(f"{text[:80]!r} is no time in the format {format!r}") from None


def _from_unix(text: str, divisor: int) -> datetime:
    try:
        seconds = float(text) / divisor
    except ValueError:
        raise RowError(f"{text[:80]!r} is no number of seconds since 1970") from None
    if not abs(seconds) < _DISTANT_SECONDS:
        raise RowError(f"{text[:80]!r} lies beyond the years that exist; are these milliseconds (`unix_ms`)?")
    return _EPOCH + timedelta(seconds=seconds)


def _at(written: datetime, zone: tzinfo | None, time: Time) -> datetime:
    if written.tzinfo is None and zone is None:
        raise RowError(f"{written} has no offset; give the `zone` that such times are in")
    try:
        if written.tzinfo is None and not isinstance(zone, timezone):
            return _local(written, zone, time)
        return _fixed(written, (written if written.tzinfo else written.replace(tzinfo=zone)).utcoffset())
    except OverflowError:
        raise RowError(f"{written} lies beyond the years that exist") from None


def _local(written: datetime, zone: tzinfo | None, time: Time) -> datetime:
    before, after = (written.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if before is None or after is None or before == after:
        return _fixed(written, before)
    if before < after:
        return _in_gap(written, before, after, time)
    if time.ambiguous == "reject":
        raise RowError(f'{written} happened twice in {time.zone} (clocks went back); say `ambiguous = "earlier"`')
    return _fixed(written, before if time.ambiguous == "earlier" else after)


def _in_gap(written: datetime, before: timedelta, after: timedelta, time: Time) -> datetime:
    if time.nonexistent == "reject":
        raise RowError(
            f"{written} never happened in {time.zone} (clocks went forward); is the zone right? "
            'If it is, say `nonexistent = "shift"` to move such times forward by as much as the clocks'
        )
    return _fixed(written + (after - before), after)


def _fixed(written: datetime, offset: timedelta | None) -> datetime:
    """Return an instant with a plain offset; RFC 3339 has no seconds in offsets, so those old ones become UTC."""
    at = written.replace(tzinfo=timezone(offset or timedelta()), fold=0)
    return at.astimezone(UTC) if offset is not None and offset.seconds % 60 else at
