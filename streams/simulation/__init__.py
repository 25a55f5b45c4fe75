"""A seeded simulation of a furniture shop's service desk: pure, without a clock, the same events for the same seed."""

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile

from streams.simulation import world
from streams.simulation.opening import open_desk
from streams.simulation.rhythm import milliseconds
from streams.simulation.timeline import Simulated
from streams.simulation.world import DESK_SOURCE, SHOP_SOURCE, SOURCES

__all__ = ["DESK_SOURCE", "SHOP_SOURCE", "SOURCES", "Simulated", "endless", "events"]


def events(seed: int, start: datetime, end: datetime, per_day: float = world.TICKETS_PER_DAY) -> Iterator[Simulated]:
    """Yield what happens in `[start, end)`, in order of time, with `end` as the world's "now".

    The same arguments give the same events.

    Args:
        seed: Chooses the world; it is part of every id.
        start: When the desk opens for the first time, with nobody waiting.
        end: No event lies at or after it; what is open then stays open.
        per_day: Tickets on an average day of a week.

    Raises:
        ValueError: When an instant carries no offset.
    """
    return takewhile(lambda event: event.at < end, endless(seed, start, end, per_day))


def endless(
    seed: int,
    start: datetime,
    now: datetime,
    per_day: float = world.TICKETS_PER_DAY,
    live_per_day: float | None = None,
) -> Iterator[Simulated]:
    """Yield what happens from `start` on, in order of time, without end.

    Up to `now` it is what `events` yields. Beyond it the same desk goes on: with the same rhythm, or, when
    `live_per_day` is given, around the clock and with so many tickets a day, for somebody who watches.

    Args:
        seed: Chooses the world; it is part of every id.
        start: When the desk opens for the first time, with nobody waiting.
        now: Places the faulty delivery week (the second-last full week before) and the begin of the live part.
        per_day: Tickets on an average day of a week.
        live_per_day: Tickets a day from `now` on.

    Raises:
        ValueError: When an instant carries no offset.
    """
    if start.tzinfo is None or now.tzinfo is None:
        raise ValueError("give `start` and `now` with an offset, such as datetime.now(UTC)")
    return open_desk(seed, milliseconds(start), milliseconds(now), per_day, live_per_day).events()
