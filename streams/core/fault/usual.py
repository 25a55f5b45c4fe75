"""How many customers usually come about one thing within a short time, and how sure that is."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

from msgspec import Struct

from schemas.rows import Ms
from streams.core.window import HOUR_MS

HOURS: Final = 168
_MONDAY_MS: Final = 4 * 24 * HOUR_MS
"""The epoch began on a Thursday: the first Monday after it."""
_WEEK_HOURS_MS: Final = HOURS * HOUR_MS
LEAST_CAP: Final = 4
CAP_FACTOR: Final = 12
"""Contacts of one subject in one half hour count for how contacts cluster up to these: so many, or so many times what a
half hour of the subject brings on average. A real fault of the past is no chance, and would otherwise hide the next."""
CELLS_A_WEEK: Final = 336
_PRIOR_PAIRS: Final = 20.0
"""So many expected pairs weigh as much as what is taken for usual clustering without any: half as many again."""
_PRIOR_RATIO: Final = 1.5
_RUSH_LEAST: Final = 10.0
"""Other contacts that must come beside those that are usual before anything is called a rush."""
_LEAST_SHAPE, _MOST_SHAPE = 0.1, 100.0


class Counts(Struct, frozen=True):
    """What came about all subjects of a kind over some weeks.

    Attributes:
        contacts: By subject; those that nobody came about are not there.
        hours: By hour of the week, from Monday 00:00 UTC on: 168 numbers.
        pairs: Ordered pairs of contacts of one subject within one half hour, of as many of them as `cap` says.
        weeks: How many weeks.
    """

    contacts: Mapping[str, int]
    hours: Sequence[int]
    pairs: int
    weeks: float


class Expected(Struct, frozen=True):
    """How many contacts are usual, as a negative binomial distribution.

    Attributes:
        mean: Of them.
        shape: The smaller, the more they vary beyond chance: the variance is `mean + mean ** 2 / shape`.
    """

    mean: float
    shape: float


class Usual:
    """What is usual for every subject of a kind.

    A subject has its level, and all of them the rhythm of the week. Levels differ from subject to subject as a gamma
    distribution says, whose shape and scale follow from all of them (moments); so a subject that nobody came about yet
    has a level too, and an unsure one. Days have moods: how much more often two contacts fall into one half hour than
    level and rhythm explain says how strong they are.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        total = sum(counts.hours)
        smooth = [
            (counts.hours[hour - 1] + 2 * counts.hours[hour] + counts.hours[(hour + 1) % HOURS]) / 4
            for hour in range(HOURS)
        ]
        self._shares = [(here + 1) / (total + HOURS) for here in smooth]
        self._level_shape, self._level_weeks = _levels(counts)
        self._spread = _spread(counts, self._shares)

    def per_week(self, subject: str) -> float:
        """Return how many contacts of a subject a week brings."""
        n = self._counts.contacts.get(subject, 0)
        return (self._level_shape + n) / (self._level_weeks + self._counts.weeks)

    def all_between(self, start: Ms, end: Ms) -> float:
        """Return how many contacts of all subjects are usual from one instant to another."""
        return sum(self._counts.contacts.values()) / max(self._counts.weeks, 1e-9) * self._share(start, end)

    def between(self, subject: str, start: Ms, end: Ms) -> Expected:
        """Return how many contacts of a subject are usual from one instant to another.

        The part of an hour counts as the busier of that hour and the one in which it ends: rhythm is not known to the
        minute.
        """
        mean = self.per_week(subject) * self._share(start, end)
        level = 1 / (self._level_shape + self._counts.contacts.get(subject, 0))
        return Expected(mean, 1 / max(level + self._spread + level * self._spread, 1e-9))

    def _share(self, start: Ms, end: Ms) -> float:
        share, at = 0.0, start
        while at < end:
            until = min(end, at - at % HOUR_MS + HOUR_MS)
            share += max(self._shares[_hour(at)], self._shares[_hour(until)]) * (until - at) / HOUR_MS
            at = until
        return share


class Rush:
    """How much busier everything else is than usual: a desk that is busy as a whole has no fault."""

    def __init__(self, usual: Usual, instants: Sequence[Ms]) -> None:
        """Know when contacts came.

        Args:
            usual: Of their kind.
            instants: Of all contacts of that kind, in order.
        """
        self._usual = usual
        self._instants = instants

    def factor(self, since: Ms, until: Ms, own: int, expected: Expected) -> float:
        """Return by how much more other contacts came after one instant and until another than is usual; 1 at least.

        Args:
            since: From when on, that instant not included.
            until: Until when.
            own: How many came about the subject itself.
            expected: How many are usual about it.
        """
        others = bisect_right(self._instants, until) - bisect_right(self._instants, since) - own
        usual = max(0.0, self._usual.all_between(since, until) - expected.mean)
        return max(1.0, (others + _RUSH_LEAST) / (usual + _RUSH_LEAST))


def cap(contacts: int, weeks: float) -> int:
    """Return how many contacts of one half hour count, of a subject that had so many in so many weeks."""
    return max(LEAST_CAP, ceil(CAP_FACTOR * contacts / (weeks * CELLS_A_WEEK)))


def _hour(at: Ms) -> int:
    return (at - _MONDAY_MS) % _WEEK_HOURS_MS // HOUR_MS


def _levels(counts: Counts) -> tuple[float, float]:
    """Return shape and scale (in weeks) of the gamma distribution of levels, by mean and variance of the counts."""
    known = list(counts.contacts.values())
    if not known:
        return 0.5, max(1.0, counts.weeks)
    mean = sum(known) / len(known)
    beyond = sum((n - mean) ** 2 for n in known) / len(known) - mean
    shape = min(max(mean**2 / beyond if beyond > 0 else _MOST_SHAPE, _LEAST_SHAPE), _MOST_SHAPE)
    return shape, shape * max(counts.weeks, 1e-9) / mean


def _spread(counts: Counts, shares: Sequence[float]) -> float:
    """Return by how much contacts vary beyond level and rhythm: the square of the coefficient of variation of moods.

    Of n contacts that fall into the half hours of some weeks by rhythm alone, n (n - 1) times the sum of the squared
    shares are expected to be ordered pairs within one half hour; moods multiply that by 1 + the square.
    """
    of_cells = sum(share**2 / 2 for share in shares) / max(counts.weeks, 1e-9)
    expected = sum(n * (n - 1) for n in counts.contacts.values()) * of_cells
    ratio = (counts.pairs + _PRIOR_PAIRS * _PRIOR_RATIO) / (expected + _PRIOR_PAIRS)
    return max(0.0, ratio - 1)
