"""A store in memory: the same promises as ClickHouse, for tests of everything above it."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from schemas.rows import BesideRow, DeadLetterRow, EventRow, OpenHoursRow, PolicyRow, SaidRow, TicketRow
from streams.core.ticket.batch import TICKET_EVENTS, Identity, Kept, refolded
from streams.core.ticket.fold import Ticket, revision_of, stated


class MemoryStore:
    """Keeps the rows that count, by key."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str, str, str], EventRow] = {}
        self.tickets: dict[str, TicketRow] = {}
        self.hours: dict[str, OpenHoursRow] = {}
        self.policies: dict[str, PolicyRow] = {}
        self.said: dict[str, SaidRow] = {}
        self.dead_letters: dict[str, DeadLetterRow] = {}

    async def load(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return the tickets that are known, by id."""
        return {id: self._load(id) for id in ticket_ids if id in self.tickets}

    async def stored(self, identities: Collection[Identity]) -> dict[Identity, list[Kept]]:
        """Return the events that are stored under identities and that no ticket folds, as they are kept."""
        wanted, found = set(identities), dict[Identity, list[Kept]]()
        for (subject, source, id, name), event in self.events.items():
            if (subject, source, id) in wanted and name not in TICKET_EVENTS:
                found.setdefault((subject, source, id), []).append(Kept(event.raw, event.ingested_at))
        return found

    async def revisions(self, ticket_ids: Collection[str]) -> dict[str, int]:
        """Return the revision that each ticket has if it knows all its stored events."""
        return {id: ticket.revision for id, ticket in (await self.refolded(ticket_ids)).items()}

    async def stated(self, ticket_ids: Collection[str]) -> dict[str, int]:
        """Return the revision that the row of each ticket has."""
        return {id: revision_of(self.tickets[id].version) for id in ticket_ids if id in self.tickets}

    async def latest(self, most: int) -> list[str]:
        """Return the tickets whose rows were written last."""
        return sorted(self.tickets, key=lambda id: -self.tickets[id].ingested_at)[:most]

    async def refolded(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return tickets folded anew from their stored events."""
        tickets = {id: self._refolded(id) for id in ticket_ids}
        return {id: ticket for id, ticket in tickets.items() if ticket.facts}

    def _refolded(self, ticket_id: str) -> Ticket:
        return refolded(ticket_id, [event.raw for event in self.events.values() if event.subject == ticket_id])

    def _load(self, ticket_id: str) -> Ticket:
        row = self.tickets[ticket_id]
        return stated(ticket_id, row.state, row.version) or self._refolded(ticket_id)

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        """Keep rows; of an event the highest revision counts, of all else the highest version."""
        for row in beside:
            if isinstance(row, SaidRow):
                self.said[repr(row)] = row
            elif isinstance(row, OpenHoursRow):
                _keep_newer(self.hours, row.schedule, row)
            else:
                _keep_newer(self.policies, row.subject, row)
        for letter in dead_letters:
            self.dead_letters[letter.id] = letter
        for event in events:
            old = self.events.get(key := (event.subject, event.source, event.id, event.name))
            if old is None or event.revision >= old.revision:
                self.events[key] = event
        for ticket in tickets:
            _keep_newer(self.tickets, ticket.ticket_id, ticket)


R = TypeVar("R", OpenHoursRow, PolicyRow, TicketRow)


def _keep_newer(kept: dict[str, R], key: str, row: R) -> None:
    stored = kept.get(key)
    if stored is None or row.version >= stored.version:
        kept[key] = row
