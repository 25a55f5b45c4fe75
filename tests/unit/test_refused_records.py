"""What a broker refuses for its size holds nothing up and does not read as a lost Kafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any, cast

import msgspec
import pytest
from aiokafka.errors import MessageSizeTooLargeError

from schemas import events as e
from schemas.codec import InvalidEventError, Reason
from streams.agents.dead_letter import letter_record
from streams.agents.tickets import TicketsAgent
from streams.core.ticket.batch import dead_letter_of
from streams.intake import BatchApp
from streams.meters import Meters
from streams.outbox import FaustOutbox
from streams.ports import Outgoing, RecordRefusedError
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, event
from tests.records import record_of
from tests.unit.test_tickets_agent import Batch, FixedClock, Sent

MOST = 1_000


class Broker:
    """Takes records up to a size: the producer of a Faust app as far as an outbox sees it."""

    def __init__(self, most_bytes: int = MOST) -> None:
        self.most_bytes = most_bytes
        self.kept: list[tuple[str, bytes | None, bytes]] = []

    @property
    def producer(self) -> "Broker":
        return self

    async def send(self, topic: str, key: bytes | None, value: bytes, *rest: Any) -> Awaitable[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        size = len(key or b"") + len(value) + sum(map(len, (rest[-1] or {}).values()))
        if size > self.most_bytes:
            answer.set_exception(MessageSizeTooLargeError())
        else:
            self.kept.append((topic, key, value))
            answer.set_result(None)
        return answer


def outbox(broker: Broker) -> FaustOutbox:
    return FaustOutbox(cast(BatchApp, broker))


def letter(key: bytes = b"k", value: bytes = b"v", pointer: str = "") -> Any:
    error = InvalidEventError(Reason.BAD_VALUE, pointer, "é" * 100_000)
    return dead_letter_of(record_of(value, key=key), error, NOW_MS)


def test_a_letter_of_any_record_is_published_short() -> None:
    whole = letter(key=b"k" * 2**20, value=b"v" * 2**20, pointer="/a" * 2**20)
    record = letter_record("dead-letters", whole)
    assert (record.key, record.value) == (b"k" * 1024, b"")
    assert len(dict(record.headers)["pointer"]) == 4096
    assert dict(record.headers)["message"].decode() == "é" * 2048
    assert letter_record("dead-letters", letter()).value == b"v"


def test_a_letter_that_the_broker_refuses_is_published_shorter() -> None:
    broker = Broker()
    asyncio.run(outbox(broker).publish([letter_record("dead-letters", letter(value=b"v" * 10_000))]))
    assert broker.kept == [("dead-letters", None, b"")]


def test_what_cannot_be_shortened_is_named_and_all_others_are_published() -> None:
    broker = Broker()
    large, small = Outgoing("tickets", b"T-1", bytes(2_000)), Outgoing("tickets", b"T-2", b"{}")
    with pytest.raises(RecordRefusedError, match="2,000 bytes for tickets") as refused:
        asyncio.run(outbox(broker).publish([large, small]))
    assert refused.value.records == [large]
    assert broker.kept == [("tickets", b"T-2", b"{}")]


class Refusing(Sent):
    """An outbox whose broker takes no record."""

    async def publish(self, records: Iterable[Outgoing]) -> None:
        raise RecordRefusedError(list(records))


def test_a_stray_that_its_home_refuses_is_a_dead_letter_and_the_batch_goes_on() -> None:
    store, batch = MemoryStore(), Batch(event(e.TicketClosed(ticket_id="T"), 5, "1").raw, b"no event")
    batch.value = [msgspec.structs.replace(record, partition=7) for record in cast(Any, batch.value)]
    asyncio.run(_worked_off(store, batch))
    assert store.events == {}
    assert {row.reason for row in store.dead_letters.values()} == {"too-large", "not-json"}


async def _worked_off(store: MemoryStore, batch: Batch) -> None:
    agent = TicketsAgent(
        store,
        Refusing(),
        FixedClock(),
        Meters(),
        topic="tickets",
        dead_letter_topic="dead-letters",
        cache_tickets=10,
        batch_events=1,
    )

    async def deliveries() -> AsyncIterator[Batch]:
        yield batch

    running = asyncio.create_task(agent.run())
    await agent.receive(deliveries())
    async with asyncio.timeout(30):
        await batch.acknowledged.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
