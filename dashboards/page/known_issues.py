"""Known issues: what customers will ask, what helps them, until when; and how well the desk is told."""

from typing import Final

from dashboards import figure, panel, query, style, text, variable
from dashboards.dashboard import Dashboard
from dashboards.panel import Panel
from dashboards.query import clock, quoted, select
from streams.core.ask.question import days_between
from streams.core.metrics import METRICS
from streams.core.metrics.known_issue import ABOUT_ISSUE, KNOWN_ISSUES, OF_ISSUES
from streams.core.metrics.metric import DAYS_ASKED

_LEAD: Final = METRICS["known_issue_lead_p50"]
_COMPLETE: Final = METRICS["known_issue_completeness"]
_WORKAROUND: Final = METRICS["known_issue_workaround_share"]
_AFTER: Final = METRICS["known_issue_tickets_after"]
_TICKETS: Final = METRICS["known_issue_tickets"]
_ANNOUNCED: Final = METRICS["known_issues"]
_ETA: Final = METRICS["known_issue_eta_error_p50"]
_SLIPS: Final = METRICS["known_issue_eta_slips"]
_MOST: Final = 50


def _board() -> Panel:
    """Return what whoever answers customers has to know now, and what there was in the range."""
    issues = OF_ISSUES.replace(DAYS_ASKED, days_between(KNOWN_ISSUES, "start_at", "end_at"))
    columns = {
        quoted(text.DUE_IN): "if(resolved_at IS NULL, dateDiff('second', now64(3), eta_at), NULL)",
        quoted(text.WHAT): ABOUT_ISSUE,
        quoted(text.CAUSE): "cause",
        quoted(text.WORKAROUND): "workaround",
        quoted(text.RESPONSIBLE): "department",
        quoted(text.EXPECTED): f"if(eta_at IS NULL, '{text.UNKNOWN}', {clock('assumeNotNull(eta_at)')})",
        quoted(text.SLIPPED): "slips",
        quoted(text.ANNOUNCED): clock("announced_at"),
        quoted(text.OVER): f"if(resolved_at IS NULL, '{text.NOT_OVER}', {clock('assumeNotNull(resolved_at)')})",
        quoted(text.TICKETS_OF_REASON): "tickets",
        quoted(text.HELPED): "helped",
    }
    clauses = (
        "AS listed",
        "WHERE announced_at < end_at",
        "    AND (announced_at >= start_at OR resolved_at IS NULL OR resolved_at >= start_at)",
        "ORDER BY resolved_at IS NULL DESC, if(resolved_at IS NULL, eta_at, NULL) ASC NULLS LAST, announced_at DESC,",
        f"    issue_id LIMIT {_MOST}",
    )
    return Panel(
        id=5,
        title=text.ISSUES_TITLE,
        kind="table",
        about=text.ISSUES,
        width=24,
        height=9,
        sql="\n".join([query.with_range(), select(columns, " ".join(["SELECT * FROM", issues]), *clauses)]),
        empty=text.NO_ISSUES,
        look=style.PLAIN_TABLE,
        overrides=[style.override(text.DUE_IN, unit="s", decimals=1, custom__width=120)],
        options=panel.TABLE,
    )


DASHBOARD: Final = Dashboard(
    uid="known-issues",
    since="now-90d",
    refresh="1m",
    variables=[*variable.narrowings(query.FILTERS), variable.step(), variable.zone()],
    rows=[
        [figure.number(1 + i, one) for i, one in enumerate((_LEAD, _COMPLETE, _WORKAROUND, _AFTER))],
        [_board()],
        [figure.over_time(6, _TICKETS), figure.over_time(7, _WORKAROUND)],
        [figure.number(8 + i, one, width=8) for i, one in enumerate((_ANNOUNCED, _ETA, _SLIPS))],
        [panel.definitions(11, (_LEAD, _COMPLETE, _WORKAROUND, _AFTER, _TICKETS, _ANNOUNCED, _ETA, _SLIPS))],
    ],
)
