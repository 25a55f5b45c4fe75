"""What the rule has to say about a segment at an instant: everything about the numbers that a page needs."""

from enum import StrEnum

from msgspec import Struct

from schemas.rows import Ms
from streams.core.drop.baseline import Baseline
from streams.core.interval import Interval


class State(StrEnum):
    """How a segment stands."""

    LEARNING = "learning"
    """Too few ratings to know what is usual; never pages."""
    QUIET = "quiet"
    PENDING = "pending"
    """A fall is found, and has not lasted long enough to page."""
    FIRING = "firing"


class FoundBy(StrEnum):
    """Which detector found a fall."""

    WILSON = "wilson"
    """The ratings of the last day are too bad to be chance: a deep fall."""
    CUSUM = "cusum"
    """What bad ratings have added up is too much to be chance: a smaller one that lasts."""
    BOTH = "both"


class Evidence(Struct, frozen=True, kw_only=True):
    """Ratings that a detector looks at, one stretch of them up to the last one.

    Attributes:
        n: How many.
        satisfied: Of them.
        value: Their share; None without any.
        interval: Where the true share lies with 95 % confidence.
        usual: Their usual share, at the hours of the week at which they came; None without any, or while learning.
        start_at: When the first of them was given; None without any.
        end_at: When the last of them was given.
    """

    n: int
    satisfied: int
    value: float | None
    interval: Interval
    usual: float | None
    start_at: Ms | None
    end_at: Ms | None


class Episode(Struct, frozen=True, kw_only=True):
    """One signal, from opening to resolution. Its segment and `opened_at` tell it from all others.

    Attributes:
        opened_at: When it began to page.
        closed_at: When it was resolved; None while it is open.
        found_by: What found it, at the opening.
        since_at: When the fall began, as far as the ratings tell: the first one of the CUSUM's run (Page's estimate of
            the change), or of the window where there is no run.
        baseline: What is usual, as frozen at the opening.
    """

    opened_at: Ms
    closed_at: Ms | None
    found_by: FoundBy
    since_at: Ms
    baseline: Baseline


class Clearing(Struct, frozen=True, kw_only=True):
    """What would resolve an open signal.

    Attributes:
        not_before: It stays open at least until then.
        value_needed: The share that must be reached again.
        value: The share now, over `n` ratings: the window, or the least number of ratings where it holds fewer.
        n: See `value`.
        sum_left: What the CUSUM has to lose; it must come to 0.
        satisfied_in_a_row: So many satisfied ratings without a bad one between them would do, not before `not_before`,
            and but for what leaves the window meanwhile.
    """

    not_before: Ms
    value_needed: float
    value: float
    n: int
    sum_left: float
    satisfied_in_a_row: int


class Verdict(Struct, frozen=True, kw_only=True):
    """How a segment stands at `now`. The same ratings and the same `now` give the same verdict.

    Attributes:
        now: The clock value it was made for.
        state: How it stands.
        found_by: What finds a fall now; None when nothing does, also while a signal waits for its recovery.
        pending_since: When the finding began that has not paged yet.
        window: What the Wilson bound looks at: the shown n, value and interval.
        upper_bound: The Wilson bound of the window at the z of the rule; a fall where it lies below the baseline.
        run: What the CUSUM has added up, since it last was 0.
        sum: The CUSUM.
        limit: h, from which on the CUSUM finds a fall.
        limit_weeks: By how many of the segment's own weeks it is calibrated; 0 where the thresholds alone say it.
        baseline: What is usual; frozen while a signal is open; None while learning.
        open: The open signal.
        previous: The last one that was resolved.
        clearing: What would resolve the open one.
    """

    now: Ms
    state: State
    found_by: FoundBy | None
    pending_since: Ms | None
    window: Evidence
    upper_bound: float | None
    run: Evidence
    sum: float
    limit: float | None
    limit_weeks: int
    baseline: Baseline | None
    open: Episode | None
    previous: Episode | None
    clearing: Clearing | None
