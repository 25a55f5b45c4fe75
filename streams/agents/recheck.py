"""A second look at the tickets that were stated lately: does what is remembered know every stored event?"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from streams.core.ticket.batch import Record
from streams.core.ticket.cache import TicketCache
from streams.core.ticket.fold import Ticket, fold
from streams.meters import Meters
from streams.ports import Store
from streams.store_error import StoreRejectedError, StoreUnavailableError

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

    When the group was dealt anew nothing is remembered, and others may have stated what they did not know whole: one
    that was killed, or two that held one ticket while each saw another number of partitions. So the next look takes in
    what anybody stated last, by its rows. A row may lack what is just being stored; one that still lacks it at the
    look after that will not come to know it by itself.
    """

    def __init__(self, store: Store, cache: TicketCache, meters: Meters) -> None:
        self._store = store
        self._cache = cache
        self._meters = meters
        self._lately: dict[str, None] = {}
        self._suspected: dict[str, int] = {}
        self._doubted: set[str] = set()
        self._is_dealt_anew = True
        self._turn = 0

    def note(self, ticket_ids: Iterable[str]) -> None:
        """Take down that tickets were stated."""
        for ticket_id in ticket_ids:
            self._lately.pop(ticket_id, None)
            self._lately[ticket_id] = None
            self._doubted.discard(ticket_id)
        while len(self._lately) > LATELY:
            del self._lately[next(iter(self._lately))]

    def renew(self) -> None:
        """Know that others may own the tickets from here on. What was doubted may not have been mended."""
        self._lately |= dict.fromkeys(self._doubted)
        self._doubted.clear()
        self._is_dealt_anew = True
        self._turn += 1

    async def doubt(self) -> Doubt | None:
        """Return those of the tickets that were stated since the last look that lack stored events, None without any.

        Raises:
            StoreUnavailableError: When trying later may help: they are looked at the next time.
            StoreRejectedError: When it will not.
        """
        turn = self._turn
        if self._is_dealt_anew:
            self._lately |= dict.fromkeys(await self._store.latest(LATELY))
            self._is_dealt_anew = turn != self._turn
        if not self._lately:
            return None
        looked_at, self._lately = self._lately, {}  # what is stated from here on is looked at the next time
        try:
            lacking = await self._lacking(list(looked_at))
        except (StoreUnavailableError, StoreRejectedError):
            self._lately = looked_at | self._lately
            raise
        self._lately |= dict.fromkeys(self._suspected)
        if turn != self._turn:
            self._lately |= dict.fromkeys(lacking)  # dealt anew meanwhile: nobody would look into what is doubted
            return None
        self._doubted |= set(lacking)
        return Doubt(lacking, lambda: turn != self._turn) if lacking else None

    async def _lacking(self, ids: Sequence[str]) -> list[str]:
        """Return those that lack stored events, and suspect those that may."""
        stored = await self._store.revisions(ids)
        known = self._cache.known(ids)
        others = [id for id in ids if id not in known]
        rows = await self._store.stated(others)
        lacking = [id for id, ticket in known.items() if ticket.revision < stored.get(id, 0)]
        lacking += [id for id in others if rows.get(id, 0) < self._suspected.get(id, 0)]
        open_to_doubt = set(others).difference(lacking)
        self._suspected = {id: stored[id] for id in open_to_doubt & stored.keys() if rows.get(id, 0) < stored[id]}
        return lacking

    async def mended(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return those of the tickets that lack stored events, with all of them folded in.

        What is remembered and not yet stored stays. Of one that is not remembered the row decides: what was stored
        while its name was only reserved is counted, and is no fact.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """
        stored = await self._store.refolded(ticket_ids)
        known = self._cache.known(ticket_ids)
        rows = await self._store.stated(stored.keys() - known.keys())
        whole = {id: fold(known[id], ticket.facts)[0] if id in known else ticket for id, ticket in stored.items()}
        return {
            id: ticket
            for id, ticket in whole.items()
            if (ticket != known[id] if id in known else ticket.revision > rows.get(id, 0))
        }
