"""A second look at the tickets that were stated lately: does what is remembered know every stored event?"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from streams.core.ticket.batch import Record
from streams.core.ticket.cache import TicketCache
from streams.core.ticket.fold import Ticket, fold
from streams.meters import Meters
from streams.ports import Store

LATELY: Final = 10_000
"""Tickets between two looks at most, the latest of them: counting so many takes ClickHouse a tenth of a second."""


class Doubt:
    """Tickets to be mended, as a delivery among others: only who folds a ticket may replace what is remembered of it.

    A row that somebody mended is not enough: what this worker states next would have the same number of facts, and take
    its place.
    """

    value: Sequence[Record] = ()

    def __init__(self, ticket_ids: Sequence[str], is_stale: Callable[[], bool]) -> None:
        self.ticket_ids = ticket_ids
        self._is_stale = is_stale

    @property
    def is_stale(self) -> bool:
        """Say whether the group was dealt anew since: what is remembered is gone, and with it the doubt."""
        return self._is_stale()

    def ack(self) -> None:
        """Do nothing: nothing was received."""


class Recheck:
    """Remembers which tickets were stated, and counts what is stored of them.

    Events are remembered before they are stored. So a ticket of which more is stored than is remembered lacks
    something, whatever is on its way.
    """

    def __init__(self, store: Store, cache: TicketCache, meters: Meters) -> None:
        self._store = store
        self._cache = cache
        self._meters = meters
        self._lately: dict[str, None] = {}
        self._turn = 0

    def note(self, ticket_ids: Iterable[str]) -> None:
        """Take down that tickets were stated."""
        for ticket_id in ticket_ids:
            self._lately.pop(ticket_id, None)
            self._lately[ticket_id] = None
        while len(self._lately) > LATELY:
            del self._lately[next(iter(self._lately))]

    def renew(self) -> None:
        """Forget: from here on others may own the tickets."""
        self._lately.clear()
        self._turn += 1

    async def doubt(self) -> Doubt | None:
        """Return those of the tickets that were stated since the last look that lack stored events, None without any.

        Raises:
            StoreUnavailableError: When trying later may help: they are looked at the next time.
            StoreRejectedError: When it will not.
        """
        turn, ids = self._turn, list(self._lately)
        if not ids:
            return None
        stored = await self._store.revisions(ids)
        known = self._cache.known(ids)
        for ticket_id in ids:
            self._lately.pop(ticket_id, None)
        lacking = [id for id, ticket in known.items() if ticket.revision < stored.get(id, 0)]
        return Doubt(lacking, lambda: turn != self._turn) if lacking else None

    async def mended(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return those of the tickets that lack stored events, with all of them folded in.

        What is remembered and not yet stored stays.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """
        stored = await self._store.refolded(ticket_ids)
        known = self._cache.known(ticket_ids)
        whole = {id: fold(known[id], stored[id].facts)[0] for id in known.keys() & stored.keys()}
        return {id: ticket for id, ticket in whole.items() if ticket != known[id]}
