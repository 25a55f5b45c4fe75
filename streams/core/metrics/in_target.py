"""In time, by the desk's policy: first responses, any responses and resolutions, each within the target of its ticket.

A ticket's targets are those of the version that was in force when it was created, of the first rule that it meets.
"""

from collections.abc import Mapping
from textwrap import indent
from typing import Any, Final

from msgspec.structs import replace

from streams.core.metrics.business_time import (
    DESK,
    LONGEST_CLOSURE_SECONDS,
    any_asks_later,
    asked_too_soon,
    due,
    open_between,
)
from streams.core.metrics.metric import Dimension, Direction, Kind, Metric, Observations, Topic, Unit
from streams.core.metrics.observation import (
    IS_MISSED,
    NEVER,
    RESOLVER,
    SENDER,
    answered_by,
    asks,
    in_charge,
)
from streams.core.metrics.policy import with_target

IN_TARGET: Final = "_in_target"
"""So the names of these observations end, behind the name of the target."""
TARGET_MS: Final = "target_seconds * 1000"
"""The target of the rule that a ticket falls under."""
_IS_KNOWN: Final = "(NOT is_open_hours OR (at_start.schedule != '' AND at_due.schedule != ''))"
"""Of a desk without a schedule there is no number where the target counts open hours."""


def _in_target(
    target: str,
    one: str,
    *,
    parts: str,
    started_at: str,
    ended_at: str,
    missed: str,
    lookback_seconds: int,
    doers: Mapping[Dimension, str],
    who: str,
    which: str = "true",
    calendar_ms: str = TARGET_MS,
    open_ms: str = TARGET_MS,
) -> Observations:
    """Return what a target was decided on: at the end when it comes in time, else as the target passes."""
    joins, due_in_open_hours = due(started_at, open_ms, keeps_all=True)
    due_by_calendar = f"{started_at} + toIntervalMillisecond({calendar_ms})"
    return Observations(
        name=f"{target}{IN_TARGET}",
        one=one,
        clock="decided_at: the end within the target, or else the end of the target",
        columns={
            "rule_from": "rule_from",
            "rule_number": "rule_number",
            "desk": DESK,
            "due_at": f"if(is_open_hours, {due_in_open_hours}, {due_by_calendar})",
            "is_kept": f"ifNull({ended_at} <= due_at, false)",
            "at": f"if(is_kept, assumeNotNull({ended_at}), due_at)",
        },
        home=started_at,
        lookback_seconds=lookback_seconds,
        source=f"{with_target(target)} {parts}\n{joins}",
        where=f"{_IS_KNOWN}\n    AND {which} AND (is_kept OR ({missed}))",
        doers=doers,
        whose=f"{who}; of a miss the team and the agent in charge as the target passed",
    )


_WAITS: Final = "ARRAY JOIN waits AS wait"
_OF_WAITS: Final[Mapping[str, Any]] = {
    "ended_at": "wait.answered_at",
    "missed": IS_MISSED,
    "lookback_seconds": LONGEST_CLOSURE_SECONDS,
    "doers": answered_by("at", "is_kept"),
    "who": SENDER,
}

_EARLIER_DUE, _EARLIER_DUE_AT = due("earlier.1", TARGET_MS)
_WITH_EARLIER: Final = with_target(
    "first_response", rule="is_open_hours", tickets="arrayExists(before -> notEmpty(before), waits.before)"
)
_DECIDED_EARLIER: Final = f"""
(
    SELECT ticket_id, started_at
    FROM
    (
        SELECT ticket_id, later.started_at AS started_at, earlier.2 AS stopped_at, earlier.3 AS answered_at,
            {_EARLIER_DUE_AT} AS due_at
        FROM {indent(_WITH_EARLIER, "        ").lstrip()}
        ARRAY JOIN waits AS later ARRAY JOIN later.before AS earlier
{indent(_EARLIER_DUE, "        ").replace("= desk", f"= {DESK}")}
        WHERE notEmpty(later.before)
    )
    WHERE answered_at <= due_at OR due_at < stopped_at
)""".strip()  # noqa: S608 - words of ours
"""Waits of which an earlier one was decided by open hours; few tickets have one."""
_EARLIER_END: Final = "(earlier.1 + toIntervalSecond(target_seconds))"
_IS_FIRST: Final = f"""wait.can_decide AND (empty(wait.before) OR if(
        is_open_hours,
        (ticket.ticket_id, wait.started_at) NOT IN {_DECIDED_EARLIER},
        NOT arrayExists(earlier -> earlier.3 <= {_EARLIER_END} OR {_EARLIER_END} < earlier.2, wait.before)
    ))"""

FIRST_RESPONSES_IN_TARGET: Final = _in_target(
    "first_response",
    "the first wait of a ticket for a person, answered within its target, or lasting longer",
    which=_IS_FIRST,
    parts=_WAITS,
    started_at="wait.started_at",
    **_OF_WAITS,
)

_ASKS: Final = f"{_WAITS} ARRAY JOIN {asks('target_seconds', 'NOT is_open_hours')} AS asked_at"
_ASKED_TOO_SOON: Final = asked_too_soon(
    f"{with_target('response', rule='is_open_hours', tickets=any_asks_later('shortest_seconds'))} {_WAITS}",
    "target_seconds",
)
_COUNTS: Final = f"""(
        NOT is_open_hours
        OR empty(wait.asked_again)
        OR (ticket.ticket_id, asked_at) NOT IN {_ASKED_TOO_SOON}
    )"""

RESPONSES_IN_TARGET: Final = _in_target(
    "response",
    "a customer's wait for a person, and again from when the customer writes once its target has passed; answered "
    "within its target, or lasting longer",
    which=_COUNTS,
    parts=_ASKS,
    started_at="asked_at",
    **_OF_WAITS,
)
_TOMORROW: Final = "(now64(3) + toIntervalDay(1))"
"""Behind it nothing is decided yet: so far what goes on is known to."""
_HALTS: Final = f"""
arrayMap(time -> (time.1, least(time.2, {_TOMORROW})), arraySort(arrayConcat(
    if(paused_for_customer, cycle.awaits_customer, []), if(paused_on_hold, cycle.on_hold, [])
)))""".strip()
"""From when until when the clock of a resolution stands still, by its rule."""
_CYCLES: Final = "ARRAY JOIN cycles AS cycle"
_PAUSED: Final = "(paused_for_customer OR paused_on_hold)"
_HALTED: Final = open_between(
    f"{with_target('resolution', rule=f'is_open_hours AND {_PAUSED}', tickets='any_pauses')} {_CYCLES}", _HALTS
)


def _prolonged(times: str) -> str:
    """Return SQL of the milliseconds behind a begin at which a target passes: each halt until then puts it off.

    Args:
        times: SQL of the halts, in milliseconds behind the begin.
    """
    longer = "if(time.1 <= passed, passed + time.2 - time.1, passed)"
    folded = f"arrayFold((passed, time) -> {longer}, {times}, toInt64({TARGET_MS}))"
    return f"if({_PAUSED}, {folded}, toInt64({TARGET_MS}))"


_SINCE_BEGIN: Final = "dateDiff('millisecond', cycle.started_at, time.{end})"

RESOLUTIONS_IN_TARGET: Final = _in_target(
    "resolution",
    "a cycle, resolved within its target, or lasting longer; times in which it stands still by its rule left out",
    parts=f"""{_CYCLES}
LEFT JOIN
{_HALTED} AS halted ON halted.id = ticket.ticket_id AND halted.began_at = cycle.started_at""",
    calendar_ms=_prolonged(f"arrayMap(time -> ({_SINCE_BEGIN.format(end=1)}, {_SINCE_BEGIN.format(end=2)}), {_HALTS})"),
    open_ms=_prolonged("halted.times"),
    started_at="cycle.started_at",
    ended_at="cycle.resolved_at",
    missed=f"due_at <= now64(3) AND due_at < ifNull(cycle.resolved_at, {NEVER})",
    lookback_seconds=2 * LONGEST_CLOSURE_SECONDS,
    doers=in_charge("at"),
    who=RESOLVER,
)

_STILL_WAITS: Final = "wait.answered_at IS NULL AND wait.stopped_at IS NULL AND notEmpty(wait.open)"


def _due(observations: Observations, one: str, which: str = "true") -> Observations:
    """Return waits that nobody has answered yet, at the instant at which their target passes."""
    kept = {name: sql for name, sql in observations.columns.items() if name != "is_kept"}
    return replace(
        observations,
        name=observations.name.replace(IN_TARGET, "_due"),
        one=one,
        clock="due_at: the end of the target",
        columns={**kept, "at": "due_at", "began_at": observations.home, "open_until": "wait.open[-1].2"},
        where=f"{_IS_KNOWN} AND {_STILL_WAITS}\n    AND {which}",
        doers=in_charge("now64(3)"),
        whose="the team and the agent in charge now",
    )


FIRST_RESPONSES_DUE: Final = _due(
    FIRST_RESPONSES_IN_TARGET, "a ticket whose customer waits for a person for the first time", _IS_FIRST
)
RESPONSES_DUE: Final = _due(RESPONSES_IN_TARGET, "a customer who waits for a person", _COUNTS)

FIRST_RESPONSE_IN_TARGET: Final = Metric(
    name="first_response_in_target",
    title="First response in time",
    topic=Topic.RESPONSE,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=FIRST_RESPONSES_IN_TARGET,
    numerator="of them those answered by a person within the target of their ticket",
    denominator="tickets whose first wait was decided in the window: answered in time, or still going on as its target "
    "passed",
    hit="is_kept",
    about="By the desk's policy: a ticket's target is the first rule that it meets, of the version in force when it "
    "was created; without a policy, an hour for all. Some targets count open hours only. Tickets that meet no rule "
    "are left out, and those with a target in open hours of a desk without a schedule. As in first_response_within, "
    "leaving a ticket alone never improves this.",
)

RESPONSE_IN_TARGET: Final = Metric(
    name="response_in_target",
    title="Any response in time",
    topic=Topic.RESPONSE,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=RESPONSES_IN_TARGET,
    numerator="of them those answered by a person within the target of their ticket",
    denominator="waits answered in time within the window, or still going on as their target passed in the window",
    hit="is_kept",
    is_main=False,
    about="As first_response_in_target, for every wait of a customer, and anew from when the customer writes once its "
    "target has passed; without a policy, four hours for everyone.",
)

RESOLUTION_IN_TARGET: Final = Metric(
    name="resolution_in_target",
    title="Resolved in time",
    topic=Topic.RESOLUTION,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=RESOLUTIONS_IN_TARGET,
    numerator="of them those resolved within the target of their ticket",
    denominator="cycles resolved in time within the window, or still going on as their target passed in the window",
    hit="is_kept",
    is_main=False,
    about="As first_response_in_target, for every cycle, from creation or reopening to the next resolution. There is "
    "none without a policy that states targets for resolutions. Time counts also while the customer has to answer or "
    "while the ticket is on hold, unless the rule says that it is paused then.",
)
