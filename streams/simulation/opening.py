"""Puts a world together: desk, shop and arrivals around one generator of random numbers and one timeline."""

from random import Random

from streams.simulation.arrival import Arrivals
from streams.simulation.desk import Desk
from streams.simulation.fault import start_fault
from streams.simulation.flood import start_flood
from streams.simulation.intervention import start_interventions
from streams.simulation.queue import Queue
from streams.simulation.rhythm import Rhythm, faulty_week
from streams.simulation.shop import Shop
from streams.simulation.timeline import Subject, Timeline


def open_desk(seed: int, start: int, now: int, per_day: float, live_per_day: float | None) -> Timeline:
    """Return the timeline of a world in which nothing has happened yet; instants are milliseconds since 1970."""
    rng, timeline, prefix = Random(seed), Timeline(), f"{seed}-"
    rhythm = Rhythm(live_from=None if live_per_day is None else now)
    desk = Desk(rng, timeline, rhythm, faulty_week(now), per_day, live_per_day or per_day)
    shop = Shop(rng, timeline, rhythm, prefix)
    queue = Queue(seed, desk, prefix)
    arrivals = Arrivals(desk, shop, queue, prefix)
    nobody = Subject(source="", key="", stem="")
    timeline.start(arrivals.orders(start), nobody)
    timeline.start(arrivals.contacts(start), nobody)
    timeline.start(queue.sessions(start), nobody)
    start_fault(seed, timeline, faulty_week(now), prefix, start)
    start_flood(seed, timeline, rhythm, faulty_week(now), prefix, start, per_day)
    start_interventions(timeline, faulty_week(now), prefix, start)
    return timeline
