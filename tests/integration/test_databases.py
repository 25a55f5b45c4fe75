"""Databases of tests are what the migrations make, whichever way they are made."""

from collections.abc import Sequence

import pytest
from clickhouse_connect.driver.client import Client

from streams.settings import Settings
from streams.sinks.connection import connect
from streams.sinks.migrate import migrate, pending
from tests import databases
from tests.databases import given_back, lent, new_database
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration


def test_a_database_made_of_another_one_is_the_same_as_a_migrated_one(servers: Servers) -> None:
    with (
        new_database(servers.clickhouse, is_migrated=False) as truly,
        new_database(servers.clickhouse) as first,
        new_database(servers.clickhouse) as second,
    ):
        migrate(truly)
        assert len(_tables(truly)) > 10
        assert _tables(truly) == _tables(first) == _tables(second)
        assert _ledger(truly) == _ledger(first) == _ledger(second)
        assert pending(second) == []


@pytest.fixture(autouse=True)
def _none_resting(servers: Servers) -> None:
    databases.forgotten(servers.clickhouse)


def test_a_database_that_was_given_back_is_lent_again_without_rows(servers: Servers) -> None:
    with new_database(servers.clickhouse) as first:
        _fill(first)
        name = first.database
    with new_database(servers.clickhouse) as again:
        assert again.database == name
        assert again.command("SELECT count() FROM dead_letters") == 0


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ticket_days ADD CONSTRAINT full_disk CHECK version = 0",
        "DROP TABLE signals",
        "CREATE TABLE other (n UInt8) ENGINE = Memory",
        "INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, 'later', 'x')",
        "DROP DATABASE {database:Identifier}",
    ],
)
def test_what_is_no_longer_as_the_migrations_left_it_is_removed(servers: Servers, change: str) -> None:
    with new_database(servers.clickhouse) as changed:
        changed.command(change, parameters={"database": changed.database})
    sql = "SELECT count() FROM system.databases WHERE name = {name:String}"
    assert not changed.command(sql, parameters={"name": changed.database}, use_database=False)


def test_one_that_was_written_to_after_it_was_given_back_is_removed(servers: Servers) -> None:
    with new_database(servers.clickhouse) as late:
        pass
    _fill(late)
    with new_database(servers.clickhouse) as next_one:
        assert next_one.database != late.database
        assert next_one.command("SELECT count() FROM dead_letters") == 0


def test_one_in_which_workers_were_killed_a_moment_ago_is_left_alone(servers: Servers) -> None:
    first = connect(Settings(clickhouse=servers.clickhouse, database=lent(servers.clickhouse)))
    given_back(first, rest_seconds=600)
    with new_database(servers.clickhouse) as second:
        assert second.database != first.database


def _fill(client: Client) -> None:
    client.command("INSERT INTO dead_letters (id, reason) VALUES ('1', 'empty')")


def _tables(client: Client) -> list[tuple[str, ...]]:
    sql = "SELECT name, create_table_query FROM system.tables WHERE database = {database:String} ORDER BY name"
    found = client.query(sql, parameters={"database": client.database}).result_rows
    return [(name, statement.replace(str(client.database), "")) for name, statement in found]


def _ledger(client: Client) -> Sequence[Sequence[object]]:
    return client.query("SELECT number, name, checksum FROM schema_migrations FINAL ORDER BY number").result_rows
