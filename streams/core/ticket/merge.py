"""Merges across owners: what the survivor must know travels to it as a derived event under its own key.

A merged ticket tells its own part of the customer's story and passes on what it was told, each along the path that it
came. What a ticket is told it only passes on, one step further along that path, and nothing returns to a ticket on its
path: so chains and circles of merges come to rest. Each path is a statement with an identity of its own; a later one
has a higher revision and takes the place of the earlier one, an empty one takes the merge back.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from schemas.codec import encode
from schemas.events import TicketAbsorbed
from streams.core.ticket.fact import SHARED, Absorbed, AnyFact, Merged, Retracted, days_of, pack
from streams.core.ticket.fold import Ticket, active_facts
from streams.core.ticket.history import History, merged_into

SOURCE: Final = "urn:servicepulse:fold"
"""The source of events that the fold itself derives."""

MAX_HOPS: Final = 8
"""The longest chain of merges along which a ticket's part travels: tickets merged into each other at random have more
paths between them than anybody could follow."""


MAX_PART_BYTES: Final = 600 * 1024
"""As JSON, 800 KiB: a part fits into one event. That is about 17,000 messages on one ticket."""


Path: TypeAlias = tuple[str, ...]
"""The tickets that a part of a story passed through: first the one whose part it is, last the one that tells it now."""

_TURNS: Final = {Merged, Retracted}
"""Facts after which a ticket may tell others, or nothing, of what it was told."""
_TURN_SHIFT: Final = 20
"""The revision of what is passed on: above, the turns of the tickets on the path, below, the events of the first. It
grows with all that changes what is told and with nothing else, and lies beyond all numbers of events of a ticket."""


class Teller:
    """What a ticket has to tell the tickets that it was ever merged into. It follows from the ticket's state alone."""

    def __init__(self, ticket: Ticket) -> None:
        active = active_facts(ticket.facts)
        merges = {fact.into: fact for fact in ticket.facts if type(fact) is Merged}
        self._merges = merges | {fact.into: fact for fact in active if type(fact) is Merged}
        self._survivor = merged_into(History(active))
        self._ticket_id = ticket.ticket_id
        self._own = [fact for fact in ticket.facts if type(fact) is not Absorbed]
        self._shared = [fact for fact in active if type(fact) in SHARED]
        self._counting = {fact.id for fact in active}
        self._absorbed = {
            (*fact.path, ticket.ticket_id): fact
            for fact in ticket.facts
            if type(fact) is Absorbed and len(fact.path) < MAX_HOPS
        }
        self._turns = sum(type(fact) in _TURNS for fact in self._own) << _TURN_SHIFT

    @property
    def paths(self) -> list[Path]:
        """All paths that end here, its own first."""
        return [(self._ticket_id,), *self._absorbed]

    def statement(self, path: Path, into: str) -> TicketAbsorbed | None:
        """Return what it tells one ticket along a path; None when it tells nothing there."""
        merge, fact = self._merges.get(into), self._absorbed.get(path)
        if merge is None or into in path or (fact is None and path != (self._ticket_id,)):
            return None
        packed, days = self._said(fact) if into == self._survivor else (b"", self._days(fact))
        return TicketAbsorbed(
            ticket_id=into,
            from_ticket_id=path[0],
            revision=len(self._own) if fact is None else self._turns + fact.revision,
            facts=packed,
            via=path[1:],
            days=days,
        )

    def encoded(self, path: Path, into: str) -> bytes | None:
        """Return what it tells one ticket along a path as an event; None when it tells nothing there."""
        said = self.statement(path, into)
        if said is None:
            return None
        return encode(
            said,
            source=SOURCE,
            id=identity_along(path, into),
            time=_EPOCH + timedelta(milliseconds=self._merges[into].at),
            name="ticket.absorbed",
            subject=into,
            replay=True,
        )

    def all_along(self, paths: Iterable[Path]) -> list[tuple[str, bytes]]:
        """Return what it tells along some paths: pairs of survivor's id and event as JSON."""
        told = [(into, self.encoded(path, into)) for path in paths for into in self._merges]
        return [(into, raw) for into, raw in told if raw is not None]

    def _said(self, fact: Absorbed | None) -> tuple[bytes, tuple[int, ...]]:
        if fact is None:
            return _packed(self._shared), self._days(fact)
        return fact.packed if fact.id in self._counting else b"", fact.days

    def _days(self, fact: Absorbed | None) -> tuple[int, ...]:
        return tuple(days_of(self._own)) if fact is None else fact.days


def statements_of(ticket: Ticket, arrived: Iterable[AnyFact]) -> list[tuple[str, bytes]]:
    """Return what a ticket tells now those it was ever merged into: pairs of survivor's id and event as JSON.

    What they say follows from the ticket's state alone, so stating them again after a crash gives the same events. A
    survivor that the ticket has left gets empty ones.

    Args:
        ticket: As it stands.
        arrived: Facts that were folded into it just now, for the first time or again. After a merge or a retraction
            all is told, after any other fact of its own its own part, after what another ticket told only what follows
            from that. Telling all would never come to rest in a circle, and for each message on a ticket into which
            thousands were merged it would say thousands of things again.
    """
    if not any(type(fact) is Merged for fact in ticket.facts):
        return []
    teller = Teller(ticket)
    kinds, paths = set[type](), dict[Path, None]()
    for fact in arrived:
        kinds.add(type(fact))
        if type(fact) is Absorbed:
            paths[*fact.path, ticket.ticket_id] = None
    if kinds & _TURNS:
        return teller.all_along(teller.paths)
    if kinds - {Absorbed}:
        paths[ticket.ticket_id,] = None
    return teller.all_along(paths)


def _packed(facts: Sequence[AnyFact]) -> bytes:
    """Return facts as bytes; of too many, the beginning: there lie the creation and the first answers."""
    packed = pack(facts)
    return packed if len(packed) <= MAX_PART_BYTES else _packed(facts[: len(facts) // 2])


def identity_along(path: Path, into: str) -> str:
    """Return the id of all statements along a path to a ticket: short, however long the ids of the tickets are."""
    return "absorbed:" + blake2b(msgspec.json.encode((*path, into)), digest_size=16).hexdigest()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
