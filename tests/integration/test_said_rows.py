"""What events say that nothing folds: rows of workers are those that the migrations read out of stored events."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode
from schemas.events import CATALOGUE
from schemas.migrations import migrations
from schemas.rows import column_names
from streams.core.said import ROW_OF, said_rows
from streams.core.ticket.batch import event_row
from streams.sinks.clickhouse import TABLES, ClickHouseStore
from streams.sinks.said_rows import state_again
from tests.databases import new_database
from tests.integration.conftest import Servers
from tests.integration.test_oracle import unhurried
from tests.strategies import NOW_MS, encoded_events

pytestmark = pytest.mark.integration

FILLED: Final = {TABLES[row]: row for row in ROW_OF.values()}
READ_BACK: Final = {
    match[1]: statement
    for migration in migrations()
    for statement in migration.statements(replicated=False)
    if (match := re.match(r"INSERT INTO (\w+)\s", statement)) and match[1] in FILLED
}
KINDS: Final = [CATALOGUE[name] for name in ROW_OF]


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def _taken(client: Client) -> dict[str, list[tuple[object, ...]]]:
    """Return what the tables hold, and empty them."""
    found = {}
    for table, row in FILLED.items():
        columns = ", ".join(column_names(row))
        found[table] = client.query(f"SELECT {columns} FROM {table} FINAL ORDER BY ALL").result_rows
        client.command(f"TRUNCATE TABLE {table}")
    return found  # type: ignore[return-value]


@unhurried
@given(st.lists(encoded_events(*KINDS), min_size=10, max_size=60))
def test_rows_of_workers_are_what_the_database_itself_reads_out_of_events(client: Client, raws: list[bytes]) -> None:
    assert READ_BACK.keys() == FILLED.keys()
    store = ClickHouseStore(client)
    client.command("TRUNCATE TABLE events")
    told = [decode(raw, now_ms=NOW_MS) for raw in raws]
    events = list({(one.name, one.subject, one.source, one.id): one for one in told}.values())
    store.insert([event_row(one, NOW_MS) for one in events])
    assert not any(_taken(client).values()), "no view fills them"
    for statement in READ_BACK.values():
        client.command(statement)
    read_back = _taken(client)
    store.insert(said_rows(events))
    assert _taken(client) == read_back
    assert state_again(client) == len(events) == sum(map(len, read_back.values()))
    assert _taken(client) == read_back
