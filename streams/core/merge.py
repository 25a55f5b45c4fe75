"""Merges across owners: what the survivor must know travels to it as a derived event under its own key.

A merged ticket tells its own part of the customer's story and passes on what it was told, each along the path that it
came. What a ticket is told it only passes on, one step further along that path, and nothing returns to a ticket on its
path: so chains and circles of merges come to rest. Each path is a statement with an identity of its own; a later one
has a higher revision and takes the place of the earlier one, an empty one takes the merge back.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

from schemas.codec import encode
from schemas.events import TicketAbsorbed
from streams.core.fact import SHARED, Absorbed, AnyFact, Merged, days_of, pack
from streams.core.history import History, merged_into
from streams.core.ticket import Ticket, active_facts

SOURCE: Final = "urn:servicepulse:fold"
"""The source of events that the fold itself derives."""

MAX_HOPS: Final = 8
"""The longest chain of merges along which a ticket's part travels: tickets merged into each other at random have more
paths between them than anybody could follow."""


MAX_PART_BYTES: Final = 600 * 1024
"""As JSON, 800 KiB: a part fits into one event. That is about 17,000 messages on one ticket."""


class Part(Struct, frozen=True):
    """A part of a story on its way to survivors.

    Attributes:
        path: The tickets it passed through: first the one whose part it is, last the one that tells it now.
        revision: Grows with every event of a ticket on the path, and depends on nothing else.
        packed: The facts; none when they do not count here any more.
        days: Of everything that was ever said of the first.
    """

    path: tuple[str, ...]
    revision: int
    packed: bytes
    days: tuple[int, ...]


def statements_of(ticket: Ticket, arrived: Iterable[AnyFact]) -> list[tuple[str, bytes]]:
    """Return what a ticket has to tell the tickets it was ever merged into: pairs of survivor's id and event as JSON.

    What they say follows from the ticket's state alone, so stating them again after a crash gives the same events. A
    survivor that the ticket has left gets empty ones.

    Args:
        ticket: As it stands.
        arrived: Facts that were folded into it just now, for the first time or again. After one of its own all is told;
            after what another ticket told, only what follows from that. Telling all would never come to rest in a
            circle.
    """
    merges = {fact.into: fact for fact in ticket.facts if type(fact) is Merged}
    if not merges:
        return []
    active = active_facts(ticket.facts)
    merges |= {fact.into: fact for fact in active if type(fact) is Merged}
    survivor = merged_into(History(active))
    told = list(arrived)
    paths = {(*fact.path, ticket.ticket_id) for fact in told if type(fact) is Absorbed}
    is_own = any(type(fact) is not Absorbed for fact in told)
    parts = [part for part in _parts(ticket, active) if is_own or part.path in paths]
    return [
        (into, _statement(part, merge, is_left=into != survivor))
        for into, merge in merges.items()
        for part in parts
        if into not in part.path
    ]


def _parts(ticket: Ticket, active: Sequence[AnyFact]) -> Iterator[Part]:
    own = [fact for fact in ticket.facts if type(fact) is not Absorbed]
    shared = [fact for fact in active if type(fact) in SHARED]
    yield Part((ticket.ticket_id,), len(own), _packed(shared), tuple(days_of(own)))
    counting = {fact.id for fact in active}
    for fact in ticket.facts:
        if type(fact) is Absorbed and len(fact.path) < MAX_HOPS:
            packed = fact.packed if fact.id in counting else b""
            yield Part((*fact.path, ticket.ticket_id), len(own) + fact.revision, packed, fact.days)


def _packed(facts: Sequence[AnyFact]) -> bytes:
    """Return facts as bytes; of too many, the beginning: there lie the creation and the first answers."""
    packed = pack(facts)
    return packed if len(packed) <= MAX_PART_BYTES else _packed(facts[: len(facts) // 2])


def _statement(part: Part, merge: Merged, *, is_left: bool) -> bytes:
    origin, *via = part.path
    said = TicketAbsorbed(
        ticket_id=merge.into,
        from_ticket_id=origin,
        revision=part.revision,
        facts=b"" if is_left else part.packed,
        via=tuple(via),
        days=part.days,
    )
    return encode(
        said,
        source=SOURCE,
        id=_identity((*part.path, merge.into)),
        time=_EPOCH + timedelta(milliseconds=merge.at),
        name="ticket.absorbed",
        subject=merge.into,
        replay=True,
    )


def _identity(path: tuple[str, ...]) -> str:
    """Return the id of all statements along a path: short, however long the ids of the tickets are."""
    return "absorbed:" + blake2b(msgspec.json.encode(path), digest_size=16).hexdigest()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
