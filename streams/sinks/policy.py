"""Which policy counts, as the database has it."""

from typing import Final

import msgspec
from clickhouse_connect.driver.client import Client

from schemas.policy import Policy
from streams.core.policy.published import Standing
from streams.sinks.connection import has_table, named_errors

_STANDING: Final = "SELECT toUnixTimestamp64Milli(published_at), stated FROM policies FINAL"


def standing(client: Client) -> Standing | None:
    """Return the newest statement of the policy; None where there is none, as in a database that nobody has set up.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    if not has_table(client, "policies"):
        return None
    with named_errors():
        rows = client.query(_STANDING).result_rows
    return Standing(rows[0][0], msgspec.json.decode(rows[0][1], type=tuple[Policy, ...])) if rows else None


def versions_that_count(client: Client) -> tuple[Policy, ...]:
    """Return the versions of the newest statement; none where what is built in counts.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    stands = standing(client)
    return stands.versions if stands else ()
