"""A bounded memory of tickets over the store: it may forget at any time, and it never holds what others outdated."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from itertools import islice

from streams.core.ticket import Ticket


class TicketCache:
    """The tickets used last.

    Between a rebalance and the next, only this worker writes the tickets of its partitions, so what it remembers is
    what is stored or about to be. A rebalance ends that: the cache is renewed, and whoever works on a batch of before
    must not remember anything of it.

    A ticket on its way to the store is held: were it forgotten and looked up again, an older state would be found.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
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
        self._held.update(tickets.keys())

    def stored(self, ticket_ids: Iterable[str]) -> None:
        """Let go of tickets that are in the store now; those longest unused make room."""
        self._held.subtract(iter(ticket_ids))
        self._held = +self._held
        excess = len(self._tickets) - self._capacity
        for ticket_id in list(islice(self._tickets, max(0, excess))):
            if ticket_id not in self._held:
                del self._tickets[ticket_id]

    def renew(self) -> None:
        """Forget everything: from here on another worker may have written."""
        self._tickets.clear()
        self._held.clear()
