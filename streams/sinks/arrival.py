"""What became of events that were sent, as far as ClickHouse knows: a few statements, however many events there are."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.codec import Reason
from schemas.rows import Ms
from streams.receipt import Receipt
from streams.sinks.connection import named_errors

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STORED_ALL_THE_SAME: Final = frozenset({Reason.TICKET_UNFOLDABLE, Reason.TICKET_MENDED, Reason.RECORDS_LOST})
"""Letters about something else than one event that was refused."""

_NEWEST: Final = """
SELECT max(ingested_at) FROM events WHERE ingested_at > now64(3, 'UTC') - INTERVAL 1 DAY
"""
_STORED: Final = """
SELECT subject, source, id
FROM events
WHERE source IN {sources:Array(String)} AND ingested_at > {mark:DateTime64(3, 'UTC')}
"""
"""What is repeated keeps the instant at which it was stored first."""
_REFUSED: Final = """
SELECT DISTINCT id, partition, offset, reason
FROM dead_letters
WHERE topic = {topic:String} AND recorded_at >= {since:DateTime64(3, 'UTC')}
    AND offset BETWEEN {first:Int64} AND {last:Int64}
"""


class Mark(Struct, frozen=True):
    """The state of the tables before anything was sent.

    Attributes:
        newest: When the newest event was stored, by the clock of the worker that did.
        since_ms: By our own clock.
    """

    newest: datetime
    since_ms: Ms


class Arrival(Struct, frozen=True):
    """What became of events, of which the workers have read all but some.

    Attributes:
        stored: How many are stored now that were not before.
        known: How many were known: by an earlier time, or because they were sent twice now.
        refused: How many became dead letters, by reason.
        unread: How many no worker has read yet.
    """

    stored: int
    known: int
    refused: Counter[str]
    unread: int


def mark_of(client: Client, now_ms: Ms) -> Mark:
    """Return what tells later which events are new.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses, or nobody has set the database up.
    """
    with named_errors():
        newest = client.query(_NEWEST).result_rows[0][0]
    return Mark(max(newest.replace(tzinfo=UTC), _EPOCH), now_ms)


def arrival_of(client: Client, mark: Mark, receipt: Receipt, sources: Sequence[str], unread: int) -> Arrival:
    """Return what became of the events of a receipt.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    refused = _refused(client, mark, receipt)
    lost = sum(count for reason, count in refused.items() if reason not in _STORED_ALL_THE_SAME)
    stored = _stored(client, mark, receipt, sources)
    return Arrival(stored, max(0, receipt.events - unread - lost - stored), refused, unread)


def _stored(client: Client, mark: Mark, receipt: Receipt, sources: Sequence[str]) -> int:
    parameters = {"sources": list(sources), "mark": mark.newest}
    found = set[tuple[str, str, str]]()
    with named_errors(), client.query_rows_stream(_STORED, parameters) as rows:
        found.update(row for row in rows if receipt.knows(row[1], row[2]))
    return len(found)


def _refused(client: Client, mark: Mark, receipt: Receipt) -> Counter[str]:
    refused: Counter[str] = Counter()
    bounds = receipt.bounds
    for topic in {topic for topic, _ in bounds}:
        places = [bound for (name, _), bound in bounds.items() if name == topic]
        parameters: dict[str, Any] = {
            "topic": topic,
            "since": _EPOCH + timedelta(milliseconds=mark.since_ms),
            "first": min(first for first, _ in places),
            "last": max(last for _, last in places),
        }
        with named_errors(), client.query_rows_stream(_REFUSED, parameters) as rows:
            refused.update(row[3] for row in rows if receipt.lies_at((topic, row[1]), row[2]))
    return refused
