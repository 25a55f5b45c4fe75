"""Tickets and hours again from the log of record, after a change of definition or to prove that it holds them all."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from clickhouse_connect.driver.client import Client

from schemas.rows import Ms
from streams.core.batch import TICKET_EVENTS, stored_event
from streams.core.measures import row_of
from streams.core.opening import open_hours
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import named_errors

_AT_ONCE: Final = 2_000
_SCHEDULES: Final = "SELECT raw FROM events FINAL WHERE name = 'schedule.published'"


def refold(
    client: Client,
    now_ms: Ms,
    *,
    ticket_ids: Collection[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """State tickets again from their events and return how many; all that have events unless some are named.

    Workers may go on meanwhile: of two statements about a ticket the one that knows more events counts.

    Raises:
        StoreUnavailableError: When ClickHouse is away; doing it again from the start is safe.
        StoreRejectedError: When ClickHouse refuses.
    """
    store = ClickHouseStore(client)
    wanted = with_events(client) if ticket_ids is None else sorted(set(ticket_ids))
    done = folded = 0
    for ids in _chunks(wanted):
        tickets = store.load_from_events(ids)
        store.insert([row_of(ticket, now_ms) for ticket in tickets.values()])
        done += len(ids)
        folded += len(tickets)
        if on_progress:
            on_progress(done, len(wanted))
    return folded


def refold_hours(client: Client, now_ms: Ms) -> int:
    """State opening hours again from the schedules that were published, and return how many.

    Needed after an update of the time zone database: of two rows of one version the one written last counts.

    Raises:
        StoreUnavailableError: When ClickHouse is away; doing it again is safe.
        StoreRejectedError: When ClickHouse refuses.
    """
    with named_errors():
        found = client.query(_SCHEDULES, query_formats={"String": "bytes"}).result_rows
    rows = open_hours([stored_event(raw) for (raw,) in found], now_ms)
    ClickHouseStore(client).insert(rows)
    return len(rows)


def with_events(client: Client, ticket_ids: Collection[str] | None = None) -> list[str]:
    """Return the tickets of which events are stored; only some of them when these are named.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When ClickHouse refuses.
    """
    with named_errors():
        rows = client.query(
            "SELECT DISTINCT subject FROM events WHERE name IN {names:Array(String)} "
            "AND ({all:Bool} OR subject IN {ids:Array(String)}) ORDER BY subject",
            parameters={"names": TICKET_EVENTS, "all": ticket_ids is None, "ids": list(ticket_ids or ())},
        ).result_rows
    return [str(subject) for (subject,) in rows]


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
