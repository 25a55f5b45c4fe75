"""Whatever is said of known issues and of root causes, in whatever order: the metrics are what is counted by hand."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, settings

from schemas.codec import Event
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension, Topic
from streams.core.window import DAY_MS, Window
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.faults import Seen, agree
from tests.histories import NOW_MS, preventing_desks
from tests.integration.conftest import Servers
from tests.integration.test_fault_metrics import WINDOWS
from tests.integration.test_oracle import store
from tests.ledger import quantile, survival_quantile
from tests.prevention import PreventionLedger

pytestmark = pytest.mark.integration

OF_PREVENTION: Final = [one for one in METRICS.values() if one.topic in (Topic.KNOWN_ISSUES, Topic.PREVENTION)]
ALL_TIMES: Final = Window(0, NOW_MS + DAY_MS)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def wanted(name: str, seen: Sequence[Seen]) -> tuple[int, float | None]:
    values = sorted(one.value for one in seen)
    if name in ("known_issues", "known_issue_tickets", "known_issue_tickets_after", "root_causes"):
        return len(seen), float(len(seen))
    if name in ("root_cause_acknowledged_p50", "root_cause_fixed_p50"):
        return len(seen), survival_quantile([(one.value, one.has_ended) for one in seen], 0.5)[0]
    if name in ("known_issue_lead_p50", "known_issue_eta_error_p50"):
        return len(seen), quantile(values, 0.5) if values else None
    return len(seen), fmean(values) if values else None


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(preventing_desks())
def test_every_metric_of_prevention_is_what_can_be_counted_by_hand(client: Client, history: list[Event]) -> None:
    ledger = PreventionLedger(history, NOW_MS)
    store(client, [history[::2], history[1::2]])
    for by in (Dimension.REASON, Dimension.TEAM):
        figures = answer(client, Question(metrics=OF_PREVENTION, windows=(*WINDOWS, ALL_TIMES), by=by), ALL_TIMES)
        agree(figures, ledger.seen, wanted, by.value)
