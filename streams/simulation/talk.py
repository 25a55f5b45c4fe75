"""What is said on a ticket whose course is laid down: messages of both sides, and moments put in order."""

from collections.abc import Iterator

from schemas.events import Direction, MessageSent, Party, Visibility
from streams.simulation.timeline import Moment, Tale


def message(ticket_id: str, number: int, sender: Party, sender_id: str) -> MessageSent:
    """Return a public message, in when a customer sends it."""
    return MessageSent(
        ticket_id=ticket_id,
        message_id=f"{ticket_id}-M{number}",
        direction=Direction.IN if sender is Party.CUSTOMER else Direction.OUT,
        visibility=Visibility.PUBLIC,
        sender_type=sender,
        sender_id=sender_id,
    )


def at_their_times(moments: Iterator[Moment]) -> Tale:
    """Yield moments in the order in which they come."""
    yield from sorted(moments, key=lambda moment: moment[0])
