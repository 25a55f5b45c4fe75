"""What the peers share: their events, their fold, their two tables, and how they write and tell their time.

It runs in a virtual environment without the project's packages. The fold is the one of `tests.bench.plain`. Where in
doubt the peers are given the faster choice:

- Events are decoded by msgspec into typed structures; `data` is decoded only for events that the fold asks about, and
  stored as it came, so that nobody encodes it again.
- A ticket is a structure with slots, faster to change than a dictionary, and small.
- Both inserts go side by side, in columns, uncompressed over loopback, with their types at hand; nobody asks the
  store for them each time. A ticket that changed several times within a batch is written once.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from clickhouse_connect import get_client

from deploy.embedded.lifeline import end_with

EVENTS, TICKETS = "race_events", "race_tickets"
ROWS_AT_ONCE = 5_000

_MOMENT = "DateTime64(3, 'UTC')"
_WORD = "LowCardinality(String)"
EVENT_COLUMNS = {"ticket_id": "String", "source": _WORD, "id": "String", "type": _WORD, "at": _MOMENT, "data": "String"}
TICKET_COLUMNS = {
    "ticket_id": "String", "version": "UInt64", "created_at": f"Nullable({_MOMENT})", "channel": _WORD, "team": _WORD,
    "contact_type": _WORD, "status": _WORD, "first_response_at": f"Nullable({_MOMENT})",
    "resolved_at": f"Nullable({_MOMENT})", "reopened": "UInt32", "ratings": "UInt32", "rating_sum": "Float64",
}  # fmt: skip

EventRow = tuple[str, str, str, str, int, str]
TicketRow = tuple[Any, ...]


class Event(msgspec.Struct, gc=False):
    """An event as it travels, without what nobody asks about."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: msgspec.Raw

    def at_ms(self) -> int:
        return round(self.time.timestamp() * 1000)


class Ticket(msgspec.Struct, gc=False):
    """What is known of a ticket, in the order of its columns."""

    version: int = 0
    created_at: int | None = None
    channel: str = ""
    team: str = ""
    contact_type: str = ""
    status: str = "new"
    first_response_at: int | None = None
    resolved_at: int | None = None
    reopened: int = 0
    ratings: int = 0
    rating_sum: float = 0.0


class Run(msgspec.Struct, frozen=True):
    """What to read, where to write, and how much of it."""

    kafka: str
    clickhouse_host: str
    clickhouse_port: int
    database: str
    topic: str
    group: str
    events: int
    folder: str
    result: str
    owner_pid: int


decode = msgspec.json.Decoder(Event).decode
_said = msgspec.json.Decoder(dict[str, Any]).decode


def fold(ticket: Ticket, event: Event, at_ms: int) -> None:
    """Change a ticket by one event."""
    ticket.version += 1
    match event.type:
        case "io.servicepulse.ticket.created.v1":
            said = _said(event.data)
            ticket.created_at = at_ms
            ticket.channel = said["channel"]
            ticket.team = said.get("team") or ticket.team
        case "io.servicepulse.ticket.classified.v1":
            ticket.contact_type = _said(event.data)["contact_type"]
        case "io.servicepulse.ticket.assigned.v1":
            ticket.team = _said(event.data).get("team") or ticket.team
        case "io.servicepulse.message.sent.v1":
            if ticket.first_response_at is None and _is_answer(_said(event.data)):
                ticket.first_response_at = at_ms
        case "io.servicepulse.ticket.status_changed.v1":
            ticket.status = _said(event.data)["to"]
        case "io.servicepulse.ticket.resolved.v1":
            ticket.status = "resolved"
            ticket.resolved_at = ticket.resolved_at or at_ms
        case "io.servicepulse.ticket.reopened.v1":
            ticket.status = "open"
            ticket.reopened += 1
        case "io.servicepulse.ticket.closed.v1":
            ticket.status = "closed"
        case "io.servicepulse.rating.submitted.v1":
            said = _said(event.data)
            ticket.ratings += 1
            ticket.rating_sum += (said["raw"] - said["scale_min"]) / (said["scale_max"] - said["scale_min"])


def _is_answer(said: Mapping[str, Any]) -> bool:
    return bool(said["direction"] == "out" and said["sender_type"] == "agent" and said["visibility"] == "public")


def event_row(event: Event, at_ms: int) -> EventRow:
    return (event.subject, event.source, event.id, event.type, at_ms, str(event.data, "utf-8"))


def ticket_row(subject: str, ticket: Ticket) -> TicketRow:
    return (subject, *msgspec.structs.astuple(ticket))


class Store:
    """Writes both tables, and leaves word of the time once all events are stored."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._began_at = 0.0
        self._stored = 0
        self._client = get_client(
            host=run.clickhouse_host,
            port=run.clickhouse_port,
            database=run.database,
            autogenerate_session_id=False,
            compress=False,
        )
        for statement in tables():
            self._client.command(statement)
        self._threads = ThreadPoolExecutor(1)

    def begin(self) -> None:
        """Read the clock when it is the first time: the first event has come."""
        self._began_at = self._began_at or perf_counter()

    def write(self, events: Sequence[EventRow], tickets: Iterable[TicketRow]) -> None:
        """Write events and what they made of their tickets, and return when both are stored."""
        beside = self._threads.submit(self._insert, TICKETS, TICKET_COLUMNS, list(tickets))
        self._insert(EVENTS, EVENT_COLUMNS, events)
        beside.result()
        self._stored += len(events)
        if self._stored >= self._run.events:
            self._tell(perf_counter() - self._began_at)

    def _insert(self, table: str, columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
        self._client.insert(
            table,
            list(zip(*rows, strict=True)),
            column_names=list(columns),
            column_type_names=list(columns.values()),
            column_oriented=True,
        )

    def _tell(self, seconds: float) -> None:
        """Leave word of the time; the file appears complete or not at all."""
        path = Path(self._run.result)
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode({"events": self._run.events, "seconds": seconds}))
        draft.rename(path)


def tables() -> list[str]:
    """Return what makes both tables, which are not there yet."""
    return [
        _table(EVENTS, EVENT_COLUMNS, "ReplacingMergeTree ORDER BY (ticket_id, source, id)"),
        _table(TICKETS, TICKET_COLUMNS, "ReplacingMergeTree(version) ORDER BY ticket_id"),
    ]


def _table(name: str, columns: Mapping[str, str], engine: str) -> str:
    return f"CREATE TABLE {name} ({', '.join(map(' '.join, columns.items()))}) ENGINE = {engine}"


def given() -> Run:
    """Return what the command line says, and end with whoever started this process."""
    run = msgspec.json.decode(sys.argv[1], type=Run)
    end_with(run.owner_pid)
    return run
