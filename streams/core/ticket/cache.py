"""A bounded memory of tickets over the store: it may forget at any time, and it never holds what others outdated."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from streams.core.ticket.fold import Ticket

MOST_BYTES: Final = 192 * 1024 * 1024
"""What tickets may take by default: 50,000 of a simulated desk, of nine facts each, take 130 MiB."""
_TICKET_BYTES: Final = 250
_FACT_BYTES: Final = 260
"""Measured: what Python needs for a ticket with its place here, and for a fact, beside the bytes of their words."""


def bytes_of(ticket: Ticket) -> int:
    """Return about how many bytes of memory a ticket takes, with what tickets merged into it told."""
    return _TICKET_BYTES + _FACT_BYTES * len(ticket.facts) + len(ticket.state)


class TicketCache:
    """The tickets used last: so many at most, and so many bytes.

    Between a rebalance and the next, only this worker writes the tickets of its partitions, so what it remembers is
    what is stored or about to be. A rebalance ends that: the cache is renewed, and whoever works on a batch of before
    must not remember anything of it.

    A ticket on its way to the store is held: were it forgotten and looked up again, an older state would be found.
    """

    def __init__(self, capacity: int, most_bytes: int = MOST_BYTES) -> None:
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._tickets)

    def __contains__(self, ticket_id: str) -> bool:
        return ticket_id in self._tickets

    def known(self, ticket_ids: Iterable[str]) -> dict[str, Ticket]:
        """Return those of the tickets that are remembered."""
        found: dict[str, Ticket] = {}
        for ticket_id in ticket_ids:
            ticket = self._tickets.get(ticket_id)
            if ticket is not None:
                self._tickets.move_to_end(ticket_id)
                found[ticket_id] = ticket
        return found

    def remember(self, tickets: dict[str, Ticket]) -> None:
        """Take tickets in and hold them until `stored`."""
        for ticket_id, ticket in tickets.items():
            self._tickets[ticket_id] = ticket
            self._tickets.move_to_end(ticket_id)
            self._resize(ticket_id, bytes_of(ticket))
        self._held.update(tickets.keys())

    def stored(self, ticket_ids: Iterable[str]) -> None:
        """Let go of tickets that are in the store now; those longest unused make room."""
        self._held.subtract(iter(ticket_ids))
        self._held = +self._held
        for ticket_id in self._in_excess():
            del self._tickets[ticket_id]
            self._resize(ticket_id, 0)

    def renew(self) -> None:
        """Forget everything: from here on another worker may have written."""
        self._tickets.clear()
        self._sizes.clear()
        self._bytes = 0
        self._held.clear()

    def _in_excess(self) -> list[str]:
        """Return the tickets longest unused that are one too many, or too large together; never one that is held."""
        tickets, size = len(self._tickets), self._bytes
        gone: list[str] = []
        for ticket_id in self._tickets:
            if tickets <= self._capacity and size <= self._most_bytes:
                break
            if ticket_id not in self._held:
                gone.append(ticket_id)
                tickets -= 1
                size -= self._sizes[ticket_id]
        return gone

    def _resize(self, ticket_id: str, size: int) -> None:
        self._bytes += size - self._sizes.pop(ticket_id, 0)
        if size:
            self._sizes[ticket_id] = size
