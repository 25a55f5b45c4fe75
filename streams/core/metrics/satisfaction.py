"""Satisfaction: what customers who rated a contact say of it, and what they say of two other questions.

Whether they would recommend the firm (NPS) and how easy it was (CES) is told apart by the survey's kind, never mixed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from schemas.policy import SATISFIED_FROM, SettledAfter
from streams.core.metrics.metric import Direction, Kind, Metric, Topic, Unit
from streams.core.metrics.observation import (
    RATINGS,
    RATINGS_BY_CREATION,
    RATINGS_BY_RESOLUTION,
    SURVEYS,
)

_SATISFACTION: Final = "source = 'customer' AND kind = 'csat'"
_KIND: Final = "Ratings of another kind, such as NPS and CES, are left out, and"
_OTHERS: Final = "those that agents, quality checks or models enter"

CSAT_SHARE: Final = Metric(
    name="csat_share",
    title="Satisfied",
    topic=Topic.SATISFACTION,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=RATINGS,
    numerator="of them those whose score is at least what the policy calls satisfied",
    denominator="valid ratings of satisfaction that customers gave in the window",
    counted=_SATISFACTION,
    hit="score >= satisfied_from",
    about=f"Satisfied are scores of {SATISFIED_FROM} and more of 100, so 4 and 5 of 5, 8 to 10 of 10 and the thumb up, "
    "unless the desk's policy says otherwise, of all scales or of one: by the version in force when the rating was "
    "given. "
    f"{_KIND} {_OTHERS}.",
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
    denominator="valid ratings of satisfaction that customers gave in the window",
    counted=_SATISFACTION,
    value="score",
    about="Every scale is brought to 0 to 100, so that stars and thumbs can stand beside each other. "
    f"{_KIND} {_OTHERS}. A mean hides its spread: read the deviation beside it.",
)


class Clock(StrEnum):
    """What puts a rating into a window: three questions, never mixed."""

    RATED = "rated"
    RESOLVED = "resolved"
    CREATED = "created"


_SETTLED: Final = SettledAfter()


def _by_resolution(metric: Metric) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}_by_resolution",
        title=f"{metric.title}, by resolution",
        observations=RATINGS_BY_RESOLUTION,
        denominator="valid ratings of satisfaction by customers of cases that were resolved in the window",
        matures_days=_SETTLED.ratings,
        matures_by="ratings",
        is_main=False,
        about="What customers say of the work of the window, whenever they say it. It moves while ratings "
        f"come in: for {_SETTLED.ratings} days, unless the desk's policy says otherwise. A rating belongs to one "
        "resolution: the last one before it, else the first one after it.",
    )


def _by_creation(metric: Metric) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}_by_creation",
        title=f"{metric.title}, by creation",
        observations=RATINGS_BY_CREATION,
        denominator="valid ratings of satisfaction by customers of tickets that were created in the window",
        matures_days=_SETTLED.ratings,
        matures_by="ratings",
        is_main=False,
        about="What customers who came in the window say in the end. It moves for as long as their tickets take and "
        f"their ratings are under way; {_SETTLED.ratings} days are allowed for that, unless the desk's policy says "
        "otherwise.",
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
    matures_days=_SETTLED.surveys,
    matures_by="surveys",
    about="Few answers make satisfaction an opinion of those who like to answer. Surveys of every kind are counted, "
    "NPS and CES too: a tool that nobody answers is broken whatever it asks. The newest surveys still wait for "
    f"theirs: for {_SETTLED.surveys} days after its window, unless the desk's policy says otherwise, the rate goes on "
    "rising, and is compared with nothing.",
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
    denominator="valid ratings of satisfaction that customers or agents gave in the window",
    counted="source IN ('customer', 'agent') AND kind = 'csat'",
    hit="source = 'agent'",
    about="A rating that the desk gives itself never enters satisfaction. This says how many of them there are.",
)

NPS: Final = Metric(
    name="nps",
    title="Net promoter score",
    topic=Topic.SATISFACTION,
    unit=Unit.BALANCE,
    direction=Direction.UP,
    kind=Kind.BALANCE,
    observations=RATINGS,
    numerator="100 * (of them promoters, 9 and 10 - detractors, 0 to 6)",
    denominator="valid answers of customers in the window to surveys of the kind nps, on a scale from 0 to 10",
    counted="source = 'customer' AND kind = 'nps' AND scale_min = 0 AND scale_max = 10",
    hit="score >= 90",
    miss="score <= 60",
    is_main=False,
    about="From -100, all detractors, to 100, all promoters; 7 and 8 count for neither. Answers on another scale are "
    "left out, for who is a promoter on it nobody has said: servicepulse doctor names them. It tells of the firm as "
    "much as of the desk, and moves by many points for nothing while answers are few.",
)

CES: Final = Metric(
    name="ces",
    title="Customer effort score",
    topic=Topic.SATISFACTION,
    unit=Unit.SCORE,
    direction=Direction.UP,
    kind=Kind.MEAN,
    observations=RATINGS,
    numerator="sum of the scores, 100 * (raw - scale_min) / (scale_max - scale_min)",
    denominator="valid answers of customers in the window to surveys of the kind ces",
    counted="source = 'customer' AND kind = 'ces'",
    value="score",
    is_main=False,
    about='How easy it was to get help: 100 is the top of every scale, such as 7 of 7, "it was made easy for me". A '
    "survey whose top means much effort must be sent turned round.",
)
