"""What the agents need from the outside world, said as protocols."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from schemas.rows import DeadLetterRow, EventRow, Ms, OpenHoursRow, TicketRow
from streams.core.ticket import Ticket


class StoreUnavailableError(Exception):
    """The store did not answer or cannot work now. The same call may succeed later: wait and try again."""


class StoreRejectedError(Exception):
    """The store refused what it was asked. Trying again gives the same answer: stop and have it looked at."""


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> Ms:
        """Return the current time in milliseconds since 1970."""


class Outgoing(Struct, frozen=True):
    """A record to publish."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Outbox(Protocol):
    """Where records go that others must see."""

    def partitions_of(self, topic: str) -> int | None:
        """Return how many partitions a topic has; None while it is unknown."""

    async def publish(self, records: Iterable[Outgoing]) -> None:
        """Publish records and return when the broker has all of them."""


class Store(Protocol):
    """Where events, tickets, opening hours and dead letters are kept.

    Every row is a complete statement about its key. Writing it again changes nothing; of two rows of a ticket, or of a
    schedule, the one with the higher version counts, whichever was written last.
    """

    async def load(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return the tickets that are known, by id; unknown ones are left out.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        hours: Sequence[OpenHoursRow] = (),
    ) -> None:
        """Keep rows for good: dead letters and events first, then the hours and the tickets that follow from them.

        When it returns, all of them are stored; when it raises, any part of them may be.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """
