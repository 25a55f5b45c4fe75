"""What a solved case changes, by looking through all customers one by one; and shops of which that is known."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import exp, inf, sqrt
from random import Random
from statistics import fmean, variance
from typing import Final, NamedTuple, TypeAlias

from streams.core.interval import Z95, Interval, wilson

DAY: Final = 86_400_000
HORIZONS: Final = (30, 60, 90)
AGO: Final = (7, 14, 21, 28, 42, 56, 90, 180)


class Bought(NamedTuple):
    """An order that counts, by the name that a case has for it: of several shops' the first one's."""

    at: int
    named: str
    line: str = ""
    region: str = ""


class Case(NamedTuple):
    """An after-sales ticket that counts."""

    created_at: int
    resolved_at: int | None
    order_id: str = ""
    is_asked: bool = True
    score: float | None = None


class Customer(NamedTuple):
    """All that is known of somebody."""

    orders: Sequence[Bought]
    cases: Sequence[Case]


class Compared(NamedTuple):
    """Somebody at an instant from which on orders count."""

    who: str
    at: int
    next_at: float
    number: int
    last_at: int
    first_at: int
    cases_before: int
    case: Case | None = None


class Cell(NamedTuple):
    """Those who are alike, with a case and without."""

    treated: list[Compared]
    others: list[Compared]


class Lift(NamedTuple):
    """What a case changes within so many days."""

    share: float
    share_ends: Interval
    other: float
    other_ends: Interval
    lift: float
    lift_ends: Interval
    ratio: float | None
    ratio_ends: Interval


def cells_of(
    customers: Mapping[str, Customer],
    window: tuple[int, int],
    known: int,
    followed: Callable[[Compared], float],
    draw: Callable[[str, int], int],
    is_drawn: Callable[[str], bool] = lambda _: True,
) -> list[Cell]:
    """Return who is held against whom. `draw` gives a number for an order of a customer, by which a wait is drawn."""
    strata = defaultdict[tuple[object, ...], tuple[list[Compared], list[tuple[Compared, float]]]](lambda: ([], []))
    for who, (orders, cases) in customers.items():
        bought = sorted(orders)
        begun = sorted(case.created_at for case in cases)
        asked = [case for case in cases if case.is_asked and case.resolved_at is not None]
        asked = [case for case in asked if window[0] <= (case.resolved_at or 0) < window[1]]
        if asked:
            first = min(asked, key=lambda case: (case.resolved_at, case.created_at))
            at = first.resolved_at or 0
            had = [one for one in bought if one.at <= at]
            after = (one.at for one in bought if one.at > at and (not first.order_id or one.named != first.order_id))
            last = had[-1] if had else None
            one = Compared(
                who,
                at,
                next(after, inf),
                len(had),
                last.at if last else 0,
                had[0].at if had else 0,
                sum(created < last.at for created in begun) if last else 0,
                first,
            )
            strata[_alike(last, len(had))][0].append(one)
        if not is_drawn(who):
            continue
        for number, order in enumerate(bought, start=1):
            if not window[0] - 365 * DAY <= order.at < window[1]:
                continue
            next_at = bought[number].at if number < len(bought) else inf
            case_at = next((created for created in begun if created >= order.at), inf)
            before = sum(created < order.at for created in begun)
            control = Compared(who, order.at, next_at, number, order.at, bought[0].at, before)
            strata[_alike(order, number)][1].append((control, min(next_at, case_at) - order.at))
    cells = defaultdict[tuple[object, ...], Cell](lambda: Cell([], []))
    for key, (treated, others) in strata.items():
        waits = sorted(one.at - one.last_at for one in treated)
        for one in treated:
            if one.at + followed(one) > known:
                continue
            cells[*key, bisect_right(AGO, (one.at - one.last_at) / DAY)].treated.append(one)
        for one, quiet in others if waits else ():
            wait = waits[draw(one.who, one.last_at) % len(waits)]
            compared = one._replace(at=one.at + wait)
            if wait < quiet and compared.at + followed(compared) <= known:
                cells[*key, bisect_right(AGO, wait / DAY)].others.append(compared)
    return list(cells.values())


def _alike(last: Bought | None, number: int) -> tuple[object, ...]:
    if last is None:
        return (0,)
    month = datetime.fromtimestamp(last.at / 1000, UTC).strftime("%Y%m")
    band = number if number < 3 else 3 if number < 6 else 6
    return month, last.line, last.region, band


Outcome: TypeAlias = Callable[[Compared], float]


def for_days(days: int) -> Callable[[Compared], float]:
    """Return for how long everybody must have been followed, in milliseconds."""
    return lambda _: days * DAY


def within(one: Compared, days: int) -> float:
    return float(one.next_at <= one.at + days * DAY)


def ordered_within(days: int) -> Outcome:
    return lambda one: within(one, days)


def shares_of(cells: Iterable[Cell], outcome: Outcome) -> tuple[float, float]:
    """Return the share who ordered again of those with a case, and of those they are held against."""
    told = [cell for cell in cells if cell.treated and cell.others]
    n = sum(len(cell.treated) for cell in told)
    share = sum(outcome(one) for cell in told for one in cell.treated) / n
    of_others = [sum(outcome(one) for one in cell.others) / len(cell.others) for cell in told]
    return share, sum(len(cell.treated) * p for cell, p in zip(told, of_others, strict=True)) / n


def lift_of(cells: Sequence[Cell], outcome: Outcome) -> Lift | None:
    """Return what a case changes, from what each customer adds to both shares; None where nobody is matched."""
    told = [cell for cell in cells if cell.treated and cell.others]
    n = sum(len(cell.treated) for cell in told)
    if not n:
        return None
    share, other = shares_of(told, outcome)
    adds = defaultdict[str, list[float]](lambda: [0.0, 0.0, 0.0])
    for cell in told:
        p = sum(outcome(one) for one in cell.others) / len(cell.others)
        weight = len(cell.treated) / len(cell.others)
        for one in cell.treated:
            adds[one.who][0] += outcome(one) - share
            adds[one.who][1] += p - other
        for one in cell.others:
            adds[one.who][1] += weight * (outcome(one) - p)
            adds[one.who][2] += weight
    own = sum(a * a for a, _, _ in adds.values())
    apart = sum(b * b for _, b, _ in adds.values())
    together = sum(a * b for a, b, _ in adds.values())
    stands_for = other * (1 - other) * n * n / apart if apart >= 1e-9 else n * n / sum(w * w for *_, w in adds.values())
    alike = together / sqrt(own * apart) if own * apart >= 1e-9 else 0.0
    ends, other_ends = wilson(share * n, n), wilson(min(1.0, max(0.0, other)) * stands_for, stands_for)
    return Lift(
        share,
        ends,
        other,
        other_ends,
        share - other,
        _difference(share, ends, other, other_ends, alike),
        share / other if other else None,
        _quotient(share, ends, other, other_ends, alike),
    )


def _difference(share: float, ends: Interval, other: float, other_ends: Interval, alike: float) -> Interval:
    low, high, other_low, other_high = *_told(ends), *_told(other_ends)
    below = (share - low) ** 2 + (other_high - other) ** 2 - 2 * alike * (share - low) * (other_high - other)
    above = (high - share) ** 2 + (other - other_low) ** 2 - 2 * alike * (high - share) * (other - other_low)
    return Interval(share - other - sqrt(max(0, below)), share - other + sqrt(max(0, above)))


def _quotient(share: float, ends: Interval, other: float, other_ends: Interval, alike: float) -> Interval:
    """Return the quotients whose difference from nothing is not clear: `share = r * other` at the ends of both."""
    low, high, other_low, other_high = *_told(ends), *_told(other_ends)
    return Interval(
        _root(share, share - low, other, other_high - other, alike, -1),
        _root(share, high - share, other, other - other_low, alike, +1),
    )


def _root(share: float, apart: float, other: float, other_apart: float, alike: float, side: int) -> float | None:
    a = other**2 - other_apart**2
    b = share * other - alike * apart * other_apart
    c = share**2 - apart**2
    return None if a <= 1e-15 else max(0.0, (b + side * sqrt(max(0, b * b - a * c))) / a)


def _told(ends: Interval) -> tuple[float, float]:
    assert ends.low is not None
    assert ends.high is not None
    return ends.low, ends.high


# Shops of which the truth is known ------------------------------------------------------------------------------------

START: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
SHOP_DAYS: Final = 400
WINDOW: Final = (START + 210 * DAY, START + 300 * DAY)
KNOWN: Final = START + SHOP_DAYS * DAY
_LINES: Final = (("sofas", 1 / 200, 0.03), ("lamps", 1 / 90, 0.08), ("paint", 1 / 45, 0.20))
"""Orders a day, and the share of orders after which there is a case: who buys most complains most."""


def shop(
    seed: int, effect: float, customers: int = 3000, complaining: float = 1.0
) -> tuple[dict[str, Customer], Mapping[int, float]]:
    """Return a shop, and how much a case adds to the share who order within so many days, on average.

    Each customer's orders come by chance at a pace of their product line. A case makes some order once more within 30
    days who would not have: so many that the share of 30 days grows by `effect`, whoever it is.
    """
    rng = Random(seed)
    told = dict[str, Customer]()
    for number in range(customers):
        line, pace, complains = _LINES[rng.randrange(3)]
        orders, cases = list[Bought](), list[Case]()
        at = START + int(rng.random() * 60 * DAY)
        while at < KNOWN:
            orders.append(Bought(at, f"O-{number}-{len(orders)}", line, "north" if number % 2 else "south"))
            if rng.random() < complaining * complains:
                created = at + int(rng.uniform(1, 25) * DAY)
                cases.append(Case(created, created + int(rng.uniform(0.1, 3) * DAY), orders[-1].named))
            at += max(1, int(rng.expovariate(pace) * DAY))
        times = [one.at for one in orders]
        for case in list(cases):
            resolved = case.resolved_at or 0
            goes_on = any(resolved < when <= resolved + 30 * DAY for when in times)
            if not goes_on and rng.random() < effect / exp(-30 * pace):
                more = resolved + int(rng.uniform(0, 30) * DAY)
                orders.append(Bought(more, f"M-{number}-{len(orders)}", line, orders[0].region))
        told[f"C-{number}"] = Customer(orders, cases)
    gains = [
        (exp(30 * pace) * effect, pace)
        for line, pace, _ in _LINES
        for one in told.values()
        if one.orders[0].line == line and any(WINDOW[0] <= (case.resolved_at or 0) < WINDOW[1] for case in one.cases)
    ]
    truth = {days: sum(gain * exp(-days * pace) for gain, pace in gains) / len(gains) for days in HORIZONS}
    return told, truth


def leaving_shop(seed: int, leaves: float, customers: int = 2_000) -> tuple[dict[str, Customer], dict[str, Customer]]:
    """Return a shop where so many leave for good with their case, and what it would have been without that.

    Cases are rarer than in other shops here: somebody without a case who has one later, and leaves then, is compared
    with those who had theirs before, which makes leaving look rarer than it is.
    """
    rng = Random(-seed)
    loyal, _ = shop(seed, 0.0, customers, 0.4)
    told = dict[str, Customer]()
    for who, one in loyal.items():
        left_at = min((case.resolved_at or 0 for case in one.cases if rng.random() < leaves), default=KNOWN)
        orders = [order for order in one.orders if order.at <= left_at]
        told[who] = Customer(orders, [case for case in one.cases if case.created_at <= left_at])
    return told, loyal


def silence(one: Compared, usual_ms: float = 90.0 * DAY) -> int:
    """Return how long somebody must not have ordered to have left: twice the usual interval, 7 to 120 days."""
    own = (one.last_at - one.first_at) / (one.number - 1) if one.number > 1 else usual_ms
    return int(2 * max(7.0 * DAY, min(120.0 * DAY, own)))


def stays_away(one: Compared) -> float:
    return float(one.next_at - one.at > silence(one))


# What a way of handling cases is worth, and what a cap costs ----------------------------------------------------------


class Handled(NamedTuple):
    """A case: how it was handled, what it brought in and what it cost; `None` where nobody can count that."""

    strategy: str
    alike: tuple[object, ...]
    brought: float | None
    cost: float | None
    parts: tuple[str, ...] = ()


class Expected(NamedTuple):
    """What a strategy is worth."""

    matched: int
    gain: float
    cost: float
    value: float | None
    ends: Interval


def expectation_of(cases: Sequence[Handled], strategy: str, parts: tuple[str, ...] = ()) -> Expected | None:
    """Return what a strategy brings in beyond others for what it costs; None where no case has any to be held against.

    The ends of the interval are found by looking where the difference of both sums stops being clear.
    """
    known = [one for one in cases if one.brought is not None and one.cost is not None]
    cells = defaultdict[tuple[object, ...], list[Handled]](list)
    for one in known:
        cells[one.alike].append(one)
    own, spread = list[tuple[float, float]](), 0.0
    for cell in cells.values():
        others = [one.brought or 0.0 for one in cell if one.strategy != strategy]
        mine = [one for one in cell if one.strategy == strategy and one.parts == parts]
        if len(others) < 2 or not mine:
            continue
        mean = sum(others) / len(others)
        own += [((one.brought or 0.0) - mean, one.cost or 0.0) for one in mine]
        spread += len(mine) ** 2 / len(others) * variance(others)
    if not own:
        return None
    n, gains, costs = len(own), sum(d for d, _ in own), sum(c for _, c in own)
    if n < 2 or costs <= 0:
        return Expected(n, gains / n, costs / n, None, Interval(None, None))

    def is_unclear(ratio: float) -> bool:
        apart = [d - ratio * c for d, c in own]
        return sum(apart) ** 2 <= Z95**2 * (n * variance(apart) + spread)

    ratio = gains / costs
    is_bounded = not is_unclear(ratio - 1e9) and not is_unclear(ratio + 1e9)
    ends = Interval(_edge(is_unclear, ratio, -1), _edge(is_unclear, ratio, +1)) if is_bounded else Interval(None, None)
    return Expected(n, gains / n, costs / n, ratio, ends)


def _edge(holds: Callable[[float], bool], middle: float, side: int) -> float:
    """Return how far from the middle something goes on holding."""
    near, far = 0.0, 1e9
    for _ in range(200):
        half = (near + far) / 2
        near, far = (half, far) if holds(middle + side * half) else (near, half)
    return middle + side * near


def break_even_of(refused: Sequence[float], granted: Sequence[float]) -> tuple[float, Interval]:
    """Return what a refusal costs beyond a grant: the difference of both means of what came back."""
    value = fmean(refused) - fmean(granted)
    margin = Z95 * sqrt(variance(refused) / len(refused) + variance(granted) / len(granted))
    return value, Interval(value - margin, value + margin)


def handled_cases(seed: int, worth: float, n: int = 1_500) -> list[Handled]:
    """Return cases of which "gift" brings in so many times what it costs, and is tried on the best customers."""
    rng = Random(seed)
    told = []
    for _ in range(n):
        kind = rng.randrange(4)
        strategy = "gift" if rng.random() < 0.15 + 0.15 * kind else rng.choice(["judge", "explain"])
        cost = rng.uniform(500, 1500) if strategy == "gift" else rng.uniform(0, 400)
        ordered = rng.expovariate(1 / 9_000) if rng.random() < 0.2 + 0.1 * kind else 0.0
        told.append(Handled(strategy, (kind,), ordered + (worth * 1_000 if strategy == "gift" else 0), cost))
    return told
