"""The rules of promises: which teams have one that falls due soon, and which have broken one."""

from typing import Any, Final

from dashboards.alert import text
from dashboards.alert.rule import Rule
from dashboards.alert.soonest import soonest_by_team
from dashboards.query import select
from streams.core.ask.question import days_between, observed
from streams.core.metrics.observation import OPEN_PROMISES

WAIT_MINUTES: Final = 2
"""That it was kept may be stored a little later; so long it is waited for."""
TOLD_HOURS: Final = 24
"""So long after it fell due a broken promise is told of; then the list of those overdue has it."""
_WITH: Final = "WITH\n    $__toTime_ms AS end_at"


def promise_due(lead_minutes: float) -> Rule:
    """Return the rule that warns before a promise falls due.

    Args:
        lead_minutes: So long before; of one given for less than twice that half of it.
    """
    lead_ms = int(lead_minutes * 60_000)
    shorter = f"least({lead_ms}, intDiv(dateDiff('millisecond', made_at, at), 2)) + {WAIT_MINUTES * 60_000}"
    return _rule(
        f"at > end_at AND dateDiff('millisecond', end_at, at) <= {shorter}",
        uid="promise-due",
        title=text.PROMISE_DUE_TITLE,
        summary=text.PROMISE_DUE,
        description=text.promise_due_about(lead_minutes),
        severity="warning",
    )


def _rule(condition: str, **said: Any) -> Rule:  # noqa: ANN401 - fields of a rule
    """Return the rule that tells each team of its open promises for which a condition holds."""
    days = days_between(OPEN_PROMISES, "end_at", "end_at")
    columns = {"team": "team", "ticket_id": "ticket_id", "due_at": "at"}
    due = select(columns, observed(OPEN_PROMISES, days), "AS promises", f"WHERE {condition}")
    return Rule(
        queries=soonest_by_team(_WITH, due),
        above=0,
        window_seconds=60,
        wait=f"{WAIT_MINUTES}m",
        dashboard="promises",
        panel=5,
        **said,
    )


PROMISE_BROKEN: Final = _rule(
    f"at <= end_at AND at > end_at - toIntervalHour({TOLD_HOURS})",
    uid="promise-broken",
    title=text.PROMISE_BROKEN_TITLE,
    summary=text.PROMISE_BROKEN,
    description=text.PROMISE_BROKEN_ABOUT.format(hours=TOLD_HOURS),
    severity="page",
)
