"""Time zones by name, by offset, and by the abbreviations that a mapping explains."""

import re
from collections.abc import Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")

UNIVERSAL: Final = ("UTC", "GMT", "Z")
"""Abbreviations that mean one thing everywhere. Of all others, such as IST or CST, only the mapping can say what."""


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


def abbreviations(explained: Mapping[str, str]) -> Mapping[str, tzinfo]:
    """Return what abbreviations mean: those that mean one thing everywhere, and those that a mapping explains.

    Raises:
        TimeSettingError: When an explanation names no zone.
    """
    return dict.fromkeys(UNIVERSAL, UTC) | {name: zone_of(zone) for name, zone in explained.items()}
