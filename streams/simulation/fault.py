"""A cable is dug through on a Monday at nine: who calls, what they are told, and two repairs of which one holds."""

from collections.abc import Iterator
from random import Random

from schemas.events import (
    Classifier,
    ContactType,
    Data,
    FaultDeclared,
    FaultFixed,
    FaultUpdated,
    Party,
    TicketClassified,
    TicketCreated,
    TicketLinked,
    TicketResolved,
)
from streams.simulation import world
from streams.simulation.rhythm import HOUR, Span, instant
from streams.simulation.talk import at_their_times, message
from streams.simulation.timeline import Moment, Subject, Tale, Timeline

_MINUTE = HOUR // 60


def start_fault(seed: int, timeline: Timeline, week: Span, prefix: str, start: int) -> None:
    """Let the cable be dug through on the Monday after the faulty week, unless the desk opens later.

    Args:
        seed: Of the world; what else happens in it is drawn by another generator, and stays as it is.
        timeline: Where it happens.
        week: The faulty week.
        prefix: What ids begin with.
        start: When the desk opens.
    """
    nine = week.end + 9 * HOUR
    if nine - HOUR < start:
        return
    rng = Random(f"{seed}/cable")
    fault = Subject(world.DESK_SOURCE, f"{prefix}{world.CABLE_FAULT}", f"{prefix}{world.CABLE_FAULT}")
    timeline.start(_fault(fault.key, nine), fault)
    for number, after in enumerate(world.CABLE_CALLS, 1):
        ticket_id = f"{prefix}C{number:03d}"
        call = _Call(ticket_id, f"{prefix}studio-guest-{number}", nine + after * _MINUTE, rng)
        timeline.start(at_their_times(call.moments(fault.key, nine)), Subject(world.DESK_SOURCE, ticket_id, ticket_id))


def _fault(fault_id: str, nine: int) -> Tale:
    def at(minutes: int) -> int:
        return nine + minutes * _MINUTE

    yield (
        at(26),
        FaultDeclared(
            fault_id=fault_id,
            asset_id=world.CABLE_ASSET,
            cause="cable dug through",
            eta_at=instant(at(120)),
        ),
    )
    yield at(110), FaultUpdated(fault_id=fault_id, eta_at=instant(at(360)))
    yield at(383), FaultFixed(fault_id=fault_id)
    yield at(420), FaultUpdated(fault_id=fault_id, eta_at=instant(at(600)))
    yield at(580), FaultFixed(fault_id=fault_id)


class _Call:
    """One customer whose kitchen cannot be planned."""

    def __init__(self, ticket_id: str, customer: str, at: int, rng: Random) -> None:
        self._id = ticket_id
        self._customer = customer
        self._at = at
        self._agent = rng.choice(world.CABLE_AGENTS)
        self._answered_after = rng.randrange(2, 25) * _MINUTE
        self._told_after = rng.randrange(5, 60) * _MINUTE if rng.random() < world.CABLE_TOLD_SHARE else None
        self._is_linked = rng.random() < world.CABLE_LINKED_SHARE

    def moments(self, fault_id: str, nine: int) -> Iterator[Moment]:
        """Yield what happens on the ticket, in any order."""
        declared_at, fixed_at = nine + 26 * _MINUTE, nine + 580 * _MINUTE
        yield (
            self._at,
            TicketCreated(
                ticket_id=self._id,
                channel="phone",
                created_by=Party.SYSTEM,
                customer_id=self._customer,
                team=world.CABLE_TEAM,
                asset_id=world.CABLE_ASSET,
            ),
        )
        yield self._at + 1_000, self._says(1, Party.CUSTOMER)
        answered_at = self._at + self._answered_after
        yield answered_at, self._says(2, Party.AGENT)
        yield (
            answered_at + 30_000,
            TicketClassified(
                ticket_id=self._id,
                contact_type=ContactType.HELP_REQUEST,
                by=Classifier.AGENT,
                reason=world.CABLE_REASON,
                product_line="kitchens",
            ),
        )
        if self._is_linked:
            yield max(answered_at, declared_at) + 2 * _MINUTE, TicketLinked(ticket_id=self._id, fault_id=fault_id)
        if self._told_after is not None:
            yield max(answered_at, declared_at) + self._told_after, self._says(3, Party.AGENT)
        solved = TicketResolved(
            ticket_id=self._id, outcome="solved", strategy=world.SOLVE, agent_id=self._agent, cycle=1
        )
        yield fixed_at + self._answered_after, solved

    def _says(self, number: int, sender: Party) -> Data:
        return message(self._id, number, sender, self._customer if sender is Party.CUSTOMER else self._agent)
