"""Business time: the durations again, counting only the hours in which the desk was open."""

from textwrap import indent
from typing import Any, Final

from msgspec.structs import replace

from schemas.schedule import SHIFTS_OF
from streams.core.metrics.metric import DAYS, DAYS_ASKED, Dimension, Metric, Observations
from streams.core.metrics.observation import (
    ANSWERED_WAITS,
    BEGUN_CYCLES,
    BEGUN_WAITS,
    FIRST_TARGET_SECONDS,
    FIRST_TARGETS,
    IS_MISSED,
    NEXT_TARGET_SECONDS,
    NEXT_TARGETS,
    RESOLVED_CYCLES,
    WAITED,
    answered_by,
    asks,
    may_ask,
)
from streams.core.metrics.resolution import (
    FIRST_RESOLUTION_P50,
    FIRST_RESOLUTION_P90,
    FULL_RESOLUTION_P50,
    RESOLUTION_P50,
    RESOLUTION_P90,
    TIME_TO_FIRST_RESOLUTION_P50,
    TIME_TO_FIRST_RESOLUTION_P90,
    TIME_TO_RESOLUTION_P50,
    TIME_TO_RESOLUTION_P90,
)
from streams.core.metrics.response_time import (
    FIRST_RESPONSE_P50,
    FIRST_RESPONSE_P90,
    FIRST_RESPONSE_WITHIN,
    NEXT_RESPONSE_P50,
    NEXT_RESPONSE_P90,
    NEXT_RESPONSE_WITHIN,
    TIME_TO_FIRST_RESPONSE_P50,
    TIME_TO_FIRST_RESPONSE_P90,
    TIME_TO_RESPONSE_P50,
    TIME_TO_RESPONSE_P90,
)

LONGEST_CLOSURE_SECONDS: Final = 31 * 86_400
"""A wait whose target lies further off than that is not seen: no desk is closed for so long."""

_SCHEDULED: Final = "(SELECT schedule FROM open_hours FINAL WHERE NOT is_withdrawn)"

DESK: Final = f"if(ticket.team IN {_SCHEDULED}, ticket.team, 'default')"
"""Whose hours: those of the ticket's team, by the latest word on it. They must not follow from who answers."""


_IS_SHIFT: Final = f"startsWith(schedule, '{SHIFTS_OF}')"


def _openings(*conditions: str) -> str:
    """Return the openings of schedules, as a table.

    Nothing ends later than tomorrow, and what falls due later than after a closure is far: what lies behind needs not
    be looked through.
    """
    where = " AND ".join([f"opens_at < now64(3) + toIntervalSecond({LONGEST_CLOSURE_SECONDS})", *conditions])
    return f"""
(
    SELECT schedule, known_until, opens_at, closes_at, open_ms_before
    FROM open_hours FINAL
    ARRAY JOIN open.since AS opens_at, open.until AS closes_at, open.ms_before AS open_ms_before
    WHERE {where}
)""".strip()  # noqa: S608 - words of ours


_ALL: Final = _openings(f"NOT {_IS_SHIFT}")
_OPEN_AT_ALL: Final = _openings(f"NOT {_IS_SHIFT}", "opens_at < closes_at")
_SHIFTS: Final = _openings(_IS_SHIFT)


def _open_ms(end: str, at: str) -> str:
    """Return how long a desk was open until an instant, since its schedule is in force."""
    return f"({end}.open_ms_before + dateDiff('millisecond', {end}.opens_at, least({at}, {end}.closes_at)))"


def _last_opening(end: str, at: str, desk: str = "desk") -> str:
    """Return the table and condition by which the last opening that begins before an instant is joined, as `end`."""
    return f"{_ALL} AS {end} ON {end}.schedule = {desk} AND {end}.opens_at <= {at}"


def _in_business_time(observations: Observations, started_at: str, ended_at: str) -> Observations:
    """Return those observations of a duration whose desk has a schedule, with `seconds` in which it was open.

    The open time until an instant is looked up at both ends: in the last row of the schedule that opens before it.
    An end without a row lies before the schedule was in force; then nothing is said, rather than too little.
    """
    last_openings = "\n".join(
        f"ASOF JOIN\n{_last_opening(end, at)}" for end, at in (("at_start", started_at), ("at_end", ended_at))
    )
    return replace(
        observations,
        name=f"business_{observations.name}",
        one=f"{observations.one}, of a team whose hours are known all the while",
        columns={
            **{name: sql for name, sql in observations.columns.items() if not name.endswith("seconds")},
            "desk": DESK,
            "seconds": f"greatest(0, {_open_ms('at_end', ended_at)} - {_open_ms('at_start', started_at)}) / 1000",
        },
        source=f"{observations.source}\n{last_openings}",
        where=f"{observations.where or 'true'} AND {ended_at} < least(at_end.known_until, now64(3) + toIntervalDay(1))",
    )


def due(started_at: str, target_ms: str, *, keeps_all: bool = False) -> tuple[str, str]:
    """Return the joins and the expression of the last instant at which no more than a target was open since another.

    It lies in the last opening before which no more was open; where that closes too soon, the one that it lies in is
    to come. Both ends are found in the openings of `desk`.

    Args:
        started_at: SQL of the instant.
        target_ms: SQL of the target in milliseconds.
        keeps_all: Whether what no opening is known of stays, with empty schedules.
    """
    due_ms = f"({_open_ms('at_start', started_at)} + {target_ms})"
    reached_at = f"at_due.opens_at + toIntervalMillisecond({due_ms} - at_due.open_ms_before)"
    joins = (
        _last_opening("at_start", started_at),
        f"{_OPEN_AT_ALL} AS at_due ON at_due.schedule = desk AND at_due.open_ms_before <= {due_ms}",
    )
    due_at = f"if({reached_at} < at_due.closes_at, {reached_at}, at_due.known_until)"
    side = "ASOF LEFT JOIN" if keeps_all else "ASOF JOIN"
    return "\n".join(f"{side}\n{join}" for join in joins), due_at


def open_between(source: str, times: str) -> str:
    """Return SELECT of the times of each cycle, in milliseconds of open hours since its begin, as `times`.

    Its key are `id`, that of the ticket, and `began_at`.

    Args:
        source: What stands behind FROM: tickets as `ticket`, their cycles as `cycle`.
        times: SQL of an array of from, until: within the cycle, in order, one after the other.
    """
    ends = {"at_begin": "cycle.started_at", "at_since": "time.1", "at_until": "time.2"}
    begin_ms, since_ms, until_ms = (_open_ms(end, at) for end, at in ends.items())
    openings = "\n".join(f"ASOF JOIN\n{_last_opening(end, at, DESK)}" for end, at in ends.items())
    return f"""
(
    SELECT id, began_at, arraySort(groupUniqArray(one)) AS times
    FROM
    (
        SELECT
            ticket.ticket_id AS id,
            cycle.started_at AS began_at,
            ({since_ms} - {begin_ms}, {until_ms} - {begin_ms}) AS one
        FROM {indent(source, "        ").lstrip()} ARRAY JOIN {times} AS time
{indent(openings, "        ")}
    )
    GROUP BY id, began_at
)""".strip()  # noqa: S608 - words of ours


def asked_too_soon(waits: str, target_seconds: str, where: str = "true") -> str:
    """Return SELECT of ticket and instant of those of `may_ask` that come within the target of one that counts.

    Args:
        waits: What stands behind FROM: tickets as `ticket`, their waits as `wait`.
        target_seconds: SQL of the target, of open hours.
        where: SQL of which waits.
    """
    openings = f"ASOF JOIN\n{_last_opening('opening', 'asked_at', DESK)}"
    has_several = f"arrayMax(wait.asked_again) > wait.started_at + toIntervalSecond({target_seconds})"
    return f"""
(
    SELECT ticket_id, arrayJoin(arrayFilter(one -> NOT has(counted, one), asked)).1
    FROM
    (
        SELECT
            ticket_id,
            arraySort(groupUniqArray((asked_at, open_ms))) AS asked,
            arrayFold(
                (counted, one) -> if(one.2 > counted[-1].2 + any(target_ms), arrayPushBack(counted, one), counted),
                arrayPopFront(asked),
                [asked[1]]
            ) AS counted
        FROM
        (
            SELECT ticket.ticket_id AS ticket_id, wait.started_at AS began_at, asked_at,
                {target_seconds} * 1000 AS target_ms, {_open_ms("opening", "asked_at")} AS open_ms
            FROM {indent(waits, "            ").lstrip()}
            ARRAY JOIN if({has_several}, {may_ask(target_seconds)}, []) AS asked_at
{indent(openings, "            ")}
            WHERE {where}
        )
        GROUP BY ticket_id, began_at
    )
)""".strip()  # noqa: S608 - words of ours


def any_asks_later(seconds: str) -> str:
    """Return SQL of whether in any wait of a ticket the customer writes again so long after its begin: few do."""
    return (
        f"arrayExists((again, since) -> arrayMax(again) > since + toIntervalSecond({seconds}), "
        "waits.asked_again, waits.started_at)"
    )


def _decided_in_business_time(
    observations: Observations, target_seconds: int, started_at: str = "wait.started_at"
) -> Observations:
    """Return waits at the instant at which it is decided whether the customer was answered within open hours."""
    joins, due_at = due(started_at, str(target_seconds * 1000))
    return replace(
        observations,
        name=f"business_{observations.name}",
        one=f"{observations.one} of open hours, of a team whose hours are known all the while",
        columns={**observations.columns, "due_at": due_at, "desk": DESK},
        lookback_seconds=LONGEST_CLOSURE_SECONDS,
        source=f"{observations.source}\n{joins}",
        where=f"{observations.where}\n    AND at < least(at_start.known_until, now64(3) + toIntervalDay(1))",
    )


_DECIDED_EARLIER: Final = """
(
    SELECT ticket.ticket_id, later.started_at
    FROM {ticket_days} ARRAY JOIN waits AS later ARRAY JOIN later.before AS earlier
{joins}
    WHERE {days} AND notEmpty(later.before) AND is_effective AND (earlier.3 <= {due_at} OR {due_at} < earlier.2)
)""".strip()


def _first_decided_in_business_time() -> Observations:
    """Return of each ticket the first wait that open hours decided; few tickets have another one before it."""
    joins, due_at = due("earlier.1", str(FIRST_TARGET_SECONDS * 1000))
    earlier = _DECIDED_EARLIER.format(
        ticket_days=DAYS, joins=indent(joins, "    ").replace("= desk", f"= {DESK}"), days=DAYS_ASKED, due_at=due_at
    )
    is_first = f"wait.can_decide AND (empty(wait.before) OR (ticket.ticket_id, wait.started_at) NOT IN {earlier})"
    first = replace(FIRST_TARGETS, where=f"{is_first} AND (is_kept OR ({IS_MISSED}))")
    return _decided_in_business_time(first, FIRST_TARGET_SECONDS)


def _twin(metric: Metric, observations: Observations, **changes: Any) -> Metric:  # noqa: ANN401 - fields of a metric
    """Return a metric of calendar time again, in business time."""
    name, _, last = metric.name.rpartition("_")
    twin = replace(
        metric,
        name=f"{name}_business_{last}",
        observations=observations,
        denominator=f"{metric.denominator}, of teams whose opening hours are known",
        is_main=False,
        about=f"As {metric.name}, but only while the desk was open: by the schedule named like the ticket's team, else "
        "by the one named default, in the version that was in force at each instant. Without a schedule there is no "
        "number, rather than 0. A schedule that is published later changes the past at once.",
    )
    return replace(twin, **changes)


def _duration(metric: Metric, observations: Observations, counted: str = "") -> Metric:
    """Return a quantile of calendar time again, in business time."""
    subject, _, which = metric.title.rpartition(", ")
    return _twin(
        metric,
        observations,
        title=f"{subject} in open hours, {which}",
        counted=counted or metric.counted,
        numerator=metric.numerator.replace("time", "open hours", 1),
        value="seconds",
    )


def _within(metric: Metric, observations: Observations) -> Metric:
    """Return a share answered within a target again, with a target in business time."""
    return _twin(
        metric, observations, title=f"{metric.title} of open hours", numerator=f"{metric.numerator} of open hours"
    )


def _next_decided_in_business_time() -> Observations:
    """Return waits as open hours decide them, from their begin and from whenever the customer asks anew."""
    seconds = str(NEXT_TARGET_SECONDS)
    source = f"{WAITED} ARRAY JOIN {asks(seconds, 'false')} AS asked_at"
    too_soon = asked_too_soon(WAITED, seconds, f"{DAYS_ASKED} AND is_effective AND {any_asks_later(seconds)}")
    which = f"(empty(wait.asked_again) OR (ticket.ticket_id, asked_at) NOT IN {too_soon})"
    targets = replace(NEXT_TARGETS, source=source, where=f"{which} AND {NEXT_TARGETS.where}")
    return _decided_in_business_time(targets, NEXT_TARGET_SECONDS, "asked_at")


_ANSWERED: Final = "assumeNotNull(wait.answered_at)"
_RESOLVED: Final = "assumeNotNull(cycle.resolved_at)"

_AGENT: Final = f"concat('{SHIFTS_OF}', {answered_by(_ANSWERED)[Dimension.AGENT]})"
SHIFT_ANSWERS: Final = replace(
    ANSWERED_WAITS,
    name="answers_by_shifts",
    one=f"{ANSWERED_WAITS.one}, of an agent whose shifts are known then",
    columns={"at": ANSWERED_WAITS.columns["at"], "shifts": _AGENT, "is_off": f"{_ANSWERED} >= shift.closes_at"},
    source=f"{WAITED}\nASOF JOIN\n{_SHIFTS} AS shift ON shift.schedule = shifts AND shift.opens_at <= {_ANSWERED}",
    where=f"{ANSWERED_WAITS.where} AND {_ANSWERED} < least(shift.known_until, now64(3) + toIntervalDay(1))",
)
"""Whose shifts nobody publishes is left out."""

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

BUSINESS_BEGUN_WAITS: Final = _in_business_time(BEGUN_WAITS, "wait.started_at", "ended_at")
BUSINESS_BEGUN_CYCLES: Final = _in_business_time(BEGUN_CYCLES, "cycle.started_at", "ended_at")

TIME_TO_FIRST_RESPONSE_BUSINESS_P50: Final = _duration(TIME_TO_FIRST_RESPONSE_P50, BUSINESS_BEGUN_WAITS)
TIME_TO_FIRST_RESPONSE_BUSINESS_P90: Final = _duration(TIME_TO_FIRST_RESPONSE_P90, BUSINESS_BEGUN_WAITS)
TIME_TO_RESPONSE_BUSINESS_P50: Final = _duration(TIME_TO_RESPONSE_P50, BUSINESS_BEGUN_WAITS)
TIME_TO_RESPONSE_BUSINESS_P90: Final = _duration(TIME_TO_RESPONSE_P90, BUSINESS_BEGUN_WAITS)
TIME_TO_RESOLUTION_BUSINESS_P50: Final = _duration(TIME_TO_RESOLUTION_P50, BUSINESS_BEGUN_CYCLES)
TIME_TO_RESOLUTION_BUSINESS_P90: Final = _duration(TIME_TO_RESOLUTION_P90, BUSINESS_BEGUN_CYCLES)
TIME_TO_FIRST_RESOLUTION_BUSINESS_P50: Final = _duration(TIME_TO_FIRST_RESOLUTION_P50, BUSINESS_BEGUN_CYCLES)
TIME_TO_FIRST_RESOLUTION_BUSINESS_P90: Final = _duration(TIME_TO_FIRST_RESOLUTION_P90, BUSINESS_BEGUN_CYCLES)
FIRST_RESPONSE_BUSINESS_P50: Final = _duration(FIRST_RESPONSE_P50, BUSINESS_WAITS, "is_first")
FIRST_RESPONSE_BUSINESS_P90: Final = _duration(FIRST_RESPONSE_P90, BUSINESS_WAITS, "is_first")
NEXT_RESPONSE_BUSINESS_P50: Final = _duration(NEXT_RESPONSE_P50, BUSINESS_WAITS)
NEXT_RESPONSE_BUSINESS_P90: Final = _duration(NEXT_RESPONSE_P90, BUSINESS_WAITS)
RESOLUTION_BUSINESS_P50: Final = _duration(RESOLUTION_P50, BUSINESS_CYCLES)
RESOLUTION_BUSINESS_P90: Final = _duration(RESOLUTION_P90, BUSINESS_CYCLES)
FIRST_RESOLUTION_BUSINESS_P50: Final = _duration(FIRST_RESOLUTION_P50, BUSINESS_CYCLES)
FIRST_RESOLUTION_BUSINESS_P90: Final = _duration(FIRST_RESOLUTION_P90, BUSINESS_CYCLES)
FULL_RESOLUTION_BUSINESS_P50: Final = _duration(FULL_RESOLUTION_P50, BUSINESS_CASES)
FIRST_RESPONSE_BUSINESS_WITHIN: Final = _within(FIRST_RESPONSE_WITHIN, _first_decided_in_business_time())
NEXT_RESPONSE_BUSINESS_WITHIN: Final = _within(NEXT_RESPONSE_WITHIN, _next_decided_in_business_time())
