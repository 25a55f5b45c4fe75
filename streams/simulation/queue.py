"""What happens before there is a ticket: calls and chats that wait, some that are given up, and who needs nobody."""

from random import Random
from typing import Final

from schemas.events import ContactAbandoned, ContactAnswered, ContactQueued, SelfServiceSession
from streams.simulation import world
from streams.simulation.chance import around, happens
from streams.simulation.contact import Contact
from streams.simulation.desk import Desk
from streams.simulation.rhythm import SECOND
from streams.simulation.timeline import Subject, Tale

_QUEUES: Final = ("phone", "chat")


class Queue:
    """The telephone system of one desk, its chat, and its help pages.

    All of it is drawn by a generator of its own, so that what happens on tickets stays as it is.
    """

    def __init__(self, seed: int, desk: Desk, prefix: str) -> None:
        self._rng = Random(f"{seed}/queue")
        self._desk = desk
        self._prefix = prefix
        self._sessions = 0

    def reached(self, contact: Contact) -> None:
        """Let a contact that a ticket comes of wait before, and now and then another one give up."""
        if contact.channel not in _QUEUES:
            return
        rng = self._rng
        wait = int(around(rng, world.QUEUE_SECONDS, 0.8) * SECOND)
        call, lost = (f"{contact.ticket.key}-{fate}" for fate in ("call", "lost"))
        self._call(call, self._answered(call, contact, wait))
        if happens(rng, world.GIVEN_UP_SHARE):
            begin = contact.at + rng.randrange(20 * 60) * SECOND
            self._call(lost, self._given_up(lost, contact, begin))

    def sessions(self, at: int) -> Tale:
        """Wake up whenever somebody has looked at the help pages. Never ends."""
        while True:
            at = self._desk.next_arrival(self._rng, at, world.SESSIONS_PER_TICKET)
            yield at, None
            self._looked(at)

    def _call(self, id: str, tale: Tale) -> None:
        self._desk.timeline.start(tale, Subject(world.TELEPHONE_SOURCE, id, id))

    def _answered(self, id: str, contact: Contact, wait: int) -> Tale:
        yield contact.at, _queued(id, contact, contact.customer_id)
        yield contact.at + wait, ContactAnswered(contact_id=id, ticket_id=contact.ticket.key)

    def _given_up(self, id: str, contact: Contact, at: int) -> Tale:
        yield at, _queued(id, contact, None)
        yield at + int(around(self._rng, world.PATIENCE_SECONDS, 0.7) * SECOND), ContactAbandoned(contact_id=id)

    def _looked(self, at: int) -> None:
        rng = self._rng
        self._sessions += 1
        id = f"{self._prefix}S{self._sessions:06d}"
        solved = happens(rng, world.SESSION_SOLVED_SHARE)
        customer = f"{self._prefix}visitor-{self._sessions}" if happens(rng, world.SESSION_KNOWN_SHARE) else None
        session = SelfServiceSession(
            session_id=id,
            channel=rng.choice(("help pages", "voice menu")),
            solved=solved,
            customer_id=customer,
            reason=world.SESSION_REASONS.draw(rng),
        )
        self._desk.timeline.start(_once(at, session), Subject(world.PORTAL_SOURCE, id, id))
        if not solved and happens(rng, world.SESSION_CALLS_SHARE):
            call, later = f"{id}-call", at + rng.randrange(60, 7200) * SECOND
            self._call(call, self._comes_after_all(call, customer, later))

    def _comes_after_all(self, id: str, customer: str | None, at: int) -> Tale:
        yield at, ContactQueued(contact_id=id, channel="phone", team="delivery", customer_id=customer)
        yield at + int(around(self._rng, world.QUEUE_SECONDS, 0.8) * SECOND), ContactAnswered(contact_id=id)


def _queued(id: str, contact: Contact, customer_id: str | None) -> ContactQueued:
    return ContactQueued(
        contact_id=id, channel=contact.channel, team=contact.team, priority=contact.priority, customer_id=customer_id
    )


def _once(at: int, said: SelfServiceSession) -> Tale:
    yield at, said
