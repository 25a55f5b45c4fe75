"""Databases for tests: a process migrates the first one of a server, and makes the others of what it came to.

Migrations are a hundred requests, and many of them alter a table that one of them has just made; what they come to is
a fifth of that. Tests of migrations run the migrations.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

from clickhouse_connect.driver.client import Client

from schemas.migrations import migrations
from streams.settings import Settings
from streams.sinks.connection import connect
from streams.sinks.migrate import migrate

_MADE_OF: Final[dict[str, tuple[str, list[str]]]] = {}
"""For each version of ClickHouse the name of a database that was migrated, and the statements that make its like."""


def any_name() -> str:
    """Return the name of a database that nobody else has."""
    return f"test_{uuid4().hex[:12]}"


@contextmanager
def new_database(clickhouse: str, *, is_migrated: bool = True) -> Iterator[Client]:
    """Return a client of a database of its own, dropped afterwards; unless it is migrated it does not exist yet."""
    client = connect(Settings(clickhouse=clickhouse, database=any_name()))
    try:
        if is_migrated:
            migrated(client)
        yield client
    finally:
        client.command(f"DROP DATABASE IF EXISTS {client.database}", use_database=False)


def migrated(client: Client) -> None:
    """Make the database of a client, which does not exist yet, and leave it as `migrate` would."""
    version, database = str(client.server_version), str(client.database)
    if version not in _MADE_OF:
        migrate(client)
        _MADE_OF[version] = (database, _statements(client))
        return
    like, statements = _MADE_OF[version]
    client.command(f"CREATE DATABASE {database} ENGINE = Atomic", use_database=False)
    for statement in statements:
        client.command(statement.replace(like, database))
    rows = [[one.number, one.name, one.checksum] for one in migrations()]
    client.insert("schema_migrations", rows, column_names=["number", "name", "checksum"])


def emptied(client: Client) -> None:
    """Leave no row in the tables of a database that was migrated; what they are stays as it is."""
    filled = client.query(
        "SELECT name FROM system.tables WHERE database = {database:String} AND total_rows > 0 "
        "AND name != 'schema_migrations'",
        parameters={"database": client.database},
    )
    for (table,) in filled.result_rows:
        client.command(f"TRUNCATE TABLE {table}")


def _statements(client: Client) -> list[str]:
    """Return what makes the tables and then the views, which read from them."""
    found = client.query(
        "SELECT create_table_query FROM system.tables WHERE database = {database:String} "
        "ORDER BY engine LIKE '%View', name",
        parameters={"database": client.database},
    )
    return [str(statement) for (statement,) in found.result_rows]
