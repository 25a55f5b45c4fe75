"""Business time: the durations again, counting only the hours in which the desk was open."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.observation import ANSWERED_WAITS, RESOLVED_CYCLES
from streams.core.metrics.resolution import (
    FIRST_RESOLUTION_P50,
    FIRST_RESOLUTION_P90,
    FULL_RESOLUTION_P50,
    RESOLUTION_P50,
    RESOLUTION_P90,
)
from streams.core.metrics.response_time import (
    FIRST_RESPONSE_P50,
    FIRST_RESPONSE_P90,
    NEXT_RESPONSE_P50,
    NEXT_RESPONSE_P90,
)
from streams.core.metrics.word import Metric, Observations

_SCHEDULED: Final = "(SELECT schedule FROM open_hours FINAL WHERE NOT is_withdrawn)"

_OPENINGS: Final = """
(
    SELECT schedule, known_until, opens_at, closes_at, open_ms_before
    FROM open_hours FINAL
    ARRAY JOIN open.since AS opens_at, open.until AS closes_at, open.ms_before AS open_ms_before
    WHERE opens_at < now64(3) + toIntervalDay(1)
)""".strip()
"""Nothing ends later than tomorrow, so what lies behind needs not be looked through."""


def _in_business_time(observations: Observations, started_at: str, ended_at: str) -> Observations:
    """Return those observations of a duration whose desk has a schedule, with `seconds` in which it was open.

    The open time until an instant is looked up at both ends: in the last row of the schedule that opens before it.
    An end without a row lies before the schedule was in force; then nothing is said, rather than too little.
    """
    last_openings = "\n".join(
        f"ASOF JOIN\n{_OPENINGS} AS {end} ON {end}.schedule = desk AND {end}.opens_at <= {at}"
        for end, at in (("at_start", started_at), ("at_end", ended_at))
    )
    return replace(
        observations,
        name=f"business_{observations.name}",
        one=f"{observations.one}, of a team whose hours are known all the while",
        columns={
            **{name: sql for name, sql in observations.columns.items() if not name.endswith("seconds")},
            "desk": f"if(team IN {_SCHEDULED}, team, 'default')",
            "seconds": f"greatest(0, {_open_ms('at_end', ended_at)} - {_open_ms('at_start', started_at)}) / 1000",
        },
        source=f"{observations.source}\n{last_openings}",
        where=f"{observations.where} AND {ended_at} < least(at_end.known_until, now64(3) + toIntervalDay(1))",
    )


def _open_ms(end: str, at: str) -> str:
    """Return how long a desk was open until an instant, since its schedule is in force."""
    return f"({end}.open_ms_before + dateDiff('millisecond', {end}.opens_at, least({at}, {end}.closes_at)))"


def _twin(metric: Metric, observations: Observations, counted: str = "") -> Metric:
    """Return a metric of calendar time again, in business time."""
    name, _, quantile = metric.name.rpartition("_")
    subject, _, which = metric.title.rpartition(", ")
    return replace(
        metric,
        name=f"{name}_business_{quantile}",
        title=f"{subject} in open hours, {which}",
        observations=observations,
        counted=counted or metric.counted,
        numerator=metric.numerator.replace("time", "open hours", 1),
        denominator=f"{metric.denominator}, of teams whose opening hours are known",
        value="seconds",
        is_main=False,
        about=f"As {metric.name}, but only while the desk was open: by the schedule named like the ticket's team, else "
        "by the one named default, in the version that was in force at each instant. Without a schedule there is no "
        "number, rather than 0. A schedule that is published later changes the past at once.",
    )


_ANSWERED: Final = "assumeNotNull(wait.answered_at)"
_RESOLVED: Final = "assumeNotNull(cycle.resolved_at)"

BUSINESS_WAITS: Final = _in_business_time(
    replace(ANSWERED_WAITS, columns={**ANSWERED_WAITS.columns, "is_first": "wait.is_first"}),
    "wait.started_at",
    _ANSWERED,
)
BUSINESS_CYCLES: Final = _in_business_time(RESOLVED_CYCLES, "cycle.started_at", _RESOLVED)
BUSINESS_CASES: Final = replace(
    _in_business_time(RESOLVED_CYCLES, "created_at", _RESOLVED),
    name="business_cases",
    one="a case from creation to a resolution, of a team whose hours are known all the while",
)

FIRST_RESPONSE_BUSINESS_P50: Final = _twin(FIRST_RESPONSE_P50, BUSINESS_WAITS, "is_first")
FIRST_RESPONSE_BUSINESS_P90: Final = _twin(FIRST_RESPONSE_P90, BUSINESS_WAITS, "is_first")
NEXT_RESPONSE_BUSINESS_P50: Final = _twin(NEXT_RESPONSE_P50, BUSINESS_WAITS)
NEXT_RESPONSE_BUSINESS_P90: Final = _twin(NEXT_RESPONSE_P90, BUSINESS_WAITS)
RESOLUTION_BUSINESS_P50: Final = _twin(RESOLUTION_P50, BUSINESS_CYCLES)
RESOLUTION_BUSINESS_P90: Final = _twin(RESOLUTION_P90, BUSINESS_CYCLES)
FIRST_RESOLUTION_BUSINESS_P50: Final = _twin(FIRST_RESOLUTION_P50, BUSINESS_CYCLES)
FIRST_RESOLUTION_BUSINESS_P90: Final = _twin(FIRST_RESOLUTION_P90, BUSINESS_CYCLES)
FULL_RESOLUTION_BUSINESS_P50: Final = _twin(FULL_RESOLUTION_P50, BUSINESS_CASES)
