"""Ratings of the past by segment, and the rule over them as if each had been news when it was given."""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.drop import Episode, Evidence, Level, Rating, Tally, Thresholds, reads_from
from streams.core.drop.baseline import hour_of
from streams.core.drop.detector import Detector
from streams.core.signal.segment import DESK, RatedTicket, Segment, SegmentKind, ThresholdBook
from streams.core.signal.slices import Counted
from streams.core.signal.watched import MOST_TEAMS
from streams.core.window import Window

WEEKS_MOST: Final = 12
"""The rule remembers 90 days; what it would have paged before cannot be said."""


class Page(NamedTuple):
    """A signal, and what it told of the window when it was opened."""

    episode: Episode
    window: Evidence


class Judged(NamedTuple):
    """A segment under the rule.

    Attributes:
        pages: Every signal that was opened, in order.
        ratings: All that the rule looked at, in order.
        usual: The usual share at the hour of each, as it was known then; None while learning.
        detector: How it stands after the last one.
    """

    pages: list[Page]
    ratings: list[Rating]
    usual: list[float | None]
    detector: Detector


class Past:
    """All ratings that the rule reads at an instant.

    Args:
        tickets: With their ratings since `reads_from` at least.
        book: Whose thresholds say from when on ratings count, and which are stale.
        now: The clock; later ratings count nowhere.
        most: Teams to look at, those with the most ratings.
    """

    def __init__(self, tickets: Iterable[RatedTicket], book: ThresholdBook, now: Ms, most: int = MOST_TEAMS) -> None:
        self.now = now
        self._book = book
        self._ratings: dict[Segment, list[Rating]] = {DESK: []}
        for ticket in tickets:
            self._take(ticket)
        self.segments: list[Segment] = [*self.busiest(most), DESK]
        for own in self._ratings.values():
            own.sort()
        self._level = Level(_tallies(self._of(DESK, book.of(DESK))))

    def __len__(self) -> int:
        """Return how many ratings there are."""
        return len(self._ratings[DESK])

    def busiest(self, most: int) -> list[Segment]:
        """Return the teams with the most ratings, by name."""
        rated = {segment: len(own) for segment, own in self._ratings.items() if segment != DESK}
        return sorted(nsmallest(most, rated, key=lambda segment: (-rated[segment], segment)))

    def judged(self, segment: Segment, thresholds: Thresholds, until: Ms | None = None) -> Judged:
        """Return what the rule makes of a segment up to an instant, `now` if none is given.

        It pages what the watch would: the same ratings and the same clock give the same signals.
        """
        parent = self._level if segment != DESK else Level()
        detector = Detector(thresholds, parent.since(reads_from(self.now, thresholds)))
        end = self.now if until is None else until
        ratings = [rating for rating in self._of(segment, thresholds) if rating.at <= end]
        pages, usual = list[Page](), list[float | None]()
        for rating in ratings:
            _note_page(detector, rating.at, pages)
            detector.rate(rating)
            usual.append(detector.usual_share)
        _note_page(detector, end, pages)
        closed = {episode.opened_at: episode for episode in detector.closed}
        pages = [page._replace(episode=closed.get(page.episode.opened_at, page.episode)) for page in pages]
        return Judged(pages, ratings, usual, detector)

    def teams(self, fall: Window, usual: Window) -> list[Counted]:
        """Return all ratings by team, over a fall and over the usual time."""
        return [
            Counted((segment.name,), *_counts(own, fall), *_counts(own, usual))
            for segment, own in sorted(self._ratings.items())
            if segment != DESK
        ]

    def _take(self, ticket: RatedTicket) -> None:
        parts = {DESK: ticket.ratings} | {
            Segment(SegmentKind.TEAM, team): ratings for team, ratings in ticket.by_team().items() if team
        }
        for segment, ratings in parts.items():
            own = self._ratings.setdefault(segment, [])
            own += [replace(rating, is_replayed=False) for rating in ratings if rating.at <= self.now]

    def _of(self, segment: Segment, thresholds: Thresholds) -> list[Rating]:
        """Return the ratings of a segment that count."""
        since = reads_from(self.now, thresholds)
        return [one for one in self._ratings[segment] if one.at >= since and not one.is_stale(thresholds)]


def _note_page(detector: Detector, until: Ms, pages: list[Page]) -> None:
    """Note the signal that is opened by an instant before which no further rating comes."""
    due_at = detector.due_at
    if due_at is None or due_at > until:
        return
    verdict = detector.verdict(due_at)
    if verdict.open:
        pages.append(Page(verdict.open, verdict.window))


def _tallies(ratings: Iterable[Rating]) -> Iterable[Tally]:
    n, satisfied = Counter[Ms](), Counter[Ms]()
    for rating in ratings:
        hour = hour_of(rating.at)
        n[hour] += 1
        satisfied[hour] += rating.is_satisfied
    return (Tally(hour, count, satisfied[hour]) for hour, count in n.items())


def _counts(ratings: Iterable[Rating], window: Window) -> tuple[int, int]:
    """Return (n, bad) of a window."""
    seen = [rating.is_satisfied for rating in ratings if window.start_at <= rating.at < window.end_at]
    return len(seen), len(seen) - sum(seen)
