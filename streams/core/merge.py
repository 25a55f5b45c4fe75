"""Merges across owners: what the survivor must know travels to it as a derived event under its own key.

The merged ticket states its part of the customer's story under one identity; a later statement has a higher revision and
takes the place of the earlier one, an empty one takes the merge back.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.codec import encode
from schemas.events import TicketAbsorbed
from streams.core import history
from streams.core.fact import Absorbed, Merged, pack
from streams.core.ticket import Ticket, active_facts

SOURCE: Final = "urn:servicepulse:fold"
"""The source of events that the fold itself derives."""

MAX_HOPS: Final = 8
"""A chain of merges longer than this is a circle: statements stop travelling."""


def statements_of(ticket: Ticket) -> dict[str, bytes]:
    """Return what a ticket has to tell the tickets it was ever merged into: survivor's id -> event as JSON.

    The statement follows from the ticket's state alone, so stating it again after a crash is the same event. A survivor
    that the ticket has left gets an empty statement.
    """
    merges = history.of(Merged, ticket.facts)
    hops = 1 + max((fact.hops for fact in history.of(Absorbed, ticket.facts)), default=0)
    if not merges or hops > MAX_HOPS:
        return {}
    facts = active_facts(ticket.facts)
    survivor = history.merged_into(facts)
    packed = pack(history.shared_story(facts))
    return {merge.into: _statement(ticket, merge, hops, packed if merge.into == survivor else b"") for merge in merges}


def _statement(ticket: Ticket, merge: Merged, hops: int, packed: bytes) -> bytes:
    said = TicketAbsorbed(
        ticket_id=merge.into,
        from_ticket_id=ticket.ticket_id,
        revision=ticket.revision,
        hops=hops,
        facts=packed,
    )
    return encode(
        said,
        source=SOURCE,
        id=f"absorbed:{ticket.ticket_id}:{merge.into}",
        time=_EPOCH + timedelta(milliseconds=merge.at),
        name="ticket.absorbed",
        subject=merge.into,
        replay=True,
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
