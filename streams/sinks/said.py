"""What a source said before, as the database has it."""

from collections.abc import Iterator
from typing import Final

from clickhouse_connect.driver.client import Client

from streams.core.mapping.slot import Said
from streams.sinks.connection import named_errors

_IS_THERE: Final = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'events'"
_SAID: Final = """
SELECT subject, id, name, toUnixTimestamp64Milli(at), sequence, raw FROM events WHERE source = {source:String}
"""


def said_by(client: Client, source: str) -> Iterator[Said]:
    """Return all stored events of a source, some perhaps twice; none from a database that nobody has set up.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    with named_errors():
        if not client.command(_IS_THERE, parameters={"database": client.database}, use_database=False):
            return
        with client.query_rows_stream(_SAID, {"source": source}) as rows:
            for subject, id, name, at_ms, sequence, raw in rows:
                yield Said(subject, id, name, at_ms, sequence, raw if isinstance(raw, bytes) else raw.encode())
