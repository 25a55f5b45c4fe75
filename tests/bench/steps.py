"""Where a worker's time goes: each step alone, in this process, in the batches and the order of the worker.

The garbage collector is off, so that its pauses do not fall on a step by chance. What is missing to the worker's own
time is that collector, Kafka's records, the broker, Faust, and waiting for each other's turn on the interpreter.
"""

import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from schemas.codec import CONTENT_TYPE
from schemas.rows import columns_of
from streams.core.ticket.batch import Reading, event_row, read
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Ticket, fold
from streams.core.ticket.measures import row_of
from streams.sinks.clickhouse import ClickHouseStore

NOW_MS = 2**50
"""Later than every event."""


class Taken(NamedTuple):
    """A record as it comes from Kafka."""

    value: bytes
    offset: int
    topic: str = "tickets"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = (("content-type", CONTENT_TYPE.encode()),)


class Cost(NamedTuple):
    """Microseconds an event: of this thread's processor, and on the clock."""

    processor: float
    clock: float


class Stopwatch:
    """Adds up what each step costs."""

    def __init__(self) -> None:
        self._processor: Counter[str] = Counter()
        self._clock: Counter[str] = Counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the block under a name."""
        processor, clock = time.thread_time_ns(), time.perf_counter_ns()
        yield
        self._processor[name] += time.thread_time_ns() - processor
        self._clock[name] += time.perf_counter_ns() - clock

    def costs(self, events: int) -> dict[str, Cost]:
        """Return the cost of each step, in the order in which they first came."""
        return {
            name: Cost(self._processor[name] / events / 1000, self._clock[name] / events / 1000) for name in self._clock
        }


def costs_of_steps(backlog: Sequence[bytes], store: ClickHouseStore, batch_events: int) -> dict[str, Cost]:
    """Return what each step costs an event, by name."""
    records = [Taken(event, offset) for offset, event in enumerate(backlog)]
    known: dict[str, Ticket] = {}
    watch = Stopwatch()
    gc.disable()
    try:
        for start in range(0, len(records), batch_events):
            with watch.step("decode, group by ticket"):
                reading = read(records[start : start + batch_events], NOW_MS)
            known |= _fold_and_store(reading, known, store, watch)
    finally:
        gc.enable()
    costs = watch.costs(len(backlog))
    made_again = costs["columns"]
    insert = costs["encode and insert"]
    costs["encode and insert"] = Cost(insert.processor - made_again.processor, insert.clock - made_again.clock)
    return costs


def _fold_and_store(
    reading: Reading, known: dict[str, Ticket], store: ClickHouseStore, watch: Stopwatch
) -> dict[str, Ticket]:
    with watch.step("facts"):
        facts = {id: [fact_of(event) for event, _ in pairs] for id, pairs in reading.of_tickets.items()}
    with watch.step("fold"):
        tickets = {id: fold(known.get(id) or Ticket(id), added)[0] for id, added in facts.items()}
    with watch.step("ticket rows"):
        rows = [row_of(ticket, NOW_MS) for ticket in tickets.values()]
    with watch.step("event rows"):
        events = [event_row(event, NOW_MS) for pairs in reading.of_tickets.values() for event, _ in pairs]
    with watch.step("columns"):
        columns_of(events)
        columns_of(rows)
    with watch.step("encode and insert"):
        store.insert(events)
        store.insert(rows)
    return tickets
