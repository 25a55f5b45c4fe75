"""A peer: Bytewax, with its Kafka source, a stateful step by ticket, a sink of partitions, and its recovery store.

- Records are decoded a batch at a time, and each ticket folds its part of a batch at once: one call of Python instead
  of one for each event.
- The recovery store is on, SQLite in a folder of its own, with a snapshot every second, about as often as our worker
  commits. Bytewax's usual ten would not come round within a short run, and then it would keep nothing.
- The sink writes five thousand events at once, and what it holds before each snapshot, so that no event is lost.
"""

from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax._bytewax import cli_main
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir

from tests.race.desk import (
    ROWS_AT_ONCE,
    Event,
    EventRow,
    Run,
    Store,
    Ticket,
    TicketRow,
    decode,
    event_row,
    fold,
    given,
    ticket_row,
)

SNAPSHOT = timedelta(seconds=1)

Folded = tuple[list[EventRow], TicketRow]


class TicketLogic(StatefulBatchLogic):  # type: ignore[misc]  # the project's environment lacks it
    """Folds one ticket."""

    def __init__(self, kept: Ticket | None) -> None:
        self._ticket = kept or Ticket()

    def on_batch(self, events: list[Event]) -> tuple[list[Folded], bool]:
        rows = []
        for event in events:
            at_ms = event.at_ms()
            fold(self._ticket, event, at_ms)
            rows.append(event_row(event, at_ms))
        return [(rows, ticket_row(events[0].subject, self._ticket))], StatefulBatchLogic.RETAIN

    def snapshot(self) -> Ticket:
        return copy(self._ticket)


class DeskPart(StatefulSinkPartition):  # type: ignore[misc]
    """Gathers rows and writes them: when there are many, when a snapshot is due, and when they are the last."""

    def __init__(self, run: Run, store: Store) -> None:
        self._left = run.events
        self._store = store
        self._events: list[EventRow] = []
        self._tickets: dict[str, TicketRow] = {}

    def write_batch(self, values: list[Folded]) -> None:
        for events, ticket in values:
            self._events += events
            self._tickets[ticket[0]] = ticket
        if len(self._events) >= min(ROWS_AT_ONCE, self._left):
            self._write()

    def snapshot(self) -> None:
        if self._events:
            self._write()

    def _write(self) -> None:
        self._store.write(self._events, self._tickets.values())
        self._left -= len(self._events)
        self._events.clear()
        self._tickets.clear()


class DeskSink(FixedPartitionedSink):  # type: ignore[misc]
    """One partition for all tickets: one process writes."""

    def __init__(self, run: Run, store: Store) -> None:
        self._run = run
        self._store = store

    def list_parts(self) -> list[str]:
        return ["clickhouse"]

    def part_fn(self, _item_key: str) -> int:
        return 0

    def build_part(self, _step_id: str, _for_part: str, _resume_state: None) -> DeskPart:
        return DeskPart(self._run, self._store)


def dataflow(run: Run, store: Store) -> Dataflow:
    """Return the steps from the topic to the tables."""

    def decoded(records: Sequence[Any]) -> list[tuple[str, Event]]:
        if records:
            store.begin()
        events = [decode(record.value) for record in records]
        return [(event.subject, event) for event in events]

    flow = Dataflow("desk")
    records = op.input("records", flow, KafkaSource([run.kafka], [run.topic], batch_size=ROWS_AT_ONCE))
    events = op.flat_map_batch("events", records, decoded)
    op.output("store", op.stateful_batch("tickets", events, TicketLogic), DeskSink(run, store))
    return flow


def main() -> None:
    run = given()
    kept = Path(run.folder)
    kept.mkdir()
    init_db_dir(kept, 1)
    cli_main(dataflow(run, Store(run)), epoch_interval=SNAPSHOT, recovery_config=RecoveryConfig(kept, timedelta(0)))


if __name__ == "__main__":
    main()
