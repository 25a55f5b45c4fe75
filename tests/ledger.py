"""What the metrics must say, counted by hand from the events, with nothing of the SQL and nothing of the fold.

Built on `tests.oracle`, which says what the rows must be; this adds what windows and parts make of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, Final, NamedTuple

from schemas import events as e
from schemas.codec import Event
from streams.core.fact import fact_id
from streams.core.window import Window
from tests.oracle import expected_row

REPURCHASES: Final = {f"repurchase_{days}d": days * 86_400_000 for days in (30, 60, 90)}
SHARES: Final = (
    "complaint_rate", "csat_share", "response_rate", "self_rating_share", "reopen_rate", *REPURCHASES
)  # fmt: skip
COUNTS: Final = ("tickets", "first_response_n", "backlog", "open_waits")


class Seen(NamedTuple):
    """One observation: when, of which ticket, and what it measures (a hit is 1, a miss 0)."""

    at: int
    row: Mapping[str, Any]
    value: float


class Ledger:
    """Every observation of every metric."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._orders = _orders(events)
        self._worlds = _worlds(events)
        rows = [_row(world, id) for id, world in self._worlds.items()]
        self.rows = {row["ticket_id"]: row for row in rows if row["is_effective"]}
        self._seen: dict[str, list[Seen]] = defaultdict(list)
        self._open: dict[tuple[str, int], list[Seen]] = {}
        for row in self.rows.values():
            self._enter_creation(row)
            self._enter_feedback(row)
            self._enter_answers(row)
            self._enter_resolutions(row)
            self._enter_repurchases(row)

    def seen(self, metric: str, window: Window, part: tuple[str, str] | None = None) -> list[float]:
        """Return what the observations of a metric measure, in a window and where a column has a value."""
        if metric in ("backlog", "open_waits"):
            found = self._open_at(metric, window.end_at)
        else:
            found = [one for one in self._seen[metric] if window.start_at <= one.at < window.end_at]
        found = [one for one in found if part is None or one.row[part[0]] == part[1]]
        if metric in REPURCHASES:
            customers = {one.row["customer_id"] for one in found}
            return sorted(max(one.value for one in found if one.row["customer_id"] == id) for id in customers)
        return sorted(one.value for one in found)

    def parts(self, column: str) -> set[str]:
        """Return the values of a column."""
        return {row[column] for row in self.rows.values()}

    def _enter_creation(self, row: Mapping[str, Any]) -> None:
        at = row["created_at"]
        self._enter("tickets", at, row, 1)
        self._enter("complaint_rate", at, row, row["contact_type"] == "complaint")

    def _enter_feedback(self, row: Mapping[str, Any]) -> None:
        answered = set()
        for n in range(len(row["ratings.id"])):
            if not row["ratings.is_valid"][n]:
                continue
            at, source, score = (row[f"ratings.{name}"][n] for name in ("rated_at", "source", "score"))
            if source in ("customer", "agent"):
                self._enter("self_rating_share", at, row, source == "agent")
            if source == "customer":
                answered.add(row["ratings.survey_id"][n])
                self._enter("csat_mean", at, row, score)
                self._enter("csat_share", at, row, score >= 80)
        for id, at in zip(row["surveys.id"], row["surveys.offered_at"], strict=True):
            self._enter("response_rate", at, row, id in answered)

    def _enter_answers(self, row: Mapping[str, Any]) -> None:
        if row["first_response_at"] is not None:
            for metric in ("first_response_p50", "first_response_p90"):
                self._enter(metric, row["first_response_at"], row, row["first_response_seconds"])
            self._enter("first_response_n", row["first_response_at"], row, 1)
        for start, end in zip(row["waits.started_at"], row["waits.answered_at"], strict=True):
            if end is not None:
                for metric in ("next_response_p50", "next_response_p90"):
                    self._enter(metric, end, row, (end - start) / 1000)

    def _enter_resolutions(self, row: Mapping[str, Any]) -> None:
        cycles = list(zip(row["cycles.started_at"], row["cycles.resolved_at"], strict=True))
        for n, (start, end) in enumerate(cycles):
            if end is None:
                continue
            for p in (50, 90):
                self._enter(f"resolution_p{p}", end, row, (end - start) / 1000)
            self._enter("reopen_rate", end, row, n + 1 < len(cycles))
        if row["first_resolved_at"] is not None:
            for p in (50, 90):
                self._enter(f"first_resolution_p{p}", row["first_resolved_at"], row, row["first_resolution_seconds"])

    def _enter_repurchases(self, row: Mapping[str, Any]) -> None:
        at = row["first_resolved_at"]
        if not row["after_sales"] or not row["customer_id"] or at is None:
            return
        for metric, within in REPURCHASES.items():
            placed = [order for order in self._orders[row["customer_id"]] if at < order <= at + within]
            self._enter(metric, at, row, bool(placed))

    def _enter(self, metric: str, at: int, row: Mapping[str, Any], value: float) -> None:
        self._seen[metric].append(Seen(at, row, float(value)))

    def _open_at(self, metric: str, instant: int) -> list[Seen]:
        """Look at each ticket as its events before an instant tell it; what tickets are and were part of is known."""
        if (metric, instant) in self._open:
            return self._open[metric, instant]
        found = self._open[metric, instant] = []
        for id, row in self.rows.items():
            known = [
                one
                for one in self._worlds[id]
                if one.at_ms < instant or isinstance(one.content, e.EventRetracted | e.TicketMerged)
            ]
            if row["created_at"] < instant and _is_open(metric, _row(known, id)):
                found.append(Seen(instant, row, 1))
        return found


def quantile(ordered: Sequence[float], p: float) -> float:
    """Return the p-quantile of sorted numbers, between two neighbours in proportion."""
    place = p * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def value_of(metric: str, seen: Sequence[float]) -> float | None:
    """Return what observations amount to; None where there are none to tell from."""
    if metric in COUNTS:
        return float(len(seen))
    if not seen:
        return None
    if metric in SHARES or metric == "csat_mean":
        return fmean(seen)
    return quantile(seen, int(metric[-2:]) / 100)


def spread_of(seen: Sequence[float]) -> tuple[float, float, float]:
    """Return standard deviation, p10 and p90."""
    return stdev(seen), quantile(seen, 0.1), quantile(seen, 0.9)


def _is_open(metric: str, row: Mapping[str, Any]) -> bool:
    if metric == "open_waits":
        return row["open_wait_since"] is not None
    return row["status"] not in ("resolved", "closed")


def _row(world: Iterable[Event], ticket_id: str) -> dict[str, Any]:
    row = expected_row(world, ticket_id, tie=lambda one: fact_id(one.source, one.id))
    return row | {"ticket_id": ticket_id}


def _worlds(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Return for each ticket its events and those of every ticket that merges connect it with."""
    own: dict[str, list[Event]] = defaultdict(list)
    group: dict[str, str] = {}
    for one in events:
        if one.ticket_id is None:
            continue
        own[one.subject].append(one)
        if isinstance(one.content, e.TicketMerged):
            group[_root(group, one.subject)] = _root(group, one.content.into_ticket_id)
    members: dict[str, list[str]] = defaultdict(list)
    for id in own:
        members[_root(group, id)].append(id)
    return {id: [one for other in members[_root(group, id)] for one in own[other]] for id in own}


def _orders(events: Iterable[Event]) -> dict[str, list[int]]:
    """Return for each customer when the orders were placed that count as a purchase."""
    placed: dict[tuple[str, str], int] = {}
    others = set()
    for one in events:
        match one.content:
            case e.OrderCancelled():
                others.add((one.content.customer_id, one.content.order_id))
            case e.OrderPlaced():
                placed[one.content.customer_id, one.content.order_id] = one.at_ms
                if one.content.kind in (e.OrderKind.REPLACEMENT, e.OrderKind.EXCHANGE):
                    others.add((one.content.customer_id, one.content.order_id))
    orders: dict[str, list[int]] = defaultdict(list)
    for key, at in placed.items():
        if key not in others:
            orders[key[0]].append(at)
    return orders


def _root(group: Mapping[str, str], id: str) -> str:
    while group.get(id, id) != id:
        id = group[id]
    return id
