"""Twenty tickets of one kind each, and what the numbers must say: who waited, for how long, for whom, and came back."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from streams.clock import SystemClock
from streams.core.ask.figure import Figure
from streams.core.ask.maturity import ENDED_DAYS
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Credit, Dimension
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer, freshness
from tests.databases import new_database
from tests.histories import NOW_MS, SOURCE, event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

TICKETS = 20
Told = Sequence[tuple[str, e.Data] | tuple[str, e.Data, str]]
"""What is said when, and by which source, where it is another one."""


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


YEAR = Window(ms("2026-01-01"), ms("2026-09-01"))


def opened(id: str, by: e.Party = e.Party.CUSTOMER, **said: object) -> e.TicketCreated:
    return e.TicketCreated(ticket_id=id, channel="email", created_by=by, **said)  # type: ignore[arg-type]


def said(id: str, direction: e.Direction, party: e.Party, sender_id: str | None = None) -> e.MessageSent:
    return e.MessageSent(
        ticket_id=id,
        message_id="m",
        direction=direction,
        visibility=e.Visibility.PUBLIC,
        sender_type=party,
        sender_id=sender_id,
    )


def asked(id: str) -> e.MessageSent:
    return said(id, e.Direction.IN, e.Party.CUSTOMER)


def answered(id: str, by: str | None = None) -> e.MessageSent:
    return said(id, e.Direction.OUT, e.Party.AGENT, by)


def figures(
    client: Client,
    story: Callable[[str], Told],
    *,
    by: Dimension | None = None,
    credit: Credit = Credit.DID,
    only: Sequence[str] = tuple(METRICS),
) -> dict[tuple[str, str | None], Figure]:
    """Return what the numbers say of twenty tickets with one story."""
    told: list[Event] = []
    for number in range(TICKETS):
        id = f"T{number}"
        told += [
            event(content, ms(at), f"{id}-{n}", n, subject=id, source=more[0] if more else SOURCE)
            for n, (at, content, *more) in enumerate(story(id))
        ]
    for table in ("events", "tickets", "ticket_days", "ticket_ratings", "orders"):
        client.command(f"TRUNCATE TABLE {table}")
    store = ClickHouseStore(client)
    store.insert([event_row(one, NOW_MS) for one in told])
    store.insert([row_of(ticket, NOW_MS) for ticket in settled(one for one in told if one.ticket_id).values()])
    found = answer(
        client, Question(metrics=[METRICS[name] for name in only], windows=[YEAR], by=by, credit=credit), YEAR
    )
    return {(name, part): figure for (name, part, _), figure in found.items()}


def shown(figure: Figure) -> tuple[int, float | None]:
    return figure.n, figure.value


def back_after_a_month(id: str) -> Told:
    return [
        ("2026-01-05T09:00", opened(id)),
        ("2026-01-05T09:00:02", said(id, e.Direction.OUT, e.Party.BOT)),
        ("2026-01-05T09:00:30", e.TicketResolved(ticket_id=id)),
        ("2026-02-04T10:00", e.TicketReopened(ticket_id=id)),
        ("2026-02-04T10:00", asked(id)),
    ]


def test_whoever_comes_back_after_a_month_is_measured_from_then_on(client: Client) -> None:
    seen = figures(client, lambda id: [*back_after_a_month(id), ("2026-02-04T10:05", answered(id))])
    assert shown(seen["first_response_p50", None]) == (TICKETS, 300)
    assert shown(seen["first_response_within", None]) == (TICKETS, 1)
    assert shown(seen["next_response_within", None]) == (TICKETS, 1)
    assert seen["resolved_unanswered", None].n == 0


def test_whoever_comes_back_and_is_never_answered_is_a_miss(client: Client) -> None:
    seen = figures(client, back_after_a_month)
    assert shown(seen["first_response_within", None]) == (TICKETS, 0)
    assert shown(seen["next_response_within", None]) == (TICKETS, 0)
    assert seen["open_waits", None].n == seen["resolved_unanswered", None].n == TICKETS


def test_a_call_before_is_no_part_of_the_wait(client: Client) -> None:
    seen = figures(
        client,
        lambda id: [
            ("2026-01-05T09:00", opened(id)),
            ("2026-01-05T09:04", e.TicketResolved(ticket_id=id)),
            ("2026-02-04T10:00", e.TicketReopened(ticket_id=id, by=e.Party.CUSTOMER)),
            ("2026-02-04T10:05", answered(id)),
        ],
    )
    assert shown(seen["first_response_p50", None]) == (TICKETS, 300)
    assert shown(seen["first_response_within", None]) == (TICKETS, 1)


@pytest.mark.parametrize("resolved", ["09:59", "10:00"])
def test_a_ticket_parked_over_its_target_is_a_miss(client: Client, resolved: str) -> None:
    seen = figures(
        client,
        lambda id: [
            ("2026-01-05T09:00", opened(id)),
            (f"2026-01-05T{resolved}", e.TicketResolved(ticket_id=id)),
            ("2026-01-05T10:01", e.TicketReopened(ticket_id=id)),
            ("2026-01-08T10:01", answered(id)),
        ],
    )
    assert shown(seen["first_response_within", None]) == (TICKETS, 0)
    assert shown(seen["first_response_p50", None]) == (TICKETS, 3 * 86_400 + 3_660)


def test_an_answer_to_who_comes_back_does_not_make_up_for_the_one_who_waited_too_long(client: Client) -> None:
    seen = figures(
        client,
        lambda id: [
            ("2026-01-05T09:00", opened(id)),
            ("2026-01-05T12:00", e.TicketResolved(ticket_id=id)),
            ("2026-01-06T10:00", asked(id)),
            ("2026-01-06T10:05", answered(id)),
        ],
    )
    assert shown(seen["first_response_within", None]) == (TICKETS, 0)
    assert shown(seen["first_response_p50", None]) == (TICKETS, 300)
    assert shown(seen["next_response_within", None]) == (TICKETS, 1)


def test_a_creation_that_is_said_again_opens_nothing(client: Client) -> None:
    def story(id: str) -> Told:
        return [
            ("2026-01-05T09:00", opened(id, team="wrong")),
            ("2026-01-05T09:05", answered(id)),
            ("2026-01-05T11:00", opened(id, team="recreate")),
        ]

    seen = figures(client, story, by=Dimension.TEAM, credit=Credit.HOLDS)
    assert seen["open_waits", None].n == 0
    assert shown(seen["next_response_within", None]) == (TICKETS, 1)
    assert seen["tickets", "recreate"].n == TICKETS


def handed_on(id: str) -> Told:
    return [
        ("2026-01-05T09:00", opened(id, team="beds", agent_id="anna")),
        ("2026-01-05T09:02", answered(id, "anna")),
        ("2026-01-05T10:00", e.TicketAssigned(ticket_id=id, team="sofas", agent_id="bert")),
        ("2026-01-05T11:00", e.TicketResolved(ticket_id=id)),
        (
            "2026-01-06T11:00",
            e.RatingSubmitted(
                ticket_id=id, rating_id="r", raw=1, scale_min=1, scale_max=5, source=e.RatingSource.CUSTOMER
            ),
        ),
    ]


def given_away(id: str) -> Told:
    return [*handed_on(id), ("2026-01-07T11:00", e.TicketAssigned(ticket_id=id, team="lamps", agent_id="carl"))]


def test_what_was_done_stays_with_those_who_did_it(client: Client) -> None:
    seen = figures(client, given_away, by=Dimension.AGENT)
    assert shown(seen["first_response_p50", "anna"]) == (TICKETS, 120)
    assert seen["first_response_within", "anna"].n == seen["next_response_p50", "anna"].n == TICKETS
    assert seen["first_resolution_p50", "bert"].n == seen["reopen_rate", "bert"].n == TICKETS
    assert shown(seen["csat_mean", "bert"]) == (TICKETS, 0)
    assert {name for (name, part), figure in seen.items() if part == "carl" and figure.n} == {
        "tickets", "complaint_rate", "inquiry_share", "promises_per_ticket",
    }  # fmt: skip


def test_giving_a_ticket_away_after_a_bad_rating_moves_no_number_but_those_of_the_ticket_and_the_one_that_tells_it(
    client: Client,
) -> None:
    before, after = (figures(client, story, by=Dimension.TEAM) for story in (handed_on, given_away))

    def told(seen: dict[tuple[str, str | None], Figure]) -> set[tuple[str, str | None, tuple[int, float | None]]]:
        return {(name, part, shown(figure)) for (name, part), figure in seen.items() if figure.n}

    assert {name for name, *_ in told(before) ^ told(after)} == {
        "tickets", "complaint_rate", "inquiry_share", "promises_per_ticket", "reassigned_after_bad_rating",
    }  # fmt: skip


def test_everything_can_be_asked_for_whoever_has_the_ticket_now(client: Client) -> None:
    seen = figures(client, given_away, by=Dimension.AGENT, credit=Credit.HOLDS)
    assert {part for (_, part), figure in seen.items() if figure.n} == {None, "carl"}
    assert seen["first_response_p50", "carl"].n == seen["csat_mean", "carl"].n == TICKETS


def placed(id: str, order_id: str, kind: e.OrderKind = e.OrderKind.NORMAL) -> e.OrderPlaced:
    return e.OrderPlaced(order_id=order_id, customer_id=f"C-{id}", amount=100, currency="EUR", kind=kind)


REPURCHASES = ("repurchase_30d", "repurchase_60d", "repurchase_90d")
Later = Callable[[str], Told]
NAMED_LATER: Later = lambda id: [  # noqa: E731 - a row of the table below
    ("2026-01-06T13:00", e.TicketUpdated(ticket_id=id, order_id="#2")),
    ("2026-01-07T09:00", placed(id, "#2")),
]


@pytest.mark.parametrize(
    ("order_id", "later", "share"),
    [
        pytest.param("#1", lambda id: [("2026-01-07T09:00", placed(id, "#1"))], 0, id="its own order, dated later"),
        pytest.param("#1", lambda id: [("2026-01-07T09:00", placed(id, "#2"))], 1, id="another order"),
        pytest.param(
            "#1",
            lambda id: [("2026-01-07T09:00", placed(id, "#1")), ("2026-01-08T09:00", placed(id, "#1"))],
            0,
            id="its own order, placed again under its id",
        ),
        pytest.param(
            "#1",
            lambda id: [("2026-01-07T09:00", placed(id, "#1")), ("2026-01-08T09:00", placed(id, "#2"))],
            1,
            id="its own order and another one",
        ),
        pytest.param(
            "#1",
            lambda id: [
                ("2026-01-07T09:00", placed(id, "#2")),
                ("2026-01-08T09:00", e.OrderCancelled(order_id="#2", customer_id=f"C-{id}")),
            ],
            0,
            id="another order, called off",
        ),
        pytest.param(
            "#1",
            lambda id: [
                ("2026-01-04T09:00", placed(id, "#1")),
                ("2026-01-08T09:00", e.OrderCancelled(order_id="#1", customer_id=f"C-{id}")),
                ("2026-01-09T09:00", placed(id, "#2")),
            ],
            1,
            id="its own order called off, another one placed",
        ),
        pytest.param(None, lambda id: [("2026-01-07T09:00", placed(id, "#1"))], 1, id="a case without an order"),
        pytest.param("#1", NAMED_LATER, 0, id="an order that is named later"),
        pytest.param(
            "#1",
            lambda id: [
                ("2026-01-04T09:00", placed(id, "#1")),
                ("2026-01-08T09:00", placed(id, "#1"), "urn:other:shop"),
            ],
            1,
            id="another shop's order of the same name",
        ),
        pytest.param(
            "#1",
            lambda id: [
                ("2026-01-06T13:00", e.TicketUpdated(ticket_id=id, order_id=None)),
                ("2026-01-07T09:00", placed(id, "#1")),
            ],
            1,
            id="an order that was named by mistake",
        ),
    ],
)
def test_the_order_that_a_case_is_about_is_no_repurchase(
    client: Client, order_id: str | None, later: Later, share: float
) -> None:
    seen = figures(
        client,
        lambda id: [
            ("2026-01-05T09:00", opened(id, customer_id=f"C-{id}", order_id=order_id, after_sales=True)),
            ("2026-01-06T12:00", e.TicketResolved(ticket_id=id)),
            *later(id),
        ],
        only=REPURCHASES,
    )
    for name in REPURCHASES:
        assert shown(seen[name, None]) == (TICKETS, share)


def reopened_at(id: str, *days: int) -> Told:
    """Return a ticket that is resolved, and reopened and resolved again on these days."""
    told: list[tuple[str, e.Data]] = [
        ("2026-01-05T09:00", opened(id)),
        ("2026-01-05T12:00", e.TicketResolved(ticket_id=id)),
    ]
    for day in days:
        told.append((f"2026-01-{day:02}T09:00", e.TicketReopened(ticket_id=id)))
        told.append((f"2026-01-{day:02}T12:00", e.TicketResolved(ticket_id=id)))
    return told


@pytest.mark.parametrize(
    ("days", "of_resolutions", "of_tickets"), [((), (20, 0), 0), ((6,), (40, 0.5), 1), ((6, 7, 8), (80, 0.75), 1)]
)
def test_resolutions_and_tickets_that_are_reopened_are_two_numbers(
    client: Client, days: tuple[int, ...], of_resolutions: tuple[int, float], of_tickets: float
) -> None:
    seen = figures(client, lambda id: reopened_at(id, *days), only=("reopen_rate", "tickets_reopened"))
    assert shown(seen["reopen_rate", None]) == of_resolutions
    assert shown(seen["tickets_reopened", None]) == (TICKETS, of_tickets)


@pytest.mark.parametrize(
    ("early", "n"),
    [
        pytest.param(lambda id: [("2026-01-05T08:59", answered(id))], TICKETS, id="an answer"),
        pytest.param(lambda id: [("2026-01-04T23:00", answered(id))], TICKETS, id="an answer of the day before"),
        pytest.param(
            lambda id: [("2026-01-05T08:59", said(id, e.Direction.OUT, e.Party.BOT))], TICKETS, id="a bot's message"
        ),
        pytest.param(lambda id: [("2026-01-05T08:59", e.TicketResolved(ticket_id=id))], TICKETS, id="a resolution"),
        pytest.param(lambda id: [("2026-01-05T09:00", e.TicketResolved(ticket_id=id))], 0, id="one at once"),
        pytest.param(lambda id: [("2026-01-05T08:59", asked(id))], 0, id="a question, which no duration begins with"),
        pytest.param(lambda id: [("2026-01-05T09:01", answered(id))], 0, id="an answer afterwards"),
        pytest.param(lambda _: [], 0, id="nothing"),
    ],
)
def test_durations_below_0_are_counted(client: Client, early: Later, n: int) -> None:
    seen = figures(client, lambda id: [("2026-01-05T09:00", opened(id)), *early(id)], only=["negative_durations"])
    assert seen["negative_durations", None].n == n


@pytest.mark.parametrize(
    ("days_ago", "is_now"),
    [
        pytest.param(0, True, id="a desk of today"),
        pytest.param(3, False, id="nothing for three days: it may be late"),
        pytest.param(30, False, id="nothing for a month: the next list may come"),
        pytest.param(ENDED_DAYS + 2, True, id="a log that has ended"),
        pytest.param(5_000, True, id="a log of years ago"),
    ],
)
def test_it_is_known_what_became_of_tickets_up_to_the_newest_event_unless_the_log_has_ended(
    client: Client, days_ago: int, is_now: bool
) -> None:
    now = SystemClock().now_ms()
    newest = now - days_ago * DAY_MS
    for table in ("events", "tickets", "ticket_days"):
        client.command(f"TRUNCATE TABLE {table}")
    told = [event(opened("T"), newest, "1", subject="T")]
    ClickHouseStore(client).insert([event_row(one, NOW_MS) for one in told])
    ClickHouseStore(client).insert([row_of(ticket, NOW_MS) for ticket in settled(told).values()])
    until = freshness(client, now).followed_until
    assert until is not None
    if is_now:
        assert until >= now - 1_000
    else:
        assert newest < until <= newest + DAY_MS
        assert until % DAY_MS == 0
