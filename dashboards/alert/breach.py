"""The rule *will breach*: which teams have customers waiting whose target passes soon, and which tickets these are.

How much is left is told by the clock of the target. Of one in open hours a team hears while it can still answer: of
what falls due five minutes after the desk opens on Monday, ten minutes before it closes on Friday.
"""

from textwrap import indent
from typing import Final

from msgspec.structs import replace

from dashboards.alert import text
from dashboards.alert.rule import Rule
from dashboards.query import select
from streams.core.ask.question import days_between, observed
from streams.core.metrics import Observations
from streams.core.metrics.business_time import LONGEST_CLOSURE_SECONDS
from streams.core.metrics.in_target import FIRST_RESPONSES_DUE, RESPONSES_DUE

LEAD_MINUTES: Final = 15
"""So long before a target passes its team is told."""
WAIT_MINUTES: Final = 2
"""An answer may be stored later than its question, above all while history is filled in; so long it is waited for."""
NAMED: Final = 5
"""Tickets that a text names."""
NO_TEAM: Final = "desk"
"""Who is told of tickets that nobody has taken."""

_WITH: Final = "WITH $__toTime_ms AS end_at"
_RULE: Final = {"target_ms": "rule.seconds * 1000", "in_open_hours": "rule.is_open_hours"}
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
_TEAMS: Final = "\n".join(
    [
        "SELECT arrayJoin(charges.team) AS team, '' AS ticket_id, end_at AS due_at",
        "FROM ticket_days",
        "WHERE day BETWEEN toDate(end_at, 'UTC') - 1 AND toDate(end_at, 'UTC')",
    ]
)
"""A row of each team of which something was heard lately: what it was told of is over, rather than no longer known."""


def will_breach(lead_minutes: float = LEAD_MINUTES) -> Rule:
    """Return the rule.

    Args:
        lead_minutes: So long before a target passes, by its own clock; of one shorter than twice that half of it.
    """
    due = _due(int(lead_minutes * 60_000))
    ids = f"arrayMap(one -> one.2, arraySlice(soonest, 1, {NAMED}))"
    unnamed = f"length(soonest) - {NAMED}"
    more = f"if({unnamed} > 0, concat('{text.AND}', toString({unnamed}), '{text.MORE}'), '')"
    told = {
        "first": f"formatDateTime(soonest[1].1, '{text.INSTANT}', 'UTC')",
        "tickets": f"concat(arrayStringConcat({ids}, ', '), {more})",
    }
    left = "if(empty(soonest), 0, dateDiff('second', end_at, soonest[1].1))"
    return Rule(
        uid="will-breach",
        title=text.BREACH_TITLE,
        summary=text.BREACH,
        description=text.breach_about(lead_minutes),
        severity="warning",
        queries={"A": _by_team({}, "length(soonest)", due), "T": _by_team(told, left, due)},
        above=0,
        window_seconds=60,
        wait=f"{WAIT_MINUTES}m",
        dashboard="in-time",
        panel=4,
    )


def _by_team(labels: dict[str, str], number: str, due: str) -> str:
    """Return a number of each team, and texts beside it, from its tickets with the soonest first."""
    sooner = select(
        {"team": f"if(team = '', '{NO_TEAM}', team)", "ticket_id": "ticket_id", "first_at": "min(due_at)"},
        f"{due}\nUNION ALL\n{_TEAMS}",
        "GROUP BY team, ticket_id",
    )
    soonest = "arraySort(groupArrayIf((first_at, ticket_id), ticket_id != ''))"
    teams = select({"team": "team", "soonest": soonest}, sooner, "GROUP BY team")
    columns = {"team": "team", **labels, "number": f"toFloat64({number})"}
    return _WITH + "\n" + select(columns, teams, "ORDER BY team")


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
    """Return those who wait; of days of long ago only rows are read that hold anything open."""
    named = replace(observations, columns={**observations.columns, **_RULE})
    days = f"{days_between(observations, 'end_at', 'end_at')} AND open_until >= end_at"
    names = ("team", "ticket_id", "desk", "due_at", "open_until", *_RULE)
    return "SELECT " + ", ".join(names) + "\nFROM\n(\n" + indent(observed(named, days), "    ") + "\n)"
