"""Rows of the release before: they are read on, a worker that meets them states them anew, and so does a refold."""

from collections.abc import Iterator, Sequence

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import astuple

from schemas import events as e
from schemas.codec import Event
from schemas.migrations import migrations
from schemas.rows import TicketRow, column_names
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension
from streams.core.ticket.batch import event_row
from streams.core.ticket.fold import FOLD_EPOCH, REVISION_BITS, Ticket
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from streams.sinks.migrate import migrate
from streams.sinks.refold import refold
from tests.databases import new_database
from tests.histories import INSTANTS, NOW_MS, event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

FORMER = 8
"""The migrations of the release before."""
FORMER_EPOCH = 2
ADDED = {
    *("charges.since", "charges.team", "charges.agent_id", "waits.stopped_at", "waits.sender_id"),
    *("surveys.is_answered", "ratings.kind", "ratings.scale_min", "ratings.scale_max", "ratings.solved_at"),
    *("waits.asked_again", "waits.open", "waits.is_first", "waits.can_decide", "waits.before", "ratings.team"),
    *("cycles.awaits_customer", "cycles.on_hold", "customer_segment", "fault_id", "issue_id"),
    *(f"promises.{name}" for name in ("id", "kind", "made_by", "made_at", "due_at", "kept_at", "withdrawn_at")),
    *("promises.moved", "promises.moved_late"),
}
T0 = INSTANTS[0]
EVER = Window(T0 - DAY_MS, T0 + 120 * DAY_MS)


@pytest.fixture
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse, is_migrated=False) as client:
        as_it_was(client)
        yield client


def as_it_was(client: Client) -> None:
    """Make the tables of the release before."""
    client.command(f"CREATE DATABASE IF NOT EXISTS {client.database} ENGINE = Atomic", use_database=False)
    for migration in migrations()[:FORMER]:
        for statement in migration.statements(replicated=False):
            client.command(statement)


def history() -> list[Event]:
    """Return three tickets that were given away: answered and rated, resolved in silence, and still waiting."""
    told: list[tuple[str, int, e.Data]] = []
    for id in "ABC":
        opening = e.TicketCreated(ticket_id=id, channel="email", created_by=e.Party.CUSTOMER, team="x", agent_id="anna")
        told.append((id, 0, opening))
        told.append((id, 40 * HOUR_MS, e.TicketAssigned(ticket_id=id, team="y", agent_id="carl")))
    told += [
        ("A", HOUR_MS // 2, _answer("A", "anna")),
        ("A", 2 * HOUR_MS, e.TicketResolved(ticket_id="A", agent_id="bert")),
        ("A", 3 * HOUR_MS, _rating("A")),
        ("B", HOUR_MS // 2, e.TicketResolved(ticket_id="B")),
    ]
    return [event(said, T0 + at, f"{id}{n}", subject=id) for n, (id, at, said) in enumerate(told)]


def _answer(id: str, sender: str) -> e.MessageSent:
    return e.MessageSent(
        ticket_id=id,
        message_id="m",
        direction=e.Direction.OUT,
        visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.AGENT,
        sender_id=sender,
    )


def _rating(id: str) -> e.RatingSubmitted:
    return e.RatingSubmitted(
        ticket_id=id, rating_id="r", raw=1, scale_min=1, scale_max=5, source=e.RatingSource.CUSTOMER
    )


def keep_as_before(client: Client, tickets: Sequence[Ticket]) -> None:
    """Store rows as a worker of the release before does: of its definition, without what it does not know."""
    names = [name for name in column_names(TicketRow) if name not in ADDED]
    rows = [dict(zip(column_names(TicketRow), astuple(row_of(ticket, NOW_MS)), strict=True)) for ticket in tickets]
    outdated = (FOLD_EPOCH - FORMER_EPOCH) << REVISION_BITS
    former = [row | {"version": row["version"] - outdated} for row in rows]
    client.insert("tickets", [[row[name] for name in names] for row in former], column_names=names)


def numbers(client: Client, by: Dimension) -> dict[tuple[str, str | None], tuple[int, float | None]]:
    figures = answer(client, Question(metrics=tuple(METRICS.values()), windows=[EVER], by=by), EVER)
    return {(name, part): (figure.n, figure.value) for (name, part, _), figure in figures.items() if figure.n}


def test_rows_of_the_release_before_are_read_on_and_stated_anew(client: Client) -> None:
    events = history()
    tickets = settled(events)
    store = ClickHouseStore(client)
    store.insert([event_row(one, NOW_MS) for one in events])
    keep_as_before(client, [tickets["A"], tickets["B"]])
    client.command(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number UInt32, name String, checksum String, "
        "applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY number"
    )
    done = [[one.number, one.name, one.checksum] for one in migrations()[:FORMER]]
    client.insert("schema_migrations", done, column_names=["number", "name", "checksum"])
    assert [one.number for one in migrate(client)] == [one.number for one in migrations()[FORMER:]]
    keep_as_before(client, [tickets["C"]])  # by a worker that was not stopped yet

    former = numbers(client, Dimension.AGENT)
    assert (
        former.items()
        >= {
            ("first_response_n", "carl"): (1, 1.0),
            ("csat_mean", "carl"): (1, 0.0),
            ("first_response_within", None): (2, 0.5),
            ("open_waits", "carl"): (1, 1.0),
        }.items()
    )

    assert store.load_now(["A", "B", "C"]) == tickets
    assert refold(client, NOW_MS) == 3
    versions = client.query("SELECT min(version) FROM tickets FINAL").result_rows
    assert versions[0][0] >> REVISION_BITS == FOLD_EPOCH
    now = numbers(client, Dimension.AGENT)
    assert (
        now.items()
        >= {
            ("first_response_n", "anna"): (1, 1.0),
            ("csat_mean", "bert"): (1, 0.0),
            ("first_response_within", "anna"): (2, 0.5),
            ("first_response_within", None): (2, 0.5),
            ("resolved_unanswered", "anna"): (1, 1.0),
            ("open_waits", "carl"): (1, 1.0),
        }.items()
    )
    whole = {(name, n) for (name, part), (n, _) in now.items() if part is None and name != "resolved_unanswered"}
    assert whole == {(name, n) for (name, part), (n, _) in former.items() if part is None}
