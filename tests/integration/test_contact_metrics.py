"""Whatever is said of calls, chats and self-service, in whatever order: the metrics are what is counted by hand."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, assume, given, settings

from schemas.codec import Event
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension, Topic
from streams.core.window import Window
from streams.sinks.figures import answer
from tests.contacts import ContactLedger, TooLongError
from tests.databases import new_database
from tests.faults import Seen, agree
from tests.histories import NOW_MS, calling_desks
from tests.integration.conftest import Servers
from tests.integration.test_fault_metrics import WINDOWS
from tests.integration.test_oracle import store
from tests.ledger import survival_quantile

pytestmark = pytest.mark.integration

OF_CONTACTS: Final = [one for one in METRICS.values() if one.topic is Topic.CONTACTS]


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def wanted(name: str, seen: Sequence[Seen]) -> tuple[int, float | None]:
    if name in ("queued_contacts", "important_missed"):
        return len(seen), float(len(seen))
    if METRICS[name].value:
        return len(seen), survival_quantile([(one.value, one.has_ended) for one in seen], METRICS[name].p)[0]
    return len(seen), fmean(one.value for one in seen) if seen else None


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
)
@given(calling_desks())
def test_every_metric_of_contacts_is_what_can_be_counted_by_hand(client: Client, history: list[Event]) -> None:
    try:
        ledger = ContactLedger(history, NOW_MS)
    except TooLongError:
        assume(False)
    store(client, [history[::2], history[1::2]])
    for by in (Dimension.CHANNEL, Dimension.PRIORITY):
        figures = answer(client, Question(metrics=OF_CONTACTS, windows=WINDOWS, by=by), Window(0, NOW_MS))
        agree(figures, ledger.seen, wanted, by.value)
