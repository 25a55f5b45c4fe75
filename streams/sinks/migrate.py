"""Brings a database to the current schema."""

from collections.abc import Callable, Sequence

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.migrations import Migration, drops, for_new, migrations
from streams.sinks.connection import has_rows, has_table, named_errors
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


class Step(Struct, frozen=True):
    """What is run before its migrations count as applied."""

    migrations: Sequence[Migration]
    statements: Sequence[str]

    @property
    def title(self) -> str:
        """What to call it: number and name of a migration, or from which to which."""
        first, last = self.migrations[0], self.migrations[-1]
        if first is last:
            return f"{first.number:04} {first.name}"
        return f"{first.number:04} to {last.number:04}, at once: the database is new"


def steps(client: Client, *, replicated: bool = False) -> list[Step]:
    """Return what brings a database up to date: a step for each migration, or a single one where nothing is stored yet.

    Raises:
        StoreRejectedError: When the history does not fit.
        StoreUnavailableError: When ClickHouse does not answer.
    """
    todo = pending(client)
    if len(todo) == len(migrations()) and not has_rows(client):
        return [Step(todo, for_new(todo, replicated=replicated))]
    return [Step([one], one.statements(replicated=replicated)) for one in todo]


def migrate(
    client: Client, *, replicated: bool = False, on_step: Callable[[Step], None] | None = None
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
    done: list[Migration] = []
    while todo := _ahead(steps(client, replicated=replicated), done):  # another worker may be ahead by now
        if on_step:
            on_step(todo[0])
        _apply(client, todo[0])
        done.extend(todo[0].migrations)
    _run(client, drops(migrations()))  # of a history that was lost, or made again after the other one replaced it
    return done


def _ahead(todo: Sequence[Step], done: Sequence[Migration]) -> list[Step]:
    """Return the steps that follow on what was done; another replica may not know yet that it was."""
    last = done[-1].number if done else 0
    return [step for step in todo if step.migrations[0].number > last]


def _apply(client: Client, step: Step) -> None:
    _run(client, step.statements)
    with named_errors():
        client.insert(
            "schema_migrations",
            [[one.number, one.name, one.checksum] for one in step.migrations],
            column_names=["number", "name", "checksum"],
        )


def _run(client: Client, statements: Sequence[str]) -> None:
    with named_errors():
        for statement in statements:
            client.command(statement)


def _applied(client: Client) -> dict[int, str]:
    if not has_table(client, "schema_migrations"):
        return {}
    with named_errors():
        rows = client.query("SELECT number, checksum FROM schema_migrations FINAL ORDER BY number")
    return {int(number): str(checksum) for number, checksum in rows.result_rows}
