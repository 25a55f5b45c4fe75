"""What an agent promises a customer at the first answer, and what becomes of it."""

from random import Random

from schemas.events import PromiseKept, PromiseKind, PromiseMade, PromiseMoved, PromiseWithdrawn
from streams.simulation import world
from streams.simulation.chance import happens
from streams.simulation.contact import Contact
from streams.simulation.desk import Agent, Desk, hours, seconds
from streams.simulation.rhythm import SECOND, instant
from streams.simulation.timeline import Subject, Tale

_MINUTE = 60 * SECOND


def start_promise(
    desk: Desk, contact: Contact, promised_at: int, agent: Agent, strategy: str | None, visit: int
) -> None:
    """Let a promise be made, of some tickets.

    It draws by itself and is numbered by itself, so that whether one is made changes nothing else of the story.
    """
    rng = Random(f"promise/{contact.ticket.key}/{promised_at}")
    if not contact.is_case or not happens(rng, world.PROMISED_SHARE):
        return
    ticket = contact.ticket
    told = Subject(source=ticket.source, key=ticket.key, stem=f"{ticket.stem}.P{visit}", counts=False)
    desk.timeline.start(_promise(rng, desk, contact, promised_at, agent, strategy, visit), told)


def _promise(
    rng: Random, desk: Desk, contact: Contact, promised_at: int, agent: Agent, strategy: str | None, visit: int
) -> Tale:
    ticket = contact.ticket
    promise_id = f"{ticket.key}-V{visit}"
    kind = world.PROMISES.draw(rng)
    due_at = _due_after(promised_at, rng, desk, kind)
    yield (
        promised_at + seconds(rng, 20),
        PromiseMade(ticket_id=ticket.key, promise_id=promise_id, kind=kind, due_at=instant(due_at), made_by=agent.id),
    )
    in_time = promised_at + int((due_at - promised_at) * rng.uniform(0.4, 0.98))
    fate = world.PROMISE_FATES[strategy == world.SOLVE].draw(rng)
    if fate == "moved":
        yield in_time, None
        if ticket.is_over:
            return
        due_at = _due_after(due_at, rng, desk, kind)
        yield in_time, PromiseMoved(ticket_id=ticket.key, promise_id=promise_id, due_at=instant(due_at))
        in_time = in_time + int((due_at - in_time) * rng.uniform(0.4, 0.98))
    ended_at = due_at + hours(rng, 3) if fate == "late" else in_time
    yield ended_at, None
    if ticket.is_over or fate == "forgotten":
        return
    if fate == "given up":
        yield ended_at, PromiseWithdrawn(ticket_id=ticket.key, promise_id=promise_id, reason="not-needed-any-more")
    else:
        yield ended_at, PromiseKept(ticket_id=ticket.key, promise_id=promise_id, by=agent.id)


def _due_after(at: int, rng: Random, desk: Desk, kind: PromiseKind) -> int:
    """Return a full minute some hours of work behind an instant."""
    return desk.rhythm.worked(at, hours(rng, world.PROMISED_HOURS[kind])) // _MINUTE * _MINUTE + _MINUTE
