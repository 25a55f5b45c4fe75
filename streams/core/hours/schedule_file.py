"""How a file states schedules, and everything that is wrong with it at once."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from schemas.schedule import ScheduleError, SpecialDay, Version, Week
from streams.core.hours.schedule import Schedule
from streams.core.stated import faults_of, listed, read


def schedules_of(text: str) -> dict[str, Schedule]:
    """Return the schedules that a TOML document states, by name.

    ```toml
    [[schedule]]
    name = "default"

    [[schedule.versions]]
    from = 2026-01-01T00:00:00
    zone = "Europe/Berlin"
    holidays = [2026-12-25, 2026-12-26]
    special_days = [{ day = 2026-12-24, hours = ["09:00-12:00"] }]
    weekly.monday = ["09:00-12:00", "13:00-17:30"]
    weekly.saturday = ["10:00-14:00"]
    ```

    Raises:
        ScheduleError: When the text is no TOML, or states schedules that cannot be meant. The message names every
            fault with its place, a line each.
    """
    try:
        document = msgspec.toml.decode(text)
    except msgspec.DecodeError as error:
        raise ScheduleError(f"the schedules are wrong: {error}") from None
    faults = list(_faults(document))
    if faults:
        raise ScheduleError("\n  ".join(["the schedules are wrong:", *faults]))
    stated = read(document, _Document).schedule
    schedules = {schedule.name: schedule for schedule in stated}
    if len(schedules) < len(stated):
        names = [schedule.name for schedule in stated]
        twice = next(name for name in names if names.count(name) > 1)
        raise ScheduleError(f"the schedule {twice!r} is stated twice: make one of them a further version of the other")
    return schedules


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file of schedules says."""

    schedule: tuple[Schedule, ...]


def _faults(document: object) -> Iterator[str]:
    """Yield what is wrong with parts by themselves; when nothing is, what is wrong with how they go together."""
    found = list(_of_parts(document))
    yield from found or faults_of("$", document, _Document)


def _of_parts(document: object) -> Iterator[str]:
    for place, schedule in listed(document, "schedule", "$"):
        inside: list[str] = []
        for here, version in listed(schedule, "versions", place):
            inside += _of_version(here, version)
        yield from inside or faults_of(place, schedule, Schedule)


def _of_version(place: str, version: dict[str, Any]) -> Iterator[str]:
    weekly = version.get("weekly")
    if isinstance(weekly, dict):
        for day, hours in weekly.items():
            yield from faults_of(f"{place}.weekly", {day: hours}, Week)
        version = {**version, "weekly": {}}
    for here, special in listed(version, "special_days", place):
        yield from faults_of(here, special, SpecialDay)
    rest = {name: said for name, said in version.items() if name != "special_days" or not isinstance(said, list)}
    yield from faults_of(place, rest, Version)
