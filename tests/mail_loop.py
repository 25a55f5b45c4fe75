"""Two machines that answer each other: a ticket that is reopened and resolved again without end."""

from functools import cache
from typing import Final

from schemas import events as e
from schemas.codec import Event
from tests.histories import event

T0: Final = 1_750_000_000_000 // 86_400_000 * 86_400_000
"""A midnight in UTC, in milliseconds since 1970."""
CYCLE_MS: Final = 10_000


def mail_loop(ticket_id: str, cycles: int, *, every_ms: int = CYCLE_MS) -> list[Event]:
    """Return the events of a ticket with so many cycles, four each: a message, a reopening, an answer, a resolution."""
    created = e.TicketCreated(ticket_id=ticket_id, channel="email", created_by=e.Party.CUSTOMER, team="post")
    said: list[tuple[e.Data, int]] = [(created, T0)]
    for number in range(cycles):
        at = T0 + number * every_ms
        said += [
            (_message(ticket_id, f"in-{number}", e.Direction.IN, e.Party.CUSTOMER), at + 1_000),
            (e.TicketReopened(ticket_id=ticket_id), at + 1_000),
            (_message(ticket_id, f"out-{number}", e.Direction.OUT, e.Party.AGENT), at + 5_000),
            (e.TicketResolved(ticket_id=ticket_id), at + 6_000),
        ]
    return [_event(content, at, number, ticket_id) for number, (content, at) in enumerate(said)]


@cache
def _event(content: e.Data, at: int, number: int, ticket_id: str) -> Event:
    return event(content, at, str(number), number, subject=ticket_id)


def _message(ticket_id: str, id: str, direction: e.Direction, sender: e.Party) -> e.MessageSent:
    return e.MessageSent(
        ticket_id=ticket_id,
        message_id=id,
        direction=direction,
        visibility=e.Visibility.PUBLIC,
        sender_type=sender,
    )
