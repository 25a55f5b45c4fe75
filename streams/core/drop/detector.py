"""The rule itself, one rating after the other, in order; or counts of them, such as those of an hour.

Nothing happens but by a rating: a finding begins, ends or is resolved at the instant of a rating, judged by the ratings
up to it. Time alone does one thing: it completes the minutes for which a finding must hold. So what the detector knows
follows from the ratings, and never from when anybody asked; and a source that falls silent neither opens nor resolves
a signal.

The baseline changes at full hours of UTC. It is taken at the first rating of an hour, and stays as it was from the
opening of a signal to its resolution. Days of falls that are over are no part of later ones.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from copy import deepcopy
from math import ceil
from typing import Final

from schemas.rows import Ms
from streams.core.drop.baseline import LOWEST, Baseline, Usual, hour_of, sure_until
from streams.core.drop.bound import design_effect, is_below, upper
from streams.core.drop.cusum import advanced
from streams.core.drop.hour import NEVER, hour_under
from streams.core.drop.limit import Limit
from streams.core.drop.profile import day_of, day_starts
from streams.core.drop.rating import Rating, Tally, Tape
from streams.core.drop.threshold import Thresholds
from streams.core.drop.verdict import Clearing, Episode, Evidence, FoundBy, State, Verdict
from streams.core.interval import Interval, wilson
from streams.core.window import DAY_MS, HOUR_MS

_MINUTE_MS: Final = 60_000


class Detector:
    """The rule for one segment.

    Args:
        thresholds: Of the segment.
        parent: Ratings of the segment above, by the hour; empty where nothing lies above.
        usual: Makes baselines; another one than the rule's shows what follows when they are wrong.
    """

    def __init__(
        self,
        thresholds: Thresholds,
        parent: Tape,
        usual: Callable[[Thresholds, Tape], Usual] = Usual,
    ) -> None:
        self.thresholds = thresholds
        self.closed: list[Episode] = []
        self.last: Rating | None = None
        self.parent = parent
        self._known = Tape()  # what baselines are made of ...
        self._usual = usual(thresholds, self._known)  # ... and who makes them
        self._told: frozenset[int] = frozenset()  # days of falls that are over
        self._at: array[Ms] = array("q")  # what falls are found in ...
        self._n = array("q", [0])  # ... how many came with the first i takings, one with each but for counts ...
        self._satisfied = array("q", [0])  # ... and how many of them are satisfied
        self._offsets = array("d", [0.0])  # what they are to lie above the level, in sum
        self._window_ms = round(thresholds.window_hours * HOUR_MS)
        self._window_most_ms = round(thresholds.window_days_most * DAY_MS)
        self._pending_ms = round(thresholds.pending_minutes * _MINUTE_MS)
        self._z = thresholds.bound_z
        self._start = 0  # of the window
        self._run = 0  # begin of the CUSUM's run
        self._sum = 0.0
        self._limit = 0.0
        self._limits = Limit(thresholds, self._at)
        self._hour = NEVER  # of the last rating, under its baseline
        self._baseline: Baseline | None = None
        self._baseline_hour: Ms | None = None
        self._pending_since: Ms | None = None
        self._found_by: FoundBy | None = None
        self._open: Episode | None = None

    @property
    def opened(self) -> list[Episode]:
        """All signals, in order of their opening. One whose minutes are not over yet is none."""
        return [*self.closed, self._open] if self._open else self.closed

    @property
    def due_at(self) -> Ms | None:
        """When a finding becomes a signal unless another rating comes before; None while nothing is about to."""
        if self._open or self._pending_since is None:
            return None
        return self._pending_since + self._pending_ms

    @property
    def usual_share(self) -> float | None:
        """The usual share of satisfied ratings at the hour of the last rating; None while learning."""
        if self._baseline is None:
            return None
        return min(max(self._baseline.share + self._hour.offset, LOWEST), self.thresholds.baseline_highest)

    def copied(self) -> "Detector":
        """Return another one that knows the same, and goes its own way; both read the same segment above."""
        return deepcopy(self, {id(self.parent): self.parent})

    def parent_reached_at(self) -> Ms:
        """Return the instant up to which ratings of the segment above have entered what was said so far."""
        return (self._baseline_hour or 0) - self.thresholds.baseline_lag_hours * HOUR_MS

    def rate(self, rating: Rating) -> None:
        """Take one more rating into account.

        Raises:
            ValueError: When it is not later in order than the one before: sort them.
        """
        if self.last is not None and rating <= self.last:
            raise ValueError(f"rating {rating.id} comes out of order: sort ratings by instant and id, without repeats")
        self.last = rating
        if rating.is_stale(self.thresholds):
            return
        self.take(rating.at, is_satisfied=rating.is_satisfied, is_replayed=rating.is_replayed)

    def take(self, at: Ms, *, is_satisfied: bool, is_replayed: bool = False) -> None:
        """Take one more rating into account that is not earlier than the one before, and not stale."""
        self._known.append(at, 1, int(is_satisfied))
        if not is_replayed:
            self._observe(at, 1, int(is_satisfied))

    def count(self, tally: Tally) -> None:
        """Take counts of less than an hour into account, as if all had come at once; not earlier than those before."""
        self._known.append(*tally)
        self._observe(*tally)

    def _observe(self, at: Ms, n: int, satisfied: int) -> None:
        self._open = self._open_at(at)
        if self._open is None:
            self._renew_baseline(at)
        if at >= self._hour.end_at:
            self._hour = hour_under(self._baseline, at, self.thresholds)
        self._put(at, n, satisfied)
        self._shrink_window(at)
        if self._baseline is None:
            self._run = len(self._at)
            self._limits.begin()
            return
        self._add(n, satisfied)
        self._found_by = self._find(self._baseline)
        if self._open is None:
            self._await_page(at)
        elif self._is_recovered(at, self._open.opened_at):
            self._close(at)

    def verdict(self, now: Ms) -> Verdict:
        """Return how the segment stands at an instant not before the last rating. Asking changes nothing."""
        opened = self._open_at(now)
        window = self._evidence(self._start)
        return Verdict(
            now=now,
            state=self._state(opened),
            found_by=self._found_by,
            pending_since=None if opened else self._pending_since,
            window=window,
            upper_bound=self._upper(window) if window.n else None,
            run=self._evidence(self._run),
            sum=self._sum,
            limit=self._limit if self._baseline else None,
            limit_weeks=self._limits.weeks if self._baseline else 0,
            baseline=self._baseline,
            open=opened,
            previous=self.closed[-1] if self.closed else None,
            clearing=self._clearing(opened) if opened else None,
        )

    def _state(self, opened: Episode | None) -> State:
        if opened:
            return State.FIRING
        if self._baseline is None:
            return State.LEARNING
        return State.QUIET if self._pending_since is None else State.PENDING

    def _open_at(self, now: Ms) -> Episode | None:
        """Return the signal that is open at an instant before which no further rating came."""
        if self._open or self._pending_since is None or now < self._pending_since + self._pending_ms:
            return self._open
        assert self._baseline is not None
        assert self._found_by is not None
        return Episode(
            opened_at=self._pending_since + self._pending_ms,
            closed_at=None,
            found_by=self._found_by,
            since_at=self._at[self._run if self._run < len(self._at) else self._start],
            baseline=self._baseline,
        )

    def _renew_baseline(self, at: Ms) -> None:
        hour = hour_of(at)
        if hour == self._baseline_hour:
            return
        self._baseline_hour = hour
        doubted_at = self._at[self._run] if self._run < len(self._at) else None
        self._baseline = self._usual.at(hour, self.parent, self._told, doubted_at)
        self._hour = NEVER
        if self._baseline is None:
            self._sum, self._pending_since, self._found_by = 0.0, None, None
            return
        self._limit = self._limits.under(self._baseline, sure_until(at, doubted_at))

    def _put(self, at: Ms, n: int, satisfied: int) -> None:
        self._at.append(at)
        self._n.append(self._n[-1] + n)
        self._satisfied.append(self._satisfied[-1] + satisfied)
        self._offsets.append(self._offsets[-1] + n * self._hour.offset)
        self._limits.put(self._hour.whole.of(n, satisfied))

    def _shrink_window(self, at: Ms) -> None:
        """Let go of ratings that are too old: older than the window unless too few remain, or far too old."""
        times, counts, start = self._at, self._n, self._start
        oldest, far_oldest = at - self._window_ms, at - self._window_most_ms
        enough = counts[-1] - self.thresholds.least_ratings
        while times[start] <= oldest and (counts[start + 1] <= enough or times[start] <= far_oldest):
            start += 1
        self._start = start

    def _add(self, n: int, satisfied: int) -> None:
        cap = self.thresholds.limit_cap_open if self._open else self.thresholds.limit_cap
        self._sum = advanced(self._sum, self._hour.steps.of(n, satisfied), cap * self._limit)
        if self._sum == 0.0:
            self._run = len(self._at)

    def _find(self, usual: Baseline) -> FoundBy | None:
        by_wilson = self._is_below(usual) and self._is_deep(self._start)
        by_cusum = self._sum >= self._limit and self._is_deep(max(self._run, self._guarded_start()))
        if by_wilson:
            return FoundBy.BOTH if by_cusum else FoundBy.WILSON
        return FoundBy.CUSUM if by_cusum else None

    def _guarded_start(self) -> int:
        """Return where the last ratings begin at which the guard of the CUSUM looks; the last counts at least."""
        return min(bisect_left(self._n, self._n[-1] - self.thresholds.guard_ratings), len(self._at) - 1)

    def _expected(self, start: int) -> float:
        """Return the usual share of satisfied ratings from one on, by the hours in which they came."""
        assert self._baseline is not None
        n = self._n[-1] - self._n[start]
        share = self._baseline.share + ((self._offsets[-1] - self._offsets[start]) / n if n else 0.0)
        return min(max(share, LOWEST), self.thresholds.baseline_highest)

    def _is_below(self, usual: Baseline) -> bool:
        """Say whether the upper bound of the window lies below what is usual."""
        start, z = self._start, self._z
        n, satisfied, expected = (
            self._n[-1] - self._n[start],
            self._satisfied[-1] - self._satisfied[start],
            self._expected(start),
        )
        if not is_below(satisfied, n, expected, z, 1.0, self._hour.spread):  # whatever the days are like
            return False
        return is_below(satisfied, n, expected, z, self._effect(usual), self._hour.spread)

    def _effect(self, usual: Baseline) -> float:
        """Return the design effect of the window."""
        times, start, squares = self._at, self._start, 0
        while start < len(times):
            end = bisect_left(times, day_starts(day_of(times[start], self.thresholds) + 1, self.thresholds), start)
            squares += (self._n[end] - self._n[start]) ** 2
            start = end
        return design_effect(self._n[-1] - self._n[self._start], squares, usual.profile.mood)

    def _upper(self, window: Evidence) -> float:
        usual, z = self._baseline, self._z
        effect, spread = (self._effect(usual), self._hour.spread) if usual else (1.0, 0.0)
        return upper(window.satisfied, window.n, z, effect, spread)

    def _is_deep(self, start: int) -> bool:
        """Say whether ratings from one on, with some usual ones beside them, lie far enough below what is usual."""
        n, weight, share = self._n[-1] - self._n[start], self.thresholds.guard_weight, self._expected(start)
        satisfied = self._satisfied[-1] - self._satisfied[start]
        return satisfied + weight * share <= (share - self.thresholds.guard_of(1 - share)) * (n + weight)

    def _await_page(self, at: Ms) -> None:
        if self._found_by is None:
            self._pending_since = None
        elif self._pending_since is None:
            self._pending_since = at

    def _recent_start(self) -> int:
        """Return where that begins by which a recovery is judged."""
        least = bisect_right(self._n, self._n[-1] - self.thresholds.least_ratings) - 1
        return max(0, min(self._start, least))

    def _recent(self) -> tuple[int, int]:
        """Return (n, satisfied) of what a recovery is judged by."""
        start = self._recent_start()
        return self._n[-1] - self._n[start], self._satisfied[-1] - self._satisfied[start]

    def _is_recovered(self, at: Ms, opened_at: Ms) -> bool:
        if self._sum > 0 or at < opened_at + self.thresholds.latch_minutes * _MINUTE_MS:
            return False
        n, satisfied = self._recent()
        return n >= self.thresholds.least_ratings and satisfied >= self._value_needed() * n

    def _value_needed(self) -> float:
        return self._expected(self._recent_start()) - self.thresholds.recovery_points / 100

    def _close(self, at: Ms) -> None:
        assert self._open is not None
        opened = self._open
        self.closed.append(
            Episode(
                opened_at=opened.opened_at,
                closed_at=at,
                found_by=opened.found_by,
                since_at=opened.since_at,
                baseline=opened.baseline,
            )
        )
        days = range(day_of(opened.since_at, self.thresholds), day_of(at, self.thresholds) + 1)
        self._told = self._told.union(days)
        self._limits.leave_out(opened.since_at, opened.opened_at, self._limit * opened.baseline.design_effect)
        self._open, self._pending_since = None, None

    def _clearing(self, opened: Episode) -> Clearing:
        n, satisfied = self._recent()
        needed = self._value_needed()
        by_sum = ceil(self._sum / -self._hour.steps.satisfied)
        by_value = ceil((needed * n - satisfied) / (1 - needed))
        return Clearing(
            not_before=opened.opened_at + round(self.thresholds.latch_minutes * _MINUTE_MS),
            value_needed=needed,
            value=satisfied / n,
            n=n,
            sum_left=self._sum,
            satisfied_in_a_row=max(1, by_sum, by_value, self.thresholds.least_ratings - n),
        )

    def _evidence(self, start: int) -> Evidence:
        n = self._n[-1] - self._n[start]
        satisfied = self._satisfied[-1] - self._satisfied[start]
        return Evidence(
            n=n,
            satisfied=satisfied,
            value=satisfied / n if n else None,
            interval=wilson(satisfied, n) if n else Interval(None, None),
            usual=self._expected(start) if n and self._baseline else None,
            start_at=self._at[start] if n else None,
            end_at=self._at[-1] if n else None,
        )
