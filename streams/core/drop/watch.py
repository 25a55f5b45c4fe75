"""The rule over what is known of a segment: recomputed from its ratings, or kept up to date rating by rating."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.rows import Ms
from streams.core.drop.detector import Detector
from streams.core.drop.level import Level
from streams.core.drop.rating import Rating, Tally, Tape
from streams.core.drop.threshold import Thresholds
from streams.core.drop.verdict import Episode, Verdict

MEMORY_DAYS: Final = 90
"""For so long, at least, the rule has watched when it gives a verdict. A signal that stays open for longer is given up
within the next month: what lasts a quarter is the usual level."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def reads_from(now: Ms, thresholds: Thresholds) -> Ms:
    """Return the instant from which on ratings count for a verdict at `now`; earlier ones change nothing.

    It is the begin of a month in UTC, so that it follows from the clock, and verdicts of one month from one history.
    """
    days = MEMORY_DAYS + thresholds.baseline_days + thresholds.baseline_lag_hours / 24
    first = (_EPOCH + timedelta(milliseconds=now) - timedelta(days=days)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return (first - _EPOCH) // _MILLISECOND


def verdict_of(ratings: Iterable[Rating], parent: Iterable[Tally], thresholds: Thresholds, now: Ms) -> Verdict:
    """Return how a segment stands, from its ratings in any order.

    A pure function of its arguments: repeated ratings, their order, and what lies before `reads_from` or after `now`
    change nothing.

    Args:
        ratings: All valid ratings of the segment, since `reads_from(now, thresholds)` at least.
        parent: Ratings of the segment above, by the hour, for the same time; those of the segment may be among them.
            Empty where nothing lies above.
        thresholds: Of the segment.
        now: The clock.

    Raises:
        ValueError: When one id bears two different ratings: give each as it stands now.
    """
    start_at = reads_from(now, thresholds)
    return _replayed(sorted(_distinct(ratings)), Level(parent).since(start_at), thresholds, start_at, now).verdict(now)


class Watch:
    """A segment under watch: verdicts without reading all ratings again each time.

    `verdict` equals `verdict_of` the same ratings, whatever the order and number of times in which they came, and
    however often it was asked. A rating after the last one costs microseconds; one that comes late or changes makes the
    next verdict recompute the segment (about 4 microseconds for each of its ratings).
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self._ratings: list[Rating] = []
        self._by_id: dict[str, Rating] = {}
        self._parent = Level()
        self._detector: Detector | None = None
        self._taken = 0  # of the ratings, by the detector
        self._start_at = 0

    def put(self, rating: Rating) -> None:
        """Learn of a rating, or of what it has become. Saying it twice changes nothing."""
        if self._by_id.get(rating.id) == rating:
            return
        self.remove(rating.id)
        self._by_id[rating.id] = rating
        self.add(rating)

    def remove(self, rating_id: str) -> None:
        """Forget a rating that was withdrawn, or left the segment. Unknown ones are none."""
        known = self._by_id.pop(rating_id, None)
        if known is not None:
            self.discard(known)

    def add(self, rating: Rating) -> None:
        """Learn of a rating of which nothing is known yet: who adds by this keeps account of them."""
        place = bisect_left(self._ratings, rating)
        self._ratings.insert(place, rating)
        self._changed(place)

    def discard(self, rating: Rating) -> None:
        """Forget a rating that was added."""
        place = bisect_left(self._ratings, rating)
        del self._ratings[place]
        self._changed(place)

    def put_parent(self, above: Level | Iterable[Tally]) -> None:
        """Learn how the segment above was rated: all of it since `reads_from`, by the hour.

        What baselines have not reached yet may grow from time to time at no cost. Segments that are told one `Level`
        share it.
        """
        before, self._parent = self._parent, above if isinstance(above, Level) else Level(above)
        if self._detector is None:
            return
        if self._parent.differs_from(before, self._start_at, self._detector.parent_reached_at()):
            self._detector = None
        else:
            self._detector.parent = self._parent.since(self._start_at)

    @property
    def ratings(self) -> Sequence[Rating]:
        """All ratings, in order."""
        return self._ratings

    def verdict(self, now: Ms) -> Verdict:
        """Return how the segment stands."""
        return self._detector_at(now).verdict(now)

    def episodes(self, now: Ms) -> list[Episode]:
        """Return every signal since `reads_from`, in order of opening; the last one may be open."""
        detector = self._detector_at(now)
        opened = detector.verdict(now).open
        return [*detector.closed, opened] if opened else list(detector.closed)

    def _detector_at(self, now: Ms) -> Detector:
        start_at = reads_from(now, self.thresholds)
        end = _end(self._ratings, now)
        detector = self._detector if start_at == self._start_at and end >= self._taken else None
        if detector is None:
            detector = _replayed(self._ratings, self._parent.since(start_at), self.thresholds, start_at, now)
        else:
            for rating in self._ratings[self._taken : end]:
                detector.rate(rating)
        self._detector, self._taken, self._start_at = detector, end, start_at
        return detector

    def _changed(self, place: int) -> None:
        """Begin anew unless what changed lies behind all that the detector has seen."""
        if place < self._taken:
            self._detector = None


def _replayed(ratings: list[Rating], parent: Tape, thresholds: Thresholds, start_at: Ms, now: Ms) -> Detector:
    detector = Detector(thresholds, parent)
    start = bisect_left(ratings, start_at, key=_instant)
    for rating in ratings[start : _end(ratings, now)]:
        detector.rate(rating)
    return detector


def _end(ratings: list[Rating], now: Ms) -> int:
    return bisect_right(ratings, now, key=_instant)


def _instant(of: Rating) -> Ms:
    return of.at


def _distinct(ratings: Iterable[Rating]) -> Iterable[Rating]:
    by_id: dict[str, Rating] = {}
    for rating in ratings:
        if by_id.setdefault(rating.id, rating) != rating:
            raise ValueError(f"rating {rating.id} is given twice and differs: give each as it stands now")
    return by_id.values()
