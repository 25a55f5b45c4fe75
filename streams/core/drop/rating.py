"""What the rule reads: ratings one by one, and counts of ratings by the hour."""

from array import array
from bisect import bisect_left
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.rows import Ms
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS, HOUR_MS


class Rating(Struct, frozen=True, order=True, gc=False):
    """One valid rating by a customer, as it stands after revisions. Ratings are ordered by instant, then by id.

    Attributes:
        at: When it was given.
        id: Tells it from all others of the segment, and orders those of one instant: any order, but the same always.
        is_satisfied: Whether it counts as satisfied.
        resolved_at: When its ticket had been resolved; None when it was not.
        is_replayed: Whether it reached us as backfill. It is part of the usual level, and never of a fall.
    """

    at: Ms
    id: str
    is_satisfied: bool
    resolved_at: Ms | None = None
    is_replayed: bool = False

    def is_stale(self, thresholds: Thresholds) -> bool:
        """Say whether it comes so long after the resolution that it tells nothing about now."""
        return self.resolved_at is not None and self.at - self.resolved_at > thresholds.stale_days * DAY_MS


class Tally(NamedTuple):
    """Ratings of one stretch of time, counted together: of the hour that begins at `at`, or of less."""

    at: Ms
    n: int
    satisfied: int


class Tape:
    """Counts in order of time, summed so that any stretch of them costs the same; 24 bytes each."""

    __slots__ = ("_n", "_satisfied", "at", "memo")

    def __init__(self) -> None:
        self.memo: dict[Any, Any] = {}
        """What was worked out of it: segments that share a tape share that as well. Forgotten when it grows."""
        self.at: array[Ms] = array("q")
        self._n = array("q", [0])
        self._satisfied = array("q", [0])

    def __len__(self) -> int:
        return len(self.at)

    def append(self, at: Ms, n: int, satisfied: int) -> None:
        """Add counts that are not earlier than those before."""
        if self.memo:
            self.memo.clear()
        self.at.append(at)
        self._n.append(self._n[-1] + n)
        self._satisfied.append(self._satisfied[-1] + satisfied)

    def between(self, start_at: Ms, end_at: Ms) -> tuple[int, int]:
        """Return (n, satisfied) of `[start_at, end_at)`."""
        start, end = bisect_left(self.at, start_at), bisect_left(self.at, end_at)
        return self._n[end] - self._n[start], self._satisfied[end] - self._satisfied[start]

    def hours(self, start_at: Ms, hours: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return n and satisfied of so many hours from an instant on."""
        start, end = bisect_left(self.at, start_at), bisect_left(self.at, start_at + hours * HOUR_MS)
        hour = (np.array(self.at[start:end], dtype=np.int64) - start_at) // HOUR_MS
        n, satisfied = (
            np.diff(np.array(sums[start : end + 1], dtype=np.float64)) for sums in (self._n, self._satisfied)
        )
        return _summed(hour, n, hours), _summed(hour, satisfied, hours)


def _summed(hour: NDArray[np.int64], counts: NDArray[np.float64], hours: int) -> NDArray[np.float64]:
    return np.bincount(hour, counts, hours).astype(np.float64)
