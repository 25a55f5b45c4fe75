"""What a solved case changes: the SQL says what can be counted by hand, and holds where the truth is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import ceil, sqrt
from random import Random
from typing import Any, Final
from warnings import catch_warnings, simplefilter

import pytest
from clickhouse_connect.driver.client import Client
from lifelines import KaplanMeierFitter

from schemas import events as e
from schemas.codec import Event
from streams.core.worth.ask import with_range
from streams.core.worth.balance import MEASURES, balance
from streams.core.worth.churn import churn
from streams.core.worth.curves import curves
from streams.core.worth.lift import lift
from streams.core.worth.matching import MOST_ORDERS
from tests.databases import new_database
from tests.histories import event
from tests.integration.conftest import Servers
from tests.integration.test_oracle import store
from tests.worth import (
    DAY,
    HORIZONS,
    KNOWN,
    START,
    WINDOW,
    Bought,
    Case,
    Compared,
    Customer,
    cells_of,
    for_days,
    lift_of,
    ordered_within,
    shop,
    silence,
)

pytestmark = pytest.mark.integration

LINES: Final = ("sofas", "lamps", None)
KINDS: Final = (None, None, None, e.OrderKind.REPLACEMENT, e.OrderKind.RENEWAL)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def asked(client: Client, sql: str, most_orders: int = MOST_ORDERS, days: int = 90) -> list[dict[str, Any]]:
    """Return what a query says, row by row."""
    return list(client.query(f"{_begin(days).replace(str(MOST_ORDERS), str(most_orders))}\n{sql}").named_results())


def _begin(days: int) -> str:
    start_at, end_at, known_at = (f"toDateTime64({ms / 1000}, 3, 'UTC')" for ms in (*WINDOW, KNOWN))
    return with_range(start_at, end_at, known_at, str(days * DAY))


def draws(client: Client, customers: Mapping[str, Customer]) -> dict[tuple[str, int], int]:
    """Return ClickHouse's hash of every order of every customer, by which waits are drawn."""
    pairs = [(who, order.at) for who, one in customers.items() for order in one.orders]
    sql = "SELECT arrayMap(one -> cityHash64(cityHash64(one.1), one.2), {pairs:Array(Tuple(String, Int64))})"
    ((hashes,),) = client.query(sql, parameters={"pairs": pairs}).result_rows
    return dict(zip(pairs, hashes, strict=True))


def random_shop(seed: int) -> tuple[list[Event], dict[str, Customer]]:
    """Return events of a shop where everything goes wrong that can, and what its after-sales cases come to."""
    told, customers, _ = random_contacts(seed)
    return told, customers


def random_contacts(seed: int) -> tuple[list[Event], dict[str, Customer], dict[str, Customer]]:
    """Return events of a shop, what its after-sales cases come to, and what all of its tickets do."""
    rng, told = Random(seed), list[Event]()
    customers, contacts = dict[str, Customer](), dict[str, Customer]()

    def tell(content: e.Data, at: int, source: str = "urn:shop") -> None:
        told.append(event(content, at, id=f"e{len(told)}", source=source))

    for number in range(160):
        who, orders, cases = f"C-{number}", list[tuple[int, str, str, str, str, bool]](), list[tuple[bool, Case]]()
        for place in range(rng.choice([0, 1, 1, 2, 3, 5, 8])):
            at = START + rng.randrange(20, 330) * DAY + rng.randrange(4) * (DAY // 4) + place
            order_id = f"O-{number}-{rng.choice([place, place, 0])}"
            source = rng.choice(["urn:shop", "urn:shop", "urn:other"])
            if any(one[1] == order_id and one[4] == source for one in orders):
                continue
            kind, line = rng.choice(KINDS), rng.choice(LINES)
            region = rng.choice(["north", None])
            counts = kind is not e.OrderKind.REPLACEMENT
            placed = e.OrderPlaced(
                order_id=order_id, customer_id=who, amount=100, currency="EUR", kind=kind, product_line=line,
                region=region,
            )  # fmt: skip
            tell(placed, at, source)
            if rng.random() < 0.1:
                tell(placed, at + rng.choice([0, DAY]), source)
            if rng.random() < 0.1:
                tell(e.OrderCancelled(order_id=order_id, customer_id=who), at + DAY, source)
                counts = False
            orders.append((at, order_id, line or "", region or "", source, counts))
        for place in range(rng.choice([0, 0, 1, 1, 2])):
            created = START + rng.randrange(150, 320) * DAY + rng.randrange(8) * (DAY // 8)
            ticket, order_id = f"T-{number}-{place}", rng.choice([*(one[1] for one in orders), ""])
            is_case, team = rng.random() < 0.9, rng.choice(["north", "south"])
            begun = e.TicketCreated(
                ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, customer_id=who, team=team,
                order_id=order_id or None, after_sales=is_case,
            )  # fmt: skip
            tell(begun, created)
            resolved = created + rng.randrange(1, 80) * (DAY // 8) if rng.random() < 0.9 else None
            if resolved:
                tell(e.TicketResolved(ticket_id=ticket), resolved)
            is_spam = rng.random() < 0.05
            if is_spam:
                tell(e.TicketMarkedSpam(ticket_id=ticket), created + DAY)
            score = rng.choice([None, 0.0, 50.0, 75.0, 100.0])
            if score is not None:
                rated = e.RatingSubmitted(
                    ticket_id=ticket, rating_id="X", raw=score, scale_min=0, scale_max=100,
                    source=e.RatingSource.CUSTOMER,
                )  # fmt: skip
                tell(rated, (resolved or created) + 60_000)
            if not is_spam:
                cases.append((is_case, Case(created, resolved, order_id, team == "north", score)))
        customers[who] = Customer(_counting(orders), [case for is_case, case in cases if is_case])
        contacts[who] = Customer(_counting(orders), [case for _, case in cases])
    rng.shuffle(told)
    return told, customers, contacts


def _counting(orders: Sequence[tuple[int, str, str, str, str, bool]]) -> list[Bought]:
    """Return the orders that count, each under its name where it is the first one that was placed under it."""
    named = dict[str, tuple[int, str]]()
    for at, order_id, *_, source, _ in sorted(orders, key=lambda one: one[0]):
        named.setdefault(order_id, (at, source))
    return [
        Bought(at, order_id if named[order_id] == (at, source) else "", line, region)
        for at, order_id, line, region, source, counts in orders
        if counts
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_lift_is_what_can_be_counted_by_hand(client: Client, seed: int) -> None:
    told, customers = random_shop(seed)
    store(client, [told[::2], told[1::2], told[::3]])
    drawn = draws(client, customers)
    for narrowed in ("", "AND team = 'north'"):
        theirs = customers if narrowed else {who: _all_asked(one) for who, one in customers.items()}
        for days in HORIZONS:
            cells = cells_of(theirs, WINDOW, KNOWN, for_days(days), lambda who, at: drawn[who, at])
            (row,) = asked(client, lift(f" {narrowed}"), days=days)
            wanted = lift_of(cells, ordered_within(days))
            assert row["customers"] == sum(len(cell.treated) for cell in cells)
            assert row["matched"] == sum(len(cell.treated) for cell in cells if cell.others)
            assert wanted, "nobody was matched: the shop is too small to say anything"
            ends = (wanted.share_ends, wanted.other_ends, wanted.lift_ends, wanted.ratio_ends)
            told_ends = [
                row[f"{name}_{end}"] for name in ("share", "other", "lift", "ratio") for end in ("low", "high")
            ]
            assert [row["share"], row["other"], row["lift"], row["ratio"]] == pytest.approx(
                [wanted.share, wanted.other, wanted.lift, wanted.ratio], abs=1e-9
            )
            assert told_ends == pytest.approx([one for pair in ends for one in pair], abs=1e-9)


def test_of_many_orders_comparable_customers_are_drawn(client: Client) -> None:
    told, customers = random_shop(3)
    store(client, [told])
    ((placed,),) = client.query("SELECT count() FROM orders").result_rows
    drawn, hashes = draws(client, customers), _hashes(client, customers)
    theirs = {who: _all_asked(one) for who, one in customers.items()}
    cells = cells_of(
        theirs,
        WINDOW,
        KNOWN,
        for_days(90),
        lambda who, at: drawn[who, at],
        lambda who: hashes[who] % (placed // 150) == 0,
    )
    everybody = cells_of(theirs, WINDOW, KNOWN, for_days(90), lambda who, at: drawn[who, at])
    wanted = lift_of(cells, ordered_within(90))
    assert wanted
    assert asked(client, lift(), 150)[0]["lift"] == pytest.approx(wanted.lift, abs=1e-9)
    assert sum(len(one.others) for one in cells) < sum(len(one.others) for one in everybody)


def _hashes(client: Client, customers: Mapping[str, Customer]) -> dict[str, int]:
    sql = "SELECT arrayMap(who -> cityHash64(who), {names:Array(String)})"
    ((hashes,),) = client.query(sql, parameters={"names": list(customers)}).result_rows
    return dict(zip(customers, hashes, strict=True))


@pytest.mark.parametrize("seed", range(2))
def test_the_curves_are_those_of_lifelines(client: Client, seed: int) -> None:
    told, customers = random_shop(seed)
    store(client, [told])
    drawn = draws(client, customers)
    theirs = {who: _all_asked(one) for who, one in customers.items()}
    cells = [one for one in cells_of(theirs, WINDOW, KNOWN, for_days(0), lambda who, at: drawn[who, at]) if one.others]
    weights = [len(one.treated) / len(one.others) for one in cells for _ in one.others]
    treated, others = (
        _fitted([one for cell in cells for one in cell.treated], None),
        _fitted([one for cell in cells for one in cell.others], weights),
    )
    rows = asked(client, curves())
    assert [row["days"] for row in rows] == list(range(5, 91, 5))
    for row in rows:
        assert row["share"] == pytest.approx(1 - treated.predict(row["days"]), abs=1e-9)
        assert row["other"] == pytest.approx(1 - others.predict(row["days"]), abs=1e-9)
        band = treated.confidence_interval_.loc[: row["days"]].iloc[-1]
        if 0 < row["share"] < 1:
            assert (row["share_low"], row["share_high"]) == pytest.approx(
                (1 - band.iloc[1], 1 - band.iloc[0]), abs=1e-9
            )
        assert row["other_low"] <= row["other"] <= row["other_high"]
        ages = [(KNOWN - one.at) // DAY for cell in cells for one in cell.treated]
        assert row["followed"] == sum(age >= row["days"] for age in ages)


def _fitted(ones: Sequence[Compared], weights: Sequence[float] | None) -> Any:
    with catch_warnings():
        simplefilter("ignore")  # weights that are no whole numbers: variances of lifelines are not compared then
        lasted = [min(one.next_at, KNOWN) - one.at for one in ones]
        days = [max(1, min(91, ceil(one / DAY))) for one in lasted]
        return KaplanMeierFitter().fit(days, [one.next_at <= KNOWN for one in ones], weights=weights)


@pytest.mark.parametrize("seed", range(2))
def test_the_balance_is_what_can_be_counted_by_hand(client: Client, seed: int) -> None:
    told, customers = random_shop(seed)
    store(client, [told])
    drawn = draws(client, customers)
    theirs = {who: _all_asked(one) for who, one in customers.items()}
    cells = [one for one in cells_of(theirs, WINDOW, KNOWN, for_days(90), lambda who, at: drawn[who, at]) if one.others]
    read: dict[str, Callable[[Compared], float]] = {
        "orders": lambda one: one.number,
        "days_since_last": lambda one: (one.at - one.last_at) / DAY,
        "days_since_first": lambda one: (one.at - one.first_at) / DAY,
        "cases_before": lambda one: one.cases_before,
    }
    rows = asked(client, balance(followed_ms="within_ms"))
    assert [row["measure"] for row in rows] == list(MEASURES)
    for row in rows:
        of = read[row["measure"]]
        own = [(of(one), 1.0) for cell in cells for one in cell.treated]
        other = [(of(one), len(cell.treated) / len(cell.others)) for cell in cells for one in cell.others]
        (mean, variance), (other_mean, other_variance) = _moments(own), _moments(other)
        assert (row["mean"], row["other_mean"]) == pytest.approx((mean, other_mean), abs=1e-9)
        deviation = sqrt((variance + other_variance) / 2)
        assert row["apart"] == (pytest.approx((mean - other_mean) / deviation, abs=1e-6) if deviation > 1e-9 else None)


@pytest.mark.parametrize("seed", range(3))
def test_who_stays_away_is_what_can_be_counted_by_hand(client: Client, seed: int) -> None:
    told, _, contacts = random_contacts(seed)
    store(client, [told[::2], told[1::2]])
    drawn = draws(client, contacts)
    theirs = {who: _all_asked(one) for who, one in contacts.items()}
    took = sorted(
        (case.resolved_at - case.created_at) / 1000
        for one in theirs.values()
        for case in one.cases
        if case.resolved_at and WINDOW[0] <= case.resolved_at < WINDOW[1]
    )
    ((paces, usual),) = client.query(f"{_begin(90)} SELECT paces, usual_ms").result_rows
    assert paces[0] == took[len(took) // 2]
    apart = sorted(
        (max(one.orders).at - min(one.orders).at) / (len(one.orders) - 1)
        for one in theirs.values()
        if len(one.orders) > 1
    )
    assert usual == apart[len(apart) // 2]
    is_silent = partial(silence, usual_ms=usual)
    cells = cells_of(theirs, WINDOW, KNOWN, is_silent, lambda who, at: drawn[who, at])
    seen = 0
    for row in asked(client, churn()):
        own = [
            cell._replace(treated=[one for one in cell.treated if _is_of(one, row["group"], paces)]) for cell in cells
        ]
        wanted = lift_of(own, lambda one: float(one.next_at - one.at > is_silent(one)))
        assert wanted
        seen += row["matched"]
        assert row["matched"] == sum(len(cell.treated) for cell in own if cell.others)
        assert (row["share"], row["other"], row["lift"]) == pytest.approx(
            (wanted.share, wanted.other, wanted.lift), abs=1e-9
        )
        assert (row["lift_low"], row["lift_high"]) == pytest.approx(tuple(wanted.lift_ends), abs=1e-9)
    assert seen == 2 * sum(len(cell.treated) for cell in cells if cell.others), "everybody is in two groups"


def _is_of(one: Compared, group: str, paces: Sequence[float]) -> bool:
    case = one.case
    assert case
    assert case.resolved_at
    seconds, score = (case.resolved_at - case.created_at) / 1000, case.score
    said = (
        "not_rated" if score is None else "rated_" + ("below_50", "from_50", "from_75")[(score >= 50) + (score >= 75)]
    )
    return group in (
        said,
        "fastest_half" if seconds <= paces[0] else "slower" if seconds <= paces[1] else "slowest_tenth",
    )


def _moments(weighed: Sequence[tuple[float, float]]) -> tuple[float, float]:
    n = sum(weight for _, weight in weighed)
    mean = sum(value * weight for value, weight in weighed) / n
    return mean, sum(weight * (value - mean) ** 2 for value, weight in weighed) / n


def _all_asked(one: Customer) -> Customer:
    return Customer(one.orders, [case._replace(is_asked=True) for case in one.cases])


def test_the_truth_lies_in_the_interval_though_better_customers_complain_more(client: Client) -> None:
    customers, truth = shop(7, 0.12, 2000)
    told = [
        event(
            e.OrderPlaced(
                order_id=one.named, customer_id=who, amount=1, currency="EUR", product_line=one.line, region=one.region
            ),
            one.at,
            id=f"o{who}{place}",
        )
        for who, customer in customers.items()
        for place, one in enumerate(customer.orders)
    ]
    for who, customer in customers.items():
        for place, case in enumerate(customer.cases):
            ticket = f"T-{who}-{place}"
            begun = e.TicketCreated(
                ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, customer_id=who, after_sales=True,
                order_id=case.order_id,
            )  # fmt: skip
            told.append(event(begun, case.created_at, id=f"c{ticket}"))
            told.append(event(e.TicketResolved(ticket_id=ticket), case.resolved_at or 0, id=f"r{ticket}"))
    store(client, [told])
    rows = {days: asked(client, lift(), days=days)[0] for days in HORIZONS}
    for days, row in rows.items():
        assert row["lift_low"] <= truth[days] <= row["lift_high"]
    assert rows[30]["lift_low"] > 0, "a true lift of 12 points is told from nothing"


def test_without_cases_or_orders_nothing_is_said(client: Client) -> None:
    store(client, [])
    (row,) = asked(client, lift())
    assert (row["customers"], row["matched"], row["lift"], row["lift_low"]) == (0, 0, None, None)
