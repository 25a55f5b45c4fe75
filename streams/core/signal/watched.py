"""All segments under watch: every rating reaches its team and the desk, in whatever order and however often."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.drop import Decline, Episode, Level, Rating, Tally, Verdict, Watch, declines, reads_from
from streams.core.drop.baseline import hour_of
from streams.core.signal.segment import DESK, RatedTicket, Segment, SegmentKind, ThresholdBook
from streams.core.window import Window

_NOTHING: Final = RatedTicket("", "", ())
MOST_TEAMS: Final = 2_000
"""Teams under watch, unless somebody sets another number: each costs about 30 KiB and its ratings."""


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
    Of more teams than `most` those with the most ratings are watched; the desk counts the ratings of all.
    """

    def __init__(self, book: ThresholdBook, most: int = MOST_TEAMS) -> None:
        self._book = book
        self._most = most
        self._rated: Counter[str] = Counter()  # ratings by team
        self._is_crowded = False  # ratings of some team reach the desk alone
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
        level = Level(Tally(at, n, satisfied) for at, (n, satisfied) in self._by_hour.items() if n)
        for watches in (self._watches, self._hindsight):
            for segment, watch in watches.items():
                if segment != DESK:
                    watch.put_parent(level)

    def choose(self, keep: Collection[str] = ()) -> None:
        """Watch the teams with the most ratings, where they are too many; ask for it before `above`.

        Args:
            keep: Teams to watch however few ratings they have: those of which something is told.
        """
        if not self._is_crowded:
            return
        chosen = set(nsmallest(self._most, self._rated, key=lambda team: (-self._rated[team], team)))
        chosen |= self._rated.keys() & set(keep)
        watched = {segment.name for segment in self._watches if segment != DESK}
        for team in watched - chosen:
            self._drop(Segment(SegmentKind.TEAM, team))
        self._is_crowded = len(chosen) < len(self._rated)
        self._take_up(chosen - watched)

    def is_left_out(self, segment: Segment) -> bool:
        """Say whether a segment has ratings and is not watched."""
        return segment not in self._watches and segment.kind is SegmentKind.TEAM and segment.name in self._rated

    def left_out(self, most: int) -> tuple[int, list[str]]:
        """Return how many teams are left out, and the names of those among them that have the most ratings."""
        if not self._is_crowded:
            return 0, []
        out = [team for team in self._rated if Segment(SegmentKind.TEAM, team) not in self._watches]
        return len(out), nsmallest(most, out, key=lambda team: (-self._rated[team], team))

    def __len__(self) -> int:
        """Return how many teams are watched."""
        return len(self._watches) - 1

    def __iter__(self) -> Iterator[Segment]:
        """Yield all segments, teams before the desk."""
        yield from sorted(segment for segment in self._watches if segment != DESK)
        yield DESK

    def verdict(self, segment: Segment, now: Ms, *, is_replayed: bool = False) -> Verdict:
        """Return how a segment stands, or how it would stand if replayed ratings were news."""
        watch = self._hindsight[segment] if is_replayed else self._watches[segment]
        return watch.verdict(now)

    def findings(self, segment: Segment, now: Ms, *, is_live_only: bool = False) -> list[Finding]:
        """Return every fall that is known of a segment, those in replayed history included unless only live ones."""
        live = [Finding(one, is_replayed=False) for one in self._watches[segment].episodes(now)]
        hindsight = self._hindsight.get(segment)
        if hindsight is None or is_live_only:
            return live
        until = self._replayed_until[segment]
        past = [
            Finding(one, is_replayed=True)
            for one in hindsight.episodes(now)
            if one.opened_at <= until and not any(overlap(one, other.episode) for other in live)
        ]
        return sorted(live + past, key=lambda finding: finding.episode.opened_at)

    def declines(self, segment: Segment, now: Ms) -> list[Decline]:
        """Return every slow decline that is known of a segment, replayed ratings included."""
        thresholds = self._book.of(segment)
        return declines(self._watches[segment].ratings, thresholds, reads_from(now, thresholds), now)

    def is_history(self, segment: Segment, at: Ms) -> bool:
        """Say whether replayed ratings of a segment reach beyond an instant: what was found by then is history."""
        return at <= self._replayed_until.get(segment, 0)

    def _remember(self, ticket: RatedTicket) -> None:
        if not ticket.ratings:
            self._tickets.pop(ticket.ticket_id, None)
            return
        self._tickets[ticket.ticket_id] = ticket
        for segment, ratings in _parts(ticket):
            if self._is_watched(segment):
                self._add(segment, ratings)
            if segment != DESK:
                self._rated[segment.name] += len(ratings)
        for rating in ticket.ratings:
            self._count(rating, 1)

    def _is_watched(self, segment: Segment) -> bool:
        """Say whether ratings of a segment are to be judged, and begin where there is room."""
        if segment in self._watches:
            return True
        if self._is_crowded or len(self) >= self._most:
            self._is_crowded = True
            return False
        self._watches[segment] = Watch(self._book.of(segment))
        return True

    def _add(self, segment: Segment, ratings: Iterable[Rating]) -> None:
        for rating in ratings:
            self._watches[segment].add(rating)
            self._look_back(segment, rating)

    def _take_up(self, teams: Collection[str]) -> None:
        """Watch teams from now on, by all ratings that they have."""
        for team in teams:
            self._watches[Segment(SegmentKind.TEAM, team)] = Watch(self._book.of(Segment(SegmentKind.TEAM, team)))
        for ticket in self._tickets.values() if teams else ():
            for segment, ratings in _parts(ticket):
                if segment != DESK and segment.name in teams:
                    self._add(segment, ratings)

    def _drop(self, segment: Segment) -> None:
        for watches in (self._watches, self._hindsight, self._replayed_until):
            watches.pop(segment, None)

    def _look_back(self, segment: Segment, rating: Rating) -> None:
        """Keep a second watch for which nothing is replayed, from the first replayed rating on."""
        if rating.is_replayed:
            self._replayed_until[segment] = max(rating.at, self._replayed_until.get(segment, 0))
            if segment not in self._hindsight:
                self._hindsight[segment] = Watch(self._book.of(segment))
                for known in self._watches[segment].ratings:
                    self._hindsight[segment].add(_live(known))
                return  # this one was among them
        if segment in self._hindsight:
            self._hindsight[segment].add(_live(rating))

    def _forget(self, ticket: RatedTicket) -> None:
        for segment, ratings in _parts(ticket):
            for watches in (self._watches, self._hindsight):
                for rating in ratings if segment in watches else ():
                    watches[segment].discard(rating if watches is self._watches else _live(rating))
            if segment != DESK:
                self._rated[segment.name] -= len(ratings)
                if not self._rated[segment.name]:
                    del self._rated[segment.name]
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


def fall_of(episode: Episode, until: Ms) -> Window:
    """Return the time of a fall up to an instant."""
    return Window(episode.since_at, max(until, episode.since_at) + 1)


def usual_of(episode: Episode) -> Window:
    """Return the time that a fall is compared with."""
    return Window(episode.baseline.start_at, episode.baseline.end_at)


def touches(episode: Episode | Decline, fall: Window) -> bool:
    """Say whether a signal was open during a fall."""
    return episode.opened_at < fall.end_at and (episode.closed_at is None or episode.closed_at > fall.start_at)


def _live(rating: Rating) -> Rating:
    return replace(rating, is_replayed=False) if rating.is_replayed else rating


def _teams(ticket: RatedTicket) -> set[Segment]:
    """Return the teams of a ticket; ratings that belong to no team count for the desk alone."""
    return {segment for segment, _ in _parts(ticket)} - {DESK}


def _parts(ticket: RatedTicket) -> Iterator[tuple[Segment, Sequence[Rating]]]:
    """Yield the segments to which ratings of a ticket belong, each with those that do: the desk has all of them."""
    if ticket.ratings:
        yield DESK, ticket.ratings
    for team, ratings in ticket.by_team().items():
        if team:
            yield Segment(SegmentKind.TEAM, team), ratings
