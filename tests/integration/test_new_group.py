"""A group that has never committed anything: what its first fetches bring must not be passed over."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas import events as e
from schemas.codec import encode
from tests.space import Space

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
EVENTS = 100


def _closings() -> list[bytes]:
    return [
        encode(
            e.TicketClosed(ticket_id=f"T-{number}"),
            source="urn:test:closings",
            id=str(number),
            time=START + timedelta(minutes=number),
            name="ticket.closed",
            subject=f"T-{number}",
        )
        for number in range(EVENTS)
    ]


def test_first_fetches_that_a_rebalance_overtakes_come_again(space: Space) -> None:
    space.publish(_closings())
    worker = space.start_worker("tests.overtaken_worker", "3")
    space.wait_for_events(EVENTS)
    assert space.value("SELECT count() FROM events FINAL") == EVENTS
    assert worker.meter("servicepulse_records_lost_total") == 0
