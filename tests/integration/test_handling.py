"""A month of cases, each counted by hand: solved at the first contact or not, by how many answers and teams."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from streams.core.ask.question import Question
from streams.core.ask.report import compared
from streams.core.metrics import METRICS
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer, observations
from tests.databases import new_database
from tests.histories import NOW_MS, event, settled
from tests.integration.conftest import Servers
from tests.integration.test_waits import Told, answered, asked, ms, opened

pytestmark = pytest.mark.integration

MARCH: Final = Window(ms("2026-03-01"), ms("2026-04-01"))
APRIL: Final = Window(MARCH.end_at, ms("2026-05-01"))
FCR: Final = METRICS["first_contact_resolution"]


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def store(client: Client, told: Mapping[str, Told]) -> None:
    for table in ("events", "tickets", "ticket_days", "ticket_ratings", "orders"):
        client.command(f"TRUNCATE TABLE {table}")
    events = [
        event(content, ms(f"2026-{at}"), f"{id}-{n}", n, subject=id)
        for id, story in told.items()
        for n, (at, content, *_) in enumerate(story)
    ]
    sink = ClickHouseStore(client)
    sink.insert([event_row(one, NOW_MS) for one in events])
    sink.insert([row_of(ticket, NOW_MS) for ticket in settled(events).values()])


def seen(client: Client, metric: str, window: Window = MARCH) -> dict[str, float]:
    """Return what a metric says of each ticket: 1 for a hit and 0 for none, or what it measures."""
    return {one.ticket_id: one.measure for one in observations(client, METRICS[metric], window)}


def case(
    id: str, customer: str | None, *, reason: str | None = None, at: str = "03-02", answers: int = 1, **more: object
) -> Told:
    """Return a ticket that a customer opens in the morning of a day; as many answers later it is resolved, at 12:00."""
    said: list[tuple[str, e.Data]] = [
        (f"{at}T08:00", opened(id, customer_id=customer, reason=reason, **more))  # type: ignore[arg-type]
    ]
    for n in range(answers):
        said += [(f"{at}T09:{n}0", asked(id)), (f"{at}T09:{n}5", answered(id))]
    return [*said, (f"{at}T12:00", e.TicketResolved(ticket_id=id))]


def back(id: str, customer: str, at: str, reason: str | None = None, **more: object) -> Told:
    """Return a ticket that stays open."""
    return [(at, opened(id, customer_id=customer, reason=reason, **more))]  # type: ignore[arg-type]


MONTH: Final[Mapping[str, Told]] = {
    "one answer": case("one answer", "A"),
    "no answer": case("no answer", "B", answers=0),
    "two answers": case("two answers", "C", answers=2),
    "two messages in a row": [
        ("03-02T08:00", opened("two messages in a row", customer_id="D")),
        ("03-02T09:00", answered("two messages in a row")),
        ("03-02T09:10", answered("two messages in a row")),
        ("03-02T12:00", e.TicketResolved(ticket_id="two messages in a row")),
    ],
    "answers of several days": [
        ("02-10T08:00", opened("answers of several days", customer_id="E")),
        ("02-11T09:00", answered("answers of several days")),
        ("02-13T09:00", asked("answers of several days")),
        ("02-14T09:00", answered("answers of several days")),
        ("03-02T12:00", e.TicketResolved(ticket_id="answers of several days")),
    ],
    "answered again afterwards": [
        *case("answered again afterwards", "F"),
        ("03-20T08:00", asked("answered again afterwards")),
        ("03-20T09:00", answered("answered again afterwards")),
    ],
    "came back": case("came back", "G", reason="leg"),
    "back 1": back("back 1", "G", "03-05T08:00", "leg"),
    "came back at the last moment": case("came back at the last moment", "H", reason="leg"),
    "back 2": back("back 2", "H", "03-09T12:00", "leg"),
    "came back too late": case("came back too late", "I", reason="leg"),
    "back 3": back("back 3", "I", "03-09T12:00:00.001", "leg"),
    "came back with something else": case("came back with something else", "J", reason="leg"),
    "back 4": back("back 4", "J", "03-05T08:00", "price"),
    "somebody else came": case("somebody else came", "K", reason="leg"),
    "neither has a reason": case("neither has a reason", "L"),
    "back 5": back("back 5", "L", "03-05T08:00"),
    "the other one is a test": case("the other one is a test", "M"),
    "back 6": back("back 6", "M", "03-05T08:00", is_test=True),
    "the other one is spam": case("the other one is spam", "N"),
    "back 7": [*back("back 7", "N", "03-05T08:00"), ("03-05T08:01", e.TicketMarkedSpam(ticket_id="back 7"))],
    "the other one was before": case("the other one was before", "O", at="03-06"),
    "back 8": back("back 8", "O", "03-05T08:00"),
    "reopened": [*case("reopened", "P"), ("03-04T08:00", e.TicketReopened(ticket_id="reopened"))],
    "reopened too late": [
        *case("reopened too late", "Q"),
        ("03-14T08:00", e.TicketReopened(ticket_id="reopened too late")),
    ],
    "another one reopened": case("another one reopened", "R"),
    "back 9": [
        *case("back 9", "R", at="02-20"),
        ("03-03T08:00", e.TicketReopened(ticket_id="back 9")),
    ],
    "back in April": case("back in April", "S", at="03-31"),
    "back 10": back("back 10", "S", "04-05T08:00"),
    "nobody knows who": case("nobody knows who", None),
    "opened by an agent": [
        ("03-02T08:00", opened("opened by an agent", e.Party.AGENT, customer_id="T")),
        ("03-02T12:00", e.TicketResolved(ticket_id="opened by an agent")),
    ],
    "unresolved": back("unresolved", "U", "03-02T08:00"),
    "resolved in April": case("resolved in April", "V", at="04-01"),
}  # fmt: skip
SOLVED: Final = {
    "one answer": 1,
    "no answer": 1,
    "two answers": 0,
    "two messages in a row": 1,
    "answers of several days": 0,
    "answered again afterwards": 1,
    "came back": 0,
    "came back at the last moment": 0,
    "came back too late": 1,
    "came back with something else": 1,
    "somebody else came": 1,
    "neither has a reason": 0,
    "the other one is a test": 1,
    "the other one is spam": 1,
    "the other one was before": 1,
    "reopened": 0,
    "reopened too late": 1,
    "another one reopened": 0,
    "back in April": 0,
}  # fmt: skip
"""Which cases of known customers in March were solved at the first contact: 11 of 19."""


def test_a_month_of_first_contacts_is_as_counted_by_hand(client: Client) -> None:
    store(client, MONTH)
    assert seen(client, FCR.name) == SOLVED
    figures = answer(client, Question(metrics=[FCR], windows=[MARCH]), MARCH)
    (figure,) = figures.values()
    assert (figure.n, figure.value) == (19, 11 / 19)


def test_answers_until_the_first_resolution_are_as_counted_by_hand(client: Client) -> None:
    store(client, MONTH)
    wanted = dict.fromkeys(SOLVED, 1) | {"nobody knows who": 1, "no answer": 0}
    wanted |= {"two answers": 2, "answers of several days": 2}
    assert seen(client, "replies_per_resolution") == wanted
    assert seen(client, "one_touch_share") == {id: float(answers == 1) for id, answers in wanted.items()}


def test_who_came_back_later_makes_the_month_of_before_provisional(client: Client) -> None:
    store(client, MONTH)
    figures = answer(client, Question(metrics=[FCR], windows=[MARCH, APRIL]), Window(MARCH.start_at, APRIL.end_at))
    known = Window(0, APRIL.end_at)
    (young,) = compared([FCR], MARCH, APRIL, figures, known, MARCH.end_at)
    assert young.is_provisional
    assert young.maturity == pytest.approx(24 / 31)
    (settled_,) = compared([FCR], MARCH, APRIL, figures, known, MARCH.end_at + 7 * DAY_MS)
    assert not settled_.is_provisional


def assigned(id: str, *to: tuple[str | None, str | None]) -> Sequence[tuple[str, e.Data]]:
    return [
        (f"03-02T10:0{n}", e.TicketAssigned(ticket_id=id, team=team, agent_id=agent))
        for n, (team, agent) in enumerate(to)
    ]


@pytest.mark.parametrize(
    ("to", "is_transferred"),
    [
        pytest.param([], 0, id="nobody has it"),
        pytest.param([("x", "a")], 0, id="the first team"),
        pytest.param([("x", "a"), ("x", "b")], 0, id="another agent"),
        pytest.param([("x", "a"), ("y", "b")], 1, id="another team"),
        pytest.param([("x", "a"), (None, None), ("x", "a")], 0, id="put back and taken again"),
        pytest.param([("x", "a"), (None, None), ("y", "a")], 1, id="put back and taken by another team"),
        pytest.param([("x", "a"), ("y", "b"), ("x", "a")], 1, id="there and back"),
    ],
)
def test_a_ticket_is_transferred_that_another_team_had(
    client: Client, to: Sequence[tuple[str | None, str | None]], is_transferred: float
) -> None:
    after = [("03-03T10:00", e.TicketAssigned(ticket_id="T", team="later", agent_id="z"))]
    opening, *rest = case("T", "A")
    store(client, {"T": [opening, *assigned("T", *to), rest[-1], *after]})
    assert seen(client, "tickets_transferred") == {"T": is_transferred}


def rated(raw: float) -> tuple[str, e.Data]:
    rating = e.RatingSubmitted(
        ticket_id="T", rating_id="r", raw=raw, scale_min=1, scale_max=5, source=e.RatingSource.CUSTOMER
    )
    return "03-03T08:00", rating


@pytest.mark.parametrize(
    ("raw", "to", "wanted"),
    [
        pytest.param(5, ("y", "b"), {}, id="a good rating"),
        pytest.param(1, ("x", "a"), {"T": 0}, id="the same again"),
        pytest.param(1, (None, None), {"T": 0}, id="nobody"),
        pytest.param(1, ("x", "b"), {"T": 1}, id="another agent"),
        pytest.param(1, ("y", None), {"T": 1}, id="another team"),
    ],
)
def test_a_ticket_is_given_away_after_a_bad_rating(
    client: Client, raw: float, to: tuple[str | None, str | None], wanted: Mapping[str, float]
) -> None:
    later = ("03-04T08:00", e.TicketAssigned(ticket_id="T", team=to[0], agent_id=to[1]))
    store(client, {"T": [*case("T", "A", team="x", agent_id="a"), rated(raw), later]})
    assert seen(client, "reassigned_after_bad_rating") == wanted


def test_who_had_it_before_the_rating_does_not_get_it_after(client: Client) -> None:
    earlier = ("03-02T13:00", e.TicketAssigned(ticket_id="T", team="y", agent_id="b"))
    store(client, {"T": [*case("T", "A", team="x", agent_id="a"), earlier, rated(1)]})
    assert seen(client, "reassigned_after_bad_rating") == {"T": 0}
