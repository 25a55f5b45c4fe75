"""The policy that the simulated desk publishes: what it calls satisfied and in time, and stricter after a while."""

from datetime import datetime, timedelta
from typing import Final

from schemas.events import NAME_OF, PolicyPublished
from schemas.policy import SUBJECT, Policy, Rule, Scale, SettledAfter, Worth
from streams.simulation.timeline import Simulated
from streams.simulation.world import (
    COST_PER_HOUR,
    CURRENCY,
    DESK_SOURCE,
    LEAFLET_DEPARTMENT,
    LEAFLET_REASON,
    TRACKING_DEPARTMENT,
    TRACKING_REASON,
    ZONE,
)

_YEAR: Final = timedelta(days=366)
_URGENT: Final = Rule(within="30m", priority=("urgent",))
_RESOLUTION: Final = (Rule(within="1d", priority=("urgent", "high")), Rule(within="5d", paused=("customer",)))


def policy(seed: int, start: datetime, stricter_from: datetime) -> Simulated:
    """Return the event by which the desk publishes its policy as it opens for the first time.

    Args:
        seed: Of the world.
        start: When the desk opens for the first time.
        stricter_from: From when on it means to answer sooner.
    """
    content = PolicyPublished(
        versions=(
            _version(start - _YEAR, Rule(within="4h", hours="open")),
            _version(stricter_from, Rule(within="2h", hours="open")),
        )
    )
    return Simulated(
        at=start,
        source=DESK_SOURCE,
        id=f"{seed}-policy",
        name=NAME_OF[PolicyPublished],
        subject=SUBJECT,
        sequence=None,
        data=content,
    )


def _version(from_at: datetime, others: Rule) -> Policy:
    return Policy(
        from_at=from_at,
        zone=ZONE,
        scales=(Scale(scale_min=1, scale_max=5, satisfied_from=4), Scale(scale_min=0, scale_max=10, satisfied_from=8)),
        least_n=25,
        reason_share=0.2,
        departments={LEAFLET_REASON: LEAFLET_DEPARTMENT, TRACKING_REASON: TRACKING_DEPARTMENT},
        worth=Worth(currency=CURRENCY, cost_per_hour=COST_PER_HOUR),
        settled_after_days=SettledAfter(reopenings=10),
        first_response=(_URGENT, others),
        response=(Rule(within="4h", hours="open"),),
        resolution=_RESOLUTION,
    )
