"""What the metrics of known issues and root causes must say, by looking through everything that was said of them."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from msgspec import UNSET

from schemas import events as e
from schemas.codec import Event
from schemas.instant import ms_of
from tests.faults import Seen, counting_of
from tests.ledger import Ledger

FOURTEEN_DAYS: Final = 14 * 86_400_000


class PreventionLedger:
    """Every observation of every metric of known issues and root causes, as it is known at an instant."""

    def __init__(self, events: Sequence[Event], now: int) -> None:
        ledger = Ledger(events)
        self._known_until = min(now, ledger._known_until)
        self.seen = defaultdict[str, list[Seen]](list)
        counting = counting_of(events)
        rows = [dict(row) for row in ledger.rows.values()]
        for id in {one.content.issue_id for one in counting if isinstance(one.content, e.KnownIssueData)}:
            of_issue = [one for one in counting if getattr(one.content, "issue_id", None) == id and one.subject == id]
            if any(isinstance(one.content, e.KnownIssueAnnounced) for one in of_issue):
                self._enter_issue(of_issue, [row for row in rows if row["issue_id"] == id])
        for reason in {one.content.reason for one in counting if isinstance(one.content, e.RootCauseData)}:
            of_reason = [
                one for one in counting if isinstance(one.content, e.RootCauseData) and one.content.reason == reason
            ]
            self._enter_causes(reason, of_reason)

    def _enter_issue(self, told: Sequence[Event], tickets: Sequence[dict[str, Any]]) -> None:
        announced = [one for one in told if isinstance(one.content, e.KnownIssueAnnounced)]
        first, last = announced[0].content, announced[-1].content
        assert isinstance(first, e.KnownIssueAnnounced)
        assert isinstance(last, e.KnownIssueAnnounced)
        at, parts = announced[0].at_ms, {"product_line": last.product_line or "", "reason": last.reason or ""}
        self.seen["known_issues"].append(Seen(at, 1, parts))
        says_all = first.cause is not None and first.eta_at is not None and first.workaround is not None
        self.seen["known_issue_completeness"].append(Seen(at, says_all, parts))
        near = [row["created_at"] for row in tickets if abs(row["created_at"] - at) <= FOURTEEN_DAYS]
        if near:
            self.seen["known_issue_lead_p50"].append(Seen(at, (at - min(near)) / 1000, parts))
        over_at = None
        etas = []
        for one in told:
            match one.content:
                case e.KnownIssueResolved():
                    over_at = one.at_ms
                case e.KnownIssueAnnounced():
                    over_at = None
            eta = getattr(one.content, "eta_at", UNSET)
            if eta is not UNSET and eta is not None:
                etas.append(ms_of(eta))
        if etas:
            slips = sum(later > before for before, later in pairwise(etas))
            self.seen["known_issue_eta_slips"].append(Seen(at, slips, parts))
            if over_at is not None:
                self.seen["known_issue_eta_error_p50"].append(Seen(at, abs(over_at - etas[0]) / 1000, parts))
        for row in tickets:
            created_at = row["created_at"]
            self.seen["known_issue_tickets"].append(Seen(created_at, 1, row))
            if over_at is not None and created_at > over_at:
                self.seen["known_issue_tickets_after"].append(Seen(created_at, 1, row))
            if row["first_resolved_at"] is not None:
                by_workaround = row["outcome"] == "workaround"
                self.seen["known_issue_workaround_share"].append(Seen(created_at, by_workaround, row))

    def _enter_causes(self, reason: str, told: Sequence[Event]) -> None:
        parts = {"reason": reason, "product_line": ""}
        while told:
            # Until a fix, and what follows it as further fixes.
            fixes = [place for place, one in enumerate(told) if isinstance(one.content, e.RootCauseFixed)]
            end = fixes[0] if fixes else len(told)
            while end < len(told) and isinstance(told[end].content, e.RootCauseFixed):
                end += 1
            loop, told = told[:end], told[end:]
            at = loop[0].at_ms
            answered = [one.at_ms for one in loop if not isinstance(one.content, e.RootCauseReported)]
            fixed = [one.at_ms for one in loop if isinstance(one.content, e.RootCauseFixed)]
            self.seen["root_causes"].append(Seen(at, 1, parts))
            for name, ends in (
                ("root_cause_acknowledged_p50", answered[:1]),
                ("root_cause_fixed_p50", fixed[-1:]),
            ):
                end_at = (ends or [self._known_until])[0]
                self.seen[name].append(Seen(at, max(0, end_at - at) / 1000, parts, has_ended=bool(ends)))
