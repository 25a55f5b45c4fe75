"""The hours that the simulated desk and its people publish, and around the clock while somebody watches."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from schemas.events import NAME_OF, SchedulePublished
from schemas.schedule import SHIFTS_OF, Version, Week
from streams.core.hours.published import DEFAULT
from streams.simulation.timeline import Simulated
from streams.simulation.world import DESK_SOURCE, OPENING_HOURS, TEAMS, ZONE

_Week: TypeAlias = tuple[tuple[int, int] | None, ...]
"""From which hour until which, by weekday."""
_ALWAYS: Final = ("00:00-24:00",)
_SHORTER_HOURS: Final = 2
"""Nobody works as long as the desk is open: every other one begins so much later, or stops so much sooner."""
_YEAR: Final = timedelta(days=366)


def opening_hours(seed: int, start: datetime, live_from: datetime) -> Simulated:
    """Return the event by which the desk publishes its hours as it opens for the first time.

    Args:
        seed: Of the world.
        start: When the desk opens for the first time.
        live_from: From when on it works around the clock.
    """
    return _published(DEFAULT, f"{seed}-opening-hours", OPENING_HOURS, start, live_from)


def shifts(seed: int, start: datetime, live_from: datetime) -> Iterator[Simulated]:
    """Yield the events by which the desk publishes when each of its people works, as `opening_hours`."""
    for number, agent in enumerate(agent for team in TEAMS for agent in team.agents):
        begins, ends = (_SHORTER_HOURS, 0) if number % 2 else (0, _SHORTER_HOURS)
        week = tuple((hours[0] + begins, hours[1] - ends) if hours else None for hours in OPENING_HOURS)
        yield _published(SHIFTS_OF + agent, f"{seed}-shifts-{agent}", week, start, live_from)


def _published(name: str, id: str, week: _Week, start: datetime, live_from: datetime) -> Simulated:
    days = Week(*[(f"{hours[0]:02}:00-{hours[1]:02}:00",) if hours else () for hours in week])
    content = SchedulePublished(
        name=name,
        versions=(
            Version(from_at=start - _YEAR, zone=ZONE, weekly=days),
            Version(from_at=live_from, zone=ZONE, weekly=Week(*[_ALWAYS] * 7)),
        ),
    )
    return Simulated(
        at=start,
        source=DESK_SOURCE,
        id=id,
        name=NAME_OF[SchedulePublished],
        subject=name,
        sequence=None,
        data=content,
    )
