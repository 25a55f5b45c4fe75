"""Databases of tests are what the migrations make, whichever way they are made."""

from collections.abc import Sequence

import pytest
from clickhouse_connect.driver.client import Client

from streams.sinks.migrate import migrate, pending
from tests.databases import new_database
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


def _tables(client: Client) -> list[tuple[str, ...]]:
    sql = "SELECT name, create_table_query FROM system.tables WHERE database = {database:String} ORDER BY name"
    found = client.query(sql, parameters={"database": client.database}).result_rows
    return [(name, statement.replace(str(client.database), "")) for name, statement in found]


def _ledger(client: Client) -> Sequence[Sequence[object]]:
    return client.query("SELECT number, name, checksum FROM schema_migrations FINAL ORDER BY number").result_rows
