"""The thresholds of the satisfaction-drop rule: what each one means, and what follows from moving it."""

from collections.abc import Mapping
from math import log, sqrt
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

RATINGS_PER_FALSE_ALARM: Final = 20
"""The mean number of ratings between two false alarms of the CUSUM is about so many times `exp(h)`, where 15 to 20 % of
the ratings are usually bad. At other levels it is more, and false alarms are fewer than accepted: about 29 above, 36 at
10 %, 76 at 5 %. Measured by `tests/properties/test_drop.py`, because the overshoot beyond h and the odds of a start
have no simple closed form."""

CUSUM_PART: Final = 2 / 3
"""The CUSUM gets two in three of the false pages that people accept; the Wilson bound, the other detector, the rest."""

SPREAD_SLOWS: Final = 500
"""How much more h it takes for a CUSUM to be rarer when the usual level may be wrong: by `1 + 500 * spread^2`, 1.4 at 5
ratings a day, 1.2 at 20. Measured: without it a sixth of the accepted pages was exceeded by half at 5 a day, and a
twenty-fourth nearly threefold."""


class ThresholdError(ValueError):
    """A threshold that does not exist or cannot be meant; the message names it and what it may be."""


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set about the rule; the defaults are those whose error rates are published.

    Each field carries its meaning and its consequence as its description, from where the documentation takes it.
    """

    false_pages_per_90_days: Annotated[
        float,
        Meta(
            ge=0.001,
            le=90,
            description="False pages that one segment may cause in 90 days without any fall. Two in three are the "
            "CUSUM's, whose limit h follows from this; the Wilson bound has the third, and its z. 0.1 instead of 1 "
            "raises h by 2.3 and z from 4 to 4.5: a tenth of the false pages, and a fall to 70 % is told some 30 "
            "ratings later.",
        ),
    ] = 1.0
    paging_segments: Annotated[
        int,
        Meta(
            ge=1,
            description="Segments that page the same people and share the false pages of one: each may cause so much "
            "less. 12 segments wait some 30 ratings longer.",
        ),
    ] = 1
    wilson_z: Annotated[
        float,
        Meta(
            ge=1,
            le=8,
            description="How sure the Wilson bound must be, in standard deviations, where one false page in 90 days is "
            "accepted; other budgets move it. Lower finds deep falls sooner and pages for nothing more often.",
        ),
    ] = 4.0
    window_hours: Annotated[
        float,
        Meta(
            gt=0,
            le=2160,
            description="What the Wilson bound and the shown value look at. Longer sees smaller falls, later.",
        ),
    ] = 24
    least_ratings: Annotated[
        int,
        Meta(
            ge=1,
            description="With fewer ratings than this in the window it reaches further back. Also the fewest ratings "
            "over which a recovery is believed.",
        ),
    ] = 20
    window_days_most: Annotated[
        float,
        Meta(
            ge=0.05,
            le=90,
            description="How far the window reaches back at most; older ratings say nothing about now.",
        ),
    ] = 7
    baseline_days: Annotated[
        int,
        Meta(
            ge=1,
            le=365,
            description="Days whose ratings say whether a segment is known well enough to be judged, and, with nothing "
            "above, where its level begins.",
        ),
    ] = 28
    baseline_lag_hours: Annotated[
        int,
        Meta(
            ge=0,
            le=2160,
            description="The usual level ends so long ago, so that a fall does not become usual before it is told.",
        ),
    ] = 48
    baseline_weight: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="The usual level begins at that of the segment above, which counts like so many ratings: it "
            "steadies small segments and moves large ones little.",
        ),
    ] = 50
    baseline_least: Annotated[
        int,
        Meta(
            ge=0,
            description="With fewer ratings in those days a segment is still learning and never pages; the one above "
            "it watches. With 20, a team of one rating a day would page for nothing before it could find a fall.",
        ),
    ] = 50
    baseline_days_least: Annotated[
        float,
        Meta(
            ge=0,
            description="...and with ratings of fewer days, too: at 1,000 ratings a day the first hours would make a "
            "level that is frozen by the page it causes. A new segment is watched from the ninth day on.",
        ),
    ] = 7
    profile_days: Annotated[
        int,
        Meta(
            ge=7,
            le=366,
            description="Days from whose weeks is learnt how weekdays and hours differ, how much days differ beyond "
            "chance, and how fast the level moves. Longer is surer, and notices later that weeks have changed.",
        ),
    ] = 56
    drift_points: Annotated[
        float,
        Meta(
            ge=0.01,
            le=20,
            description="By so many points the usual level is expected to move in a week; a segment's own past may say "
            "half of it, or up to four times as much. More follows a moving level sooner, and trusts the past less.",
        ),
    ] = 1.0
    day_begins_hour: Annotated[
        int,
        Meta(
            ge=0,
            le=23,
            description="The hour of UTC at which the desk's day begins: weekdays and moods are those of its days. "
            "A desk whose midnight is at 16:00 UTC says 16.",
        ),
    ] = 0
    baseline_lowest: Annotated[
        float, Meta(ge=0.05, le=0.95, description="The usual level is taken to be at least this.")
    ] = 0.50
    baseline_highest: Annotated[
        float,
        Meta(
            ge=0.05,
            le=0.99,
            description="The usual level is taken to be at most this; without it a flawless month would make every "
            "bad rating an alarm.",
        ),
    ] = 0.98
    fall_factor: Annotated[
        float,
        Meta(
            ge=1.01,
            le=100,
            description="The CUSUM is made for a share of bad ratings that grows by this factor, or by "
            "`fall_points`, whichever is less; and at most halfway to all of them.",
        ),
    ] = 2.0
    fall_points: Annotated[
        float,
        Meta(
            ge=0.1,
            le=40,
            description="See `fall_factor`; in percentage points. Smaller finds slow declines, and sharp falls later.",
        ),
    ] = 15
    limit_least: Annotated[
        float,
        Meta(gt=0, description="h is at least this, or a segment of two ratings a day would page after four bad ones."),
    ] = 3.0
    limit_cap: Annotated[
        float,
        Meta(
            ge=1,
            description="Before it pages, the CUSUM grows up to so many times h. At 1 a single satisfied rating would "
            "take it below h again, and no finding would last long enough to page.",
        ),
    ] = 2.0
    limit_cap_open: Annotated[
        float,
        Meta(
            ge=0.1,
            description="While a signal is open, the CUSUM is at most so many times h. Higher remembers a long fall "
            "longer: the recovery is told later.",
        ),
    ] = 1.0
    guard_points: Annotated[
        float,
        Meta(
            ge=0,
            le=50,
            description="A fall by less than so many points never pages, however sure it is: with 10,000 ratings a "
            "day even one point is sure, and not worth a night.",
        ),
    ] = 6
    guard_factor: Annotated[
        float,
        Meta(
            ge=1,
            description="...nor while the share of bad ones has not grown by this factor; 1 asks for nothing more.",
        ),
    ] = 1
    guard_weight: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="For the guard the usual level counts like so many ratings beside the real ones.",
        ),
    ] = 10
    guard_ratings: Annotated[
        int, Meta(ge=1, description="The guard of the CUSUM looks at its run, but at no more ratings than these.")
    ] = 60
    pending_minutes: Annotated[
        float,
        Meta(
            ge=0,
            le=129_600,
            description="So long the finding must hold before it pages; one angry customer with three tickets does "
            "not last so long.",
        ),
    ] = 15
    latch_minutes: Annotated[
        float,
        Meta(
            ge=0,
            le=129_600,
            description="A page stays open at least so long: no page is resolved while it is being read.",
        ),
    ] = 60
    recovery_points: Annotated[
        float,
        Meta(
            ge=0,
            le=50,
            description="Resolved when the value is back to within so many points of the usual level. Closer to "
            "`guard_points` resolves sooner, and opens again more often.",
        ),
    ] = 2
    trend_points: Annotated[
        float,
        Meta(
            gt=0,
            le=50,
            description="*Satisfaction declines* when the line through the last nine weeks falls by so many points, "
            "and is over once it falls by less than half of them.",
        ),
    ] = 5
    trend_limit: Annotated[
        float,
        Meta(
            ge=1,
            le=8,
            description="...and by so many standard errors. Lower tells slow declines sooner, and more of them for "
            "nothing.",
        ),
    ] = 2.5
    stale_days: Annotated[
        float,
        Meta(gt=0, description="A rating of a ticket that was resolved longer ago is not news and counts nowhere."),
    ] = 14
    survey_chance: Annotated[
        float,
        Meta(
            gt=0,
            lt=0.5,
            description="*Survey broken* when so few answers would come by chance less often than this.",
        ),
    ] = 0.001
    survey_part: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="...and when the response rate is at most this part of the usual one: fewer answers are a "
            "trend, hardly any are a fault.",
        ),
    ] = 0.25
    silence_minutes: Annotated[
        float,
        Meta(gt=0, description="*Source silent* when no event came for so long..."),
    ] = 10
    silence_chance: Annotated[
        float,
        Meta(
            gt=0,
            lt=0.5,
            description="...at a time of the week at which that happens by chance less often than this. Nights and "
            "Sundays stay quiet.",
        ),
    ] = 0.001

    def __post_init__(self) -> None:
        """Refuse thresholds that contradict each other.

        Raises:
            ValueError: When they do.
        """
        if self.baseline_lowest > self.baseline_highest:
            raise ValueError("baseline_lowest lies above baseline_highest: swap them")
        if self.recovery_points >= self.guard_points:
            raise ValueError("recovery_points must lie below guard_points, or a page would open and resolve at once")

    @property
    def accepted(self) -> float:
        """False pages in 90 days that this segment may cause, when those who are paged share them out evenly."""
        return self.false_pages_per_90_days / self.paging_segments

    @property
    def accepted_of_sum(self) -> float:
        """The part of them that is the CUSUM's."""
        return CUSUM_PART * self.accepted

    @property
    def bound_z(self) -> float:
        """How sure the Wilson bound must be for what is accepted: chance exceeds it about `exp(-z^2 / 2)` times."""
        return sqrt(max(1.0, self.wilson_z**2 - 2 * log(self.accepted)))

    def rarer(self, spread: float) -> float:
        """Return by how much h lies above that of one accepted false page; below 0 where more are accepted.

        A CUSUM that is e times as rare needs 1 more, if it knows what is usual. Of a level that is `spread` wrong,
        false alarms come from where it lies too high, and get rarer more slowly; see `SPREAD_SLOWS`.
        """
        times = -log(self.accepted)
        return times * (1 + SPREAD_SLOWS * spread * spread) if times > 0 else times

    def limit(self, ratings_per_day: float, spread: float = 0.0) -> float:
        """Return h, the limit of the CUSUM for a segment with so many ratings a day.

        A CUSUM of log-likelihood ratios alarms falsely once in `c * exp(h)` ratings (Lorden, G. (1971): Procedures
        for reacting to a change in distribution. Annals of Mathematical Statistics 42, 1897-1908, gives the bound
        c >= 1); c is `RATINGS_PER_FALSE_ALARM`. One alarm in `90 * ratings_per_day / (its false pages in 90 days)`
        ratings gives h. With the defaults that is `ln(V * 135 / 20)`, and `rarer` for another budget.

        Args:
            ratings_per_day: How many independent ones.
            spread: Standard deviation of how wrong the usual level may be.
        """
        if ratings_per_day <= 0:
            return self.limit_least
        ratings = 90 * ratings_per_day / CUSUM_PART
        return max(self.limit_least, log(ratings / RATINGS_PER_FALSE_ALARM) + self.rarer(spread))

    def guard_of(self, bad_share: float) -> float:
        """Return how far a share must lie below the usual one, given the usual share of bad ratings."""
        return max(self.guard_points / 100, (self.guard_factor - 1) * bad_share)

    def bad_share_of_fall(self, bad_share: float) -> float:
        """Return the share of bad ratings for which the CUSUM is made, given the usual one; it lies above, and below 1.

        Of a fall to nothing but bad ratings a single satisfied one would prove the contrary, whatever came before: a
        segment that is hardly ever satisfied can only fall halfway.
        """
        return min(self.fall_factor * bad_share, bad_share + self.fall_points / 100, (1 + bad_share) / 2)

    def overridden(self, changes: Mapping[str, Any]) -> "Thresholds":
        """Return these thresholds with some of them changed, as for one segment.

        Raises:
            ThresholdError: When a name is unknown, a value is out of range, or two contradict each other.
        """
        try:
            return msgspec.convert({**msgspec.structs.asdict(self), **changes}, Thresholds)
        except msgspec.ValidationError as error:
            raise ThresholdError(f"the thresholds do not hold: {error}") from None


def descriptions() -> dict[str, str]:
    """Return what is said about each threshold, by name, in order."""
    hints = Thresholds.__annotations__
    return {name: hint.__metadata__[0].description for name, hint in hints.items()}
