"""Satisfaction: what customers who rated a contact say of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit
from streams.core.metrics.observation import (
    RATINGS,
    RATINGS_BY_CREATION,
    RATINGS_BY_RESOLUTION,
    SURVEYS,
)

SATISFIED_FROM: Final = 75
"""The least score of a satisfied customer: 4 and 5 of 5, 8 to 10 of 10, the thumb up."""

CSAT_SHARE: Final = Metric(
    name="csat_share",
    title="Satisfied",
    topic=Topic.SATISFACTION,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=RATINGS,
    numerator=f"of them those with a score of {SATISFIED_FROM} or more of 100",
    denominator="valid ratings that customers gave in the window",
    counted="source = 'customer'",
    hit=f"score >= {SATISFIED_FROM}",
    about="Satisfied are 4 and 5 of 5, 8 to 10 of 10, the thumb up. Ratings that agents, quality checks or models "
    "enter are left out.",
)

CSAT_MEAN: Final = Metric(
    name="csat_mean",
    title="Satisfaction, mean",
    topic=Topic.SATISFACTION,
    unit=Unit.SCORE,
    direction=Direction.UP,
    kind=Kind.MEAN,
    observations=RATINGS,
    numerator="sum of the scores, 100 * (raw - scale_min) / (scale_max - scale_min)",
    denominator="valid ratings that customers gave in the window",
    counted="source = 'customer'",
    value="score",
    about="Every scale is brought to 0 to 100, so that stars and thumbs can stand beside each other. Ratings that "
    "agents, quality checks or models enter are left out. A mean hides its spread: read the deviation beside it.",
)


class Clock(StrEnum):
    """What puts a rating into a window: three questions, never mixed."""

    RATED = "rated"
    RESOLVED = "resolved"
    CREATED = "created"


_COHORT_DAYS: Final = 14
"""So long after a resolution nearly every rating has come that will come."""


def _by_resolution(metric: Metric) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}_by_resolution",
        title=f"{metric.title}, by resolution",
        observations=RATINGS_BY_RESOLUTION,
        denominator="valid ratings by customers of cases that were resolved in the window",
        matures_days=_COHORT_DAYS,
        is_main=False,
        about="What customers say of the work of the window, whenever they say it. It moves for two weeks, while "
        "ratings come in. A rating belongs to one resolution: the last one before it, else the first one after it.",
    )


def _by_creation(metric: Metric) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}_by_creation",
        title=f"{metric.title}, by creation",
        observations=RATINGS_BY_CREATION,
        denominator="valid ratings by customers of tickets that were created in the window",
        matures_days=_COHORT_DAYS,
        is_main=False,
        about="What customers who came in the window say in the end. It moves for as long as their tickets take and "
        "their ratings are under way; two weeks are allowed for that.",
    )


CSAT_SHARE_BY_RESOLUTION: Final = _by_resolution(CSAT_SHARE)
CSAT_MEAN_BY_RESOLUTION: Final = _by_resolution(CSAT_MEAN)
CSAT_SHARE_BY_CREATION: Final = _by_creation(CSAT_SHARE)
CSAT_MEAN_BY_CREATION: Final = _by_creation(CSAT_MEAN)

BY_CLOCK: Final[Mapping[Clock, Mapping[str, Metric]]] = {
    Clock.RATED: {},
    Clock.RESOLVED: {CSAT_SHARE.name: CSAT_SHARE_BY_RESOLUTION, CSAT_MEAN.name: CSAT_MEAN_BY_RESOLUTION},
    Clock.CREATED: {CSAT_SHARE.name: CSAT_SHARE_BY_CREATION, CSAT_MEAN.name: CSAT_MEAN_BY_CREATION},
}
"""What stands in for a metric when another clock is asked for."""

RESPONSE_RATE: Final = Metric(
    name="response_rate",
    title="Surveys answered",
    topic=Topic.SATISFACTION,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=SURVEYS,
    numerator="of them those with a valid rating by the customer, whenever it came",
    denominator="surveys that went out in the window",
    hit="is_answered",
    matures_days=7,
    about="Few answers make satisfaction an opinion of those who like to answer. The newest surveys still wait for "
    "theirs: for a week after its window the rate goes on rising, and is compared with nothing.",
)

SELF_RATING_SHARE: Final = Metric(
    name="self_rating_share",
    title="Ratings by agents",
    topic=Topic.SATISFACTION,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=RATINGS,
    numerator="of them those that agents entered",
    denominator="valid ratings that customers or agents gave in the window",
    counted="source IN ('customer', 'agent')",
    hit="source = 'agent'",
    about="A rating that the desk gives itself never enters satisfaction. This says how many of them there are.",
)
