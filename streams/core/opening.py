"""Published schedules as the rows that business time is measured by: which statement counts, and what it says."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from schemas.codec import Event
from schemas.events import SchedulePublished
from schemas.instant import ms_of
from schemas.rows import Ms, OpenHoursRow
from streams.core.fact import fact_id
from streams.core.hours import Schedule, breakpoints

KNOWN_FROM: Final[Ms] = 0
"""No event happened before 1970."""
KNOWN_UNTIL: Final[Ms] = ms_of(datetime(2050, 1, 1, tzinfo=UTC))
"""How far hours are worked out. A later end is a later release, and `servicepulse refold`."""

DEFAULT: Final = "default"
"""The schedule of teams without one of their own."""


def open_hours(events: Iterable[Event], now_ms: Ms) -> list[OpenHoursRow]:
    """Return one row for each schedule that events publish, by the newest statement about it.

    What is stored of a schedule is outdated by it or outdates it: a row follows from its event alone, so neither order
    nor repetition matters, nor who else publishes at the same time.
    """
    newest: dict[str, Event] = {}
    for event in events:
        if isinstance(event.content, SchedulePublished):
            name = event.content.name
            newest[name] = max(newest.get(name, event), event, key=version_of)
    return [hours_row(event, now_ms) for event in newest.values()]


def hours_row(event: Event, now_ms: Ms) -> OpenHoursRow:
    """Return the row of one published schedule.

    Raises:
        TypeError: When the event is no `schedule.published`.
    """
    said = event.content
    if not isinstance(said, SchedulePublished):
        raise TypeError(f"{event.name} publishes no schedule")
    schedule = Schedule(said.name, said.versions) if said.versions else None
    rows = breakpoints(schedule, KNOWN_FROM, KNOWN_UNTIL) if schedule else []
    since, until, before = zip(*rows, strict=True) if rows else ((), (), ())
    return OpenHoursRow(
        schedule=said.name,
        version=version_of(event),
        published_at=event.at_ms,
        versions=msgspec.json.encode(said.versions),
        is_withdrawn=schedule is None,
        in_force_at=max(schedule.in_force_at, KNOWN_FROM) if schedule else KNOWN_FROM,
        known_until=KNOWN_UNTIL,
        open_since=list(since),
        open_until=list(until),
        open_ms_before=list(before),
        ingested_at=now_ms,
    )


def version_of(event: Event) -> int:
    """Return the place of a statement among those about the same schedule: by time, sequence, hash of the identity."""
    return event.at_ms << 128 | (event.sequence + 1) << 64 | fact_id(event.source, event.id)
