"""Events, tickets, what is published and dead letters in ClickHouse: written in columns, tickets read back by id."""

import asyncio
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, TypeVar

from clickhouse_connect.driver.client import Client

from schemas.rows import (
    BacktestRow,
    BesideRow,
    ContactEventRow,
    DeadLetterRow,
    EventRow,
    FaultEventRow,
    HandlingEventRow,
    InterventionEventRow,
    KnownIssueEventRow,
    LookRow,
    OpenHoursRow,
    PolicyRow,
    ReturnEventRow,
    RootCauseEventRow,
    Row,
    SelfServiceEventRow,
    SignalRow,
    TicketRow,
    WorkEventRow,
    column_names,
    columns_of,
)
from streams.core.ticket.batch import TICKET_EVENTS, Identity, Kept, refolded
from streams.core.ticket.fold import Ticket, revision_of, stated
from streams.sinks.connection import FIELD_BYTES, named_errors

TABLES: Final[dict[type[Row], str]] = {
    EventRow: "events",
    OpenHoursRow: "open_hours",
    PolicyRow: "policies",
    TicketRow: "tickets",
    DeadLetterRow: "dead_letters",
    SignalRow: "signals",
    LookRow: "looks",
    BacktestRow: "backtests",
    FaultEventRow: "fault_events",
    KnownIssueEventRow: "known_issue_events",
    RootCauseEventRow: "root_cause_events",
    ContactEventRow: "contact_events",
    SelfServiceEventRow: "selfservice_events",
    InterventionEventRow: "intervention_events",
    ReturnEventRow: "return_events",
    WorkEventRow: "work_events",
    HandlingEventRow: "handling_events",
}

R = TypeVar("R", bound=Row)
T = TypeVar("T")

_IDS_AT_ONCE: Final = 2_000
_PLAIN: Final = re.compile(r"[^\\'\x00-\x1f]*")
"""Any other character is written as up to four within an array: it is escaped twice."""
_AROUND: Final = 16
"""Bytes around an id: quotes, commas, the brackets of a tuple."""
_LATELY_AGAIN: Final = """
INSERT INTO events SELECT * FROM events FINAL
WHERE subject IN {ids:Array(String)} AND name IN {names:Array(String)} AND ingested_at > now64(3) - toIntervalDay(1)
"""
"""Stores what was stored within a day again, as it is: ClickHouse fills the rest from it."""


class ClickHouseStore:
    """The store of production; see `streams.ports.Store` for what it promises."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._types: dict[str, list[Any]] = {}

    async def load(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return the tickets that are known, by id."""
        return await asyncio.to_thread(self.load_now, list(ticket_ids))

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        """Keep rows for good: dead letters and events first, then what follows from them."""
        await asyncio.to_thread(self._write, dead_letters, events, beside, tickets)

    def _write(self, *steps: Sequence[Row]) -> None:
        """Insert all of it in one go: between two steps the event loop would first finish folding the next batch."""
        for rows in steps:
            self.insert(rows)

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows, table by table; none is fine."""
        for kind, of_kind in _by_kind(rows).items():
            self._insert(TABLES[kind], column_names(kind), columns_of(of_kind))

    def load_now(self, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
        """Return the tickets that are known, by id."""
        known: dict[str, Ticket] = {}
        for portion in portions(ticket_ids):
            known |= self._load(portion)
        return known

    async def stored(self, identities: Collection[Identity]) -> dict[Identity, list[Kept]]:
        """Return the events that are stored under identities and that no ticket folds, as they are kept."""
        return await asyncio.to_thread(self._stored, sorted(identities))

    def _stored(self, identities: Sequence[Identity]) -> dict[Identity, list[Kept]]:
        """Look identities up without FINAL: it would read the bytes of all their neighbours."""
        found: dict[Identity, list[Kept]] = {}
        for portion in portions(identities):
            rows = self._query(
                """
                SELECT subject, toString(source), id, raw, min(toUnixTimestamp64Milli(ingested_at)) FROM events
                PREWHERE (subject, source, id) IN {identities:Array(Tuple(String, String, String))}
                WHERE name NOT IN {names:Array(String)}
                GROUP BY ALL
                """,
                {"identities": list(portion), "names": TICKET_EVENTS},
            )
            for subject, source, id, raw, since in rows:
                found.setdefault((subject.decode(), source.decode(), id.decode()), []).append(Kept(raw, since))
        return found

    async def revisions(self, ticket_ids: Collection[str]) -> dict[str, int]:
        """Return the revision that each ticket has if it knows all its stored events."""
        return await asyncio.to_thread(self._revisions, list(ticket_ids))

    async def stated(self, ticket_ids: Collection[str]) -> dict[str, int]:
        """Return the revision that the row of each ticket has."""
        return await asyncio.to_thread(self._stated, list(ticket_ids))

    async def latest(self, most: int) -> list[str]:
        """Return the tickets whose rows were written last."""
        return await asyncio.to_thread(self._latest, most)

    async def refolded(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return tickets folded anew from their stored events."""
        return await asyncio.to_thread(self._refolded, list(ticket_ids))

    def _refolded(self, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
        return {id: ticket for id, ticket in self.load_from_events(ticket_ids).items() if ticket.facts}

    def _revisions(self, ticket_ids: Sequence[str]) -> dict[str, int]:
        """Count without FINAL, which would read all bytes: a renewed statement counts once, by its newest revision."""
        found: dict[str, int] = {}
        for portion in portions(ticket_ids):
            rows = self._query(
                """
                SELECT subject, count() + sum(newest) FROM (
                    SELECT subject, source, id, max(revision) AS newest FROM events
                    WHERE subject IN {ids:Array(String)} AND name IN {names:Array(String)}
                    GROUP BY subject, source, id
                )
                GROUP BY subject
                """,
                {"ids": list(portion), "names": TICKET_EVENTS},
            )
            found |= {subject.decode(): revision for subject, revision in rows}
        return found

    def _stated(self, ticket_ids: Sequence[str]) -> dict[str, int]:
        sql = "SELECT ticket_id, max(version) FROM tickets WHERE ticket_id IN {ids:Array(String)} GROUP BY ticket_id"
        rows = (row for portion in portions(ticket_ids) for row in self._query(sql, {"ids": list(portion)}))
        return {ticket_id.decode(): revision_of(version) for ticket_id, version in rows}

    def _latest(self, most: int) -> list[str]:
        """Return them by the rows that are there: until ClickHouse has merged them, some tickets have several."""
        rows = self._query(
            "SELECT ticket_id FROM tickets ORDER BY ingested_at DESC LIMIT {most:UInt32}", {"most": most}
        )
        return list(dict.fromkeys(ticket_id.decode() for (ticket_id,) in rows))

    def _load(self, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
        rows = self._query(
            """
            SELECT ticket_id, state, version FROM tickets WHERE ticket_id IN {ids:Array(String)}
            ORDER BY ticket_id, version DESC LIMIT 1 BY ticket_id
            """,
            {"ids": list(ticket_ids)},
        )
        states = {id.decode(): stated(id.decode(), state, version) for id, state, version in rows}
        unknown = [id for id, ticket in states.items() if ticket is None]
        known = {id: ticket for id, ticket in states.items() if ticket is not None}
        if not unknown:
            return known
        # Whoever wrote them last may have died before all was filled that ClickHouse fills from events.
        with named_errors():
            self._client.command(_LATELY_AGAIN, parameters={"ids": unknown, "names": TICKET_EVENTS})
        return known | self.load_from_events(unknown)

    def load_from_events(self, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
        """Return tickets folded anew from their events: rows may leave the state out, be outdated or lost."""
        raws: dict[str, list[bytes]] = {id: [] for id in ticket_ids}
        for portion in portions(ticket_ids):
            rows = self._query(
                "SELECT subject, raw FROM events FINAL WHERE subject IN {ids:Array(String)} ORDER BY subject",
                {"ids": list(portion)},
            )
            for subject, raw in rows:
                raws[subject.decode()].append(raw)
        return {id: refolded(id, events) for id, events in raws.items() if events}

    def _query(self, sql: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Return rows with String columns as bytes: states and raw events are no text."""
        with named_errors():
            return self._client.query(sql, parameters=parameters, query_formats={"String": "bytes"}).result_rows

    def _insert(self, table: str, names: list[str], columns: list[Sequence[Any]]) -> None:
        with named_errors():
            context = self._client.create_insert_context(
                table, names, column_types=self._types.get(table), column_oriented=True, data=columns
            )
            self._types[table] = list(context.column_types)
            try:
                self._client.insert(context=context)
            finally:
                vars(context).clear()  # it refers to itself, and would keep the columns until garbage is collected


def _by_kind(rows: Sequence[Row]) -> dict[type[Row], Sequence[Row]]:
    kinds = dict.fromkeys(map(type, rows))
    return {kind: [row for row in rows if type(row) is kind] if len(kinds) > 1 else rows for kind in kinds}


def portions(
    ids: Sequence[T], most: int = _IDS_AT_ONCE, text_of: Callable[[Any], str] = "".join
) -> Iterator[Sequence[T]]:
    """Yield ids in portions that one query can name.

    Args:
        ids: Texts, tuples of texts, or whatever has a name.
        most: So many at most.
        text_of: Returns the text by which one is named.
    """
    start = length = 0
    for end, id in enumerate(ids):
        text = text_of(id)
        more = len(text.encode()) * (1 if _PLAIN.fullmatch(text) else 4) + _AROUND
        if end - start == most or (length + more > FIELD_BYTES and end > start):
            yield ids[start:end]
            start, length = end, 0
        length += more
    if ids:
        yield ids[start:]
