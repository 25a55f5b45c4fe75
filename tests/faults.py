"""What the metrics of faults must say, by looking through everything that was ever said of them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import pytest
from msgspec import UNSET

from schemas import events as e
from schemas.codec import Event
from schemas.instant import ms_of
from tests.ledger import Ledger

HOUR: Final = 3_600_000
STILL: Final = 24 * HOUR
NEVER: Final = 7_258_118_400_000


class Seen(NamedTuple):
    """One observation: when, what it measures, whose it is, and what of it is over."""

    at: int
    value: float
    row: dict[str, Any]
    whose: object = None
    has_ended: bool = True


class Fault:
    """One fault, by its events in order."""

    def __init__(self, fault_id: str, events: Sequence[Event]) -> None:
        said = [one.content for one in events]
        declared = [one for one in events if isinstance(one.content, e.FaultDeclared)]
        last = declared[-1].content
        assert isinstance(last, e.FaultDeclared)
        self.fault_id = fault_id
        self.subject = ("asset", last.asset_id) if last.asset_id else ("topic", last.product_line, last.reason)
        self.parts = {"product_line": last.product_line or "", "reason": last.reason or ""}
        self.declared_at = declared[0].at_ms
        began = _words(said, "began_at")
        self.began_at = self.declared_at - 2 * HOUR if not began or began[-1] is None else ms_of(began[-1])
        self.etas = [ms_of(at) for at in _words(said, "eta_at") if at is not None]
        self.marks = [
            (one.at_ms, isinstance(one.content, e.FaultFixed))
            for one in events
            if isinstance(one.content, e.FaultFixed | e.FaultReopened)
        ]
        self.fixed_at = self.marks[-1][0] if self.marks and self.marks[-1][1] else None
        self.until = NEVER if self.fixed_at is None else self.fixed_at + STILL

    def takes(self, row: dict[str, Any]) -> bool:
        """Say whether a ticket is about the same."""
        topic = (row["product_line"], row["reason"])
        return self.subject in (("asset", row["asset_id"]), ("topic", *topic))


def _words(said: Sequence[e.Data | None], name: str) -> list[datetime | None]:
    """Return what is said of an instant, in order; a declaration that leaves it out says nothing."""
    words = []
    for one in said:
        word = getattr(one, name, UNSET)
        if word is not UNSET and not (word is None and isinstance(one, e.FaultDeclared)):
            words.append(word)
    return words


Wanted: TypeAlias = Callable[[str, Sequence[Seen]], tuple[int, float | None]]
"""What a metric of a name is, with its n, of the observations that enter."""


def agree(figures: Mapping[Any, Any], seen: Mapping[str, Sequence[Seen]], wanted: Wanted, column: str) -> None:
    """Hold every figure of an answer, by a column, against what was seen in its window and part."""
    for (name, part, window), figure in figures.items():
        chosen = [
            one
            for one in seen[name]
            if window.start_at <= one.at < window.end_at and (part is None or one.row[column] == part)
        ]
        n, value = wanted(name, chosen)
        assert figure.n == n, (name, part, window)
        if n:
            assert figure.value == (None if value is None else pytest.approx(value, rel=1e-9)), (name, part, window)


def counting_of(events: Sequence[Event]) -> list[Event]:
    """Return the events that nobody took back, or whose taking back was taken back, in their order."""

    def aims(at: Event) -> list[Event]:
        return [
            other
            for other in events
            if isinstance(other.content, e.EventRetracted)
            and (other.content.target_source, other.content.target_id, other.subject) == (at.source, at.id, at.subject)
        ]

    counting = [one for one in events if not any(not aims(other) for other in aims(one))]
    return sorted(counting, key=lambda one: (one.at_ms, one.sequence, one.id, one.source))


class FaultLedger:
    """Every observation of every metric of faults, as it is known at an instant."""

    def __init__(self, events: Sequence[Event], now: int) -> None:
        self._known_until = min(now, Ledger(events)._known_until)
        self._now = now
        counting = counting_of(events)
        of_faults = defaultdict[str, list[Event]](list)
        for one in counting:
            if isinstance(one.content, e.FaultData):
                of_faults[one.content.fault_id].append(one)
        declared = {id: of for id, of in of_faults.items() if any(isinstance(o.content, e.FaultDeclared) for o in of)}
        self.faults = {id: Fault(id, of) for id, of in declared.items()}
        self._messages = defaultdict[str, list[tuple[int, bool]]](list)
        for one in counting:
            said = one.content
            if isinstance(said, e.MessageSent) and said.direction is e.Direction.OUT and said.visibility == "public":
                self._messages[one.subject].append((one.at_ms, said.sender_type is e.Party.AGENT))
        self.seen = defaultdict[str, list[Seen]](list)
        tickets = list(Ledger(events).rows.values())
        its: dict[str, list[dict[str, Any]]] = {id: [] for id in self.faults}
        for row in tickets:
            for fault in self._of(dict(row)):
                its[fault.fault_id].append(dict(row))
                self._enter_ticket(fault, dict(row))
        for id, fault in self.faults.items():
            self._enter(fault, its[id])

    def _of(self, row: dict[str, Any]) -> list[Fault]:
        """Return the fault of a ticket: the one that it names, else of those that reach it the one that began last."""
        if row["fault_id"]:
            return [self.faults[row["fault_id"]]] if row["fault_id"] in self.faults else []
        reaching = [
            fault
            for fault in self.faults.values()
            if fault.takes(row) and fault.began_at <= row["created_at"] < fault.until
        ]
        return sorted(reaching, key=lambda fault: (fault.began_at, fault.fault_id))[-1:]

    def _enter_ticket(self, fault: Fault, row: dict[str, Any]) -> None:
        created_at = row["created_at"]
        self.seen["fault_tickets"].append(Seen(created_at, 1, row))
        if row["fault_id"]:
            self.seen["fault_tickets_linked"].append(Seen(created_at, 1, row))
        at = max(created_at, fault.declared_at)
        told = [
            when
            for when, person in self._messages[row["ticket_id"]]
            if when >= at and (person or when > created_at + 60_000)
        ]
        whose = (fault.fault_id, row["customer_id"] or ("ticket", row["ticket_id"]))
        self.seen["fault_customers_told"].append(Seen(at, bool(told), row, whose))
        end = min([*told, self._known_until])
        self.seen["fault_told_p50"].append(Seen(at, max(0, end - at) / 1000, row, has_ended=bool(told)))

    def _enter(self, fault: Fault, tickets: Sequence[dict[str, Any]]) -> None:
        at, parts = fault.declared_at, fault.parts
        self.seen["faults"].append(Seen(at, 1, parts))
        if tickets:
            first = min(row["created_at"] for row in tickets)
            self.seen["fault_declared_p50"].append(Seen(at, max(0, at - first) / 1000, parts))
        if fault.etas:
            slips = sum(b > a for a, b in zip(fault.etas, fault.etas[1:], strict=False))
            self.seen["fault_eta_slips"].append(Seen(at, slips, parts))
            if fault.fixed_at is not None:
                self.seen["fault_eta_error_p50"].append(Seen(at, abs(fault.fixed_at - fault.etas[0]) / 1000, parts))
        reports = [when for row in tickets for when in (row["created_at"], *row["cycles.started_at"])]
        waits = [span for row in tickets for spans in row["waits.open"] for span in spans]
        for place, (fixed_at, is_fix) in enumerate(fault.marks):
            if not is_fix:
                continue
            later = fault.marks[place + 1 :]
            ended_at = later[0][0] if later else NEVER
            after = fixed_at + STILL
            is_false = bool(later) and not later[0][1]
            is_false |= any(fixed_at < when <= min(after, ended_at) for when in reports)
            is_false |= (
                ended_at > after and after <= self._now and any(since <= after < until for since, until in waits)
            )
            self.seen["false_fix_rate"].append(Seen(fixed_at, is_false, parts))
