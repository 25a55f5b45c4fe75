"""What counts for all ratings of one hour, worked out once for them: the usual share, and what each adds to the sum."""

from math import sqrt
from typing import NamedTuple

from schemas.rows import Ms
from streams.core.drop.baseline import LOWEST, Baseline
from streams.core.drop.cusum import Steps, steps_of
from streams.core.drop.profile import hour_of_week
from streams.core.drop.threshold import Thresholds
from streams.core.window import HOUR_MS

_NOTHING = Steps(0.0, 0.0)
_HIGHEST = 0.98


class Hour(NamedTuple):
    """An hour under a baseline.

    Attributes:
        end_at: When it is over.
        offset: What the usual share lies above that of a whole week.
        steps: What a rating adds to the CUSUM, ...
        whole: ... and what an independent one would.
        spread: Standard deviation of how wrong the usual share may be.
    """

    end_at: Ms
    offset: float
    steps: Steps
    whole: Steps
    spread: float


NEVER = Hour(0, 0.0, _NOTHING, _NOTHING, 0.0)


def hour_under(usual: Baseline | None, at: Ms, thresholds: Thresholds) -> Hour:
    """Return the hour of an instant under a baseline; without one nothing is usual.

    Of a day with a mood each rating says less, by the design effect: so the sum grows as fast as that of as many
    independent ones.
    """
    end_at = at - at % HOUR_MS + HOUR_MS
    if usual is None:
        return Hour(end_at, 0.0, _NOTHING, _NOTHING, 0.0)
    number = hour_of_week(at, thresholds)
    share = usual.at(number, thresholds)
    spread = sqrt(usual.spread**2 + usual.profile.variances[number])
    bad_share = 1 - min(max(share, LOWEST), _HIGHEST)
    whole, effect = steps_of(bad_share, thresholds.bad_share_of_fall(bad_share)), usual.design_effect
    return Hour(end_at, share - usual.share, Steps(whole.bad / effect, whole.satisfied / effect), whole, spread)
