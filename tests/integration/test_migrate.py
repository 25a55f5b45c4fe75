"""Migrations: once, twice, by several at the same time, and refused when history was rewritten."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas import rows
from schemas.migrations import Migration, for_new, migrations
from streams.settings import Settings
from streams.sinks.clickhouse import TABLES, ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.migrate import Step, migrate, pending
from streams.store_error import StoreRejectedError, StoreUnavailableError
from tests.databases import new_database
from tests.integration.conftest import Servers
from tests.space import Space

pytestmark = pytest.mark.integration


@pytest.fixture
def client(servers: Servers) -> Iterator[Client]:
    """Return a client for a database that does not exist yet."""
    with new_database(servers.clickhouse, is_migrated=False) as made:
        yield made


@pytest.fixture(scope="module")
def tables(servers: Servers) -> Iterator[Client]:
    """Return a client for a database that was migrated, to look at."""
    with new_database(servers.clickhouse) as made:
        yield made


@pytest.fixture
def migrated(servers: Servers) -> Iterator[Client]:
    """Return a client for a database as `migrate` leaves it."""
    with new_database(servers.clickhouse) as made:
        yield made


def test_migrating_twice_does_nothing_the_second_time(client: Client) -> None:
    assert [migration.number for migration in migrate(client)] == [m.number for m in migrations()]
    assert migrate(client) == []
    assert pending(client) == []


def test_a_new_database_is_what_all_migrations_in_order_come_to(client: Client, migrated: Client) -> None:
    """The shorter way, taken where nothing is stored, ends where the history ends: the oracle is the history itself."""
    client.command(f"CREATE DATABASE {client.database} ENGINE = Atomic", use_database=False)
    for migration in migrations():
        for statement in migration.statements(replicated=False):
            client.command(statement)
    expected = dict(_made(migrated))
    del expected["schema_migrations"]
    assert _made(client) == expected


def _made(client: Client) -> Mapping[str, str]:
    """Return by name what makes each table and view."""
    query = "SELECT name, create_table_query FROM system.tables WHERE database = {database:String}"
    return {
        name: statement.replace(str(client.database), "it")
        for name, statement in client.query(query, parameters={"database": client.database}).result_rows
    }


@pytest.mark.parametrize("number", [0, 1, 30, 50])
def test_what_broke_off_in_a_new_database_is_gone_on_with(client: Client, tables: Client, number: int) -> None:
    client.command(f"CREATE DATABASE {client.database} ENGINE = Atomic", use_database=False)
    for statement in for_new(migrations(), replicated=False)[:number]:
        client.command(statement)
    assert [migration.number for migration in migrate(client)] == [m.number for m in migrations()]
    assert _made(client) == _made(tables)


def test_views_of_old_go_where_the_history_was_lost_and_nothing_is_stored(client: Client, tables: Client) -> None:
    client.command(f"CREATE DATABASE {client.database} ENGINE = Atomic", use_database=False)
    for migration in migrations()[:8]:
        for statement in migration.statements(replicated=False):
            client.command(statement)
    migrate(client)
    assert _made(client) == _made(tables)


def test_a_worker_behind_brings_no_view_back_that_another_has_replaced(client: Client, tables: Client) -> None:
    """Both upgrade one database; the other one is done, and writes, before this one has begun its second step."""
    migrate(client)
    names = "(20, 21, 22, 23, 24, 25, 26)"
    client.command(f"ALTER TABLE schema_migrations DELETE WHERE number IN {names} SETTINGS mutations_sync = 1")
    run: list[str] = []

    def overtaken(step: Step) -> None:
        run.append(step.title)
        if len(run) == 1:
            assert [one.number for one in migrate(client)] == [20, 21, 22, 23, 24, 25, 26]

    assert [one.number for one in migrate(client, on_step=overtaken)] == [20]
    assert run == ["0020 interventions"]
    assert _made(client) == _made(tables)


def test_several_workers_migrate_at_once(client: Client, servers: Servers, tmp_path: Path) -> None:
    settings = Settings(clickhouse=servers.clickhouse, database=str(client.database), folder=tmp_path)
    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda _: migrate(connect(settings)), range(3)))
    assert pending(client) == []
    assert client.query("SELECT count() FROM schema_migrations FINAL").result_rows[0][0] == len(migrations())


def test_a_dry_run_shows_the_statements_and_does_nothing(space: Space) -> None:
    space.client.command(f"DROP DATABASE {space.settings.database}", use_database=False)
    shown = space.run("migrate", "--dry-run")
    assert shown.returncode == 0, shown.stderr.decode()
    assert b"CREATE TABLE IF NOT EXISTS tickets" in shown.stdout
    databases = space.client.command("SHOW DATABASES", use_database=False)
    assert space.settings.database not in str(databases)


def test_an_edited_migration_is_refused(migrated: Client) -> None:
    migrated.command(
        "ALTER TABLE schema_migrations UPDATE checksum = 'edited' WHERE number = 1 SETTINGS mutations_sync = 1"
    )
    with pytest.raises(StoreRejectedError, match="differs from what database"):
        migrate(migrated)


def test_a_database_from_the_future_is_refused(migrated: Client) -> None:
    migrated.insert("schema_migrations", [[9_999, "later", "x"]], column_names=["number", "name", "checksum"])
    with pytest.raises(StoreRejectedError, match="upgrade servicepulse"):
        migrate(migrated)


FORMER = {"waits_open", "versions.first_response", "versions.response", "versions.resolution"}
"""Columns that workers of the release before filled: what their rows lack is made up of them."""


@pytest.mark.parametrize("kind", list(TABLES))
def test_rows_have_the_columns_of_their_table_in_order(tables: Client, kind: type[rows.Row]) -> None:
    columns = tables.query(
        "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} "
        "AND default_kind != 'MATERIALIZED' ORDER BY position",
        parameters={"database": tables.database, "table": TABLES[kind]},
    ).result_rows
    assert [name for (name,) in columns if name not in FORMER] == rows.column_names(kind)


def test_replicated_statements_name_replicated_engines() -> None:
    for migration in migrations():
        for statement in migration.statements(replicated=True):
            if statement.startswith("CREATE TABLE"):
                assert "ENGINE = ReplicatedReplacingMergeTree" in statement


def test_changes_in_a_row_to_one_table_are_one_statement() -> None:
    sql = (
        "ALTER TABLE days ADD COLUMN b Int8;\nALTER TABLE days ADD COLUMN c Int8 AFTER b;\n"
        "ALTER TABLE daysly DROP COLUMN c;\nDROP VIEW a;\nALTER TABLE days DROP COLUMN b;\n"
    )
    assert Migration(1, "two", sql).statements(replicated=False) == [
        "ALTER TABLE days ADD COLUMN b Int8,\nADD COLUMN c Int8 AFTER b",
        "ALTER TABLE daysly DROP COLUMN c",
        "DROP VIEW a",
        "ALTER TABLE days DROP COLUMN b",
    ]


def test_nobody_at_the_address_says_to_wait(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1"):
        connect(Settings(clickhouse="http://127.0.0.1:9", folder=tmp_path))


def test_orders_that_were_stored_before_their_table_are_in_it(migrated: Client) -> None:
    row = rows.EventRow(
        subject="C-1",
        source="urn:shop",
        id="1",
        name="order.placed",
        at=1_700_000_000_000,
        sequence=-1,
        replay=False,
        revision=0,
        raw=b'{"data":{"order_id":"O-1","customer_id":"C-1","amount":995,"currency":"EUR","margin":300}}',
        ingested_at=1_700_000_000_000,
    )
    ClickHouseStore(migrated).insert([row])
    expected = [("C-1", "O-1", "order.placed", "normal", 995, "EUR", 300)]
    select = "SELECT customer_id, order_id, name, kind, amount, currency, margin FROM orders FINAL"
    assert migrated.query(select).result_rows == expected
    migrated.command("TRUNCATE TABLE orders")
    migrated.command("DROP VIEW orders_with_margins")
    migrated.command("ALTER TABLE orders DROP COLUMN margin, DROP COLUMN region, DROP COLUMN referred_by")
    migrated.command("ALTER TABLE schema_migrations DELETE WHERE number IN (2, 23) SETTINGS mutations_sync = 1")
    assert [migration.number for migration in migrate(migrated)] == [2, 23]
    assert migrated.query(select).result_rows == expected
