"""What the agents need from the outside world, said as protocols."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from schemas.policy import Policy
from schemas.rows import BesideRow, DeadLetterRow, EventRow, LookRow, Ms, SignalRow, TicketRow
from streams.core.drop import Cause, Response, Rhythm, Silence, Tally
from streams.core.fault.usual import Counts
from streams.core.signal.segment import Called, RatedTicket, Segment, SegmentKind
from streams.core.signal.slices import BadRating, Counted
from streams.core.ticket.batch import Identity, Kept
from streams.core.ticket.fold import Ticket
from streams.core.window import Window
from streams.outgoing import Outgoing as Outgoing
from streams.outgoing import RecordRefusedError as RecordRefusedError


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> Ms:
        """Return the current time in milliseconds since 1970."""


class Outbox(Protocol):
    """Where records go that others must see."""

    def partitions_of(self, topic: str) -> int | None:
        """Return how many partitions a topic has; None while it is unknown."""

    async def publish(self, records: Iterable[Outgoing]) -> None:
        """Publish records and return when the broker has all of them.

        Raises:
            RecordRefusedError: When it has all but those that it refuses for their size.
        """


class Store(Protocol):
    """Where events, tickets, opening hours, policies and dead letters are kept.

    Every row is a complete statement about its key. Writing it again changes nothing; of two rows of a ticket, or of a
    schedule, the one with the higher version counts, whichever was written last.
    """

    async def load(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return the tickets that are known, by id; unknown ones are left out.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def stored(self, identities: Collection[Identity]) -> dict[Identity, list[Kept]]:
        """Return the events that are stored under identities and that no ticket folds, as they are kept.

        Unknown identities are left out. One event may come more than once.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def revisions(self, ticket_ids: Collection[str]) -> dict[str, int]:
        """Return the revision that each ticket has if it knows all its stored events; those without are left out.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def stated(self, ticket_ids: Collection[str]) -> dict[str, int]:
        """Return the revision that the row of each ticket has; those without a row are left out.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def latest(self, most: int) -> list[str]:
        """Return so many tickets at most: those whose rows were written last, by whomever.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def refolded(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        """Return tickets folded anew from their stored events, whatever their rows say.

        Raises:
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        """Keep rows for good: dead letters and events first, then what follows from them.

        When it returns, all of them are stored; when it raises, any part of them may be.

        Raises:
            StoreOverloadedError: When less of it may go through.
            StoreUnavailableError: When trying later may help.
            StoreRejectedError: When it will not.
        """


class Ratings(Struct, frozen=True):
    """What became known of ratings.

    Attributes:
        tickets: Every ticket that was stated since the mark, as it stands now, with all its ratings; without any where
            the last of them lies before all that is read.
        mark: From where to ask the next time: some of it may come again then. What an insert brings that has been
            under way for long is seen only by asking from earlier than that, once in a while.
        is_settled: No ticket with ratings of long ago was stated lately: what is known is not half of a history that is
            being read.
    """

    tickets: Sequence[RatedTicket]
    mark: Ms
    is_settled: bool


class Answers(Struct, frozen=True):
    """How surveys of one team were answered.

    Attributes:
        recent: Lately.
        usual: As usual.
        last_at: When it was last rated; 0 when never.
    """

    recent: Response
    usual: Response
    last_at: Ms


class Heard(Struct, frozen=True):
    """What was heard of a source.

    Attributes:
        newest_at: When its newest event happened.
        rates: It sent surveys or ratings.
    """

    newest_at: Ms
    rates: bool


class WatchStore(Protocol):
    """What the watch reads and writes. Every call blocks, and raises as `Store` does: call it in a thread."""

    def ratings(self, since: Ms, mark: Ms | None) -> Ratings:
        """Return the tickets with ratings since an instant; with a mark only those that were stated after it."""

    def signals(self) -> list[SignalRow]:
        """Return every signal as it was last stated."""

    def state(self, signals: Sequence[SignalRow]) -> None:
        """Keep statements for good."""

    def looked(self, look: LookRow) -> None:
        """Keep when it was last judged, for those who are to be told when it is not."""

    def usual_contacts(self, kind: SegmentKind, since: Ms, until: Ms) -> Counts:
        """Return what came about assets, or about topics, as far as tickets are known from then on."""

    def contacts(self, since: Ms) -> list[Called]:
        """Return the tickets that count and name an asset or a topic, in the order in which they were opened."""

    def reasons(self, since: Ms, until: Ms) -> dict[str, dict[int, int]]:
        """Return how many contacts came, by reason and hour, hours counted from 1970.

        Reasons too rare to dominate any week are together under "", with contacts of no reason.
        """

    def policy(self, now: Ms) -> Policy:
        """Return the version of the policy in force now."""

    def hourly(self, cause: Cause, since: Ms, until: Ms) -> dict[str, list[Tally]]:
        """Return what a rate counts of each team by the hour, in order: all of them, and those that are good.

        Hours begin in `[since, until)`; those in which nothing is counted are left out.
        """

    def slices(
        self, segment: Segment, fall: Window, usual: Window, cause: Cause = Cause.SATISFACTION_FELL
    ) -> list[Counted]:
        """Return the ratings of a segment, or what a rate counts, by reason and product line.

        Over a fall and over the usual time.
        """

    def teams(self, fall: Window, usual: Window) -> list[Counted]:
        """Return all ratings by team, over a fall and over the usual time."""

    def bad_ratings(self, segment: Segment, fall: Window, cause: Cause = Cause.SATISFACTION_FELL) -> list[BadRating]:
        """Return the ratings of a segment that are not satisfied, or what a rate counts as bad, the newest first.

        By reason and product line.
        """

    def responses(self, recent: Window, usual: Window) -> dict[str, Answers]:
        """Return surveys and answers of each team, lately and usually."""

    def newest_events(self, since: Ms) -> dict[str, Heard]:
        """Return what was last heard of each source, among what was stored since an instant; no replays."""

    def silence(self, source: str, newest_at: Ms, now: Ms) -> Silence:
        """Return what a source usually sends in a span as long as from its newest event to now."""

    def rhythm(self, source: str, newest_at: Ms, now: Ms) -> Rhythm:
        """Return how the events of a source come, seen in spans as long as from its newest event to now."""
