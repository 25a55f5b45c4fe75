"""The rule *will breach*: which teams have customers waiting whose target passes soon, and which tickets these are.

How much is left is told by the clock of the target. Of one in open hours a team hears while it can still answer: of
what falls due five minutes after the desk opens on Monday, ten minutes before it closes on Friday.
"""

from textwrap import indent
from typing import Final

from msgspec.structs import replace

from dashboards.alert import text
from dashboards.alert.rule import Rule
from dashboards.alert.soonest import soonest_by_team
from dashboards.query import select
from streams.core.ask.question import days_between, observed
from streams.core.metrics import Observations
from streams.core.metrics.business_time import LONGEST_CLOSURE_SECONDS
from streams.core.metrics.in_target import FIRST_RESPONSES_DUE, RESPONSES_DUE, TARGET_MS
from streams.core.policy.published import BUILT_IN

LEAD_MINUTES: Final = 15
"""So long before a target passes its team is told."""
WAIT_MINUTES: Final = 2
"""An answer may be stored later than its question, above all while history is filled in; so long it is waited for."""

_BUILT_IN_SECONDS: Final = max(rule.seconds for rule in (*BUILT_IN.first_response, *BUILT_IN.response))
_LONGEST: Final = """
(
    SELECT (max(if(rule.is_open_hours, 0, rule.seconds)), max(if(rule.is_open_hours, rule.seconds, 0)))
    FROM policies FINAL
    ARRAY JOIN arrayConcat(arrayFlatten(versions.first_response_rules), arrayFlatten(versions.response_rules)) AS rule
)""".strip()
"""The seconds of the longest targets that any version states, by the calendar and in open hours."""
_OPEN_AGO: Final = """
(
    SELECT minOrNull(open.since[began_in] + toIntervalMillisecond(began_ms - open.ms_before[began_in]))
    FROM
    (
        SELECT
            open.since,
            open.ms_before,
            greatest(1, arrayLastIndex(opens -> opens <= end_at, open.since)) AS now_in,
            dateDiff('millisecond', open.since[now_in], least(end_at, open.until[now_in])) AS now_ms,
            open.ms_before[now_in] + now_ms - longest.2 * 1000 AS began_ms,
            greatest(1, arrayLastIndex(before -> before < began_ms, open.ms_before)) AS began_in
        FROM open_hours FINAL
        WHERE NOT is_withdrawn
    )
)""".strip()
"""When the longest target in open hours began that is used up now; of several desks the earliest."""
_WITH: Final = f"""
WITH
    $__toTime_ms AS end_at,
    {indent(_LONGEST, "    ").lstrip()} AS longest,
    least(
        end_at - toIntervalSecond(greatest(longest.1, {_BUILT_IN_SECONDS})),
        ifNull({indent(_OPEN_AGO, "        ").lstrip()}, end_at)
    ) AS earliest_at
""".strip()
"""Whoever waits since before `earliest_at` has been missed: days of before are not read."""
_RULE: Final = {"target_ms": TARGET_MS, "in_open_hours": "is_open_hours"}
_HOURS: Final = f"""
(
    SELECT
        schedule,
        arrayFilter(
            one -> one.2 > end_at AND one.1 < end_at + toIntervalSecond({LONGEST_CLOSURE_SECONDS}),
            arrayZip(open.since, open.until)
        ) AS openings
    FROM open_hours FINAL
)""".strip()  # noqa: S608 - words of ours
"""When each desk is open from now on."""
_OPEN_MS: Final = """
arraySum(
    one -> greatest(0, dateDiff('millisecond', greatest(one.1, end_at), least(one.2, due_at))),
    openings
)""".strip()


def will_breach(lead_minutes: float = LEAD_MINUTES) -> Rule:
    """Return the rule.

    Args:
        lead_minutes: So long before a target passes, by its own clock; of one shorter than twice that half of it.
    """
    due = _due(int(lead_minutes * 60_000))
    return Rule(
        uid="will-breach",
        title=text.BREACH_TITLE,
        summary=text.BREACH,
        description=text.breach_about(lead_minutes),
        severity="warning",
        queries=soonest_by_team(_WITH, due),
        above=0,
        window_seconds=60,
        wait=f"{WAIT_MINUTES}m",
        dashboard="in-time",
        panel=4,
    )


def _due(lead_ms: int) -> str:
    """Return the waits of which so little is left, by the hours that their targets count, and when they fall due."""
    left_ms = f"if(in_open_hours, {_OPEN_MS}, dateDiff('millisecond', end_at, due_at))"
    soon = f"{left_ms} <= least({lead_ms}, target_ms / 2) + {WAIT_MINUTES * 60_000}"
    return select(
        {"team": "team", "ticket_id": "ticket_id", "due_at": "due_at"},
        "\nUNION ALL\n".join(map(_waits, (FIRST_RESPONSES_DUE, RESPONSES_DUE))),
        "AS waits",
        f"LEFT JOIN\n{_HOURS} AS hours ON hours.schedule = waits.desk",
        f"WHERE open_until >= end_at AND due_at > end_at AND {soon}",
    )


def _waits(observations: Observations) -> str:
    """Return those who wait for no longer than a target lasts."""
    named = replace(observations, columns={**observations.columns, **_RULE})
    longest = days_between(observations, "end_at", "end_at")
    days = f"{longest} AND day >= toDate(earliest_at, 'UTC') AND open_until >= end_at"
    names = ("team", "ticket_id", "desk", "due_at", "open_until", *_RULE)
    return "SELECT " + ", ".join(names) + "\nFROM\n(\n" + indent(observed(named, days), "    ") + "\n)"
