"""Brings a database to the current schema."""

from collections.abc import Callable

from clickhouse_connect.driver.client import Client

from schemas.migrations import Migration, migrations
from streams.sinks.connection import has_table, named_errors
from streams.store_error import StoreRejectedError

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number     UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY number
"""


def pending(client: Client) -> list[Migration]:
    """Return the migrations that the database still lacks.

    Raises:
        StoreRejectedError: When an applied migration differs from the file of its number, or is unknown here.
        StoreUnavailableError: When ClickHouse does not answer.
    """
    applied = _applied(client)
    known = {migration.number: migration for migration in migrations()}
    for number, checksum in applied.items():
        if number not in known:
            raise StoreRejectedError(
                f"database {client.database} has migration {number:04}, unknown to this version: upgrade servicepulse"
            )
        if known[number].checksum != checksum:
            raise StoreRejectedError(
                f"migration {number:04}_{known[number].name} differs from what database {client.database} was given; "
                "released migrations are never edited: restore the file and add a new one"
            )
    return [migration for number, migration in known.items() if number not in applied]


def migrate(
    client: Client, *, replicated: bool = False, on_step: Callable[[Migration], None] | None = None
) -> list[Migration]:
    """Apply what the database lacks and return it. Several may do so at once: every statement is safe to run twice.

    Where nothing is lacking nothing is created either: a worker needs no right to.

    Raises:
        StoreRejectedError: When ClickHouse refuses a statement or the history does not fit.
        StoreUnavailableError: When ClickHouse does not answer; running again goes on where it stopped.
    """
    if not pending(client):
        return []
    with named_errors():
        if not replicated:  # replicas share a database of engine Replicated that their administrator has made
            client.command(f"CREATE DATABASE IF NOT EXISTS {client.database} ENGINE = Atomic", use_database=False)
        client.command(_LEDGER.format(replicated="Replicated" if replicated else ""))
    todo = pending(client)
    for migration in todo:
        if on_step:
            on_step(migration)
        _apply(client, migration, replicated=replicated)
    return todo


def _apply(client: Client, migration: Migration, *, replicated: bool) -> None:
    with named_errors():
        for statement in migration.statements(replicated=replicated):
            client.command(statement)
        client.insert(
            "schema_migrations",
            [[migration.number, migration.name, migration.checksum]],
            column_names=["number", "name", "checksum"],
        )


def _applied(client: Client) -> dict[int, str]:
    if not has_table(client, "schema_migrations"):
        return {}
    with named_errors():
        rows = client.query("SELECT number, checksum FROM schema_migrations FINAL ORDER BY number")
    return {int(number): str(checksum) for number, checksum in rows.result_rows}
