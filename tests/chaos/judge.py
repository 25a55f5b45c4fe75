"""Compares what is stored with what the pure core makes of the same events, in a database of its own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from clickhouse_connect.driver.client import Client

from schemas.codec import Event
from streams.core.hours.published import open_hours
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.settings import Settings
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.migrate import pending
from tests.databases import migrated
from tests.histories import settled

TABLES: Final = ("events", "tickets", "ticket_days", "ticket_ratings", "orders", "order_days", "open_hours")
NOT_COMPARED: Final = frozenset({"ingested_at", "stored_at", "version", "state"})
"""When something was stated and how often, and the bytes of states, which tell in which order facts came."""
DERIVED: Final = "urn:servicepulse:fold"
MOST_FOLDS: Final = 10**6
_SHOWN: Final = 5


def write_expected(settings: Settings, events: Sequence[Event]) -> None:
    """Fold all events at once into a database of its own."""
    client = connect(settings)
    if pending(client):
        migrated(client)
    store = ClickHouseStore(client)
    of_tickets = [one for one in events if one.ticket_id is not None]
    store.insert([event_row(one, 0) for one in events])
    store.insert([row_of(ticket, 0) for ticket in settled(of_tickets, most=MOST_FOLDS).values()])
    store.insert(list(open_hours(events, 0)))
    client.close()


class Judge:
    """Looks whether two databases say the same."""

    def __init__(self, client: Client, database: str, expected: str) -> None:
        self._client = client
        self._database = database
        self._expected = expected

    def stored(self) -> int:
        """Return how many different events are stored, without those that workers state themselves."""
        sql = f"SELECT count() FROM {self._database}.events FINAL WHERE source != '{DERIVED}'"
        return int(self._client.query(sql).result_rows[0][0])

    def complaints(self) -> list[str]:
        """Return in what the databases differ, one line for each table, and what was made a dead letter."""
        return [*filter(None, map(self._difference, TABLES)), *self._dead_letters()]

    def _difference(self, table: str) -> str:
        is_same, is_there = self._rows(self._expected, table), self._rows(self._database, table)
        missing = sorted(is_same.keys() - is_there.keys())
        extra = sorted(is_there.keys() - is_same.keys())
        other = sorted(key for key in is_same.keys() & is_there.keys() if is_same[key] != is_there[key])
        if not (missing or extra or other):
            return ""
        kinds = {"missing": missing, "too many": extra, "different": other}
        told = [f"{len(keys)} {kind}: {', '.join(keys[:_SHOWN])}" for kind, keys in kinds.items() if keys]
        return f"{table}: " + "; ".join(told)

    def _rows(self, database: str, table: str) -> Mapping[str, int]:
        keys = self._column(
            "SELECT sorting_key FROM system.tables WHERE database = {database:String} AND name = {table:String}",
            {"database": database, "table": table},
        )[0]
        names = self._column(
            "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}",
            {"database": self._expected, "table": table},
        )
        compared = ", ".join(f"`{name}`" for name in names if name not in NOT_COMPARED)
        where = f"WHERE source != '{DERIVED}'" if table == "events" else ""
        rows = self._client.query(
            f"SELECT toString(({keys})), cityHash64(toString(tuple({compared}))) FROM {database}.{table} FINAL {where}"
        ).result_rows
        return {str(key): int(digest) for key, digest in rows}

    def _dead_letters(self) -> Iterable[str]:
        rows = self._client.query(
            f"SELECT reason, count(), any(message) FROM {self._database}.dead_letters FINAL GROUP BY reason"
        ).result_rows
        return [f"dead letters without cause: {count} {reason}, such as: {why}" for reason, count, why in rows]

    def _column(self, sql: str, parameters: dict[str, str]) -> list[str]:
        return [row[0] for row in self._client.query(sql, parameters=parameters).result_rows]
