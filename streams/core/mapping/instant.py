"""Instants: from the text in a cell, in some format and some zone, to a time with an offset.

Local times that daylight saving makes ambiguous or impossible are decided here, by PEP 495.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, TypeAlias

from streams.core.mapping.document import Time
from streams.core.mapping.fault import RowError
from streams.core.mapping.note import Notes
from streams.core.mapping.time_text import COUNTED, reading_of
from streams.core.mapping.zone import TimeSettingError, zone_of

Reader: TypeAlias = Callable[[str], datetime]

_AMBIGUOUS: Final = "local times that happened twice"
_SHIFTED: Final = "local times that never happened, moved forward"


def reader_of(time: Time, notes: Notes | None = None) -> Reader:
    """Return the function that reads instants as a mapping describes them; it raises `RowError` on what it cannot read.

    Args:
        time: How they are written.
        notes: Where it is counted what was read although the cell says less.

    Raises:
        TimeSettingError: When format or zone are wrong.
    """
    counted = Notes() if notes is None else notes
    read = reading_of(time, counted)
    zone = None if time.zone is None else zone_of(time.zone)
    if zone is None and time.format not in COUNTED and "%z" not in time.format.lower():
        raise TimeSettingError("the format has no offset (%z): give the `zone` that the times are in")
    return lambda text: _at(read(text), zone, time, counted)


def _at(written: datetime, zone: tzinfo | None, time: Time, notes: Notes) -> datetime:
    if written.tzinfo is None and zone is None:
        raise RowError(f"{written} has no offset; give the `zone` that such times are in")
    try:
        if written.tzinfo is None and not isinstance(zone, timezone):
            return _local(written, zone, time, notes)
        if written.tzinfo is None or isinstance(written.tzinfo, timezone):
            return _fixed(written, (written if written.tzinfo else written.replace(tzinfo=zone)).utcoffset())
        return _local(written.replace(tzinfo=None), written.tzinfo, time, notes)
    except OverflowError:
        raise RowError(f"{written} lies beyond the years that exist") from None


def _local(written: datetime, zone: tzinfo | None, time: Time, notes: Notes) -> datetime:
    before, after = (written.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if before is None or after is None or before == after:
        return _fixed(written, before)
    if before < after:
        return _in_gap(written, before, after, time, notes)
    if time.ambiguous == "reject":
        raise RowError(f'{written} happened twice in {zone} (clocks went back); say `ambiguous = "earlier"`')
    notes.add(f"{_AMBIGUOUS}, read as the {time.ambiguous}", str(written), "`ambiguous` in [time]")
    return _fixed(written, before if time.ambiguous == "earlier" else after)


def _in_gap(written: datetime, before: timedelta, after: timedelta, time: Time, notes: Notes) -> datetime:
    if time.nonexistent == "reject":
        raise RowError(
            f"{written} never happened in {time.zone} (clocks went forward); is the zone right? "
            'If it is, say `nonexistent = "shift"` to move such times forward by as much as the clocks'
        )
    notes.add(_SHIFTED, str(written), "`nonexistent` in [time]")
    return _fixed(written + (after - before), after)


def _fixed(written: datetime, offset: timedelta | None) -> datetime:
    """Return an instant with a plain offset; RFC 3339 has no seconds in offsets, so those old ones become UTC."""
    at = written.replace(tzinfo=timezone(offset or timedelta()), fold=0)
    return at.astimezone(UTC) if offset is not None and offset.seconds % 60 else at
