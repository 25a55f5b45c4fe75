"""Records that no client can read lie among good ones: the worker tells them and goes on."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from schemas.codec import encode
from schemas.events import Party, TicketCreated
from tests.raw_produce import produce
from tests.record_batches import CODECS, Raw, around, batch_of, packed_of
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
FOREIGN = ((b"caf\xe9", b"1"),)


def created(number: int) -> Raw:
    """Return an event, as it is written everywhere."""
    ticket_id = f"T-{number}"
    said = TicketCreated(ticket_id=ticket_id, channel="phone", created_by=Party.CUSTOMER)
    value = encode(said, source="urn:good", id=f"{number}", time=START, name="ticket.created", subject=ticket_id)
    return Raw(ticket_id.encode(), value)


def test_the_worker_goes_on_behind_records_that_no_client_can_read(space: Space) -> None:
    worker = space.started_worker()
    odd = [
        batch_of([created(0), Raw(b"odd", b"header", FOREIGN), created(1)]),
        batch_of([Raw(b"odd", b"header", FOREIGN)] * 2, codec=1),
        around(CODECS[1](packed_of([created(2), Raw(value=bytes(70 * 2**20)), created(3)])), 3, attributes=1),
        around(packed_of([created(4)]) + b"\xff\xff\x7f", 2),
        batch_of([created(5)], codec=4),
    ]
    readable = [(0, 1), (), (2,), (4,), (5,)]
    taken = [_is_taken(space, batch) for batch in odd]
    _write(space, batch_of([created(6)]))
    wanted = {number for numbers, is_taken in zip(readable, taken, strict=True) if is_taken for number in numbers} | {6}
    wait_until(lambda: _tickets(space) == {f"T-{number}" for number in wanted}, "all good events are folded")
    wait_until(space.is_quiet, "all is committed")
    assert worker.process.poll() is None
    letters = space.query("SELECT message FROM dead_letters FINAL ORDER BY offset")
    assert {reason for (reason,) in space.query("SELECT reason FROM dead_letters FINAL")} == {"unreadable-record"}
    assert taken[0], "the broker must keep a header name that is not UTF-8"
    assert letters[0][0] == "the name of a header is not UTF-8: caf\\xe9"


def _write(space: Space, batch: bytes) -> None:
    produce(str(space.settings.kafka), space.settings.topic("tickets"), 0, [batch])


def _is_taken(space: Space, batch: bytes) -> bool:
    """Write a batch unless the broker refuses it: Apache Kafka looks at the frames of records."""
    try:
        _write(space, batch)
    except KafkaError:
        return False
    return True


def _tickets(space: Space) -> set[Any]:
    return {ticket_id for (ticket_id,) in space.query("SELECT ticket_id FROM tickets FINAL")}
