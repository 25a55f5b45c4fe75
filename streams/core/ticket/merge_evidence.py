"""Whether a statement about a merged ticket is borne out by that ticket: what merely came over Kafka is no evidence.

Anybody who may write to the topic can write a statement. So it is taken as a hint: the ticket that tells it is read
from the store, and only what that ticket says itself is folded. A ticket is stored before its statement is published:
whoever reads a true statement finds the facts. Where they are missing - a forgery, or an old topic read again into an
empty database - the statement is left out: once its ticket is there, it tells by itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from schemas.codec import Event, InvalidEventError, decode
from schemas.events import TicketAbsorbed
from streams.core.ticket.fact import Absorbed, AnyFact, as_before, days_of, unpack_shared
from streams.core.ticket.fold import Ticket
from streams.core.ticket.merge import Path, Teller, identity_along

MAX_PATHS: Final = 5
"""Along how many paths one ticket takes in the part of another. Four tickets that were each merged into each other need
five; of more, paths without end would lead from each to each."""

_NO_CLOCK: Final = 2**62


def path_of(said: TicketAbsorbed) -> Path:
    """Return the tickets that a statement passed through."""
    return said.from_ticket_id, *said.via


def witnesses_of(said: TicketAbsorbed) -> set[str]:
    """Return the tickets that must be read to tell whether a statement is true."""
    path = path_of(said)
    return {path[0], path[-1]}


class Witnesses:
    """The tickets that statements of a batch are held against.

    What is borne out depends on the statement and on tickets that only grow: whoever reads the same part of a topic
    folds the same, however late.
    """

    def __init__(self, stored: Mapping[str, Ticket]) -> None:
        self._stored = stored
        self._tellers: dict[str, Teller] = {}

    def borne_out(self, event: Event, said: TicketAbsorbed) -> Event | None:
        """Return a statement as its ticket makes it; None when that ticket says nothing of the kind.

        An older statement stands as it is when it says nothing but facts of the ticket it is about.
        """
        path = path_of(said)
        teller = self._teller(path[-1])
        own = teller.statement(path, said.ticket_id) if teller else None
        if teller is None or own is None or event.id != identity_along(path, said.ticket_id):
            return None
        if said.revision == own.revision:
            raw = teller.encoded(path, said.ticket_id)
            return event if event.raw == raw else _read(raw)
        return event if said.revision < own.revision and self._is_known(said) else None

    def _is_known(self, said: TicketAbsorbed) -> bool:
        origin = self._stored.get(said.from_ticket_id)
        if origin is None:
            return False
        own = [fact for fact in origin.facts if type(fact) is not Absorbed]
        known, told = ({as_before(fact) for fact in facts} for facts in (own, unpack_shared(said.facts)))
        return known.issuperset(told) and set(days_of(own)).issuperset(said.days)

    def _teller(self, ticket_id: str) -> Teller | None:
        if ticket_id not in self._tellers and ticket_id in self._stored:
            self._tellers[ticket_id] = Teller(self._stored[ticket_id])
        return self._tellers.get(ticket_id)


class Paths:
    """The paths along which one ticket takes parts in: a bounded number for each of the others."""

    def __init__(self, facts: Sequence[AnyFact]) -> None:
        self._taken = {fact.path for fact in facts if type(fact) is Absorbed}
        self._of_each = Counter(path[0] for path in self._taken)

    def take(self, path: Path) -> bool:
        """Say whether a part is taken in along a path. Where it was once, it always is."""
        if path in self._taken:
            return True
        if self._of_each[path[0]] >= MAX_PATHS:
            return False
        self._taken.add(path)
        self._of_each[path[0]] += 1
        return True


def _read(raw: bytes | None) -> Event | None:
    """Return a statement as an event; None when it is too long to travel."""
    try:
        return decode(raw, now_ms=_NO_CLOCK)
    except InvalidEventError:
        return None
