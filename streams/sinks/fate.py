"""What became of one event, as far as ClickHouse knows."""

from typing import Any, Final

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from streams.sinks.connection import named_errors

LOOK_SECONDS: Final = 10
"""`events` lies in the order of tickets: a look by identity alone reads two columns of it."""

STORED: Final = """
SELECT name, subject, toUnixTimestamp64Milli(at), toUnixTimestamp64Milli(ingested_at) FROM events
WHERE source = {source:String} AND id = {id:String}
ORDER BY ingested_at LIMIT 1
"""
REFUSED: Final = """
SELECT id, reason, pointer, message, toUnixTimestamp64Milli(received_at) FROM dead_letters FINAL
WHERE position(value, {id:String}) > 0
  AND JSONExtractString(value, 'id') = {id:String} AND JSONExtractString(value, 'source') = {source:String}
ORDER BY received_at DESC LIMIT 10
"""


class Stored(Struct, frozen=True):
    """An event that is stored; instants in milliseconds since 1970."""

    name: str
    subject: str
    at_ms: int
    stored_at_ms: int


class Letter(Struct, frozen=True):
    """A record with an event's identity that is a dead letter."""

    letter: str
    reason: str
    pointer: str
    message: str
    received_at_ms: int


class Fate(Struct, frozen=True, omit_defaults=True):
    """What became of an event: `stored`, `dead-letter`, or `unseen` while no worker has read it.

    An identity that was used again for something else has both: the first one is stored, the other a dead letter.
    """

    state: str
    stored: Stored | None = None
    dead_letters: list[Letter] = []


def fate_of(client: Client, source: str, id: str) -> Fate:
    """Return what became of an event.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses, or nobody has set the database up.
    """
    parameters = {"source": source, "id": id}
    limits: dict[str, Any] = {"max_execution_time": LOOK_SECONDS}
    with named_errors():
        stored = [Stored(*row) for row in client.query(STORED, parameters, limits).result_rows]
        letters = [Letter(*row) for row in client.query(REFUSED, parameters, limits).result_rows]
    state = "stored" if stored else "dead-letter" if letters else "unseen"
    return Fate(state, stored[0] if stored else None, letters)
