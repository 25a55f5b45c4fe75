"""Who gets in touch next, and why; and who orders next."""

from dataclasses import replace
from typing import Final

from schemas.events import ContactType
from streams.simulation import world
from streams.simulation.chance import Weighted, happens
from streams.simulation.contact import Contact
from streams.simulation.desk import Crew, Desk
from streams.simulation.queue import Queue
from streams.simulation.shop import Shop
from streams.simulation.story import Story, deletion
from streams.simulation.timeline import Subject, Tale
from streams.simulation.world import Reason

_FATES: Final = Weighted(
    {
        Story.handled: 1.0 - world.SPAM_SHARE - world.TEST_SHARE - world.NEGLECTED_SHARE - world.OPENED_BY_AGENT_SHARE,
        Story.spam: world.SPAM_SHARE,
        Story.test: world.TEST_SHARE,
        Story.neglected: world.NEGLECTED_SHARE,
        Story.opened_by_agent: world.OPENED_BY_AGENT_SHARE,
    }
)


class Arrivals:
    """The stream of contacts that reach one desk."""

    def __init__(self, desk: Desk, shop: Shop, queue: Queue, prefix: str) -> None:
        self._desk = desk
        self._queue = queue
        self._shop = shop
        self._rng = desk.rng
        self._prefix = prefix
        self._tickets = 0

    def contacts(self, at: int) -> Tale:
        """Wake up at every contact and let its story begin. Never ends."""
        while True:
            at = self._desk.next_arrival(self._rng, at, 1.0)
            yield at, None
            self._begin(at)

    def orders(self, at: int) -> Tale:
        """Wake up at every order. Never ends."""
        while True:
            at = self._desk.next_arrival(self._rng, at, world.ORDERS_PER_TICKET)
            yield at, None
            self._shop.sell(at)

    def _begin(self, at: int) -> None:
        first = self._somebody_impatient(at)
        contact = self._again(at, first) if first else self._contact(at)
        self._queue.reached(contact)
        story = Story(self._desk, self._shop, contact)
        tale = story.duplicate_of(first) if first else _FATES.draw(self._rng)(story)
        self._desk.timeline.start(tale, contact.ticket)
        if happens(self._rng, world.DELETED_SHARE):
            self._desk.timeline.start(deletion(self._desk, contact), contact.ticket)

    def _somebody_impatient(self, at: int) -> Contact | None:
        if not happens(self._rng, world.DUPLICATE_SHARE):
            return None
        return self._desk.a_crew(at).somebody_waiting(self._rng)

    def _again(self, at: int, first: Contact) -> Contact:
        """Return the second contact of somebody who waits, on whatever channel is at hand."""
        return replace(first, ticket=self._ticket(), at=at, channel=self._channel(at))

    def _contact(self, at: int) -> Contact:
        rng = self._rng
        crew = self._desk.a_crew(at)
        is_faulty = self._desk.is_faulty(crew, at)
        reason, contact_type = self._concern(crew, is_faulty=is_faulty)
        customer = self._shop.a_customer() if happens(rng, world.KNOWN_CUSTOMER_SHARE) else None
        return Contact(
            ticket=self._ticket(),
            at=at,
            channel=self._channel(at),
            team=crew.name,
            reason=reason,
            contact_type=contact_type,
            priority=self._priority(contact_type),
            product_line=customer.product_line if customer else world.PRODUCT_LINES.draw(rng),
            region=customer.region if customer else world.REGIONS.draw(rng),
            language=customer.language if customer else world.LANGUAGES.draw(rng),
            customer_id=customer.id if customer else self._somebody_new(),
            order_id=customer.order_id if customer else None,
            is_faulty=is_faulty,
        )

    def _concern(self, crew: Crew, *, is_faulty: bool) -> tuple[Reason, ContactType]:
        rng = self._rng
        if is_faulty and happens(rng, world.FAULT_SHARE):
            complains = happens(rng, world.FAULT_COMPLAINT_SHARE)
            kind = ContactType.COMPLAINT if complains else ContactType.HELP_REQUEST
            return crew.reason(world.FAULTY_REASON), kind
        reason = crew.a_reason(rng)
        return reason, world.CONTACT_TYPES[reason.tone].draw(rng)

    def _ticket(self) -> Subject:
        self._tickets += 1
        ticket_id = f"{self._prefix}T{self._tickets:06d}"
        return Subject(world.DESK_SOURCE, ticket_id, ticket_id)

    def _channel(self, at: int) -> str:
        is_open = self._desk.rhythm.is_open(at)
        return (world.OPEN_CHANNELS if is_open else world.CLOSED_CHANNELS).draw(self._rng)

    def _priority(self, contact_type: ContactType) -> str:
        is_complaint = contact_type is ContactType.COMPLAINT
        return (world.COMPLAINT_PRIORITIES if is_complaint else world.PRIORITIES).draw(self._rng)

    def _somebody_new(self) -> str | None:
        """Return a customer of whom no order is known; None for a caller who hides."""
        return None if happens(self._rng, world.UNKNOWN_CUSTOMER_SHARE) else self._shop.a_stranger()
