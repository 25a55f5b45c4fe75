"""What the metrics must say, counted by hand from the events, with nothing of the SQL and nothing of the fold.

Built on `tests.oracle`, which says what the rows must be; this adds what windows and parts make of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, sqrt
from statistics import fmean, stdev
from typing import Any, Final, NamedTuple

from schemas import events as e
from schemas.codec import Event
from streams.core.identity import fact_id
from streams.core.interval import Z95
from streams.core.metrics import Metric
from streams.core.window import Window
from tests.oracle import expected_row
from tests.wall import NEVER, Walls

REPURCHASES: Final = {f"repurchase_{days}d": days * 86_400_000 for days in (30, 60, 90)}
TARGETS: Final = {"first_response_within": 3_600_000, "next_response_within": 4 * 3_600_000}
BUSINESS_TARGETS: Final = {name.replace("within", "business_within"): ms for name, ms in TARGETS.items()}
SHARES: Final = (
    "complaint_rate", "csat_share", "csat_share_by_resolution", "csat_share_by_creation", "response_rate",
    "self_rating_share", "reopen_rate", "inquiry_share", *TARGETS, *BUSINESS_TARGETS, *REPURCHASES
)  # fmt: skip
MEANS: Final = ("csat_mean", "csat_mean_by_resolution", "csat_mean_by_creation")
RATES: Final = ("complaints_per_1000_orders", "complaints_per_1000_customers")
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
        self._placed = _placed(events)
        self._worlds = _worlds(events)
        told = [one.at_ms for world in self._worlds.values() for one in world]
        self._walls = Walls(events, min(told, default=0), max(told, default=0))
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

    def n(self, metric: Metric, window: Window, part: tuple[str, str] | None = None) -> int:
        """Return how many observations stand behind a number."""
        if metric.name in RATES:
            return self.rate(metric.name, window, part[1] if part else None)[0]
        return len(self.seen(metric.name, window, part))

    def value(self, metric: Metric, window: Window, part: tuple[str, str] | None = None) -> float | None:
        """Return what a metric amounts to; None where there are no observations to tell from."""
        if metric.name in RATES:
            n, hits = self.rate(metric.name, window, part[1] if part else None)
            return 1000 * hits / n if n else None
        return value_of(metric.name, self.seen(metric.name, window, part))

    def rate(self, metric: str, window: Window, product_line: str | None = None) -> tuple[int, int]:
        """Return n and hits of a rate, for one product line or for all."""

        def is_in(at: int, line: str) -> bool:
            return window.start_at <= at < window.end_at and product_line in (None, line)

        tickets = [row for row in self.rows.values() if is_in(row["created_at"], row["product_line"])]
        orders = [order for order in self._placed if is_in(order.at_ms, _placed_of(order).product_line or "")]
        hits = sum(row["contact_type"] == "complaint" for row in tickets)
        if metric == "complaints_per_1000_orders":
            return len({(_placed_of(one).customer_id, _placed_of(one).order_id) for one in orders}), hits
        customers = {row["customer_id"] for row in tickets} | {_placed_of(one).customer_id for one in orders}
        return len(customers - {""}), hits

    def parts(self, column: str) -> set[str]:
        """Return the values of a column."""
        return {row[column] for row in self.rows.values()}

    def _enter_creation(self, row: Mapping[str, Any]) -> None:
        at = row["created_at"]
        self._enter("tickets", at, row, 1)
        self._enter("complaint_rate", at, row, row["contact_type"] == "complaint")
        self._enter("inquiry_share", at, row, row["contact_type"] == "inquiry")

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
                clocks = {"": at, "_by_creation": row["created_at"], "_by_resolution": _judged(row, at)}
                for clock, when in clocks.items():
                    if when is not None:
                        self._enter(f"csat_mean{clock}", when, row, score)
                        self._enter(f"csat_share{clock}", when, row, score >= 80)
        for id, at in zip(row["surveys.id"], row["surveys.offered_at"], strict=True):
            self._enter("response_rate", at, row, id in answered)

    def _enter_answers(self, row: Mapping[str, Any]) -> None:
        if row["first_response_at"] is not None:
            for metric in ("first_response_p50", "first_response_p90", "first_response_p99"):
                self._enter(metric, row["first_response_at"], row, row["first_response_seconds"])
            self._enter("first_response_n", row["first_response_at"], row, 1)
        for start, end in zip(row["waits.started_at"], row["waits.answered_at"], strict=True):
            if end is not None:
                for metric in ("next_response_p50", "next_response_p90", "next_response_p99"):
                    self._enter(metric, end, row, (end - start) / 1000)
                self._enter_business(("next_response_business_p50", "next_response_business_p90"), row, start, end)
        if row["first_response_at"] is not None:
            first = row["waits.started_at"][0], row["first_response_at"]
            self._enter_business(("first_response_business_p50", "first_response_business_p90"), row, *first)
        for n, (start, end) in enumerate(zip(row["waits.started_at"], row["waits.answered_at"], strict=True)):
            which = ("next", "first") if n == 0 and row["created_by"] != "agent" else ("next",)
            for metric in (f"{one}_response_within" for one in which):
                self._enter_target(metric, row, end, start + TARGETS[metric])
            for metric in (f"{one}_response_business_within" for one in which):
                due = self._walls.due_at(row["team"], start, BUSINESS_TARGETS[metric])
                if due is not None:
                    self._enter_target(metric, row, end, due)
        bot_at = row["first_bot_response_at"]
        if bot_at is not None:
            self._enter("bot_response_p50", bot_at, row, max(0, bot_at - row["created_at"]) / 1000)

    def _enter_target(self, metric: str, row: Mapping[str, Any], end: int | None, due: int) -> None:
        if end is not None and end <= due:
            self._enter(metric, end, row, 1)
        elif row["created_at"] <= due < NEVER and _is_open(
            metric, _row(self._known(row["ticket_id"], due + 1), row["ticket_id"])
        ):
            self._enter(metric, due, row, 0)

    def _enter_resolutions(self, row: Mapping[str, Any]) -> None:
        cycles = list(zip(row["cycles.started_at"], row["cycles.resolved_at"], strict=True))
        for n, (start, end) in enumerate(cycles):
            if end is None:
                continue
            for p in (50, 90):
                self._enter(f"resolution_p{p}", end, row, (end - start) / 1000)
                self._enter_business([f"resolution_business_p{p}"], row, start, end)
            self._enter("reopen_rate", end, row, n + 1 < len(cycles))
            if n + 1 == len(cycles):
                self._enter("full_resolution_p50", end, row, (end - row["created_at"]) / 1000)
                self._enter_business(["full_resolution_business_p50"], row, row["created_at"], end)
        if row["first_resolved_at"] is not None:
            for p in (50, 90):
                self._enter(f"first_resolution_p{p}", row["first_resolved_at"], row, row["first_resolution_seconds"])
                start, end = row["created_at"], row["first_resolved_at"]
                self._enter_business([f"first_resolution_business_p{p}"], row, start, end)

    def _enter_repurchases(self, row: Mapping[str, Any]) -> None:
        at = row["first_resolved_at"]
        if not row["after_sales"] or not row["customer_id"] or at is None:
            return
        for metric, within in REPURCHASES.items():
            placed = [order for order in self._orders[row["customer_id"]] if at < order <= at + within]
            self._enter(metric, at, row, bool(placed))

    def _enter_business(self, metrics: Iterable[str], row: Mapping[str, Any], start: int, end: int) -> None:
        seconds = self._walls.seconds(row["team"], start, end)
        for metric in metrics if seconds is not None else ():
            self._enter(metric, end, row, seconds or 0)

    def _enter(self, metric: str, at: int, row: Mapping[str, Any], value: float) -> None:
        self._seen[metric].append(Seen(at, row, float(value)))

    def _open_at(self, metric: str, instant: int) -> list[Seen]:
        """Look at each ticket as its events before an instant tell it."""
        if (metric, instant) in self._open:
            return self._open[metric, instant]
        found = self._open[metric, instant] = []
        for id, row in self.rows.items():
            if row["created_at"] < instant and _is_open(metric, _row(self._known(id, instant), id)):
                found.append(Seen(instant, row, 1))
        return found

    def _known(self, ticket_id: str, instant: int) -> list[Event]:
        """Return a ticket's events before an instant; what is a ticket, and of which one a part, is known already."""
        return [
            one
            for one in self._worlds[ticket_id]
            if one.at_ms < instant or isinstance(one.content, e.EventRetracted | e.TicketMerged)
            if not isinstance(one.content, e.TicketMarkedSpam)
        ]


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
    if metric in SHARES or metric in MEANS:
        return fmean(seen)
    return quantile(seen, int(metric[-2:]) / 100)


def spread_of(seen: Sequence[float]) -> tuple[float, float, float]:
    """Return standard deviation, p10 and p90."""
    return stdev(seen), quantile(seen, 0.1), quantile(seen, 0.9)


def quantile_ranks(p: float, n: int) -> tuple[int | None, int | None]:
    """Return which of n sorted observations, counted from 1, bound the p-quantile, whatever their distribution.

    None where even the smallest or the largest observation is no bound. Conover, W. J. (1999): Practical Nonparametric
    Statistics, 3rd edition, section 3.2.
    """
    margin = Z95 * sqrt(n * p * (1 - p))
    low, high = ceil(n * p - margin), ceil(n * p + margin)
    return low if low >= 1 else None, high if high <= n else None


def _judged(row: Mapping[str, Any], rated_at: int) -> int | None:
    """Return the resolution that a rating is about."""
    resolved: list[int] = [at for at in row["cycles.resolved_at"] if at is not None]
    before = [at for at in resolved if at <= rated_at]
    return max(before) if before else min(resolved, default=None)


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
            own[one.content.into_ticket_id].extend(())  # so that it is there, even if nothing else tells of it
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


def _placed(events: Iterable[Event]) -> list[Event]:
    """Return the orders that were placed, whatever became of them."""
    others = (e.OrderKind.REPLACEMENT, e.OrderKind.EXCHANGE)
    return [one for one in events if isinstance(one.content, e.OrderPlaced) and one.content.kind not in others]


def _placed_of(one: Event) -> e.OrderPlaced:
    assert isinstance(one.content, e.OrderPlaced)
    return one.content


def _root(group: Mapping[str, str], id: str) -> str:
    while group.get(id, id) != id:
        id = group[id]
    return id
