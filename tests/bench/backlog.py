"""What both consumers read: the ticket events of a simulated desk, the same ones for the same seed."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from schemas.codec import encode
from schemas.events import TicketData
from streams.publisher import Publisher
from streams.settings import Settings
from streams.simulation import DESK_SOURCE, events

MONTH: Final = timedelta(days=30)
END: Final = datetime(2025, 11, 1, tzinfo=UTC)
"""Any end in the past would do; a fixed one gives the same events every day."""
SEED: Final = 1


def ticket_events(tickets: int) -> list[bytes]:
    """Return the events of about so many tickets of one month in the order of time: near nine a ticket.

    What a desk tells of faults, departments and calls folds no ticket and is left out.
    """
    return [
        encode(
            event.data,
            source=event.source,
            id=event.id,
            time=event.at,
            name=event.name,
            subject=event.subject,
            subjectseq=event.sequence,
            replay=True,
        )
        for event in events(SEED, END - MONTH, END, per_day=tickets / MONTH.days)
        if event.source == DESK_SOURCE and isinstance(event.data, TicketData)
    ]


def subject_of(event: bytes) -> str:
    """Return whom an event is about."""
    return str(msgspec.json.decode(event)["subject"])


def publish(backlog: list[bytes], settings: Settings) -> None:
    """Publish as an upstream service does, and return when the broker has all of it."""
    with Publisher.from_settings(settings) as publisher:
        for event in backlog:
            publisher.publish_event(event)
