"""What a case costs beside what is granted: what customers ask for in vain, work, and goods that come back.

It draws by itself and is numbered by itself, so that nothing of it changes what happens on tickets.
"""

from random import Random

from schemas.events import (
    CompensationDenied,
    CompensationGranted,
    CompensationRequested,
    Data,
    ReturnCompleted,
    TicketWorked,
)
from streams.simulation import world
from streams.simulation.chance import around, happens
from streams.simulation.contact import Contact
from streams.simulation.desk import Agent, Desk
from streams.simulation.rhythm import DAY, SECOND
from streams.simulation.timeline import Subject, Tale


def start_costs(
    desk: Desk,
    contact: Contact,
    at: int,
    agent: Agent,
    strategy: str,
    cycle: int,
    granted: CompensationGranted | None,
    wish: int,
) -> None:
    """Let what a case costs be told as it is solved.

    Args:
        desk: Where it is solved.
        contact: The case.
        at: When.
        agent: Who solves it.
        strategy: How.
        cycle: How often it was by then.
        granted: What the customer gets.
        wish: What the customer asked for, where something is granted.
    """
    ticket = contact.ticket
    rng = Random(f"cost/{ticket.key}/{cycle}")
    of_ticket = Subject(ticket.source, ticket.key, f"{ticket.stem}.K{cycle}", counts=False)
    amount = wish if granted else int(around(rng, world.COMPENSATION_MEDIAN, world.COMPENSATION_SPREAD)) // 100 * 100
    denied = None
    if not granted and happens(rng, world.STRATEGIES[strategy].asked_in_vain):
        because = world.REFUSALS.draw(rng)
        denied = CompensationDenied(ticket_id=ticket.key, compensation_id=f"{ticket.key}-P{cycle}", because=because)
    seconds = round(around(rng, world.WORK_SECONDS[strategy], world.WORK_SPREAD))
    desk.timeline.start(_told(at, contact, agent, cycle, seconds, granted, denied, amount), of_ticket)
    if contact.customer_id and contact.order_id and contact.reason.after_sales:
        is_cut = denied is not None or (granted is not None and granted.amount < wish)
        share = world.RETURNED_SHARE if is_cut else world.STRATEGIES[strategy].returned
        if happens(rng, share):
            shop = Subject(world.SHOP_SOURCE, contact.customer_id, f"{ticket.key}.R{cycle}", counts=False)
            desk.timeline.start(_returned(rng, at, contact, contact.customer_id, contact.order_id, cycle), shop)


def _told(
    at: int,
    contact: Contact,
    agent: Agent,
    cycle: int,
    seconds: int,
    granted: CompensationGranted | None,
    denied: CompensationDenied | None,
    amount: int,
) -> Tale:
    ticket = contact.ticket.key
    said: list[Data] = [TicketWorked(ticket_id=ticket, seconds=seconds, agent_id=agent.id)]
    if granted or denied:
        request = CompensationRequested(
            ticket_id=ticket,
            compensation_id=f"{ticket}-P{cycle}",
            amount=amount,
            currency=world.CURRENCY,
            cap=granted.cap if granted else world.CAPS["agent"],
        )
        said += [request]
    for number, one in enumerate([*said, *([denied] if denied else [])]):
        yield at + number * SECOND, one


def _returned(rng: Random, at: int, contact: Contact, customer_id: str, order_id: str, cycle: int) -> Tale:
    back_at = at + int(rng.uniform(2, 18) * DAY)
    loss = int(around(rng, world.RETURN_LOSS, world.RETURN_LOSS_SPREAD))
    yield (
        back_at,
        ReturnCompleted(
            return_id=f"{contact.ticket.key}-R{cycle}",
            order_id=order_id,
            customer_id=customer_id,
            loss=loss,
            currency=world.CURRENCY,
            ticket_id=contact.ticket.key,
        ),
    )
