"""Two systems number alike: what the numbers must say of twenty customers whose ratings and orders share ids."""

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from streams.core.ask.figure import Figure
from streams.core.ask.question import Question
from streams.core.metrics import METRICS
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.histories import INSTANTS, NOW_MS, event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

CASES = 20
T0 = INSTANTS[0]
EVER = Window(T0 - DAY_MS, T0 + 100 * DAY_MS)
DESK, TOOL, SHOP, OUTLET = "urn:desk", "urn:qatool", "urn:shop", "urn:outlet"


@pytest.fixture
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as made:
        yield made


def case(number: int) -> list[Event]:
    """Return a complaint that two systems ask about, of a customer who orders `#1001` in two shops."""
    id, customer = f"T{number}", f"C{number}"
    opening = e.TicketCreated(
        ticket_id=id, channel="email", created_by=e.Party.CUSTOMER, customer_id=customer, after_sales=True
    )
    told: list[tuple[str, int, e.Data]] = [
        (DESK, 0, opening),
        (DESK, HOUR_MS, e.TicketResolved(ticket_id=id)),
        (DESK, 2 * HOUR_MS, e.SurveyOffered(ticket_id=id, survey_id="s")),
        (DESK, 3 * HOUR_MS, rating(id, 1, e.RatingSource.CUSTOMER)),
        (TOOL, 4 * HOUR_MS, rating(id, 5, e.RatingSource.QA)),
        (SHOP, -1 * HOUR_MS, order(customer)),
        (OUTLET, 20 * DAY_MS, order(customer)),
        (SHOP, 21 * DAY_MS, e.OrderCancelled(order_id="#1001", customer_id=customer)),
    ]
    return [
        event(said, T0 + at, f"{id}-{n}", subject=customer if isinstance(said, e.OrderData) else id, source=source)
        for n, (source, at, said) in enumerate(told)
    ]


def rating(id: str, raw: float, source: e.RatingSource) -> e.RatingSubmitted:
    return e.RatingSubmitted(
        ticket_id=id, rating_id="7", raw=raw, scale_min=1, scale_max=5, source=source, survey_id="s"
    )


def order(customer: str) -> e.OrderPlaced:
    return e.OrderPlaced(order_id="#1001", customer_id=customer, amount=100, currency="EUR")


def test_what_two_sources_call_alike_counts_twice(client: Client) -> None:
    told = [one for number in range(CASES) for one in case(number)]
    store = ClickHouseStore(client)
    store.insert([event_row(one, NOW_MS) for one in told])
    store.insert([row_of(ticket, NOW_MS) for ticket in settled([o for o in told if o.ticket_id]).values()])
    found = answer(client, Question(metrics=tuple(METRICS.values()), windows=[EVER]), EVER)

    def shown(name: str) -> tuple[int, float | None]:
        figure: Figure = found[name, None, EVER]
        return figure.n, figure.value

    assert shown("csat_mean") == (CASES, 0)
    assert shown("response_rate") == (CASES, 1)
    assert shown("repurchase_30d") == (CASES, 1)
    assert shown("complaints_per_1000_orders")[0] == 2 * CASES
