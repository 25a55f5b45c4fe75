"""The usual level of a segment: its own last weeks, steadied by the segment above."""

from typing import NamedTuple

from schemas.rows import Ms
from streams.core.drop.rating import Tape
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS, HOUR_MS


class Baseline(NamedTuple):
    """What is usual.

    Attributes:
        share: The usual share of satisfied ratings, after shrinkage and clamp.
        n: Ratings of the segment behind it.
        satisfied: How many of them are satisfied.
        parent_share: What the segment above has; None when nothing is known of it, or nothing lies above.
        per_day: Ratings a day.
        start_at: Begin of the days behind it.
        end_at: Their end; that instant is not part of them.
    """

    share: float
    n: int
    satisfied: int
    parent_share: float | None
    per_day: float
    start_at: Ms
    end_at: Ms


def hour_of(at: Ms) -> Ms:
    """Return the full hour at or before an instant: baselines change there, and nowhere else."""
    return at - at % HOUR_MS


def baseline_at(hour_at: Ms, own: Tape, parent: Tape, thresholds: Thresholds) -> Baseline | None:
    """Return what is usual from a full hour on; None while ratings or days are too few to say.

    `(satisfied + K * parent's share) / (n + K)`: the mean of a beta prior that weighs K ratings (Efron, B. and Morris,
    C. (1975): Data analysis using Stein's estimator and its generalizations. JASA 70, 311-319), then clamped. Without
    anything above, it is the segment's own share.

    Ratings a day are counted over the days since the first rating known, where those are fewer than the window.
    """
    end_at = hour_at - thresholds.baseline_lag_hours * HOUR_MS
    start_at = end_at - thresholds.baseline_days * DAY_MS
    n, satisfied = own.between(start_at, end_at)
    if n < max(1, thresholds.baseline_least):
        return None
    known_days = (end_at - max(start_at, own.at[0])) / DAY_MS
    if known_days < thresholds.baseline_days_least:
        return None
    parent_n, parent_satisfied = parent.between(start_at, end_at)
    parent_share = parent_satisfied / parent_n if parent_n else None
    weight = thresholds.baseline_weight if parent_share is not None else 0.0
    share = (satisfied + weight * (parent_share or 0.0)) / (n + weight)
    return Baseline(
        share=min(max(share, thresholds.baseline_lowest), thresholds.baseline_highest),
        n=n,
        satisfied=satisfied,
        parent_share=parent_share,
        per_day=n / max(1.0, known_days),
        start_at=start_at,
        end_at=end_at,
    )
