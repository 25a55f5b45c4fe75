"""What the metrics must say, counted by hand from the events, with nothing of the SQL and nothing of the fold.

Built on `tests.oracle`, which says what the rows must be; this adds what windows and parts make of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, exp, log, sqrt
from statistics import fmean, stdev, variance
from typing import Any, Final, NamedTuple, TypeAlias

from schemas import events as e
from schemas.codec import Event
from streams.core.identity import fact_id
from streams.core.interval import Z95
from streams.core.metrics import Metric, Topic
from streams.core.window import Window
from tests.oracle import expected_row, first_opened
from tests.promised import Promises
from tests.wall import MINUTE_MS, NEVER, Halts, Walls, due_at

COUNTED_APART: Final = frozenset(
    {Topic.FAULTS, Topic.KNOWN_ISSUES, Topic.PREVENTION, Topic.CONTACTS, Topic.WORTH, Topic.CONTINUITY, Topic.INTEGRITY}
)
"""Counted in `faults`, `prevention`, `contacts`, `integration.test_worth`, `test_continuity` and `test_integrity`."""
REPURCHASES: Final = {f"repurchase_{days}d": days * 86_400_000 for days in (30, 60, 90)}
TARGETS: Final = {"first_response_within": 3_600_000, "next_response_within": 4 * 3_600_000}
IN_TARGET: Final = ("first_response_in_target", "response_in_target", "resolution_in_target")
BUSINESS_TARGETS: Final = {name.replace("within", "business_within"): ms for name, ms in TARGETS.items()}
SHARES: Final = (
    "complaint_rate", "csat_share", "csat_share_by_resolution", "csat_share_by_creation", "response_rate",
    "self_rating_share", "reopen_rate", "tickets_reopened", "inquiry_share", *TARGETS, *BUSINESS_TARGETS, *IN_TARGET,
    *REPURCHASES, "first_contact_resolution", "one_touch_share", "tickets_transferred", "reassigned_after_bad_rating",
    "promises_kept", "promises_moved",
)  # fmt: skip
MEANS: Final = (
    "csat_mean", "csat_mean_by_resolution", "csat_mean_by_creation", "ces", "replies_per_resolution", "time_with_desk",
    "time_with_customer", "time_on_hold", "promises_per_ticket",
)  # fmt: skip
RATES: Final = tuple(f"{what}_per_1000_{of}" for what in ("complaints", "tickets") for of in ("orders", "customers"))
COUNTS: Final = (
    "tickets", "first_response_n", "resolved_unanswered", "backlog", "open_waits", "negative_durations",
    "overdue_promises", "promises",
)  # fmt: skip
TIMES_TO: Final = (
    *(
        f"time_to_{what}{hours}_p{p}"
        for what in ("first_response", "response", "first_resolution", "resolution")
        for hours in ("", "_business")
        for p in (50, 90)
    ),
    "promise_lateness_p50",
    "promise_lateness_p90",
)
MOST_FIRST: Final = 8
"""So many waits of a ticket can be the one that decides on its first response."""


class Seen(NamedTuple):
    """One observation: when, of which ticket, what it measures (a hit is 1, a miss 0), and whose it is."""

    at: int
    row: Mapping[str, Any]
    value: float
    doers: Mapping[str, str] = {}
    has_ended: bool = True

    def part(self, column: str) -> str:
        """Return the value of a column: of team and agent those who did it."""
        return str(self.doers.get(column, self.row[column]))


class Waited(NamedTuple):
    """One wait of a row."""

    started_at: int
    answered_at: int | None
    stopped_at: int | None
    sender_id: str
    asked_again: list[int]

    @property
    def end(self) -> int:
        """When it was answered; only of a wait that was."""
        assert self.answered_at is not None
        return self.answered_at

    @property
    def seconds(self) -> float:
        """How long it took until the answer."""
        return (self.end - self.started_at) / 1000


def in_charge(row: Mapping[str, Any], at: int) -> dict[str, str]:
    """Return the team and the agent in charge of a ticket at an instant; before all knowledge, the first ones."""
    place = max(0, sum(since <= at for since in row["charges.since"]) - 1)
    return {name: row[f"charges.{name}"][place] for name in ("team", "agent_id")}


def sent(row: Mapping[str, Any], wait: Waited) -> dict[str, str]:
    """Return the team in charge at an answer, and who sent it."""
    then = in_charge(row, wait.end)
    return then | {"agent_id": wait.sender_id or then["agent_id"]}


def promises_in(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the promises of a row, one by one."""
    names = [name for name in row if name.startswith("promises.")]
    return [
        {name.removeprefix("promises."): row[name][place] for name in names} for place in range(len(row["promises.id"]))
    ]


def _promiser(row: Mapping[str, Any], promise: Mapping[str, Any], at: int) -> dict[str, str]:
    """Return the team in charge at an instant, and who made a promise."""
    then = in_charge(row, at)
    return then | {"agent_id": promise["made_by"] or then["agent_id"]}


class Ledger:
    """Every observation of every metric."""

    def __init__(self, events: Sequence[Event], *, is_by_holder: bool = False) -> None:
        self._is_by_holder = is_by_holder
        self._orders = _orders(events)
        self._placed = _placed(events)
        self._worlds = _worlds(events)
        told = [one.at_ms for world in self._worlds.values() for one in world]
        self.promises = Promises(events)
        rows = [_row(world, id) for id, world in self._worlds.items()]
        self.rows = {row["ticket_id"]: row for row in rows if row["is_effective"]}
        self._begun: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in self.rows.values():
            self._begun[_topic(row)] += row["cycles.started_at"]
        self._known_until = 86_400_000 * (max((day for row in rows for day in row["days"]), default=0) + 1)
        self._walls = Walls(events, min(told, default=0), max([*told, self._known_until]))
        self._seen: dict[str, list[Seen]] = defaultdict(list)
        self._open: dict[tuple[str, int], list[Seen]] = {}
        self._told: dict[tuple[str, int], Mapping[str, Any]] = {}
        for row in self.rows.values():
            self._enter_creation(row)
            self._enter_feedback(row)
            self._enter_answers(row)
            self._enter_times(row)
            self._enter_resolutions(row)
            self._enter_handling(row)
            self._enter_repurchases(row)
            self._enter_promises(row)

    def seen(self, metric: str, window: Window, part: tuple[str, str] | None = None) -> list[float]:
        """Return what the observations of a metric measure, in a window and where a column has a value."""
        found = self._found(metric, window, part)
        if metric in REPURCHASES:
            customers = {one.row["customer_id"] for one in found}
            return sorted(max(one.value for one in found if one.row["customer_id"] == id) for id in customers)
        return sorted(one.value for one in found)

    def lasted(self, metric: str, window: Window, part: tuple[str, str] | None = None) -> "Lasted":
        """Return how long what began lasted, as far as is known, and whether it ended then."""
        return [(one.value, one.has_ended) for one in self._found(metric, window, part)]

    def first_cases(self, window: Window) -> Mapping[str, tuple[int, str]]:
        """Return for each customer when the first after-sales case of a window was resolved, and which that is."""
        cases = [row for row in self.rows.values() if row["after_sales"] and row["customer_id"]]
        solved = sorted((row["first_resolved_at"], row["ticket_id"]) for row in cases if row["first_resolved_at"])
        first: dict[str, tuple[int, str]] = {}
        for at, id in solved:
            if window.start_at <= at < window.end_at:
                first.setdefault(self.rows[id]["customer_id"], (at, id))
        return first

    def bought(self, window: Window, known_until: int) -> "Lasted":
        """Return how long after the first case of each customer the next order came, or none was known to."""
        lasted = []
        for customer, (at, id) in self.first_cases(window).items():
            own = self.rows[id]["order_id"]
            placed = [when for name, when in self._orders[customer] if when > at and not (own and name == own)]
            end = min([*placed, known_until])
            lasted.append((max(0, end - at) / 1000, bool(placed) and min(placed) <= known_until))
        return lasted

    def _found(self, metric: str, window: Window, part: tuple[str, str] | None) -> list[Seen]:
        if metric == "overdue_promises":
            found = self._overdue_at(window.end_at)
        elif metric in ("backlog", "open_waits"):
            found = self._open_at(metric, window.end_at)
        else:
            found = [one for one in self._seen[metric] if window.start_at <= one.at < window.end_at]
        return [one for one in found if part is None or one.part(part[0]) == part[1]]

    def design(self, metric: Metric, window: Window, part: tuple[str, str] | None = None) -> float:
        """Return the design effect: the variance of a mean of customers over that of a mean of independent ones."""
        found = self._found(metric.name, window, part)
        n = len(found)
        mean = fmean(one.value for one in found) if found else 0.0
        own: dict[Any, list[float]] = defaultdict(list)
        for one in found:
            own[one.row["customer_id"] or ("nobody", one.row["ticket_id"])].append(one.value - mean)
        if len(own) < 2 or max(abs(one.value - mean) for one in found) < 1e-9:
            return sum(len(of_one) ** 2 for of_one in own.values()) / max(1, n)
        of_customers = variance([*map(sum, own.values())], 0) * len(own) / n**2
        return max(1.0, of_customers / (variance([one.value for one in found], mean) / n))

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
        if metric.name in TIMES_TO:
            return survival_quantile(self.lasted(metric.name, window, part), metric.p)[0]
        return value_of(metric.name, self.seen(metric.name, window, part))

    def rate(self, metric: str, window: Window, product_line: str | None = None) -> tuple[int, int]:
        """Return n and hits of a rate, for one product line or for all."""

        def is_in(at: int, line: str) -> bool:
            return window.start_at <= at < window.end_at and product_line in (None, line)

        tickets = [row for row in self.rows.values() if is_in(row["created_at"], row["product_line"])]
        orders = [order for order in self._placed if is_in(order.at_ms, _placed_of(order).product_line or "")]
        hits = sum(row["contact_type"] == "complaint" or metric.startswith("tickets") for row in tickets)
        if metric.endswith("_orders"):
            return len(set(map(_order, orders))), hits
        customers = {row["customer_id"] for row in tickets} | {_placed_of(one).customer_id for one in orders}
        return len(customers - {""}), hits

    def parts(self, column: str) -> set[str]:
        """Return the values of a column."""
        return {row[column] for row in self.rows.values()}

    def _enter_creation(self, row: Mapping[str, Any]) -> None:
        at = row["created_at"]
        self._enter("tickets", at, row, 1)
        in_time = (at <= promise["made_at"] < at + 28 * 86_400_000 for promise in promises_in(row))
        self._enter("promises_per_ticket", at, row, sum(in_time))
        self._enter("complaint_rate", at, row, row["contact_type"] == "complaint")
        self._enter("inquiry_share", at, row, row["contact_type"] == "inquiry")
        if row["first_event_at"] < at and _is_early(row, at):
            self._enter("negative_durations", at, row, 1)

    def _enter_feedback(self, row: Mapping[str, Any]) -> None:
        for n in range(len(row["ratings.id"])):
            if not row["ratings.is_valid"][n]:
                continue
            at, source, score = (row[f"ratings.{name}"][n] for name in ("rated_at", "source", "score"))
            resolved = [end for end in row["cycles.resolved_at"] if end is not None and end <= at]
            judged = in_charge(row, max(resolved, default=at))
            kind = row["ratings.kind"][n]
            if source == "customer" and kind == "ces":
                self._enter("ces", at, row, score, judged)
            if source == "customer" and kind == "nps":
                raw, *scale = (row[f"ratings.{name}"][n] for name in ("raw", "scale_min", "scale_max"))
                if scale == [0, 10]:
                    self._enter("nps", at, row, (raw >= 9) - (raw <= 6), judged)
            if kind != "csat":
                continue
            if source in ("customer", "agent"):
                self._enter("self_rating_share", at, row, source == "agent", judged)
            if source == "customer":
                raw, *ends = (row[f"ratings.{name}"][n] for name in ("raw", "scale_min", "scale_max"))
                is_satisfied = self.promises.is_satisfied(at, raw, (ends[0], ends[1]))
                clocks = {"": at, "_by_creation": row["created_at"], "_by_resolution": _judged(row, at)}
                if not is_satisfied:
                    self._enter("reassigned_after_bad_rating", at, row, _is_passed_on(row, at), judged)
                for clock, when in clocks.items():
                    if when is not None:
                        self._enter(f"csat_mean{clock}", when, row, score, judged)
                        self._enter(f"csat_share{clock}", when, row, is_satisfied, judged)
        for is_answered, at in zip(row["surveys.is_answered"], row["surveys.offered_at"], strict=True):
            self._enter("response_rate", at, row, is_answered, in_charge(row, at))

    def _enter_answers(self, row: Mapping[str, Any]) -> None:
        waits = [Waited(*wait) for wait in zip(*(row[f"waits.{name}"] for name in Waited._fields), strict=True)]
        answered = [wait for wait in waits if wait.answered_at is not None]
        for wait in answered:
            self._enter_answer("next_response", row, wait)
            self._enter("next_response_p99", wait.end, row, wait.seconds, sent(row, wait))
        if answered and row["created_by"] != "agent":
            self._enter_answer("first_response", row, answered[0])
            for metric, value in (("first_response_p99", answered[0].seconds), ("first_response_n", 1)):
                self._enter(metric, answered[0].end, row, value, sent(row, answered[0]))
        for wait in waits:
            self._enter_asks(row, wait)
        self._enter_first_targets(row, waits)
        bot_at = row["first_bot_response_at"]
        if bot_at is not None:
            took = max(0, bot_at - row["created_at"]) / 1000
            self._enter("bot_response_p50", bot_at, row, took, in_charge(row, bot_at))

    def _enter_times(self, row: Mapping[str, Any]) -> None:
        """Enter what began, by when that was: it lasted until its end, or as long as is known."""
        waits = [Waited(*wait) for wait in zip(*(row[f"waits.{name}"] for name in Waited._fields), strict=True)]
        for n, wait in enumerate(waits):
            is_first = n == 0 and row["created_by"] != "agent"
            names = ["response", *(["first_response"] if is_first else [])]
            if wait.answered_at is not None:
                self._enter_time(names, row, (wait.started_at, wait.end), sent(row, wait))
            else:
                self._enter_unended(names, row, wait.started_at, wait.stopped_at)
        for n, (start, end) in enumerate(zip(row["cycles.started_at"], row["cycles.resolved_at"], strict=True)):
            names = ["resolution", *(["first_resolution"] if n == 0 else [])]
            if end is not None:
                self._enter_time(names, row, (start, end), in_charge(row, end))
            else:
                spans = zip(row["open.since"], row["open.until"], strict=True)
                self._enter_unended(names, row, start, next(until for since, until in spans if since == start))

    def _enter_unended(self, names: Iterable[str], row: Mapping[str, Any], start: int, stop: int | None) -> None:
        end = min(self._known_until, NEVER if stop is None else stop)
        self._enter_time(names, row, (start, end), in_charge(row, end), has_ended=False)

    def _enter_time(
        self,
        names: Iterable[str],
        row: Mapping[str, Any],
        time: tuple[int, int],
        doers: Mapping[str, str],
        *,
        has_ended: bool = True,
    ) -> None:
        start, end = time
        whose = {} if self._is_by_holder else doers
        lasted = {"": max(0, end - start) / 1000, "_business": self._walls.seconds(row["team"], start, end)}
        for hours, seconds in lasted.items():
            if seconds is not None:
                seen = Seen(start, row, seconds, whose, has_ended)
                for name in names:
                    self._seen[f"time_to_{name}{hours}_p50"].append(seen)
                    self._seen[f"time_to_{name}{hours}_p90"].append(seen)

    def _enter_answer(self, which: str, row: Mapping[str, Any], wait: "Waited") -> None:
        for p in (50, 90):
            self._enter(f"{which}_p{p}", wait.end, row, wait.seconds, sent(row, wait))
            doers = sent(row, wait)
            self._enter_business([f"{which}_business_p{p}"], row, wait.started_at, wait.end, doers)

    def _enter_first_targets(self, row: Mapping[str, Any], waits: Sequence["Waited"]) -> None:
        """Ask one wait after the other until one decides; after one that nothing stopped there is no other."""
        dues: dict[str, Callable[[Waited], int | None]] = {
            "first_response_within": lambda wait: wait.started_at + TARGETS["first_response_within"],
            "first_response_business_within": lambda wait: self._due("first", row, wait.started_at),
            "first_response_in_target": lambda wait: self._promised("first_response", row, wait.started_at),
        }
        for metric, due_of in dues.items():
            for wait in waits[:MOST_FIRST] if row["created_by"] != "agent" else ():
                due = due_of(wait)
                if self._enter_target(metric, row, wait, due) or wait.stopped_at is None:
                    break

    def _enter_asks(self, row: Mapping[str, Any], wait: "Waited") -> None:
        """Ask from the begin of a wait, and anew from each word of the customer behind the end of the target before."""
        four_hours = TARGETS["next_response_within"]
        dues: dict[str, tuple[int, Callable[[int], int | None]]] = {
            "next_response_within": (four_hours, lambda at: at + four_hours),
            "next_response_business_within": (four_hours, lambda at: self._due("next", row, at)),
        }
        if promise := self.promises.target("response", row):
            dues["response_in_target"] = promise[0], lambda at: self._promised("response", row, at)
        for metric, (target, due_of) in dues.items():
            later = [at for at in wait.asked_again if at > wait.started_at + target]
            until: int | None = None
            for at in (wait.started_at, *later):
                due = due_of(at)
                if due is not None and (until is None or at > until):
                    until = due
                    self._enter_target(metric, row, wait, due)

    def _due(self, which: str, row: Mapping[str, Any], at: int) -> int | None:
        return self._walls.due_at(row["team"], at, BUSINESS_TARGETS[f"{which}_response_business_within"])

    def _promised(self, what: str, row: Mapping[str, Any], started: int, halts: Halts = ()) -> int | None:
        """Return when the target passes that the policy has for a ticket; no time counts in its halts."""
        target = self.promises.target(what, row)
        if target is None:
            return None
        within, is_open_hours = target
        if is_open_hours:
            return self._walls.due_at(row["team"], started, within, halts)
        return due_at(started, within, MINUTE_MS.__mul__, halts) if halts else started + within

    def _enter_target(self, metric: str, row: Mapping[str, Any], wait: "Waited", due: int | None) -> bool:
        """Say whether the wait decides: by an answer in time, or by lasting longer."""
        if due is None:
            return False
        if wait.answered_at is not None and wait.answered_at <= due:
            self._enter(metric, wait.answered_at, row, 1, sent(row, wait))
            return True
        lasted_until = min(end for end in (wait.stopped_at, wait.answered_at, NEVER) if end is not None)
        if due < lasted_until:
            self._enter(metric, due, row, 0, in_charge(row, due))
            return True
        return False

    def _enter_resolutions(self, row: Mapping[str, Any]) -> None:
        cycles = list(zip(row["cycles.started_at"], row["cycles.resolved_at"], strict=True))
        halts = list(zip(row["cycles.awaits_customer"], row["cycles.on_hold"], strict=True))
        for n, (start, end) in enumerate(cycles):
            paused = self.promises.pauses(row)
            stands = [times for name, times in zip(("customer", "hold"), halts[n], strict=True) if name in paused]
            due = self._promised("resolution", row, start, sorted(time for times in stands for time in times))
            if due is not None and end is not None and end <= due:
                self._enter("resolution_in_target", end, row, 1, in_charge(row, end))
            elif due is not None and due < (end or NEVER):
                self._enter("resolution_in_target", due, row, 0, in_charge(row, due))
            if end is None:
                continue
            doers = in_charge(row, end)
            for p in (50, 90):
                self._enter(f"resolution_p{p}", end, row, (end - start) / 1000, doers)
                self._enter_business([f"resolution_business_p{p}"], row, start, end, doers)
            with_customer, on_hold = (sum(until - since for since, until in times) / 1000 for times in halts[n])
            with_desk = (end - start) / 1000 - with_customer - on_hold
            for name in ("resolution_desk_p50", "resolution_desk_p90", "time_with_desk"):
                self._enter(name, end, row, with_desk, doers)
            self._enter("time_with_customer", end, row, with_customer, doers)
            self._enter("time_on_hold", end, row, on_hold, doers)
            self._enter("reopen_rate", end, row, n + 1 < len(cycles), doers)
            if n == 0:
                self._enter("tickets_reopened", end, row, row["reopened"] > 0, doers)
            if n + 1 == len(cycles):
                self._enter("full_resolution_p50", end, row, (end - row["created_at"]) / 1000, doers)
                self._enter_business(["full_resolution_business_p50"], row, row["created_at"], end, doers)
        if row["first_resolved_at"] is not None:
            start, end = row["created_at"], row["first_resolved_at"]
            doers = in_charge(row, end)
            if not row["agent_messages"]:
                self._enter("resolved_unanswered", end, row, 1, doers)
            for p in (50, 90):
                self._enter(f"first_resolution_p{p}", end, row, row["first_resolution_seconds"], doers)
                self._enter_business([f"first_resolution_business_p{p}"], row, start, end, doers)

    def _enter_handling(self, row: Mapping[str, Any]) -> None:
        at = row["first_resolved_at"]
        if at is None:
            return
        doers = in_charge(row, at)
        held = [team for team, since in zip(row["charges.team"], row["charges.since"], strict=True) if since <= at]
        known = [team for team in held if team]
        self._enter("tickets_transferred", at, row, any(a != b for a, b in pairwise(known)), doers)
        if row["created_by"] == "agent" or min(row["waits.started_at"], default=NEVER) > at:
            return
        answers = sum(end is not None and end <= at for end in row["waits.answered_at"])
        self._enter("replies_per_resolution", at, row, answers, doers)
        self._enter("one_touch_share", at, row, answers == 1, doers)
        if row["customer_id"]:
            is_back = any(at < start <= at + 7 * 86_400_000 for start in self._begun[_topic(row)])
            self._enter("first_contact_resolution", at, row, answers <= 1 and not is_back, doers)

    def _enter_repurchases(self, row: Mapping[str, Any]) -> None:
        at = row["first_resolved_at"]
        if not row["after_sales"] or not row["customer_id"] or at is None:
            return
        for metric, within in REPURCHASES.items():
            others = [
                when for id, when in self._orders[row["customer_id"]] if not row["order_id"] or id != row["order_id"]
            ]
            self._enter(metric, at, row, any(at < when <= at + within for when in others), in_charge(row, at))

    def _enter_promises(self, row: Mapping[str, Any]) -> None:
        for promise in promises_in(row):
            made_at, due_at, kept_at = promise["made_at"], promise["due_at"], promise["kept_at"]
            self._enter("promises", made_at, row, 1, _promiser(row, promise, made_at))
            given_up_at = promise["withdrawn_at"]
            if (given_up_at is not None and given_up_at <= due_at) or due_at >= made_at + 92 * 86_400_000:
                continue
            doers = _promiser(row, promise, due_at)
            is_kept = kept_at is not None and kept_at <= due_at
            self._enter("promises_kept", due_at, row, is_kept, doers)
            self._enter("promises_moved", due_at, row, promise["moved"] > 0, doers)
            if not is_kept:
                known_at = min(given_up_at or NEVER, max(due_at, self._known_until))
                seconds = ((known_at if kept_at is None else kept_at) - due_at) / 1000
                seen = Seen(due_at, row, seconds, {} if self._is_by_holder else doers, kept_at is not None)
                for p in (50, 90):
                    self._seen[f"promise_lateness_p{p}"].append(seen)

    def _overdue_at(self, instant: int) -> list[Seen]:
        found = []
        for row in self.rows.values():
            for promise in promises_in(row):
                ends = [at for at in (promise["kept_at"], promise["withdrawn_at"]) if at is not None]
                if promise["due_at"] < instant <= min([*ends, promise["made_at"] + 92 * 86_400_000]):
                    found.append(Seen(instant, row, 1, {} if self._is_by_holder else in_charge(row, instant - 1)))
        return found

    def _enter_business(
        self, metrics: Iterable[str], row: Mapping[str, Any], start: int, end: int, doers: Mapping[str, str]
    ) -> None:
        seconds = self._walls.seconds(row["team"], start, end)
        for metric in metrics if seconds is not None else ():
            self._enter(metric, end, row, seconds or 0, doers)

    def _enter(
        self, metric: str, at: int, row: Mapping[str, Any], value: float, doers: Mapping[str, str] | None = None
    ) -> None:
        self._seen[metric].append(Seen(at, row, float(value), {} if self._is_by_holder else doers or {}))

    def _open_at(self, metric: str, instant: int) -> list[Seen]:
        """Look at each ticket as its events before an instant tell it."""
        if (metric, instant) in self._open:
            return self._open[metric, instant]
        found = self._open[metric, instant] = []
        for id, row in self.rows.items():
            if row["created_at"] < instant and _is_open(metric, self._told_before(id, instant)):
                found.append(Seen(instant, row, 1, {} if self._is_by_holder else in_charge(row, instant - 1)))
        return found

    def _told_before(self, ticket_id: str, instant: int) -> Mapping[str, Any]:
        """Return a ticket as its events before an instant tell it."""
        known = self._known(ticket_id, instant)
        as_much = ticket_id, len(known)  # and the same: what is known only grows with the instant
        if as_much not in self._told:
            self._told[as_much] = _row(known, ticket_id)
        return self._told[as_much]

    def _known(self, ticket_id: str, instant: int) -> list[Event]:
        """Return a ticket's events before an instant; what is a ticket, and of which one a part, is known already.

        So is who opened it, once it is open: also where only a ticket that was merged into it says so, and later.
        """
        world = self._worlds[ticket_id]
        opened = {one.subject for one in world if isinstance(one.content, e.TicketCreated) and one.at_ms < instant}
        opened.add(first_opened(world, ticket_id, _tie))
        return [
            one
            for one in world
            if one.at_ms < instant
            or isinstance(one.content, e.EventRetracted | e.TicketMerged)
            or (isinstance(one.content, e.TicketCreated) and one.subject in opened)
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
    if metric == "nps":
        return 100 * fmean(seen)
    return quantile(seen, int(metric[-2:]) / 100)


Lasted: TypeAlias = list[tuple[float, bool]]
"""How long each lasted, and whether it ended then or may last still."""


def survival_quantile(lasted: Lasted, p: float) -> tuple[float | None, float | None, float | None]:
    """Return the duration that a share p stays below and its bounds, None where it was not reached.

    At each duration at which any ended, all are looked through again; the curve is exact.
    """
    value = low = high = None
    share, variance, wanted = Fraction(1), Fraction(0), 1 - Fraction(str(p))
    for at in sorted({one for one, has_ended in lasted if has_ended}):
        at_risk = sum(one >= at for one, _ in lasted)
        ended = sum(has_ended and one == at for one, has_ended in lasted)
        share *= 1 - Fraction(ended, at_risk)
        value = at if value is None and share <= wanted else value
        low = at if low is None and share <= wanted else low
        if share:
            variance += Fraction(ended, at_risk * (at_risk - ended))
            middle, width = log(-log(share)), Z95 * sqrt(variance) / -log(share)
            low = at if low is None and exp(-exp(middle + width)) <= wanted else low
            high = at if high is None and exp(-exp(middle - width)) <= wanted else high
    return value, max((one for one, _ in lasted), default=None) if low is None else low, high


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


def _topic(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return who asks, and what about."""
    return row["customer_id"], row["reason"]


def _is_passed_on(row: Mapping[str, Any], rated_at: int) -> bool:
    """Tell whether another known team or agent was ever in charge after a rating than the known one as it was given."""
    before = in_charge(row, rated_at)
    later = [in_charge(row, since) for since in row["charges.since"] if since > rated_at]
    return any(before[name] and one[name] not in ("", before[name]) for one in later for name in before)


def _is_early(row: Mapping[str, Any], created_at: int) -> bool:
    """Tell whether anything took no time, or less, from the creation on."""
    waits = zip(row["waits.started_at"], row["waits.answered_at"], strict=True)
    bot_at = row["first_bot_response_at"]
    is_answered = any(start == end == created_at for start, end in waits)
    return is_answered or row["first_resolved_at"] == created_at or (bot_at is not None and bot_at < created_at)


def _is_open(metric: str, row: Mapping[str, Any]) -> bool:
    if metric == "open_waits":
        return row["open_wait_since"] is not None
    return row["status"] not in ("resolved", "closed")


def _tie(one: Event) -> int:
    return fact_id(one.source, one.id)


def _row(world: Iterable[Event], ticket_id: str) -> dict[str, Any]:
    row = expected_row(world, ticket_id, _tie)
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


def _orders(events: Iterable[Event]) -> dict[str, list[tuple[str, int]]]:
    """Return for each customer the orders that count as a purchase, by which name a case calls them, and when placed.

    Of orders of several shops with one name a case means the first one.
    """
    placed: dict[tuple[str, str, str], int] = {}
    others = set()
    for one in events:
        match one.content:
            case e.OrderCancelled():
                others.add(_order(one))
            case e.OrderPlaced():
                placed[_order(one)] = min(one.at_ms, placed.get(_order(one), one.at_ms))
                if one.content.kind in (e.OrderKind.REPLACEMENT, e.OrderKind.EXCHANGE):
                    others.add(_order(one))
    first = {(key[0], key[2]): at for key, at in sorted(placed.items(), key=lambda pair: -pair[1])}
    orders: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, at in placed.items():
        if key not in others:
            orders[key[0]].append((key[2] if at == first[key[0], key[2]] else "", at))
    return orders


def _order(one: Event) -> tuple[str, str, str]:
    """Return whose order it is, which shop says so, and how that one calls it."""
    assert isinstance(one.content, e.OrderData)
    return one.content.customer_id, one.source, one.content.order_id


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
