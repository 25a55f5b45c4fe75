"""Whatever is said of faults and tickets on them, in whatever order: the metrics are what can be counted by hand."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, settings
from msgspec import structs

from schemas import events as e
from schemas.codec import Event
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension, Topic
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.faults import FaultLedger, Seen, agree
from tests.histories import INSTANTS, NOW_MS, event, faulty_desks
from tests.integration.conftest import Servers
from tests.integration.test_oracle import store
from tests.ledger import quantile, survival_quantile

pytestmark = pytest.mark.integration

OF_FAULTS: Final = [metric for metric in METRICS.values() if metric.topic is Topic.FAULTS]
FIRST: Final = INSTANTS[0]
WINDOWS: Final = (
    Window(FIRST - DAY_MS, FIRST + 6 * DAY_MS),
    Window(FIRST + DAY_MS, FIRST + 2 * DAY_MS),
    Window(FIRST + HOUR_MS, FIRST + 3 * DAY_MS + 1),
)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def wanted(name: str, seen: Sequence[Seen]) -> tuple[int, float | None]:
    values = sorted(one.value for one in seen)
    match name:
        case "faults" | "fault_tickets" | "fault_tickets_linked":
            return len(seen), float(len(seen))
        case "fault_customers_told":
            each = {one.whose: max(other.value for other in seen if other.whose == one.whose) for one in seen}
            return len(each), fmean(each.values()) if each else None
        case "fault_told_p50":
            return len(seen), survival_quantile([(one.value, one.has_ended) for one in seen], 0.5)[0]
        case "false_fix_rate" | "fault_eta_slips":
            return len(seen), fmean(values) if values else None
    return len(seen), quantile(values, 0.5) if values else None


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(faulty_desks())
def test_every_metric_of_faults_is_what_can_be_counted_by_hand(client: Client, history: list[Event]) -> None:
    ledger = FaultLedger(history, NOW_MS)
    store(client, [history[::2], history[1::2]])
    for by in (Dimension.PRODUCT_LINE, Dimension.TEAM):
        figures = answer(client, Question(metrics=OF_FAULTS, windows=WINDOWS, by=by), Window(0, NOW_MS))
        agree(figures, ledger.seen, wanted, by.value)  # no signal is stored: nothing is suspected


def test_a_product_and_a_reason_are_told_apart_whatever_their_names_hold(client: Client) -> None:
    at = NOW_MS - DAY_MS
    declared = e.FaultDeclared(fault_id="F", product_line="a x b", reason="c")
    begun = e.TicketCreated(ticket_id="T", channel="mail", created_by=e.Party.CUSTOMER)
    told = [event(declared, at, "f", subject="F")]
    for id, product_line, reason in (("T1", "a x b", "c"), ("T2", "a", "b x c")):
        about = structs.replace(begun, ticket_id=id, product_line=product_line, reason=reason)
        told.append(event(about, at + HOUR_MS, id, subject=id))
    store(client, [told])
    window = Window(at, NOW_MS)
    question = Question(metrics=[METRICS["fault_tickets"]], windows=[window], by=Dimension.REASON)
    figures = answer(client, question, window)
    assert {part: figure.n for (_, part, _), figure in figures.items() if part} == {"c": 1}
