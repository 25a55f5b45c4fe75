"""Rates under watch, once an hour: complaints surge, first responses come late. By teams; the desk says what is usual.

The counts of an hour are judged once it is over, a few teams with each look, so that none waits for all of them.
"""

import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from schemas.rows import Ms, SignalRow
from streams.core.drop import Cause, Episode, Level, RateWatch, Tally, rated, reads_from
from streams.core.drop.baseline import hour_of
from streams.core.signal import statement
from streams.core.signal.segment import RATES, Segment, SegmentKind, SignalState, ThresholdBook
from streams.core.signal.slices import leading, to_read
from streams.core.signal.statement import Where
from streams.core.signal.watched import fall_of, usual_of
from streams.core.window import DAY_MS
from streams.ports import WatchStore

STORED_SECONDS: Final = 120
"""So long after an hour its events are taken to be stored."""
LOOK_SECONDS: Final = 0.2
"""A look judges no further team once it has spent so much on them."""
NEWS_DAYS: Final = 2
"""What was over longer ago when it was found is history, and told to nobody."""
GONE_DAYS: Final = 7
"""Of a team that has had nothing to count for so long nothing is told."""


class Rates:
    """All that the watch remembers of rates; it can be made anew from what is stored at any time."""

    def __init__(self, store: WatchStore, book: ThresholdBook) -> None:
        self._store = store
        self._book = book
        self._watches: dict[tuple[Cause, str], RateWatch] = {}
        self._until: Ms = 0
        self._unread: deque[Cause] = deque()
        self._counts: dict[Cause, dict[str, list[Tally]]] = {}
        self._above: dict[Cause, Level] = {}
        self._unjudged: deque[tuple[Cause, str]] = deque()

    def look(self, known: Mapping[str, SignalRow], now: Ms) -> Iterator[SignalRow]:
        """Yield what is to be stated of the teams whose turn it is; nothing most of the time."""
        until = hour_of(now - STORED_SECONDS * 1000)
        if until > self._until:
            self._until, self._unread = until, deque(RATES)
            self._unjudged.clear()
        if self._unread:
            self._read(self._unread.popleft(), known)
        ends_at = time.perf_counter() + LOOK_SECONDS
        while self._unjudged and time.perf_counter() < ends_at:
            cause, team = self._unjudged.popleft()
            yield from self._judged(cause, Segment(SegmentKind.TEAM, team), known.values())

    def _read(self, cause: Cause, known: Mapping[str, SignalRow]) -> None:
        since = reads_from(self._until, self._book.of_rate(cause))
        counts = self._store.hourly(cause, since, self._until)
        self._above[cause] = Level(_summed(counts))
        self._counts[cause] = {team: tallies for team, tallies in counts.items() if team}
        told = {row.segment for row in known.values() if row.kind == cause and row.state == SignalState.OPEN}
        self._unjudged.extend((cause, team) for team in sorted({*self._counts[cause], *told}))
        for gone in [key for key in self._watches if key[0] == cause and key[1] not in self._counts[cause]]:
            del self._watches[gone]

    def _judged(self, cause: Cause, segment: Segment, known: Collection[SignalRow]) -> Iterator[SignalRow]:
        tallies, rule = self._counts[cause].get(segment.name, []), self._book.of_rate(cause)
        if not tallies or tallies[-1].at < self._until - GONE_DAYS * DAY_MS:
            yield from (statement.resolved(row, self._until) for row in _open(known, cause, segment))
            return
        since = reads_from(self._until, rule)
        watch = self._watches.setdefault((cause, segment.name), RateWatch(rule))
        detector = watch.judged(tallies, self._above[cause], since, self._until)
        verdict = detector.verdict(self._until)
        episodes = [*detector.closed, *([verdict.open] if verdict.open else [])]
        same, gone = statement.matched(episodes, known, segment, self._until, cause)
        yield from (statement.withdrawn(row, self._until) for row in gone)
        for episode, row in zip(episodes, same, strict=True):
            if row is None and not _is_news(episode, self._until):
                continue
            where = None
            if row is None or not row.told:
                row = self._opening(cause, segment, episode)
            elif episode.closed_at is not None and row.state == SignalState.RESOLVED:
                continue
            if episode.closed_at is None:
                where = self._where(cause, segment, episode, self._until)
            yield statement.standing(row, episode, verdict, where, rule, note="")

    def _opening(self, cause: Cause, segment: Segment, episode: Episode) -> SignalRow:
        rule = self._book.of_rate(cause)
        known = [tally for tally in self._counts[cause][segment.name] if tally.at <= episode.opened_at]
        before = rated(known, self._above[cause], rule, reads_from(self._until, rule)).verdict(episode.opened_at)
        where = self._where(cause, segment, episode, episode.opened_at)
        return statement.opening(segment, episode, before, where, rule, note="", cause=cause)

    def _where(self, cause: Cause, segment: Segment, episode: Episode, until: Ms) -> Where:
        fall = fall_of(episode, until)
        slices = leading(self._store.slices(segment, fall, usual_of(episode), cause))
        return Where(slices, to_read(self._store.bad_ratings(segment, fall, cause), slices))


def _is_news(episode: Episode, now: Ms) -> bool:
    return episode.closed_at is None or episode.closed_at >= now - NEWS_DAYS * DAY_MS


def _open(known: Collection[SignalRow], cause: Cause, segment: Segment) -> Iterator[SignalRow]:
    for row in known:
        if row.kind == cause and row.state == SignalState.OPEN and statement.segment_of(row) == segment:
            yield row


def _summed(counts: Mapping[str, Sequence[Tally]]) -> Iterator[Tally]:
    """Yield what all teams count together, those of nobody included."""
    n, good = Counter[Ms](), Counter[Ms]()
    for tallies in counts.values():
        for tally in tallies:
            n[tally.at] += tally.n
            good[tally.at] += tally.satisfied
    for at in n:
        yield Tally(at, n[at], good[at])
