"""A peer: Quix Streams, as its guide shows a stateful application with a sink for a database.

- The state of a ticket lies in RocksDB under the record's key, with changelog topics on, which is how Quix keeps it.
  It is stored as bytes that msgspec writes and reads, faster than the dictionaries that Quix would write as JSON.
- Records come as bytes and are decoded by msgspec, faster than Quix's own deserializer of JSON.
- The sink is a `BatchingSink`, which Quix lets write before it commits; it writes once for each partition. A checkpoint
  is made every 20,000 events: about five thousand for each of four partitions. Delivery is at least once, its default.
- It stops itself after the last event, which makes the last checkpoint at once instead of seconds later.
- Quix asks the broker how long the topic keeps its records, for its changelog topics. The embedded broker does not
  say; so Quix is told that it is for ever.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from quixstreams import Application, State
from quixstreams.sinks.base import BatchingSink

from tests.race.desk import (
    ROWS_AT_ONCE,
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

PARTITIONS = 4

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Ticket).decode


class DeskSink(BatchingSink):  # type: ignore[misc]  # the project's environment lacks it
    """Writes what Quix has gathered of a partition."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def write(self, batch: Iterable[Any]) -> None:
        events: list[EventRow] = []
        tickets: dict[str, TicketRow] = {}
        for item in batch:
            event, ticket = item.value
            events.append(event)
            tickets[event[0]] = ticket
        self._store.write(events, tickets.values())


def main() -> None:
    run = given()
    store = Store(run)
    app = application(run)
    done = 0

    def folded(value: bytes, state: State) -> tuple[EventRow, TicketRow]:
        nonlocal done
        store.begin()
        event = decode(value)
        at_ms = event.at_ms()
        kept = state.get_bytes("ticket")
        ticket = _decode(kept) if kept else Ticket()
        fold(ticket, event, at_ms)
        state.set_bytes("ticket", _encode(ticket))
        done += 1
        if done == run.events:
            app.stop()
        return event_row(event, at_ms), ticket_row(event.subject, ticket)

    topic = app.topic(run.topic, key_deserializer="bytes", value_deserializer="bytes")
    topic.broker_config.extra_config.setdefault("retention.ms", "-1")
    app.dataframe(topic).apply(folded, stateful=True).sink(DeskSink(store))
    app.run()


def application(run: Run) -> Application:
    """Return the application, with its changelog topics and a folder of its own for RocksDB."""
    return Application(
        broker_address=run.kafka,
        consumer_group=run.group,
        auto_offset_reset="earliest",
        commit_every=PARTITIONS * ROWS_AT_ONCE,
        use_changelog_topics=True,
        state_dir=run.folder,
        consumer_extra_config={"session.timeout.ms": 10_000},
        loglevel="WARNING",
    )


if __name__ == "__main__":
    main()
