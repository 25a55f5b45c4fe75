"""What is told beside a ticket of how it was handled: who had read the story, what was wanted, and what came of it.

It draws by itself and is numbered by itself, so that nothing of it changes what happens on tickets.
"""

from random import Random

from schemas.events import ContextViewed, TicketOutcomeSet
from streams.simulation import world
from streams.simulation.chance import happens
from streams.simulation.contact import Contact
from streams.simulation.desk import Agent, Desk, seconds
from streams.simulation.timeline import Subject, Tale


def start_view(desk: Desk, contact: Contact, answered_at: int, agent: Agent) -> None:
    """Let an agent open what is known before the first answer to a case, more often the more they solve."""
    if not contact.is_case:
        return
    rng = Random(f"view/{contact.ticket.key}/{answered_at}")
    if happens(rng, world.PREPARED_BASE + world.PREPARED_RANGE * agent.solves):
        looked_at = max(contact.at, answered_at - seconds(rng, 90))
        desk.timeline.start(_viewed(contact, looked_at, agent), _beside(contact, f"B{answered_at}"))


def start_outcome(desk: Desk, contact: Contact, at: int, strategy: str, cycle: int) -> None:
    """Let it be told of some after-sales cases what the customer wanted, and what it was settled with."""
    rng = Random(f"outcome/{contact.ticket.key}/{cycle}")
    if not contact.reason.after_sales or not happens(rng, world.OUTCOME_TOLD_SHARE):
        return
    wanted = world.WANTED.draw(rng)
    granted = world.RETURN if happens(rng, world.PUSHED_SHARE[strategy]) else wanted
    desk.timeline.start(_settled(contact, at, wanted, granted), _beside(contact, f"O{cycle}"))


def _viewed(contact: Contact, at: int, agent: Agent) -> Tale:
    yield at, ContextViewed(ticket_id=contact.ticket.key, agent_id=agent.id)


def _settled(contact: Contact, at: int, wanted: str, granted: str) -> Tale:
    yield at, TicketOutcomeSet(ticket_id=contact.ticket.key, requested=wanted, granted=granted)


def _beside(contact: Contact, stem: str) -> Subject:
    ticket = contact.ticket
    return Subject(ticket.source, ticket.key, f"{ticket.stem}.{stem}", counts=False)
