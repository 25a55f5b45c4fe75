"""Known issues: how soon the desk is told of what customers will ask, how well, and how many its workaround helps."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import DAYS, DAYS_ASKED, Dimension, Direction, Kind, Metric, Observations, Topic, Unit
from streams.core.metrics.observation import unknown_but

BESIDE_DAYS: Final = 14
"""An issue's first ticket is looked for so long before it was announced, and after."""
WORKAROUND: Final = "workaround"
"""The outcome of a ticket that the workaround solved."""
ABOUT_ISSUE: Final = "arrayStringConcat(arrayFilter(one -> one != '', [product_line, reason]), ' x ')"
"""SQL of what a known issue is about: a product line, a reason, or both."""
_BESIDE_SECONDS: Final = BESIDE_DAYS * 86_400
_ON_ISSUES: Final = f"{DAYS} INNER JOIN known_issues AS issue ON issue.issue_id = ticket.issue_id"

KNOWN_ISSUE_TICKETS: Final = Observations(
    name="known_issue_tickets",
    one="a ticket that the desk linked to a known issue",
    clock="created_at: when the ticket was created",
    columns={
        "at": "created_at",
        "issue": "issue.issue_id",
        "is_resolved": "first_resolved_at IS NOT NULL",
        "is_by_workaround": f"outcome = '{WORKAROUND}'",
        "is_after": "ifNull(created_at > issue.resolved_at, false)",
    },
    source=_ON_ISSUES,
)

_ITS_TICKETS: Final = f"""
(
    SELECT
        issue.issue_id AS id,
        min(created_at) AS first_at,
        argMin(ticket.ticket_id, (created_at, ticket.ticket_id)) AS first_id,
        uniqExact(ticket.ticket_id) AS tickets,
        uniqExactIf(ticket.ticket_id, outcome = '{WORKAROUND}') AS helped
    FROM {_ON_ISSUES}
    WHERE {DAYS_ASKED} AND is_effective
        AND abs(dateDiff('millisecond', issue.announced_at, created_at)) <= {1000 * _BESIDE_SECONDS}
    GROUP BY id
)""".strip()  # noqa: S608 - words of ours
OF_ISSUES: Final = f"""
(
    SELECT
        toDate(announced_at) AS day,
        true AS is_effective,
        issue.*,
        its.first_id AS ticket_id,
        its.first_at AS first_at,
        its.tickets AS tickets,
        its.helped AS helped,
        {unknown_but(Dimension.PRODUCT_LINE, Dimension.REASON)}
    FROM known_issues AS issue
    LEFT JOIN {_ITS_TICKETS} AS its ON its.id = issue.issue_id
)""".strip()  # noqa: S608 - words of ours

KNOWN_ISSUES: Final = Observations(
    name="known_issues",
    one="a known issue that was announced",
    clock="announced_at: when it was announced for the first time",
    columns={
        "at": "announced_at",
        "has_tickets": "tickets > 0",
        "lead": "dateDiff('millisecond', first_at, announced_at) / 1000",
        "is_complete": "is_complete",
        "has_eta": "first_eta_at IS NOT NULL",
        "is_over": "resolved_at IS NOT NULL",
        "eta_error": "abs(dateDiff('millisecond', assumeNotNull(first_eta_at), assumeNotNull(resolved_at))) / 1000",
        "slips": "slips",
    },
    lookback_seconds=_BESIDE_SECONDS,
    lookahead_seconds=_BESIDE_SECONDS,
    source=OF_ISSUES,
    dimensions=frozenset({Dimension.PRODUCT_LINE, Dimension.REASON}),
)

ISSUES_ANNOUNCED: Final = Metric(
    name="known_issues",
    title="Known issues",
    topic=Topic.KNOWN_ISSUES,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=KNOWN_ISSUES,
    numerator="known issues announced in the window",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="What nobody announces is none here. They know no team: a product line and a reason where they name these.",
)

LEAD_P50: Final = Metric(
    name="known_issue_lead_p50",
    title="First ticket until announcement, median",
    topic=Topic.KNOWN_ISSUES,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=KNOWN_ISSUES,
    numerator="time from an issue's first linked ticket to its announcement that half took longer than",
    denominator=f"known issues announced in the window to which a ticket of {BESIDE_DAYS} days before or after is "
    "linked",
    counted="has_tickets",
    value="lead",
    n_min=1,
    is_main=False,
    about="Below 0: the desk knew before anybody asked. Only linked tickets count: others with the same reason may be "
    "about something else. It moves as long as tickets are linked.",
)

COMPLETENESS: Final = Metric(
    name="known_issue_completeness",
    title="Announcements that say all",
    topic=Topic.KNOWN_ISSUES,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=KNOWN_ISSUES,
    numerator="of them those whose first announcement names a cause, an expected end and a workaround",
    denominator="known issues announced in the window",
    hit="is_complete",
    n_min=1,
    is_main=False,
    about="What is said later is better than never and does not count here: whoever answers has to say it from the "
    "first call on.",
)

ISSUE_ETA_ERROR_P50: Final = replace(
    LEAD_P50,
    name="known_issue_eta_error_p50",
    title="How far off the first expected end of an issue was, median",
    numerator="time between the first instant named and the one at which it was over that half exceeded",
    denominator="known issues announced in the window that are over and had an end named",
    counted="has_eta AND is_over",
    value="eta_error",
    about="Too early and too late alike: customers plan by it.",
)

ISSUE_SLIPS: Final = Metric(
    name="known_issue_eta_slips",
    title="How often an issue's expected end slipped",
    topic=Topic.KNOWN_ISSUES,
    unit=Unit.AVERAGE,
    direction=Direction.DOWN,
    kind=Kind.MEAN,
    observations=KNOWN_ISSUES,
    numerator="times on average that a later instant was named than before",
    denominator="known issues announced in the window that had an end named",
    counted="has_eta",
    value="slips",
    n_min=1,
    is_main=False,
    about="As fault_eta_slips, of known issues.",
)

TICKETS_OF_ISSUES: Final = Metric(
    name="known_issue_tickets",
    title="Tickets of known issues",
    topic=Topic.KNOWN_ISSUES,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=KNOWN_ISSUE_TICKETS,
    numerator="tickets created in the window that are linked to a known issue",
    denominator="none: it is a count",
    n_min=0,
    is_main=False,
    about="By the desk's own word: `ticket.linked` with an `issue_id`.",
)

TICKETS_AFTER: Final = replace(
    TICKETS_OF_ISSUES,
    name="known_issue_tickets_after",
    title="Tickets of known issues that were over",
    numerator="tickets created in the window that are linked to a known issue, after it was said to be over",
    counted="is_after",
    about="Customers who still feel it: it was not over for them, or nobody told them.",
)

WORKAROUND_SHARE: Final = Metric(
    name="known_issue_workaround_share",
    title="Solved by the workaround",
    topic=Topic.KNOWN_ISSUES,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=KNOWN_ISSUE_TICKETS,
    numerator=f"of them those whose outcome is `{WORKAROUND}`",
    denominator="tickets created in the window that are linked to a known issue and were resolved",
    counted="is_resolved",
    hit="is_by_workaround",
    is_main=False,
    about="The rest waited for the cause to go, or got something else. It says whether the workaround is known and "
    "works.",
)
