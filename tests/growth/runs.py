"""Takes one measurement: workers that have read nothing, topics of their own, a database filled as the point says."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from tests.bench import backlog
from tests.bench.ingest import PATIENCE_SECONDS, WrongRowsError, began_at_ms
from tests.bench.space import with_topics
from tests.databases import emptied
from tests.growth.curves import Point
from tests.growth.load import renamed
from tests.race.gauge import Gauge, Usage, usage
from tests.race.scores import Outcome
from tests.space import Space, WorkerProcess, wait_until

_MONTH: Final = "growth_month"
_COPIES: Final = 100_000
"""Tickets a statement that copies: ClickHouse fills days from each."""


def measured(space: Space, point: Point, size: float, word: str, run: int) -> Outcome:
    """Return how fast the workers of a point store what is sent.

    Time runs from the first batch received to the last record stored; processor and memory are those of all workers.

    Raises:
        WrongRowsError: When something else is stored than was sent.
    """
    _prepare(space, round(point.stored * size))
    records = point.records(size)
    if name := point.name:
        records = renamed(records, lambda id: name(id, run))
    with with_topics(space, word, point.partitions) as own, ExitStack() as watching:
        _publish(own, records, are_events=point.are_events)
        workers = [own.start_worker() for _ in range(point.workers)]
        gauges = [watching.enter_context(Gauge(worker.process.pid)) for worker in workers]
        wait_until(lambda: _have_stored(workers, own, point, len(records)), "everything is stored", PATIENCE_SECONDS)
        ended_at = time.time_ns() / 1e9
        wait_until(own.is_quiet, "everything is committed", PATIENCE_SECONDS)
        _require(own, point, records)
        began_at = (began_at_ms(own) if point.are_events else _first_letter_ms(own)) / 1000
        taken = [usage(gauge.samples, began_at, ended_at) for gauge in gauges]
        for worker in workers:
            worker.stop()
    return Outcome(len(records), ended_at - began_at, *_together(taken))


def _together(taken: Sequence[Usage]) -> tuple[float, int, int]:
    return sum(one.processor for one in taken), sum(one.peak for one in taken), sum(one.growth for one in taken)


def _prepare(space: Space, stored: int) -> None:
    """Leave so many tickets and nothing else; those that are there are kept."""
    there = space.value("SELECT count() FROM tickets") if stored else 0
    if there < stored:
        _fill(space, stored - there)
    elif not stored:
        emptied(space.client)
    for table in ("events", "dead_letters"):
        space.client.command(f"TRUNCATE TABLE {table}")


def _fill(space: Space, missing: int) -> None:
    """Store tickets of the month again, under ids drawn at random."""
    _keep_month(space)
    month = space.value(f"SELECT count() FROM {_MONTH}")
    for first in range(0, missing, _COPIES):
        number = space.value("SELECT count() FROM tickets")
        space.client.command(
            "INSERT INTO tickets SELECT * EXCEPT (copy)"
            " REPLACE(lower(hex(sipHash64(ticket_id, copy, {number:UInt64}))) AS ticket_id)"
            f" FROM (SELECT *, arrayJoin(range({{copies:UInt64}})) AS copy FROM {_MONTH}) LIMIT {{tickets:UInt64}}",
            parameters={
                "number": number,
                "copies": -(-_COPIES // month),
                "tickets": min(_COPIES, missing - first),
            },
        )


def _keep_month(space: Space) -> None:
    """Keep the tickets of the run before, which began with none, to fill the database with."""
    space.client.command(f"CREATE TABLE IF NOT EXISTS {_MONTH} ENGINE = Memory AS SELECT * FROM tickets WHERE false")
    if not space.value(f"SELECT count() FROM {_MONTH}"):
        space.client.command(f"INSERT INTO {_MONTH} SELECT * FROM tickets FINAL")


def _publish(own: Space, records: list[bytes], *, are_events: bool) -> None:
    if are_events:
        backlog.publish(records, own.settings)
    else:
        own.send(records)


def _have_stored(workers: Sequence[WorkerProcess], own: Space, point: Point, count: int) -> bool:
    """Tell whether each record is stored, and what workers derived from them as well."""
    for worker in workers:
        if worker.process.poll() is not None:
            raise WrongRowsError(f"a worker ended early:\n{worker.log[-2000:]}")
    meter = "servicepulse_events_total" if point.are_events else "servicepulse_dead_letters_total"
    counted = sum(_meter(worker, meter) for worker in workers)
    if counted < count or not point.are_events:
        return counted >= count
    return bool(counted >= own.value("SELECT count() FROM events"))


def _meter(worker: WorkerProcess, name: str) -> float:
    try:
        return worker.meter(name)
    except OSError:  # it starts
        return 0.0


def _first_letter_ms(own: Space) -> int:
    return int(own.value("SELECT toUnixTimestamp64Milli(min(received_at)) FROM dead_letters"))


def _require(own: Space, point: Point, records: Sequence[bytes]) -> None:
    """Return when what is stored is what was sent.

    Raises:
        WrongRowsError: When it is not.
    """
    events, letters = own.query("SELECT (SELECT count() FROM events FINAL), (SELECT count() FROM dead_letters FINAL)")[
        0
    ]
    wanted = (len(records), 0) if point.are_events else (0, len(records))
    if (events < wanted[0] or letters != wanted[1]) or (not point.are_events and events):
        raise WrongRowsError(f"{events} events and {letters} dead letters of {wanted[0]} and {wanted[1]}")
