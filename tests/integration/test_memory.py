"""What is written and read leaves no circles: only the garbage collector would find them, and it looks seldom."""

import gc

import pytest

from schemas import events as e
from schemas.codec import Event
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.sinks.clickhouse import ClickHouseStore
from tests.histories import NOW_MS, event, settled
from tests.space import Space

pytestmark = pytest.mark.integration

TICKETS = 500


def test_writing_and_reading_leave_nothing_to_the_garbage_collector(space: Space) -> None:
    told = [_opening(f"K{n}") for n in range(TICKETS)]
    tickets = settled(told, most=10**6)
    store = ClickHouseStore(space.client)
    store.insert([row_of(tickets["K0"], NOW_MS)])  # what is asked once is behind us
    gc.collect()
    gc.disable()
    try:
        store.insert([event_row(one, NOW_MS) for one in told])
        store.insert([row_of(ticket, NOW_MS) for ticket in tickets.values()])
        assert gc.collect() < TICKETS / 2
        assert len(store.load_now(list(tickets))) == TICKETS
        assert gc.collect() < TICKETS / 2
    finally:
        gc.enable()


def _opening(ticket_id: str) -> Event:
    opened = e.TicketCreated(ticket_id=ticket_id, channel="email", created_by=e.Party.CUSTOMER)
    return event(opened, NOW_MS, ticket_id, subject=ticket_id)
