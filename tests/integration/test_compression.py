"""Producers compress as they like; the worker reads all of it."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from schemas.codec import encode
from schemas.events import Party, TicketCreated
from tests.space import Space

pytestmark = pytest.mark.integration

CODECS = ("gzip", "snappy", "lz4", "zstd")
EACH = 50
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_records_of_every_compression_are_read(space: Space) -> None:
    space.started_worker()
    for codec in CODECS:
        asyncio.run(_send(space, codec))
    space.wait_for_events(EACH * len(CODECS))
    assert space.value("SELECT count() FROM tickets FINAL") == EACH * len(CODECS)
    assert space.value("SELECT count() FROM dead_letters FINAL") == 0


async def _send(space: Space, codec: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=space.settings.kafka, compression_type=codec)
    await producer.start()
    try:
        for number in range(EACH):
            ticket_id = f"{codec}-{number}"
            await producer.send(space.settings.topic("tickets"), _created(ticket_id), key=ticket_id.encode())
    finally:
        await producer.stop()


def _created(ticket_id: str) -> bytes:
    created = TicketCreated(ticket_id=ticket_id, channel="phone", created_by=Party.CUSTOMER)
    return encode(created, source="urn:test", id=ticket_id, time=START, name="ticket.created", subject=ticket_id)
