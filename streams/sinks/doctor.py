"""Asks ClickHouse what disagrees: one statement a check."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.rows import Ms
from streams.core.doctor import Check, Finding
from streams.sinks.connection import named_errors

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAYS: Final = 90
"""How far back is looked by default, from the newest event on."""

_IN_ORDER: Final = {"optimize_aggregation_in_order": 1}
"""Events lie in the order of their subjects: grouped as they come, a history of any length takes little memory."""

_KNOWN: Final = """
SELECT count(), max(at) FROM event_times
"""
_TICKETS: Final = """
SELECT count() FROM tickets FINAL WHERE last_event_at >= {since:DateTime64(3, 'UTC')}
"""


class Examined(Struct, frozen=True):
    """What was looked at, and what was found.

    Attributes:
        since: Events from then on; None when there are none at all.
        tickets: With an event since.
        findings: In the order of the checks.
    """

    since: datetime | None
    tickets: int
    findings: list[Finding]


def examine(
    client: Client, checks: Sequence[Check], since_ms: Ms | None, on_check: Callable[[Check], object]
) -> Examined:
    """Return what disagrees among the events since an instant; without one since 90 days before the newest event.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses, or nobody has set the database up.
    """
    with named_errors():
        events, newest = client.query(_KNOWN).result_rows[0]
        if not events:
            return Examined(None, 0, [])
        newest = newest.replace(tzinfo=UTC)
        since = newest - timedelta(days=DAYS) if since_ms is None else _EPOCH + timedelta(milliseconds=since_ms)
        parameters = {"since": max(since, _EPOCH), "newest": newest}
        tickets = int(client.query(_TICKETS, parameters).result_rows[0][0])
        findings = list(_found(client, checks, parameters, on_check))
    return Examined(since, tickets, findings)


def _found(
    client: Client, checks: Sequence[Check], parameters: dict[str, datetime], on_check: Callable[[Check], object]
) -> Iterable[Finding]:
    for check in checks:
        on_check(check)
        rows = client.query(check.sql, parameters, settings=_IN_ORDER).named_results()
        yield from check.findings(list(rows))
