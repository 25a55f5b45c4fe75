"""Databases for tests: a process migrates the first one of a server, makes others of what it came to, and keeps them.

Migrations are a hundred requests, and many of them alter a table that one of them has just made; what they come to is
a fifth of that, and to empty one that was used is a tenth of that again. So a test is lent a database, and gives it
back. Tests of migrations run the migrations.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Final, NamedTuple
from uuid import uuid4

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.migrations import migrations
from streams.settings import Settings
from streams.sinks.connection import connect
from streams.sinks.migrate import migrate

REST_SECONDS: Final = 5.0
"""How long one is left alone in which workers were killed: an insert of theirs may still be under way."""


class Made(NamedTuple):
    """What the migrations come to.

    Attributes:
        database: One that was migrated.
        statements: What makes its like.
        look: By which its like is known.
    """

    database: str
    statements: list[str]
    look: int


_MADE_OF: Final[dict[str, Made]] = {}
"""By the version of ClickHouse."""
_RESTING: Final[dict[str, list[tuple[float, str]]]] = {}
"""By server, from when on which databases can be lent."""


def any_name() -> str:
    """Return the name of a database that nobody else has."""
    return f"test_{uuid4().hex[:12]}"


@contextmanager
def new_database(clickhouse: str, *, is_migrated: bool = True) -> Iterator[Client]:
    """Return a client of a database of its own, given back afterwards; unless it is migrated it does not exist yet."""
    client = connect(Settings(clickhouse=clickhouse, database=lent(clickhouse) if is_migrated else any_name()))
    try:
        yield client
    finally:
        given_back(client)


def lent(clickhouse: str) -> str:
    """Return the name of a database without rows that nobody else has; whoever takes it gives it back."""
    keeper = _keeper(clickhouse)
    resting = _RESTING.setdefault(keeper.uri, [])
    while rested := min((one for one in resting if one[0] <= time.monotonic()), default=None):
        resting.remove(rested)
        name = rested[1]
        if _is_as_new(keeper, name):
            return name
        _drop(keeper, name)
    client = connect(Settings(clickhouse=clickhouse, database=any_name()))
    migrated(client)
    return str(client.database)


def given_back(client: Client, rest_seconds: float = 0) -> None:
    """Empty a database for whoever needs one next; one that is not what the migrations come to is removed."""
    name = str(client.database)
    if _is_as_made(client, name):
        emptied(client)
        _RESTING.setdefault(client.uri, []).append((time.monotonic() + rest_seconds, name))
    else:
        _drop(client, name)


def forgotten(clickhouse: str) -> None:
    """Remove all that were given back to a server."""
    keeper = _keeper(clickhouse)
    for _, name in _RESTING.pop(keeper.uri, ()):
        _drop(keeper, name)


def migrated(client: Client) -> None:
    """Make the database of a client, which does not exist yet, and leave it as `migrate` would."""
    version, database = str(client.server_version), str(client.database)
    if version not in _MADE_OF:
        migrate(client)
        _MADE_OF[version] = Made(database, _statements(client), _look(client, database))
        return
    like, statements, _ = _MADE_OF[version]
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


@cache
def _keeper(clickhouse: str) -> Client:
    """Return a client for what is asked about databases, whichever they are."""
    return connect(Settings(clickhouse=clickhouse, database="default"))


def _drop(client: Client, name: str) -> None:
    client.command(f"DROP DATABASE IF EXISTS {name}", use_database=False)


def _look(client: Client, name: str) -> int:
    """Return a number that says what the tables of a database are and which migrations it knows of."""
    found = client.query(
        "SELECT cityHash64((SELECT groupArray((name, replaceAll(create_table_query, {database:String}, ''))) FROM "
        "(SELECT name, create_table_query FROM system.tables WHERE database = {database:String} ORDER BY name)), "
        "(SELECT groupArray((number, name, checksum)) FROM "
        "(SELECT number, name, checksum FROM {database:Identifier}.schema_migrations FINAL ORDER BY number)))",
        parameters={"database": name},
    )
    return int(found.result_rows[0][0])


def _is_as_made(client: Client, name: str) -> bool:
    made = _MADE_OF.get(str(client.server_version))
    with suppress(ClickHouseError):  # it was removed
        return made is not None and _look(client, name) == made.look
    return False


def _is_as_new(client: Client, name: str) -> bool:
    """Tell whether a database that was given back is still there, without rows and in nobody's use."""
    found = client.query(
        "SELECT (SELECT (count(), sumIf(total_rows, name != 'schema_migrations')) FROM system.tables "
        "WHERE database = {database:String}), "
        "(SELECT count() FROM system.processes WHERE current_database = {database:String})",
        parameters={"database": name},
    )
    ((tables, rows), users) = found.result_rows[0]
    return (tables, rows or 0, users) == (len(_MADE_OF[str(client.server_version)].statements), 0, 0)
