"""A simulated desk in a database, told part by part, and the watch looking at it by a clock of the test's own."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, overload

import msgspec
from clickhouse_connect.driver.client import Client

from schemas.codec import Event, decode, encode
from schemas.rows import Ms, SignalRow
from streams.agents.judgement import Look
from streams.core.said import said_rows
from streams.core.signal.segment import RATES, ThresholdBook
from streams.core.ticket.batch import event_row
from streams.core.ticket.fold import Ticket
from streams.core.ticket.measures import row_of
from streams.settings import Settings
from streams.simulation import events as simulated
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.watch import ClickHouseWatchStore
from tests.databases import given_back, lent
from tests.histories import settled
from tests.integration.conftest import Servers
from tests.space import wait_until

END: Final = datetime(2026, 4, 2, 9, tzinfo=UTC)
"""A Thursday; the faulty week of a month that ends there begins on March 16."""
START: Final = END - timedelta(days=30)
FAR_MS: Final = 2**50


def ms(at: datetime) -> Ms:
    return int(at.timestamp() * 1000)


class Lines(Sequence[bytes]):
    """Events that are simulated once a test asks: every process that shares the suite imports every file."""

    def __init__(self, simulate: Callable[[], Sequence[bytes]]) -> None:
        self._simulate = simulate

    @cached_property
    def _lines(self) -> Sequence[bytes]:
        return self._simulate()

    @overload
    def __getitem__(self, place: int, /) -> bytes: ...
    @overload
    def __getitem__(self, place: slice, /) -> Sequence[bytes]: ...
    def __getitem__(self, place: int | slice, /) -> bytes | Sequence[bytes]:
        return self._lines[place]

    def __len__(self) -> int:
        return len(self._lines)


@cache
def lines_of(seed: int, start: datetime = START, end: datetime = END, per_day: float = 400) -> Sequence[bytes]:
    """Return the events of a simulated desk, as its systems publish them."""
    return tuple(
        encode(
            one.data, source=one.source, id=one.id, time=one.at, name=one.name, subject=one.subject,
            subjectseq=one.sequence,
        )
        for one in simulated(seed, start, end, per_day)
    )  # fmt: skip


def events_of(lines: Iterable[bytes]) -> list[Event]:
    return [decode(line, now_ms=FAR_MS) for line in lines]


def replayed(lines: Iterable[bytes]) -> list[bytes]:
    """Return events as history that is filled in later."""
    return [msgspec.json.encode({**msgspec.json.decode(line), "replay": True}) for line in lines]


class Desk:
    """A database with the tickets of a desk."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        self.settings = Settings(clickhouse=servers.clickhouse, database=lent(servers.clickhouse), folder=folder)
        self.client: Client = connect(self.settings)
        self.watched = ClickHouseWatchStore(self.client, calm_seconds=1)
        self._tickets: dict[str, Ticket] = {}

    def tell(self, events: Sequence[Event], at: Ms) -> None:
        """Store events and their tickets as a worker does that gets them at an instant."""
        store = ClickHouseStore(self.client)
        store.insert([*(event_row(event, at) for event in events), *said_rows(events)])
        of_tickets = [event for event in events if event.ticket_id is not None]
        touched = {event.subject for event in of_tickets}
        self._tickets = settled(of_tickets, self._tickets, most=10**7)
        store.insert([row_of(self._tickets[id], at) for id in sorted(touched)])

    def watch(self, now: Ms, book: ThresholdBook | None = None, look: Look | None = None) -> Look:
        """Look once things have calmed down for a second, state what is found, and return the watch."""
        look = look or Look(self.watched, book or ThresholdBook())

        def is_settled() -> bool:
            return self.watched.ratings(0, None).is_settled

        wait_until(is_settled, "no ratings of long ago come in any more")
        for _ in RATES:  # each look reads one of them
            stated = look.look(now)
            self.watched.state(stated)
            look.stated(stated)
        return look

    def signals(self) -> list[SignalRow]:
        return self.watched.signals()

    def query(self, sql: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        return self.client.query(sql, parameters=parameters).result_rows

    def remove(self) -> None:
        given_back(self.client)
