"""Whatever happens to a few tickets and in whatever order it is told: every metric is what can be counted by hand."""

from collections.abc import Iterator, Sequence
from math import isclose

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.codec import Event
from streams.core.ask.question import Question
from streams.core.hours.published import open_hours
from streams.core.metrics import METRICS, Credit, Dimension
from streams.core.metrics.policy import by_policy, in_force
from streams.core.policy.published import in_force_now
from streams.core.policy.published import policies as policies_of
from streams.core.said import said_rows
from streams.core.ticket.batch import event_row
from streams.core.ticket.fold import Ticket
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS, Bucket, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from streams.sinks.policy import versions_that_count
from tests.databases import new_database
from tests.histories import INSTANTS, NOW_MS, desks, handled_desks, policies, schedules, settled
from tests.integration.conftest import Servers
from tests.ledger import COUNTED_APART, Ledger
from tests.promised import Promises

pytestmark = pytest.mark.integration

ALL = tuple(metric for metric in METRICS.values() if metric.topic not in COUNTED_APART)
KINDS = tuple(sorted({metric.observations.name for metric in ALL}))
DAYS = ("surveys", "ratings", "reopenings", "reassignments")
MANY = tuple("ABCDEFGHI")
"""Tickets of one example: planning some thirty statements takes seconds, however many observations they read."""
FIRST = INSTANTS[0]
KNOWN = Window(0, NOW_MS)
HANDLING = tuple(
    METRICS[name]
    for name in (
        "first_contact_resolution",
        "one_touch_share",
        "replies_per_resolution",
        "tickets_transferred",
        "reassigned_after_bad_rating",
    )
)
WINDOWS = (
    Window(FIRST - DAY_MS, FIRST + 120 * DAY_MS),
    Window(FIRST + DAY_MS, FIRST + 2 * DAY_MS),
    Window(FIRST + HOUR_MS, FIRST + DAY_MS + 1),
    Window(FIRST + DAY_MS - 1, FIRST + 3 * DAY_MS + 4 * HOUR_MS),
)
TABLES = (
    "events", "tickets", "ticket_days", "orders", "order_days", "open_hours", "policies", "fault_events", "retractions",
    "messages_out", "known_issue_events", "root_cause_events", "contact_events", "selfservice_events",
    "compensation_events", "return_events", "work_events", "handling_events", "templated_messages",
)  # fmt: skip


unhurried = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
"""An example takes seconds, so a failing one is not shrunk."""


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]]]:
    """Return what happened, and how it arrives: in some order, some of it twice, in a few batches."""
    history = [*draw(desks()), *draw(schedules()), *draw(policies())]
    again = draw(st.lists(st.sampled_from(history), max_size=4))
    arriving = draw(st.permutations([*history, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=2)))
    return history, [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]


def store(client: Client, batches: Sequence[Sequence[Event]]) -> None:
    """Write what a worker writes: after each batch every ticket that was touched, in the version of then."""
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")
    sink = ClickHouseStore(client)
    tickets: dict[str, Ticket] = {}
    for batch in batches:
        sink.insert([*(event_row(one, NOW_MS) for one in batch), *said_rows(batch)])
        sink.insert(list(open_hours(batch, NOW_MS)))
        sink.insert(policies_of(batch, NOW_MS))
        tickets = settled([one for one in batch if one.ticket_id is not None], tickets)
        sink.insert([row_of(ticket, NOW_MS) for ticket in tickets.values()])


@unhurried
@given(
    tellings(),
    st.sampled_from([Dimension.TEAM, Dimension.AGENT]) | st.sampled_from(Dimension),
    st.sampled_from([Credit.DID, Credit.DID, Credit.HOLDS]),
    st.sampled_from([0, FIRST, FIRST + DAY_MS, FIRST + 2 * DAY_MS, NOW_MS]),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York"]),
    st.integers(0, 5),
)
def test_every_metric_is_what_can_be_counted_by_hand_and_told_as_the_policy_says(
    client: Client,
    told: tuple[list[Event], list[list[Event]]],
    by: Dimension,
    credit: Credit,
    now: int,
    zone: str,
    turn: int,
) -> None:
    history, batches = told
    store(client, batches)
    ledger = Ledger(history, is_by_holder=credit is Credit.HOLDS)
    asked = [metric for metric in ALL if metric.observations.name in KINDS[turn % 2 :: 2]]
    figures = answer(client, Question(metrics=asked, windows=WINDOWS, by=by, credit=credit), KNOWN)
    for (name, part, window), figure in figures.items():
        chosen = None if part is None else (by.value, part)
        wanted = ledger.value(METRICS[name], window, chosen)
        assert figure.n == ledger.n(METRICS[name], window, chosen), (name, part, window)
        assert figure.value == wanted or (
            wanted is not None and figure.value is not None and isclose(figure.value, wanted, rel_tol=1e-12)
        ), (name, part, window)
        if METRICS[name].is_by_customer and figure.n:
            design = ledger.design(METRICS[name], window, chosen)
            assert figure.design_effect == pytest.approx(design, rel=1e-9), (name, part, window)
    _agree_on_how_figures_are_told(client, ledger.promises, now)
    _days_make_up_the_whole(client, Ledger(history), KINDS[turn % 3 :: 3], zone)


def _agree_on_how_figures_are_told(client: Client, promised: Promises, now: int) -> None:
    """Hold what panels look up, and what reports make of the versions, against all that was published."""
    columns = ["least_n", "reason_share", *(f"settled_after_days.{name}" for name in DAYS)]
    asked = [in_force(column, f"fromUnixTimestamp64Milli({now})") for column in columns]
    (said,) = client.query(f"SELECT {', '.join(asked)}").result_rows
    least, days = promised.least_n(now), promised.settled_after(now)
    assert said == (least, promised.reason_share(now), *(days[name] for name in DAYS))
    policy = in_force_now(versions_that_count(client), now)
    for metric in (by_policy(one, policy) for one in ALL):
        own = METRICS[metric.name]
        assert metric.matures_days == days.get(own.matures_by, own.matures_days)
        assert metric.n_min == {0: 0, 20: least, 200: max(least, 200)}[own.n_min], metric.name


def _days_make_up_the_whole(client: Client, ledger: Ledger, kinds: Sequence[str], zone: str) -> None:
    """Hold the days of a zone, of some kinds of observations, against what was seen on each."""
    window = Window(FIRST - DAY_MS, FIRST + 8 * DAY_MS)
    asked = [metric for metric in ALL if metric.observations.name in kinds]
    figures = answer(client, Question(metrics=asked, windows=[window], bucket=Bucket.DAY, zone=zone), KNOWN)
    for (name, _, day), figure in figures.items():
        cut = Window(max(day.start_at, window.start_at), min(day.end_at, window.end_at))
        inside = day if METRICS[name].observations.lasts else cut
        assert figure.n == ledger.n(METRICS[name], inside), (name, day)


@unhurried
@given(handled_desks(tickets=MANY, max_size=54), st.sampled_from([Dimension.TEAM, Dimension.AGENT, Dimension.REASON]))
def test_how_cases_are_handled_is_what_can_be_counted_by_hand(
    client: Client, history: list[Event], by: Dimension
) -> None:
    store(client, [history])
    ledger = Ledger(history)
    figures = answer(client, Question(metrics=HANDLING, windows=WINDOWS, by=by), KNOWN)
    for (name, part, window), figure in figures.items():
        chosen = None if part is None else (by.value, part)
        assert figure.n == ledger.n(METRICS[name], window, chosen), (name, part, window)
        wanted = ledger.value(METRICS[name], window, chosen)
        assert figure.value == (None if wanted is None else pytest.approx(wanted, rel=1e-12)), (name, part, window)
