"""A plain Faust worker, as Faust's guide shows it: one agent, one event at a time, state in a Table.

It is what somebody who knows Faust would write in an afternoon, and where in doubt it is given the faster choice:

- The events are a `faust.Record` of their envelope; `data` stays a dictionary and `time` a text that
  `datetime.fromisoformat` reads, both faster than nested records with `isodates`.
- The Table lives in memory (`memory://`), which is faster than RocksDB. Its changelog topic is as Faust makes it. Its
  values are dictionaries, which Faust writes as JSON faster than records.
- The fold is a few lines: creation, first response, resolution, reopenings, ratings. No waits, cycles, merges,
  retractions, revisions, surveys, compensations; no check of what comes in, no dead letters; events that come twice
  count twice, and the state does not grow with the ticket.
- Both tables in ClickHouse have a few columns, ours 10 and 66. A thousand events are written at once, in columns,
  in a thread, both inserts side by side; a ticket that changed several times among them is written once.
- Acknowledging, committing and the changelog are left to Faust. So an event counts as done before it is stored, and the
  thousand in the buffer are lost when the process dies. The web server is off.

`python -m tests.bench.plain` reads the topic from its beginning, processes so many events, writes the time that this
took, from the first event received to the last one stored, to a file, and then waits to be ended.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import faust
from clickhouse_connect import get_client
from clickhouse_connect.driver.client import Client

from deploy.embedded.lifeline import end_with

PARTITIONS = 4
ROWS_AT_ONCE = 1_000

TABLES = (
    """
    CREATE TABLE plain_events
    (
        ticket_id String, source LowCardinality(String), id String, type LowCardinality(String),
        at DateTime64(3, 'UTC'), data String
    )
    ENGINE = ReplacingMergeTree ORDER BY (ticket_id, source, id)
    """,
    """
    CREATE TABLE plain_tickets
    (
        ticket_id String, version UInt64, created_at Nullable(DateTime64(3, 'UTC')), channel LowCardinality(String),
        team LowCardinality(String), contact_type LowCardinality(String), status LowCardinality(String),
        first_response_at Nullable(DateTime64(3, 'UTC')), resolved_at Nullable(DateTime64(3, 'UTC')),
        reopened UInt32, ratings UInt32, rating_sum Float64
    )
    ENGINE = ReplacingMergeTree(version) ORDER BY ticket_id
    """,
)
EVENT_COLUMNS = ("ticket_id", "source", "id", "type", "at", "data")
TICKET_COLUMNS = (
    "ticket_id", "version", "created_at", "channel", "team", "contact_type", "status", "first_response_at",
    "resolved_at", "reopened", "ratings", "rating_sum",
)  # fmt: skip


class TicketEvent(faust.Record, serializer="json"):
    """An event as it travels."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What to read, where to write, and how much of it."""

    kafka: str
    clickhouse_host: str
    clickhouse_port: int
    database: str
    topic: str
    group: str
    events: int
    result: str
    owner_pid: int


@dataclass
class Buffer:
    """Rows that wait to be written."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    tickets: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def new_ticket() -> dict[str, Any]:
    return {
        "version": 0, "created_at": None, "channel": "", "team": "", "contact_type": "", "status": "new",
        "first_response_at": None, "resolved_at": None, "reopened": 0, "ratings": 0, "rating_sum": 0.0,
    }  # fmt: skip


def fold(ticket: dict[str, Any], event: TicketEvent, at_ms: int) -> None:
    """Change a ticket by one event."""
    said = event.data
    ticket["version"] += 1
    match event.type.removeprefix("io.servicepulse.").removesuffix(".v1"):
        case "ticket.created":
            ticket["created_at"] = at_ms
            ticket["channel"] = said["channel"]
            ticket["team"] = said.get("team") or ticket["team"]
        case "ticket.classified":
            ticket["contact_type"] = said["contact_type"]
        case "ticket.assigned":
            ticket["team"] = said.get("team") or ticket["team"]
        case "message.sent":
            is_answer = said["direction"] == "out" and said["sender_type"] == "agent"
            if is_answer and said["visibility"] == "public" and ticket["first_response_at"] is None:
                ticket["first_response_at"] = at_ms
        case "ticket.status_changed":
            ticket["status"] = said["to"]
        case "ticket.resolved":
            ticket["status"] = "resolved"
            ticket["resolved_at"] = ticket["resolved_at"] or at_ms
        case "ticket.reopened":
            ticket["status"] = "open"
            ticket["reopened"] += 1
        case "ticket.closed":
            ticket["status"] = "closed"
        case "rating.submitted":
            ticket["ratings"] += 1
            ticket["rating_sum"] += (said["raw"] - said["scale_min"]) / (said["scale_max"] - said["scale_min"])


def plain_app(run: Run, client: Client) -> faust.App:
    """Return the app with its agent."""
    app = faust.App(
        run.group,
        broker=f"kafka://{run.kafka}",
        broker_session_timeout=10.0,  # joins sooner than with Faust's 60
        store="memory://",
        topic_partitions=PARTITIONS,
        web_enabled=False,
        datadir=Path(run.result).parent / "plain",
    )
    topic = app.topic(run.topic, value_type=TicketEvent)
    tickets = app.Table("tickets", default=new_ticket, partitions=PARTITIONS)
    buffer = Buffer()

    @app.agent(topic)
    async def fold_tickets(stream: Any) -> None:
        done = 0
        began_at = 0.0
        async for event in stream:
            began_at = began_at or perf_counter()
            at_ms = round(datetime.fromisoformat(event.time).timestamp() * 1000)
            ticket = tickets[event.subject]
            fold(ticket, event, at_ms)
            tickets[event.subject] = ticket
            buffer.events.append((event.subject, event.source, event.id, event.type, at_ms, json.dumps(event.data)))
            buffer.tickets[event.subject] = (event.subject, *ticket.values())
            done += 1
            if len(buffer.events) == ROWS_AT_ONCE or done == run.events:
                await write(client, buffer)
            if done == run.events:
                tell(run, perf_counter() - began_at)

    return app


async def write(client: Client, buffer: Buffer) -> None:
    """Write what waits."""
    await asyncio.gather(
        insert(client, "plain_events", EVENT_COLUMNS, buffer.events),
        insert(client, "plain_tickets", TICKET_COLUMNS, list(buffer.tickets.values())),
    )
    buffer.events.clear()
    buffer.tickets.clear()


async def insert(client: Client, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    columns = list(zip(*rows, strict=True))
    await asyncio.to_thread(client.insert, table, columns, column_names=names, column_oriented=True)


def tell(run: Run, seconds: float) -> None:
    """Leave word of the time; the file appears complete or not at all."""
    path = Path(run.result)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"events": run.events, "seconds": seconds}))
    draft.rename(path)


def arguments_of(run: Run) -> list[str]:
    """Return the command line that `main` reads back."""
    return [f"--{name}={value}" for name, value in asdict(run).items()]


def main() -> None:
    """Run until ended."""
    parser = argparse.ArgumentParser()
    for name, kind in Run.__annotations__.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    run = Run(**vars(parser.parse_args()))
    end_with(run.owner_pid)
    client = get_client(
        host=run.clickhouse_host, port=run.clickhouse_port, database=run.database, autogenerate_session_id=False
    )
    for statement in TABLES:
        client.command(statement)
    worker = faust.Worker(plain_app(run, client), loglevel="WARNING", quiet=True)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
