"""Tickets and hours again from the log of record, after a change of definition or to prove that it holds them all."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final, TypeVar

from clickhouse_connect.driver.client import Client
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from schemas.rows import Ms
from streams.core.hours.published import open_hours
from streams.core.policy.published import policies
from streams.core.ticket.batch import TICKET_EVENTS, stored_event
from streams.core.ticket.measures import row_of
from streams.sinks.clickhouse import ClickHouseStore, portions
from streams.sinks.connection import named_errors
from streams.sinks.said_rows import state_again
from streams.store_error import StoreOverloadedError, StoreUnavailableError

T = TypeVar("T")
Waiting = Callable[[float, str], None]
"""Is told for how many seconds ClickHouse is waited for, and why."""

_LONGEST_WAIT_SECONDS: Final = 15.0
_PUBLISHED: Final = "SELECT raw FROM events FINAL WHERE name IN ('schedule.published', 'policy.published')"


def refold(
    client: Client,
    now_ms: Ms,
    *,
    ticket_ids: Collection[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_wait: Waiting | None = None,
) -> int:
    """State tickets again from their events and return how many; all that have events unless some are named.

    Workers may go on meanwhile: of two statements about a ticket the one that knows more events counts. When ClickHouse
    is away it is waited for, as workers do, and the portion in hand is done again.

    Raises:
        StoreRejectedError: When ClickHouse refuses.
    """
    store = ClickHouseStore(client)
    wanted = _patiently(lambda: with_events(client), on_wait) if ticket_ids is None else sorted(set(ticket_ids))
    done = folded = 0
    for ids in portions(wanted):
        folded += _patiently(partial(_refold_some, store, ids, now_ms), on_wait)
        done += len(ids)
        if on_progress:
            on_progress(done, len(wanted))
    return folded


def _refold_some(store: ClickHouseStore, ids: Sequence[str], now_ms: Ms) -> int:
    """State some tickets again and return how many have events; half of them at once where all are too much."""
    try:
        tickets = store.load_from_events(ids)
        store.insert([row_of(ticket, now_ms) for ticket in tickets.values()])
    except StoreOverloadedError:
        if len(ids) < 2:
            raise
        middle = len(ids) // 2
        return _refold_some(store, ids[:middle], now_ms) + _refold_some(store, ids[middle:], now_ms)
    return len(tickets)


def refold_published(client: Client, now_ms: Ms, *, on_wait: Waiting | None = None) -> tuple[int, int]:
    """State opening hours and the policy again from what was published; return how many schedules and policies.

    Needed after an update of the time zone database: of two rows of one version the one written last counts. When
    ClickHouse is away it is waited for.

    Raises:
        StoreRejectedError: When ClickHouse refuses.
    """
    return _patiently(lambda: _refold_published(client, now_ms), on_wait)


def refold_said(client: Client, *, on_wait: Waiting | None = None) -> int:
    """State again what events say that no ticket folds, of faults, contacts, work and the like; return how many rows.

    When ClickHouse is away it is waited for, and all of it is done again.

    Raises:
        StoreRejectedError: When ClickHouse refuses.
    """
    return _patiently(lambda: state_again(client), on_wait)


def _refold_published(client: Client, now_ms: Ms) -> tuple[int, int]:
    with named_errors():
        found = client.query(_PUBLISHED, query_formats={"String": "bytes"}).result_rows
    events = [stored_event(raw) for (raw,) in found]
    hours, policy = 0, policies(events, now_ms)
    store = ClickHouseStore(client)
    for row in open_hours(events, now_ms):
        store.insert([row])
        hours += 1
    store.insert(policy)
    return hours, len(policy)


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


def _patiently(call: Callable[[], T], on_wait: Waiting | None) -> T:
    """Return what the call gives, however long ClickHouse is away."""

    def say(state: RetryCallState) -> None:
        if on_wait:
            on_wait(state.upcoming_sleep, str(state.outcome.exception()) if state.outcome else "")

    retrying = Retrying(
        retry=retry_if_exception_type(StoreUnavailableError),
        wait=wait_exponential_jitter(multiplier=0.2, max=_LONGEST_WAIT_SECONDS),
        before_sleep=say,
        reraise=True,
    )
    return retrying(call)
