"""What ways of handling cases are worth, and what caps cost: the SQL says what can be counted by hand."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from statistics import fmean, stdev
from typing import Any, Final, NamedTuple

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from schemas.policy import Policy, Worth
from streams.core.ask.question import Question
from streams.core.interval import Z95, wilson
from streams.core.metrics import METRICS, Dimension
from streams.core.window import Window
from streams.core.worth import pace
from streams.core.worth.ask import with_range
from streams.core.worth.cap import caps
from streams.core.worth.strategy import PARTS, strategies
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.histories import event
from tests.integration.conftest import Servers
from tests.integration.test_oracle import store
from tests.worth import DAY, KNOWN, START, WINDOW, Handled, break_even_of, expectation_of

pytestmark = pytest.mark.integration

RATES: Final = {"EUR": 1.0, "USD": 0.5}
"""Of the policy; nobody says what a yen is worth."""
PER_HOUR: Final = 3_000
HOUR: Final = 3_600_000


class Request(NamedTuple):
    """What somebody asked for, and what came of it."""

    at: int
    amount: int
    state: str
    rest: float
    line: str
    loss: float | None


class Desk(NamedTuple):
    """What was told of a desk, and what it comes to."""

    told: list[Event]
    cases: list[Handled]
    requests: list[Request]


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def asked(client: Client, sql: str, days: int = 60) -> list[dict[str, Any]]:
    """Return what a query says, row by row."""
    start_at, end_at, known_at = (f"toDateTime64({ms / 1000}, 3, 'UTC')" for ms in (*WINDOW, KNOWN))
    return list(client.query(f"{with_range(start_at, end_at, known_at, str(days * DAY))}\n{sql}").named_results())


def euros(amount: float, currency: str) -> float | None:
    return amount * RATES[currency] if currency in RATES else None


def added(amounts: Sequence[float | None]) -> float | None:
    return None if None in amounts else sum(one or 0.0 for one in amounts)


def random_desk(seed: int, *, is_priced: bool = True, currencies: Sequence[str] = ("EUR", "EUR", "USD")) -> Desk:
    """Return events of a desk where everything goes wrong that can, and what they come to."""
    rng, told, cases, requests = Random(seed), list[Event](), list[Handled](), list[Request]()

    def tell(content: e.Data, at: int, source: str = "urn:desk") -> str:
        told.append(event(content, at, id=f"e{len(told)}", source=source, subject=str(_subject(content))))
        return f"e{len(told) - 1}"

    def take_back(content: e.Data, at: int) -> None:
        target = tell(content, at)
        retracted = e.EventRetracted(target_source="urn:desk", target_id=target)
        told.append(event(retracted, at + HOUR, id=f"e{len(told)}", subject=str(_subject(content)), source="urn:desk"))

    if is_priced:
        rates = {name: rate for name, rate in RATES.items() if name != "EUR"}
        worth = Worth(currency="EUR", cost_per_hour=PER_HOUR, rates=rates)
        version = Policy(from_at=datetime(2026, 1, 1, tzinfo=UTC), zone="UTC", worth=worth)
        tell(e.PolicyPublished(versions=(version,)), START)
    for number in range(240):
        who, ticket = f"C-{number}", f"T-{number}"
        created = WINDOW[0] + rng.randrange(2, 85) * DAY + rng.randrange(8) * 3 * HOUR
        resolved = created + rng.randrange(1, 40) * HOUR
        strategy, line, reason = rng.choice(["gift", "judge", "explain"]), rng.choice(["a", "b"]), rng.choice("xyz")
        begun = e.TicketCreated(
            ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, customer_id=who, product_line=line,
            reason=reason, order_id=f"O-{number}-0",
        )  # fmt: skip
        tell(begun, created)
        tell(e.TicketResolved(ticket_id=ticket, strategy=strategy), resolved)
        merged = f"M-{number}" if rng.random() < 0.2 else ""
        if merged:
            again = e.TicketCreated(ticket_id=merged, channel="mail", created_by=e.Party.CUSTOMER, customer_id=who)
            tell(again, created + HOUR)
            into = ticket
            if rng.random() < 0.5:
                into = f"V-{number}"
                tell(e.TicketMerged(ticket_id=into, into_ticket_id=ticket), created + 3 * HOUR)
            tell(e.TicketMerged(ticket_id=merged, into_ticket_id=into), created + 2 * HOUR)
        had, brought = 0, list[float | None]()
        for place in range(rng.randrange(5)):
            at = resolved + rng.randrange(-90, 70) * DAY + rng.choice([-1, 1]) * rng.randrange(1, 9) * HOUR
            margin, currency = rng.randrange(-500, 9_000), rng.choice(currencies)
            order = e.OrderPlaced(
                order_id=f"O-{number}-{place}", customer_id=who, amount=1, currency=currency, margin=margin
            )
            tell(order, at, "urn:shop")
            had += at <= resolved
            if resolved < at <= resolved + 60 * DAY and place:
                brought.append(euros(margin, currency))
        backs = list[float | None]()
        back_at = list[tuple[int, float | None]]()
        for place in range(rng.choice([0, 0, 1, 2])):
            at = created + rng.randrange(1, 70) * DAY
            loss, currency = rng.randrange(1_000, 9_000), rng.choice(currencies)
            about = rng.choice(["case", "merged" if merged else "case", "order", "other order", "other case"])
            back = e.ReturnCompleted(
                return_id=f"R-{number}-{place}",
                order_id=f"O-{number}-{0 if about == 'order' else 1}",
                customer_id=who,
                loss=loss,
                currency=currency,
                ticket_id={"case": ticket, "merged": merged, "other case": "T-other"}.get(about),
            )
            is_said_before = rng.random() < 0.2
            if is_said_before:
                tell(e.ReturnCompleted(**{**_fields(back), "loss": 7}), at - HOUR)
            if rng.random() < 0.1:
                take_back(back, at)
                if not is_said_before:
                    continue
                at, loss = at - HOUR, 7
            else:
                tell(back, at)
            if about in ("case", "merged", "order"):
                back_at.append((at, euros(loss, currency)))
                if at <= resolved + 60 * DAY:
                    backs.append(euros(loss, currency))
        spent = list[float | None]()
        for _ in range(rng.choice([0, 1, 2])):
            seconds = rng.randrange(60, 7_200)
            work = e.TicketWorked(ticket_id=rng.choice([ticket, merged or ticket]), seconds=seconds)
            if rng.random() < 0.1:
                take_back(work, resolved)
            else:
                tell(work, resolved)
                spent.append(seconds / 3_600 * PER_HOUR if is_priced else 0.0)
        if rng.random() < 0.7:
            about, at = rng.choice([ticket, merged or ticket]), created + 3 * HOUR
            amount, currency, cap = rng.randrange(500, 6_000), rng.choice(currencies), rng.choice([None, 2_000])
            known: dict[str, Any] = {"ticket_id": about, "compensation_id": f"K-{number}"}
            tell(e.CompensationRequested(**known, amount=amount, currency=currency, cap=cap), at)
            fate = rng.choice(["granted", "cap", "policy", "cut", "open"])
            given = {"granted": amount, "cut": min(amount, 2_000)}.get(fate, 0)
            if given:
                grant = e.CompensationGranted(**known, kind="voucher", amount=given, currency=currency, cap=cap)
                tell(grant, at + HOUR)
                spent.append(euros(given, currency))
            elif fate != "open":
                tell(e.CompensationDenied(**known, because=e.Refusal(fate)), at + HOUR)
            if fate != "open":
                in_time = [loss for when, loss in back_at if at <= when <= at + 60 * DAY]
                state = "granted" if given == amount else "cap" if fate == "cap" or (given and cap) else "other"
                rest = (amount - given) * RATES.get(currency, 0)
                value = euros(amount, currency)
                loss_or_none = added(in_time)
                requests.append(
                    Request(at, value, state, rest, line, loss_or_none if value is not None else None)  # type: ignore[arg-type]
                )
        value = added([*brought, *(None if one is None else -one for one in backs)])
        band = had if had < 3 else 3 if had < 6 else 6
        cases.append(Handled(strategy, (line, reason, band), value, added(spent), (line, reason)))
    rng.shuffle(told)
    return Desk(told, cases, requests)


def _fields(content: e.Data) -> dict[str, Any]:
    return {name: getattr(content, name) for name in content.__struct_fields__}


def _subject(content: e.Data) -> str:
    return "policy" if isinstance(content, e.PolicyPublished) else getattr(content, content.subject_field, "")


@pytest.mark.parametrize("seed", range(4))
def test_what_a_strategy_is_worth_can_be_counted_by_hand(client: Client, seed: int) -> None:
    desk = random_desk(seed)
    store(client, [desk.told[::2], desk.told[1::2], desk.told[::3]])
    for by in ((), PARTS):
        rows = asked(client, strategies(by))
        assert {row["strategy"] for row in rows} == {"gift", "judge", "explain"}
        assert sum(row["n"] for row in rows) == len(desk.cases)
        for row in rows:
            parts = tuple(row[name] for name in by)
            theirs = [one if by else one._replace(parts=()) for one in desk.cases]
            wanted = expectation_of(theirs, row["strategy"], parts)
            if wanted is None:
                assert (row["matched"], row["expectation"]) == (0, None)
                continue
            assert row["matched"] == wanted.matched
            assert (row["gain"], row["cost"]) == pytest.approx((wanted.gain, wanted.cost), rel=1e-9)
            assert row["expectation"] == (wanted.value and pytest.approx(wanted.value, rel=1e-9))
            for name, end in wanted.ends._asdict().items():
                assert row[name] == (end and pytest.approx(end, rel=1e-6))


def test_money_that_nobody_can_count_is_left_out_and_said(client: Client) -> None:
    desk = random_desk(9, currencies=["EUR"] * 60 + ["JPY"])
    store(client, [desk.told])
    rows = asked(client, strategies())
    unknown = sum(one.brought is None or one.cost is None for one in desk.cases)
    assert unknown > 0
    assert sum(row["left_out"] for row in rows) == unknown
    for row in rows:
        wanted = expectation_of([one._replace(parts=()) for one in desk.cases], row["strategy"])
        assert wanted
        is_told = row["left_out"] <= 0.05 * row["n"]
        assert row["expectation"] == (pytest.approx(wanted.value, rel=1e-9) if is_told else None)


def test_without_a_policy_the_currency_of_most_orders_counts_and_work_costs_nothing(client: Client) -> None:
    desk = random_desk(5, is_priced=False, currencies=["EUR"])
    store(client, [desk.told])
    for row in asked(client, strategies()):
        wanted = expectation_of([one._replace(parts=()) for one in desk.cases], row["strategy"])
        assert wanted
        assert (row["gain"], row["cost"]) == pytest.approx((wanted.gain, wanted.cost), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_what_a_cap_costs_can_be_counted_by_hand(client: Client, seed: int) -> None:
    desk = random_desk(seed)
    store(client, [desk.told[::2], desk.told[1::2], desk.told[::3]])
    for row in asked(client, caps("1500.")):
        _agrees(row, [one for one in desk.requests if row["product_line"] in ("", one.line)])
    several = asked(client, caps())
    assert [row["cap"] for row in several] == sorted(row["cap"] for row in several)
    assert len(several) > 5
    for row in several:
        _agrees(row, desk.requests)


def _agrees(row: dict[str, Any], requests: Sequence[Request]) -> None:
    refused, granted = ([one for one in requests if one.state == state] for state in ("cap", "granted"))
    assert row["n"] == len(requests)
    assert row["hit"] == pytest.approx(len(refused) / len(requests))
    assert row["hit_low"] < row["hit"] < row["hit_high"]
    assert row["refused"] == len(refused)
    assert row["came_back"] == sum((one.loss or 0) > 0 for one in refused)
    assert row["regret"] == pytest.approx(sum((one.loss or 0) - one.rest for one in refused if one.loss))
    value, (low, high) = break_even_of([one.loss or 0 for one in refused], [one.loss or 0 for one in granted])
    assert (row["break_even"], row["break_even_low"], row["break_even_high"]) == pytest.approx((value, low, high))
    more = [one for one in refused if one.amount <= row["cap"]]
    fewer = [one for one in granted if one.amount > row["cap"]]
    assert (row["more"], row["fewer"]) == (len(more), len(fewer))
    cost = sum(one.rest for one in more) - sum(one.amount for one in fewer)
    assert row["cost"] == pytest.approx(cost)
    assert row["net"] == pytest.approx(value * (len(more) - len(fewer)) - cost)
    width = abs(len(more) - len(fewer)) * ((high or 0) - (low or 0))
    assert row["net_high"] - row["net_low"] == pytest.approx(width, abs=1e-6)


def test_without_anything_nothing_is_said(client: Client) -> None:
    store(client, [])
    assert asked(client, strategies()) == asked(client, caps("1000")) == asked(client, caps()) == []


@pytest.mark.parametrize("by", pace.By)
def test_what_became_of_cases_can_be_counted_by_hand(client: Client, by: pace.By) -> None:
    rng, told = Random(3), list[Event]()
    cases = list[tuple[float, float | None, bool | None]]()
    for number in range(90):
        ticket, who = f"T-{number}", f"C-{number}" if rng.random() < 0.8 else None
        created = WINDOW[0] + rng.randrange(1, 80) * DAY + number * 60_000
        took = rng.randrange(1, 400) * HOUR // 10 + number
        begun = e.TicketCreated(
            ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, customer_id=who, order_id=f"O-{number}-0"
        )
        told += [event(begun, created, f"b{number}", subject=ticket)]
        told += [event(e.TicketResolved(ticket_id=ticket), created + took, f"r{number}", subject=ticket)]
        score = rng.choice([None, 0.0, 25.0, 50.0, 75.0, 100.0])
        if score is not None:
            rating = e.RatingSubmitted(
                ticket_id=ticket, rating_id="X", raw=score, scale_min=0, scale_max=100, source=e.RatingSource.CUSTOMER
            )
            told += [event(rating, created + took + HOUR, f"s{number}", subject=ticket)]
        is_followed = False
        for place in range(rng.randrange(3)) if who else ():
            at = created + took + rng.randrange(1, 110) * DAY
            order = e.OrderPlaced(order_id=f"O-{number}-{place}", customer_id=str(who), amount=1, currency="EUR")
            told += [event(order, at, f"o{number}-{place}", subject=str(who))]
            is_followed |= place > 0 and at <= created + took + 60 * DAY
        if created + took < WINDOW[1]:
            cases.append((took / 1000, score, is_followed if who else None))
    store(client, [told])
    rows = asked(client, pace.outcomes(by))
    cases.sort()
    groups: dict[int, list[tuple[float, float | None, bool | None]]] = {}
    for place, one in enumerate(cases):
        sizes = [len(cases) // 10 + (tenth < len(cases) % 10) for tenth in range(10)]
        tenth = next(tenth for tenth in range(10) if place < sum(sizes[: tenth + 1])) + 1
        band = 0 if one[1] is None else 1 + sum(one[1] >= begin for begin in pace.SCORES)
        groups.setdefault(tenth if by is pace.By.PACE else band, []).append(one)
    assert [row["number"] for row in rows] == sorted(groups)
    for row in rows:
        own = groups[row["number"]]
        scores, followed = [one[1] for one in own if one[1] is not None], [one[2] for one in own if one[2] is not None]
        assert (row["n"], row["rated"], row["known"]) == (len(own), len(scores), len(followed))
        assert (row["from_seconds"], row["to_seconds"]) == (own[0][0], max(one[0] for one in own))
        assert row["score"] == (pytest.approx(fmean(scores)) if scores else None)
        if len(scores) > 1:
            margin = Z95 * stdev(scores) / len(scores) ** 0.5
            assert (row["score_low"], row["score_high"]) == pytest.approx(
                (fmean(scores) - margin, fmean(scores) + margin)
            )
        low, high = wilson(sum(followed), len(followed))
        assert (row["again_low"], row["again_high"]) == pytest.approx((low, high), abs=1e-9)
    (old,) = asked(client, pace.open_and_old())
    assert old["old"] == 0


def test_open_tickets_are_old_once_nine_of_ten_cases_took_less(client: Client) -> None:
    told = list[Event]()
    for number in range(30):
        begun = e.TicketCreated(ticket_id=f"T-{number}", channel="mail", created_by=e.Party.CUSTOMER)
        created = WINDOW[0] + DAY if number < 20 else KNOWN - (number - 19) * DAY
        told.append(event(begun, created, f"b{number}", subject=f"T-{number}"))
        if number < 20:
            resolved = e.TicketResolved(ticket_id=f"T-{number}")
            told.append(event(resolved, created + (number + 1) * DAY // 4, f"r{number}", subject=f"T-{number}"))
    store(client, [told])
    (old,) = asked(client, pace.open_and_old())
    assert (old["seconds"], old["old"]) == (19 * 86_400 / 4, 6)


@pytest.mark.parametrize("seed", range(3))
def test_who_was_sent_can_be_counted_by_hand(client: Client, seed: int) -> None:
    rng, told = Random(seed), list[Event]()
    orders = defaultdict[str, list[tuple[int, str, str | None]]](list)
    for number in range(120):
        who, line = f"C-{rng.randrange(60)}", rng.choice(["a", "b"])
        at = START + rng.randrange(100) * DAY + number
        sender = rng.choice([None, None, who, "C-1", "C-999"])
        kind = rng.choice([e.OrderKind.NORMAL, None, e.OrderKind.REPLACEMENT])
        order = e.OrderPlaced(
            order_id=f"O-{number}", customer_id=who, amount=1, currency="EUR", kind=kind, product_line=line,
            referred_by=sender,
        )  # fmt: skip
        told.append(event(order, at, f"o{number}", subject=who))
        if kind is not e.OrderKind.REPLACEMENT:
            orders[who].append((at, line, sender))
    store(client, [told])
    window = Window(START + 5 * DAY, START + 60 * DAY)
    first = {who: min(placed, key=lambda one: one[0]) for who, placed in orders.items()}
    seen = [
        (line, sender not in (None, who))
        for who, (at, line, sender) in first.items()
        if window.start_at <= at < window.end_at
    ]
    question = Question(metrics=[METRICS["referred_share"]], windows=[window], by=Dimension.PRODUCT_LINE)
    figures = answer(client, question, Window(0, KNOWN))
    assert len(seen) > 5
    for (_, part, _), figure in figures.items():
        own = [is_sent for line, is_sent in seen if part in (None, line)]
        assert figure.n == len(own)
        assert figure.value == pytest.approx(fmean(own))
