"""Which schedules count, as the database has them."""

from typing import Final

import msgspec
from clickhouse_connect.driver.client import Client

from schemas.rows import Ms
from schemas.schedule import Version
from streams.core.hours.published import Standing
from streams.sinks.connection import has_table, named_errors

_STANDING: Final = """
SELECT schedule, toUnixTimestamp64Milli(published_at), versions FROM open_hours FINAL ORDER BY schedule
"""


def standing(client: Client) -> dict[str, Standing]:
    """Return the newest statement about each schedule, by name; none from a database that nobody has set up.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    if not has_table(client, "open_hours"):
        return {}
    with named_errors():
        rows = client.query(_STANDING).result_rows
    return {name: _standing(published_at, versions) for name, published_at, versions in rows}


def _standing(published_at: Ms, versions: str) -> Standing:
    return Standing(published_at, msgspec.json.decode(versions, type=tuple[Version, ...]))
