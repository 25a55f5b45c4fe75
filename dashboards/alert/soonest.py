"""What falls due, told to each team: how many there are, and the tickets of those that come first."""

from typing import Final

from dashboards.alert import text
from dashboards.query import select

NAMED: Final = 5
"""Tickets that a text names."""
NO_TEAM: Final = "desk"
"""Who is told of tickets that nobody has taken."""
_TEAMS: Final = "\n".join(
    [
        "SELECT arrayJoin(charges.team) AS team, '' AS ticket_id, end_at AS due_at",
        "FROM ticket_days",
        "WHERE day BETWEEN toDate(end_at, 'UTC') - 1 AND toDate(end_at, 'UTC')",
    ]
)
"""A row of each team of which something was heard lately: what it was told of is over, rather than no longer known."""


def soonest_by_team(head: str, due: str) -> dict[str, str]:
    """Return the queries of a rule: A counts tickets of each team, T brings the texts and the seconds that are left.

    Args:
        head: What stands before; it names the instant of now `end_at`.
        due: SELECT of `team`, `ticket_id` and `due_at` of what is told of.
    """
    ids = f"arrayMap(one -> one.2, arraySlice(soonest, 1, {NAMED}))"
    unnamed = f"length(soonest) - {NAMED}"
    more = f"if({unnamed} > 0, concat('{text.AND}', toString({unnamed}), '{text.MORE}'), '')"
    told = {
        "first": f"formatDateTime(soonest[1].1, '{text.INSTANT}', 'UTC')",
        "tickets": f"concat(arrayStringConcat({ids}, ', '), {more})",
    }
    left = "if(empty(soonest), 0, dateDiff('second', end_at, soonest[1].1))"
    return {"A": _by_team(head, {}, "length(soonest)", due), "T": _by_team(head, told, left, due)}


def _by_team(head: str, labels: dict[str, str], number: str, due: str) -> str:
    """Return a number of each team, and texts beside it, from its tickets with the soonest first."""
    sooner = select(
        {"team": f"if(team = '', '{NO_TEAM}', team)", "ticket_id": "ticket_id", "first_at": "min(due_at)"},
        f"{due}\nUNION ALL\n{_TEAMS}",
        "GROUP BY team, ticket_id",
    )
    soonest = "arraySort(groupArrayIf((first_at, ticket_id), ticket_id != ''))"
    teams = select({"team": "team", "soonest": soonest}, sooner, "GROUP BY team")
    columns = {"team": "team", **labels, "number": f"toFloat64({number})"}
    return head + "\n" + select(columns, teams, "ORDER BY team")
