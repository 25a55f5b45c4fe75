"""Twenty tickets of one kind each, and what the numbers must say of them: who waited, for how long, for whom."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from streams.core.ask.figure import Figure
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Credit, Dimension
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.histories import NOW_MS, event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

TICKETS = 20
ALL = tuple(METRICS.values())
Told = list[tuple[str, e.Data]]


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
    client: Client, story: Callable[[str], Told], *, by: Dimension | None = None, credit: Credit = Credit.DID
) -> dict[tuple[str, str | None], Figure]:
    """Return what the numbers say of twenty tickets with one story."""
    told: list[Event] = []
    for number in range(TICKETS):
        id = f"T{number}"
        told += [event(content, ms(at), f"{id}-{n}", n, subject=id) for n, (at, content) in enumerate(story(id))]
    for table in ("events", "tickets", "ticket_days", "ticket_ratings"):
        client.command(f"TRUNCATE TABLE {table}")
    store = ClickHouseStore(client)
    store.insert([event_row(one, NOW_MS) for one in told])
    store.insert([row_of(ticket, NOW_MS) for ticket in settled(told).values()])
    found = answer(client, Question(metrics=ALL, windows=[YEAR], by=by, credit=credit), YEAR)
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
        "tickets", "complaint_rate", "inquiry_share",
    }  # fmt: skip


def test_giving_a_ticket_away_after_a_bad_rating_moves_no_number_but_those_of_the_ticket(client: Client) -> None:
    before, after = (figures(client, story, by=Dimension.TEAM) for story in (handed_on, given_away))

    def told(seen: dict[tuple[str, str | None], Figure]) -> set[tuple[str, str | None, tuple[int, float | None]]]:
        return {(name, part, shown(figure)) for (name, part), figure in seen.items() if figure.n}

    assert {name for name, *_ in told(before) ^ told(after)} == {"tickets", "complaint_rate", "inquiry_share"}


def test_everything_can_be_asked_for_whoever_has_the_ticket_now(client: Client) -> None:
    seen = figures(client, given_away, by=Dimension.AGENT, credit=Credit.HOLDS)
    assert {part for (_, part), figure in seen.items() if figure.n} == {None, "carl"}
    assert seen["first_response_p50", "carl"].n == seen["csat_mean", "carl"].n == TICKETS
