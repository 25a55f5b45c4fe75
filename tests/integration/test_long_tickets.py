"""One ticket that grows without end stops nobody: what it costs is bounded, and what its row leaves out is told."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas.codec import Event
from schemas.events import PromiseKept, PromiseMade, PromiseMoved, PromiseWithdrawn, TicketLinked, TicketMerged
from schemas.migrations import Migration, migrations
from schemas.rows import TicketRow, column_names, columns_of
from streams.agents.writing import Writing
from streams.core.ticket.batch import event_row, fold_batch, read
from streams.core.ticket.fold import REVISION_BITS, Ticket
from streams.core.ticket.measures import row_of
from streams.meters import Meters
from streams.sinks import migrate as migrating
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.dead_letters import find_letters, mark_mended
from streams.sinks.migrate import migrate
from streams.sinks.refold import refold
from tests.databases import migrated, new_database
from tests.histories import NOW_MS, settled
from tests.integration.conftest import Servers
from tests.integration.desk import events_of, lines_of
from tests.mail_loop import mail_loop
from tests.records import record_of
from tests.space import Space

pytestmark = pytest.mark.integration

T = TypeVar("T")
NEW_COLUMNS = {
    "is_truncated", "waits.stopped_at", "waits.sender_id", "waits.asked_again", "waits.open", "waits.is_first",
    "waits.can_decide", "waits.before", "charges.since", "charges.team", "charges.agent_id", "surveys.is_answered",
    "cycles.awaits_customer", "cycles.on_hold", "ratings.kind", "ratings.scale_min", "ratings.scale_max",
    "ratings.solved_at", "ratings.team", "customer_segment",
    "promises.id", "promises.kind", "promises.made_by", "promises.made_at", "promises.due_at", "promises.kept_at",
    "promises.withdrawn_at", "promises.moved", "promises.moved_late", "fault_id", "issue_id",
}  # fmt: skip
DAYS = "SELECT * FROM ticket_days FINAL ORDER BY day, ticket_id"


@pytest.fixture
def client(servers: Servers) -> Iterator[Client]:
    """Return a client for a database that does not exist yet."""
    with new_database(servers.clickhouse, is_migrated=False) as made:
        yield made


def _rows(tickets: Sequence[Ticket]) -> list[TicketRow]:
    return [row_of(ticket, NOW_MS) for ticket in tickets]


def _desk() -> tuple[list[Event], list[Ticket]]:
    """Return the events and tickets of a month at a desk that merges and promises nothing, with a mail loop among them.

    Nobody comes back to a ticket that was resolved without an answer: such waits are what a later release tells apart.
    """
    events = events_of(lines_of(5, per_day=20)) + mail_loop("LOOP", 150)
    unknown = (TicketMerged, TicketLinked, PromiseMade, PromiseMoved, PromiseKept, PromiseWithdrawn)
    own = [one for one in events if one.ticket_id is not None and not isinstance(one.content, unknown)]
    tickets = settled(own, most=10**6)
    kept = {id for id, ticket in tickets.items() if None not in row_of(ticket, NOW_MS).waits_answered_at[:-1]}
    return [one for one in own if one.subject in kept], [tickets[id] for id in kept]


def _insert_as_before(client: Client, rows: Sequence[TicketRow]) -> None:
    """Insert as a worker of the release before does: it knows nothing of the new columns and definitions."""
    former = [replace(row, version=row.version % (1 << REVISION_BITS) + (2 << REVISION_BITS)) for row in rows]
    pairs = zip(column_names(TicketRow), columns_of(former), strict=True)
    names, columns = zip(*((name, column) for name, column in pairs if name not in NEW_COLUMNS), strict=True)
    client.insert("tickets", list(columns), column_names=list(names), column_oriented=True)


def _said(client: Client, table: str) -> str:
    """Return a query of all that a table says but the version, in the columns that it has now."""
    columns = client.query(
        "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} "
        "AND name NOT IN ('version', 'stored_at') ORDER BY position",
        {"database": client.database, "table": table},
    ).result_rows
    names = ", ".join(f"`{name}`" for (name,) in columns)
    return " ".join(["SELECT", names, "FROM", table, "FINAL ORDER BY ALL"])


def _before_this_one() -> list[Migration]:
    return [migration for migration in migrations() if migration.number < 7]


def test_an_upgrade_with_data_and_a_worker_of_before_beside_it_keep_every_number(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrating, "migrations", _before_this_one)
        migrate(client)
    events, tickets = _desk()
    ClickHouseStore(client).insert([event_row(one, NOW_MS) for one in events])
    _insert_as_before(client, _rows(tickets))
    asked = _said(client, "ticket_days"), _said(client, "ticket_ratings")
    days, ratings = (client.query(sql).result_rows for sql in asked)
    assert len(days) > 300

    migrate(client)
    assert client.query(asked[0]).result_rows == days
    client.command("TRUNCATE TABLE ticket_days")
    _insert_as_before(client, _rows(tickets))
    assert client.query(asked[0]).result_rows == days, "of the worker of the release before"

    client.command("TRUNCATE TABLE ticket_days")
    client.command("TRUNCATE TABLE ticket_ratings")
    assert refold(client, NOW_MS) == len(tickets)
    assert client.query(asked[0]).result_rows == days
    assert client.query(asked[1]).result_rows == ratings


class Now:
    def now_ms(self) -> int:
        return NOW_MS


async def _at_once(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


def test_what_one_insert_has_no_memory_for_is_stated_in_part_until_it_is_folded_again(client: Client) -> None:
    migrated(client)
    events = [one for name, cycles in (("A", 3), ("LOOP", 4_000), ("B", 3)) for one in mail_loop(name, cycles)]
    reading = read([record_of(one.raw, offset=place) for place, one in enumerate(events)], NOW_MS)
    outcome = fold_batch(reading, {}, NOW_MS)
    client.command("CREATE TABLE weight (n UInt64) ENGINE = Null")
    client.command(
        "CREATE MATERIALIZED VIEW weighed TO weight AS "
        "SELECT length(arrayFlatten(arrayMap(at -> range(toYear(at) * 8), cycles.started_at))) AS n FROM tickets"
    )
    client.set_client_setting("max_memory_usage", 100_000_000)
    asyncio.run(Writing(ClickHouseStore(client), Now(), Meters(), first_wait_seconds=0).write(outcome, _at_once))
    client.set_client_setting("max_memory_usage", 0)
    assert [(letter.reason, letter.offset) for letter in outcome.dead] == [("ticket-unfoldable", 13 + 16_000)]
    told = "SELECT ticket_id, is_truncated, reopened, length(cycles.started_at) FROM tickets FINAL ORDER BY ticket_id"
    assert client.query(told).result_rows == [("A", False, 2, 3), ("B", False, 2, 3), ("LOOP", True, 3_999, 100)]
    assert client.query("SELECT count() FROM events FINAL").result_rows == [(len(events),)]

    refold(client, NOW_MS, ticket_ids=["LOOP"])
    assert mark_mended(client, NOW_MS, ticket_ids=["A"]) == 0
    assert mark_mended(client, NOW_MS, ticket_ids=["LOOP"]) == 1
    assert client.query(told).result_rows[2] == ("LOOP", False, 3_999, 4_000)
    assert client.query("SELECT sum(length(cycles.started_at)) FROM ticket_days FINAL").result_rows == [(4_006,)]
    assert find_letters(client) == []


def test_a_mail_loop_of_ten_thousand_cycles_stops_nobody(space: Space) -> None:
    loop = mail_loop("LOOP", 10_000)
    space.start_worker(batch_events=5_000)
    space.publish([one.raw for one in loop[:20_000]])
    space.publish([one.raw for one in [*mail_loop("A", 3), *loop[20_000:], *mail_loop("B", 3)]])
    space.wait_for_events(len(loop) + 26, 300)
    told = "SELECT ticket_id, is_truncated, reopened, customer_messages, status FROM tickets FINAL ORDER BY ticket_id"
    assert space.query(told) == [
        ("A", False, 2, 3, "resolved"),
        ("B", False, 2, 3, "resolved"),
        ("LOOP", True, 9_999, 10_000, "resolved"),
    ]
    assert space.value("SELECT count() FROM dead_letters") == 0
    assert space.workers[0].meter("servicepulse_truncated_tickets_total") > 0
    assert space.workers[0].log.count("a very long ticket") == 1
