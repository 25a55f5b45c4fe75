"""The schedule that the simulated desk publishes: its opening hours, and around the clock while somebody watches."""

from datetime import datetime, timedelta
from typing import Final

from schemas.events import NAME_OF, SchedulePublished
from schemas.schedule import Version, Week
from streams.core.hours.published import DEFAULT
from streams.simulation.timeline import Simulated
from streams.simulation.world import DESK_SOURCE, OPENING_HOURS, ZONE

_ALWAYS: Final = ("00:00-24:00",)
_YEAR: Final = timedelta(days=366)


def opening_hours(seed: int, start: datetime, live_from: datetime) -> Simulated:
    """Return the event by which the desk publishes its hours as it opens for the first time.

    Args:
        seed: Of the world.
        start: When the desk opens for the first time.
        live_from: From when on it works around the clock.
    """
    week = Week(*[(f"{hours[0]:02}:00-{hours[1]:02}:00",) if hours else () for hours in OPENING_HOURS])
    content = SchedulePublished(
        name=DEFAULT,
        versions=(
            Version(from_at=start - _YEAR, zone=ZONE, weekly=week),
            Version(from_at=live_from, zone=ZONE, weekly=Week(*[_ALWAYS] * 7)),
        ),
    )
    return Simulated(
        at=start,
        source=DESK_SOURCE,
        id=f"{seed}-opening-hours",
        name=NAME_OF[SchedulePublished],
        subject=DEFAULT,
        sequence=None,
        data=content,
    )
