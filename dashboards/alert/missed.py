"""The rule of important contacts that were missed: which teams have several within an hour."""

from typing import Final

from dashboards.alert import text
from dashboards.alert.rule import Rule
from dashboards.alert.soonest import NO_TEAM
from dashboards.query import select
from streams.core.ask.question import days_between, observed
from streams.core.metrics.contact import IS_MISSED, QUEUED_IMPORTANT

MOST: Final = 3
"""So many within an hour are told of."""
_COUNTED: Final = select(
    {
        "team": f"if(contacts.team = '', '{NO_TEAM}', contacts.team)",
        "number": f"toFloat64(countIf({IS_MISSED} AND at > end_at - toIntervalHour(1)))",
    },
    observed(QUEUED_IMPORTANT, days_between(QUEUED_IMPORTANT, "end_at", "end_at")),
    "AS contacts",
    "WHERE at <= end_at",
    "GROUP BY team",
    "ORDER BY team",
)

IMPORTANT_MISSED: Final = Rule(
    uid="important-missed",
    title=text.MISSED_TITLE,
    summary=text.MISSED,
    description=text.MISSED_ABOUT.format(most=MOST),
    severity="warning",
    queries={"A": "WITH\n    $__toTime_ms AS end_at\n" + _COUNTED},
    above=MOST - 1,
    window_seconds=3_600,
    wait="0s",
    dashboard="contacts",
    panel=3,
)
