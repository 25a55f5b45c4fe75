"""Published schedules as the rows that business time is measured by: which statement counts, and what it says."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import zip_longest
from typing import Final

import msgspec
from msgspec import Struct

from schemas.codec import Event
from schemas.events import SchedulePublished
from schemas.instant import ms_of
from schemas.rows import Ms, OpenHoursRow
from schemas.schedule import Version
from streams.core.hours.schedule import Schedule, breakpoints, columns_of
from streams.core.published import newest, version_of

KNOWN_FROM: Final[Ms] = 0
"""No event happened before 1970."""
KNOWN_UNTIL: Final[Ms] = ms_of(datetime(2050, 1, 1, tzinfo=UTC))
"""How far hours are worked out. A later end is a later release, and `servicepulse refold`."""

DEFAULT: Final = "default"
"""The schedule of teams without one of their own."""


class Standing(Struct, frozen=True):
    """The newest statement about a schedule. Without versions it was taken back."""

    published_at: Ms
    versions: tuple[Version, ...]


class Change(Struct, frozen=True):
    """What publishing a schedule does to what stands.

    Attributes:
        name: Of the schedule.
        versions: What is to stand from now on.
        published_at: When it is to be published: never before what it takes the place of.
        differs_at: From when on the desk opens otherwise; None when hours that are known stay as they are.
        is_new: Nothing stood.
    """

    name: str
    versions: tuple[Version, ...]
    published_at: Ms
    differs_at: Ms | None
    is_new: bool

    @property
    def id(self) -> str:
        """The id of its event: the same statement at the same time is the same event."""
        said = msgspec.json.encode([self.name, self.published_at, self.versions])
        return blake2b(said, digest_size=16).hexdigest()


def change_of(name: str, versions: Sequence[Version], stands: Standing | None, now_ms: Ms) -> Change | None:
    """Return what is to be published so that a schedule stands as given; None when it does already."""
    wanted = tuple(versions)
    before = stands.versions if stands else ()
    if before == wanted:
        return None
    return Change(
        name=name,
        versions=wanted,
        published_at=max(now_ms, stands.published_at + 1 if stands else 0),
        differs_at=_differs_at(before, wanted),
        is_new=not before,
    )


def _differs_at(before: tuple[Version, ...], after: tuple[Version, ...]) -> Ms | None:
    """Return the first instant of which one says something else than the other, up to a whole interval too early."""
    if not before or not after:
        return max((before or after)[0].in_force_at, KNOWN_FROM)
    pair = (breakpoints(Schedule(DEFAULT, versions), KNOWN_FROM, KNOWN_UNTIL) for versions in (before, after))
    for one, other in zip_longest(*pair):
        if one != other:
            return min(row.start_ms for row in (one, other) if row)
    return None


def open_hours(events: Iterable[Event], now_ms: Ms) -> Iterator[OpenHoursRow]:
    """Yield one row for each schedule that events publish, by the newest statement about it.

    Decades of openings follow from each, so that rows are worked out one at a time: take them so.
    What is stored of a schedule is outdated by it or outdates it: a row follows from its event alone, so neither order
    nor repetition matters, nor who else publishes at the same time.
    """
    return (hours_row(event, now_ms) for event in newest(events, SchedulePublished))


def hours_row(event: Event, now_ms: Ms) -> OpenHoursRow:
    """Return the row of one published schedule.

    Raises:
        TypeError: When the event is no `schedule.published`.
    """
    said = event.content
    if not isinstance(said, SchedulePublished):
        raise TypeError(f"{event.name} publishes no schedule")
    schedule = Schedule(said.name, said.versions) if said.versions else None
    since, until, before = columns_of(schedule, KNOWN_FROM, KNOWN_UNTIL) if schedule else ([], [], [])
    return OpenHoursRow(
        schedule=said.name,
        version=version_of(event),
        published_at=event.at_ms,
        versions=msgspec.json.encode(said.versions),
        is_withdrawn=schedule is None,
        in_force_at=max(schedule.in_force_at, KNOWN_FROM) if schedule else KNOWN_FROM,
        known_until=KNOWN_UNTIL,
        open_since=since,
        open_until=until,
        open_ms_before=before,
        ingested_at=now_ms,
    )
