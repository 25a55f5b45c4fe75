"""How opening hours are stated: weeks, holidays, special days, versions that come into force; and what is refused."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import chain, pairwise
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

from schemas.instant import zone_of
from schemas.version import InForce

SHIFTS_OF: Final = "agent:"
"""With an agent's id behind it, the name of the schedule that says when that agent works."""

_MINUTE_MS: Final = 60_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY: Final = date(1970, 1, 1).weekday()
_HOURS: Final = "^(([01][0-9]|2[0-3]):[0-5][0-9])-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

Span: TypeAlias = tuple[int, int]
"""From the first until before the second: instants, or milliseconds that the clock shows past midnight."""

Hours: TypeAlias = Annotated[
    tuple[
        Annotated[
            str,
            Meta(
                description="An interval of a day by the clock on the wall, from 00:00 to 24:00, such as 09:00-17:30.",
                extra_json_schema={"pattern": _HOURS},
            ),
        ],
        ...,
    ],
    Meta(max_length=24),
]
"""The open intervals of a day. They may be written in any order and touch, but not overlap."""


class ScheduleError(ValueError):
    """Hours that cannot be meant; the message says where and what to write instead."""


class Week(Struct, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True):
    """The hours of an ordinary week; a day that is left out is closed."""

    monday: Hours = ()
    tuesday: Hours = ()
    wednesday: Hours = ()
    thursday: Hours = ()
    friday: Hours = ()
    saturday: Hours = ()
    sunday: Hours = ()

    def __post_init__(self) -> None:
        """Read the hours once, so that wrong ones are refused here.

        Raises:
            ScheduleError: When an interval is none, or two of a day overlap.
        """
        _ = self.spans

    @cached_property
    def spans(self) -> tuple[tuple[Span, ...], ...]:
        """The open intervals of each day, Monday first, in milliseconds past midnight."""
        return tuple(_spans_of(getattr(self, day), day) for day in self.__struct_fields__)


class SpecialDay(Struct, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True):
    """A date with hours of its own instead of those of its weekday."""

    day: date
    hours: Hours

    def __post_init__(self) -> None:
        """Read the hours once, so that wrong ones are refused here.

        Raises:
            ScheduleError: When an interval is none, or two of them overlap.
        """
        _ = self.spans

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The open intervals, in milliseconds past midnight."""
        return _spans_of(self.hours, self.day.isoformat())


class Version(InForce, frozen=True, dict=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Hours that are in force from an instant on, until the next version is."""

    weekly: Week
    holidays: Annotated[tuple[date, ...], Meta(description="Dates that are closed all day.")] = ()
    special_days: Annotated[tuple[SpecialDay, ...], Meta(description="Dates with other hours.")] = ()

    def __post_init__(self) -> None:
        """Look everything up once, so that a wrong version is refused here.

        Raises:
            ScheduleError: When a date is closed or special twice, or both.
            UnknownZoneError: When there is no such time zone; the message names similar ones.
        """
        _ = zone_of(self.zone), self.in_force_at, self.exceptions

    @cached_property
    def exceptions(self) -> Mapping[int, tuple[Span, ...]]:
        """The hours of the dates that do not follow the week, by the number of the day since 1970."""
        found: dict[int, tuple[Span, ...]] = {}
        special = ((other.day, other.spans) for other in self.special_days)
        for day, spans in chain(((day, ()) for day in self.holidays), special):
            number = day.toordinal() - _EPOCH_DAY
            if number in found:
                raise ScheduleError(f"{day} stands twice among holidays and special days: keep the one that is meant")
            found[number] = spans
        return found

    def spans_on(self, day: int) -> tuple[Span, ...]:
        """Return the open intervals of a day, in milliseconds that the clock shows past midnight.

        Args:
            day: Number of the date since 1970.
        """
        usual = self.weekly.spans[(day + _EPOCH_WEEKDAY) % 7]
        return self.exceptions.get(day, usual)


def _spans_of(hours: Sequence[str], day: str) -> tuple[Span, ...]:
    """Return intervals in order, in milliseconds past midnight.

    Raises:
        ScheduleError: When one is none or two overlap; the message names the day.
    """
    spans = sorted((_span_of(written, day), written) for written in hours)
    for (earlier, one), (later, other) in pairwise(spans):
        if later[0] < earlier[1]:
            raise ScheduleError(
                f"{day}: {one} and {other} overlap; write one interval, or end one where the other begins"
            )
    return tuple(span for span, _ in spans)


def _span_of(written: str, day: str) -> Span:
    if not re.fullmatch(_HOURS, written):
        raise ScheduleError(f"{day}: {written!r} is no interval; write 09:00-17:30, within 00:00 and 24:00")
    opens, closes = written.split("-")
    if opens == closes:
        raise ScheduleError(f"{day}: {written} is empty; leave it out, or write 00:00-24:00 for the whole day")
    if closes == "00:00":
        raise ScheduleError(f"{day}: {written} ends before it starts; the end of a day is 24:00: write {opens}-24:00")
    if closes < opens:
        raise ScheduleError(
            f"{day}: {written} ends before it starts; hours past midnight belong to the next day: "
            f"write {opens}-24:00 here and 00:00-{closes} there"
        )
    return _past_midnight(opens), _past_midnight(closes)


def _past_midnight(shown: str) -> int:
    hours, minutes = shown.split(":")
    return (int(hours) * 60 + int(minutes)) * _MINUTE_MS
