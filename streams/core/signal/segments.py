"""All segments under watch: every rating reaches its team and the desk, in whatever order and however often."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.drop import Episode, Rating, Tally, Verdict, Watch
from streams.core.drop.baseline import hour_of
from streams.core.signal.word import DESK, RatedTicket, Segment, SegmentKind, ThresholdBook

_NOTHING: Final = RatedTicket("", "", ())


class Finding(NamedTuple):
    """A fall that was found.

    Attributes:
        episode: When it began and ended.
        is_replayed: Only replayed ratings show it: it is history, and nobody is paged.
    """

    episode: Episode
    is_replayed: bool


class Segments:
    """What is known of every team and of the desk.

    What it says follows from the ratings that it was given as they stand now, as if it had just been told all of them.
    """

    def __init__(self, book: ThresholdBook) -> None:
        self._book = book
        self._tickets: dict[str, RatedTicket] = {}
        self._watches: dict[Segment, Watch] = {DESK: Watch(book.of(DESK))}
        self._hindsight: dict[Segment, Watch] = {}
        self._replayed_until: dict[Segment, Ms] = {}
        self._by_hour: dict[Ms, list[int]] = {}

    def put(self, tickets: Iterable[RatedTicket]) -> set[Segment]:
        """Learn how the ratings of tickets stand, and return the segments for which that changes anything."""
        touched: set[Segment] = set()
        for ticket in tickets:
            before = self._tickets.get(ticket.ticket_id, _NOTHING)
            if before == ticket or not (before.ratings or ticket.ratings):
                continue
            self._forget(before)
            self._remember(ticket)
            touched |= {DESK, *_teams(before), *_teams(ticket)}
        return touched

    def unknown(self, tickets: Iterable[RatedTicket]) -> Iterator[Rating]:
        """Yield the ratings of tickets that it knows nothing of, in whatever way they were revised."""
        for ticket in tickets:
            known = {rating.id for rating in self._tickets.get(ticket.ticket_id, _NOTHING).ratings}
            yield from (rating for rating in ticket.ratings if rating.id not in known)

    def above(self) -> None:
        """Let teams know how the desk was rated meanwhile; without it they go on by what they were told before."""
        tallies = [Tally(at, n, satisfied) for at, (n, satisfied) in sorted(self._by_hour.items()) if n]
        for watches in (self._watches, self._hindsight):
            for segment, watch in watches.items():
                if segment != DESK:
                    watch.put_parent(tallies)

    def __iter__(self) -> Iterator[Segment]:
        """Yield all segments, teams before the desk."""
        yield from sorted(segment for segment in self._watches if segment != DESK)
        yield DESK

    def verdict(self, segment: Segment, now: Ms, *, is_replayed: bool = False) -> Verdict:
        """Return how a segment stands, or how it would stand if replayed ratings were news."""
        watch = self._hindsight[segment] if is_replayed else self._watches[segment]
        return watch.verdict(now)

    def findings(self, segment: Segment, now: Ms) -> list[Finding]:
        """Return every fall that is known of a segment, those in replayed history included."""
        live = [Finding(one, is_replayed=False) for one in self._watches[segment].episodes(now)]
        hindsight = self._hindsight.get(segment)
        if hindsight is None:
            return live
        until = self._replayed_until[segment]
        past = [
            Finding(one, is_replayed=True)
            for one in hindsight.episodes(now)
            if one.opened_at <= until and not any(overlap(one, other.episode) for other in live)
        ]
        return sorted(live + past, key=lambda finding: finding.episode.opened_at)

    def _remember(self, ticket: RatedTicket) -> None:
        if not ticket.ratings:
            self._tickets.pop(ticket.ticket_id, None)
            return
        self._tickets[ticket.ticket_id] = ticket
        for segment in {DESK, *_teams(ticket)}:
            if segment not in self._watches:
                self._watches[segment] = Watch(self._book.of(segment))
            for rating in ticket.ratings:
                self._watches[segment].put(rating)
                self._look_back(segment, rating)
        for rating in ticket.ratings:
            self._count(rating, 1)

    def _look_back(self, segment: Segment, rating: Rating) -> None:
        """Keep a second watch for which nothing is replayed, from the first replayed rating on."""
        if rating.is_replayed:
            self._replayed_until[segment] = max(rating.at, self._replayed_until.get(segment, 0))
            if segment not in self._hindsight:
                self._hindsight[segment] = Watch(self._book.of(segment))
                for known in self._watches[segment].ratings:
                    self._hindsight[segment].put(_live(known))
        if segment in self._hindsight:
            self._hindsight[segment].put(_live(rating))

    def _forget(self, ticket: RatedTicket) -> None:
        for segment in {DESK, *_teams(ticket)}:
            for rating in ticket.ratings:
                self._watches[segment].remove(rating.id)
                if segment in self._hindsight:
                    self._hindsight[segment].remove(rating.id)
        for rating in ticket.ratings:
            self._count(rating, -1)

    def _count(self, rating: Rating, times: int) -> None:
        """Count a rating in the level above the teams, by what the desk calls stale."""
        if rating.is_stale(self._book.of(DESK)):
            return
        counts = self._by_hour.setdefault(hour_of(rating.at), [0, 0])
        counts[0] += times
        counts[1] += times * rating.is_satisfied


def overlap(one: Episode, other: Episode) -> bool:
    """Say whether two signals were open at the same time."""
    return (other.closed_at is None or one.opened_at < other.closed_at) and (
        one.closed_at is None or other.opened_at < one.closed_at
    )


def _live(rating: Rating) -> Rating:
    return replace(rating, is_replayed=False) if rating.is_replayed else rating


def _teams(ticket: RatedTicket) -> set[Segment]:
    """Return the team of a ticket; ratings that belong to no team count for the desk alone."""
    return {Segment(SegmentKind.TEAM, ticket.team)} if ticket.team else set()
