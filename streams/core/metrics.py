"""Every metric, once: what it counts, over what, by which clock. SQL, reports, panels and alerts are made from here.

First the words, then the observations that metrics are made of, then the metrics (`METRICS`). A share
of `tickets` in which `contact_type = 'complaint'` is all there is to the complaint rate; search for its name.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

# The words ------------------------------------------------------------------------------------------------------------


class Dimension(StrEnum):
    """By what metrics can be divided; each is a column of `tickets` with the latest word on it."""

    TEAM = "team"
    AGENT = "agent_id"
    CHANNEL = "channel"
    PRODUCT_LINE = "product_line"
    REASON = "reason"
    CONTACT_TYPE = "contact_type"
    PRIORITY = "priority"
    REGION = "region"
    STRATEGY = "strategy"


class Kind(StrEnum):
    """How observations become one number."""

    SHARE = "share"
    MEAN = "mean"
    QUANTILE = "quantile"
    COUNT = "count"


class Unit(StrEnum):
    """What a value is measured in. A share lies between 0 and 1."""

    SHARE = "share"
    SCORE = "score from 0 to 100"
    SECONDS = "seconds"
    NUMBER = "number"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up is good"
    DOWN = "down is good"
    NEITHER = "neither way is good"


class Topic(StrEnum):
    """What a reader looks for."""

    COMPLAINTS = "Complaints"
    SATISFACTION = "Satisfaction"
    RESPONSE = "Response"
    RESOLUTION = "Resolution"
    AFTER_SALES = "After sales"
    LOAD = "Load"


class Observations(Struct, frozen=True, kw_only=True):
    """What metrics are made of: single observations of tickets that count, as rows of a SELECT.

    Every row also has its `ticket_id` and all dimensions.

    Attributes:
        name: By which readers know it.
        one: What one row stands for.
        clock: Which instant puts an observation into a window.
        lasts: False: a row happens at `at` and belongs to the window in which that lies. True: it lasts from `since`
            until before `until`, and belongs to every window at whose end it goes on.
        columns: SQL expression of each column that the metrics read, by its name.
        source: What stands behind FROM; only `tickets`, and each ticket in its latest version.
        where: Which rows are observations.
    """

    name: str
    one: str
    clock: str
    lasts: bool = False
    columns: Mapping[str, str]
    source: str = "tickets FINAL"
    where: str


class Metric(Struct, frozen=True, kw_only=True):
    """A number over a window.

    Attributes:
        name: By which programs know it; it never changes its meaning.
        title: By which people know it.
        numerator: What is counted or measured, in words.
        denominator: Of what, in words.
        counted: SQL condition on an observation: which of them enter; "" for all.
        hit: Of a share: SQL condition on an observation that makes it count.
        value: Of a mean or a quantile: SQL expression of what an observation measures.
        p: Of a quantile: which one.
        once_per: Of a share: whose observations count as one, such as those of a customer; "" for each by itself.
        n_min: With fewer observations the number is too unsure to be shown.
        matures_days: So long after the end of its window the number still moves by waiting; until then it is
            provisional, and comparing it with an older window would show a change that is none.
        about: What a reader should know before drawing conclusions.
    """

    name: str
    title: str
    topic: Topic
    unit: Unit
    direction: Direction
    kind: Kind
    observations: Observations
    numerator: str
    denominator: str
    counted: str = ""
    hit: str = ""
    value: str = ""
    p: float = 0.5
    once_per: str = ""
    n_min: int = 20
    matures_days: int = 0
    about: str

    @property
    def clock(self) -> str:
        """Which instant puts an observation into a window."""
        return self.observations.clock


# The observations -----------------------------------------------------------------------------------------------------

_NEVER: Final = "toDateTime64('2200-01-01 00:00:00', 3, 'UTC')"

TICKETS: Final = Observations(
    name="tickets",
    one="a ticket",
    clock="created_at: when the ticket was created",
    columns={"at": "created_at"},
    where="is_effective",
)

RATINGS: Final = Observations(
    name="ratings",
    one="a valid rating: as last revised, not withdrawn, the last one of its survey",
    clock="rated_at: when the rating was given",
    columns={"at": "rating.rated_at", "score": "rating.score", "source": "rating.source"},
    source="tickets FINAL ARRAY JOIN ratings AS rating",
    where="is_effective AND rating.is_valid",
)

SURVEYS: Final = Observations(
    name="surveys",
    one="a survey that went out",
    clock="offered_at: when the survey went out",
    columns={
        "at": "survey.offered_at",
        "is_answered": "arrayExists((id, source, is_valid) -> id = survey.id AND source = 'customer' AND is_valid, "
        "ratings.survey_id, ratings.source, ratings.is_valid)",
    },
    source="tickets FINAL ARRAY JOIN surveys AS survey",
    where="is_effective",
)

FIRST_RESPONSES: Final = Observations(
    name="first_responses",
    one="the first public answer of a person to a customer; tickets that an agent opened have none",
    clock="first_response_at: when the answer was given",
    columns={"at": "assumeNotNull(first_response_at)", "seconds": "assumeNotNull(first_response_seconds)"},
    where="is_effective AND first_response_at IS NOT NULL",
)

ANSWERED_WAITS: Final = Observations(
    name="answered_waits",
    one="a wait of a customer, from the first message that nobody had answered to a person's public answer",
    clock="answered_at: when the wait ended",
    columns={
        "at": "assumeNotNull(wait.answered_at)",
        "seconds": "dateDiff('millisecond', wait.started_at, at) / 1000",
    },
    source="tickets FINAL ARRAY JOIN waits AS wait",
    where="is_effective AND wait.answered_at IS NOT NULL",
)

RESOLVED_CYCLES: Final = Observations(
    name="resolved_cycles",
    one="a cycle that was resolved: from creation or reopening to the next resolution",
    clock="resolved_at: when the cycle was resolved",
    columns={
        "at": "assumeNotNull(cycle.resolved_at)",
        "seconds": "dateDiff('millisecond', cycle.started_at, at) / 1000",
        "is_first": "number = 1",
        "is_reopened": "number < length(cycles.started_at)",
    },
    source="tickets FINAL ARRAY JOIN cycles AS cycle, arrayEnumerate(cycles.started_at) AS number",
    where="is_effective AND cycle.resolved_at IS NOT NULL",
)

OPEN_TICKETS: Final = Observations(
    name="open_tickets",
    one="a ticket for as long as it is neither resolved nor closed",
    clock="the end of the window: open then",
    lasts=True,
    columns={"since": "cycle.started_at", "until": f"coalesce(cycle.resolved_at, closed_at, {_NEVER})"},
    source="tickets FINAL ARRAY JOIN cycles AS cycle",
    where="is_effective",
)

OPEN_WAITS: Final = Observations(
    name="open_waits",
    one="a customer for as long as nobody answers, while the ticket is neither resolved nor closed",
    clock="the end of the window: waiting then",
    lasts=True,
    columns={"since": "span.1", "until": "span.2"},
    source="tickets FINAL ARRAY JOIN arrayFlatten(arrayMap((started_at, answered_at) -> "
    "arrayMap((cycle_started_at, resolved_at) -> (greatest(started_at, cycle_started_at), "
    f"least(ifNull(answered_at, {_NEVER}), coalesce(resolved_at, closed_at, {_NEVER}))), "
    "cycles.started_at, cycles.resolved_at), waits.started_at, waits.answered_at)) AS span",
    where="is_effective AND since < until",
)

AFTER_SALES_CASES: Final = Observations(
    name="after_sales_cases",
    one="an after-sales ticket of a known customer that was resolved",
    clock="first_resolved_at: when it was resolved for the first time",
    columns={"at": "assumeNotNull(first_resolved_at)", "customer_id": "customer_id", "ordered_at": "ordered_at"},
    source="""tickets FINAL LEFT JOIN
(
    SELECT customer_id, groupArray(placed_at) AS ordered_at
    FROM
    (
        SELECT customer_id, minIf(at, name = 'order.placed') AS placed_at
        FROM orders
        GROUP BY customer_id, order_id
        HAVING countIf(name = 'order.placed') > 0
            AND countIf(name = 'order.cancelled' OR kind IN ('replacement', 'exchange')) = 0
    )
    GROUP BY customer_id
) AS customers USING (customer_id)""",
    where="is_effective AND after_sales AND customer_id != '' AND first_resolved_at IS NOT NULL",
)

# The metrics ----------------------------------------------------------------------------------------------------------

COMPLAINT_RATE: Final = Metric(
    name="complaint_rate",
    title="Complaint rate",
    topic=Topic.COMPLAINTS,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=TICKETS,
    numerator="tickets whose latest classification is complaint",
    denominator="tickets created in the window",
    hit="contact_type = 'complaint'",
    about="Spam, tests, deleted tickets and those merged into another count on neither side. A ticket that is "
    "classified anew moves the rate of the window in which it was created, not of the one in which that was decided.",
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

CSAT_SHARE: Final = Metric(
    name="csat_share",
    title="Satisfied",
    topic=Topic.SATISFACTION,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=RATINGS,
    numerator="of them those with a score of 80 or more of 100",
    denominator="valid ratings that customers gave in the window",
    counted="source = 'customer'",
    hit="score >= 80",
    about="On a scale from 1 to 5, 4 is a score of 75 and does not count; 5 does. Ratings that agents, "
    "quality checks or models enter are left out.",
)

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

FIRST_RESPONSE_P50: Final = Metric(
    name="first_response_p50",
    title="First response, median",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=FIRST_RESPONSES,
    numerator="time from the customer's first contact to the first public answer of a person; half took longer",
    denominator="first answers given in the window",
    value="seconds",
    p=0.5,
    about="Calendar time. Bots, private notes and tickets that an agent opened are left out. Whoever is still "
    "unanswered is in no window yet: read open_waits beside it, which leaving a ticket alone makes worse.",
)

FIRST_RESPONSE_P90: Final = Metric(
    name="first_response_p90",
    title="First response, p90",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=FIRST_RESPONSES,
    numerator="time from the customer's first contact to the first public answer of a person; one in ten took longer",
    denominator="first answers given in the window",
    value="seconds",
    p=0.9,
    about="As first_response_p50, but what the unlucky tenth exceeds: the wait that customers tell others about.",
)

FIRST_RESPONSE_N: Final = Metric(
    name="first_response_n",
    title="First responses",
    topic=Topic.RESPONSE,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=FIRST_RESPONSES,
    numerator="first answers given in the window",
    denominator="none: it is a count",
    n_min=0,
    about="How many customers got their first answer from a person.",
)

NEXT_RESPONSE_P50: Final = Metric(
    name="next_response_p50",
    title="Any response, median",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=ANSWERED_WAITS,
    numerator="time that a customer waited for a person's public answer, first or later; half took longer",
    denominator="waits that ended in the window",
    value="seconds",
    p=0.5,
    about="Every wait counts, not only the first: desks that answer fast once and then fall silent show here.",
)

NEXT_RESPONSE_P90: Final = Metric(
    name="next_response_p90",
    title="Any response, p90",
    topic=Topic.RESPONSE,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=ANSWERED_WAITS,
    numerator="time that a customer waited for a person's public answer, first or later; one in ten took longer",
    denominator="waits that ended in the window",
    value="seconds",
    p=0.9,
    about="As next_response_p50, but what the unlucky tenth exceeds.",
)

OPEN_WAITS_NOW: Final = Metric(
    name="open_waits",
    title="Customers waiting",
    topic=Topic.RESPONSE,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=OPEN_WAITS,
    numerator="customers who wait for a person's answer as the window ends",
    denominator="none: it is a count",
    n_min=0,
    about="Of a window that ends now: those who wait now. Of an earlier one it is what today's knowledge says of that "
    "instant, with today's team of each ticket.",
)

RESOLUTION_P50: Final = Metric(
    name="resolution_p50",
    title="Resolution, median",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time from creation, or from reopening, to the resolution; half took longer",
    denominator="cycles resolved in the window",
    value="seconds",
    p=0.5,
    about="Calendar time. A ticket that is reopened begins a new cycle; its second resolution is not measured from its "
    "creation again.",
)

RESOLUTION_P90: Final = Metric(
    name="resolution_p90",
    title="Resolution, p90",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time from creation, or from reopening, to the resolution; one in ten took longer",
    denominator="cycles resolved in the window",
    value="seconds",
    p=0.9,
    about="As resolution_p50, but what the unlucky tenth exceeds.",
)

FIRST_RESOLUTION_P50: Final = Metric(
    name="first_resolution_p50",
    title="First resolution, median",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time from creation to the first resolution; half took longer",
    denominator="tickets resolved for the first time in the window",
    counted="is_first",
    value="seconds",
    p=0.5,
    about="Calendar time. Whether the solution held is another matter: see reopen_rate.",
)

FIRST_RESOLUTION_P90: Final = Metric(
    name="first_resolution_p90",
    title="First resolution, p90",
    topic=Topic.RESOLUTION,
    unit=Unit.SECONDS,
    direction=Direction.DOWN,
    kind=Kind.QUANTILE,
    observations=RESOLVED_CYCLES,
    numerator="time from creation to the first resolution; one in ten took longer",
    denominator="tickets resolved for the first time in the window",
    counted="is_first",
    value="seconds",
    p=0.9,
    about="As first_resolution_p50, but what the unlucky tenth exceeds.",
)

REOPEN_RATE: Final = Metric(
    name="reopen_rate",
    title="Reopen rate",
    topic=Topic.RESOLUTION,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=RESOLVED_CYCLES,
    numerator="of them those that were reopened, whenever that happened",
    denominator="cycles resolved in the window",
    hit="is_reopened",
    matures_days=7,
    about="Work that was called done and was not. Cycles resolved just now had little time to be reopened: for a week "
    "after its window the rate goes on rising, and is compared with nothing.",
)


def _repurchase(days: int) -> Metric:
    return Metric(
        name=f"repurchase_{days}d",
        title=f"Repurchase, {days} days",
        topic=Topic.AFTER_SALES,
        unit=Unit.SHARE,
        direction=Direction.UP,
        kind=Kind.SHARE,
        observations=AFTER_SALES_CASES,
        numerator=f"of them those who placed an order within {days} days after the resolution",
        denominator="customers with an after-sales case that was resolved for the first time in the window",
        hit=f"arrayExists(placed_at -> placed_at > at AND placed_at <= at + toIntervalDay({days}), ordered_at)",
        once_per="customer_id",
        matures_days=days,
        about="Cancelled orders, replacements and exchanges are no repurchase. A customer counts once, however many "
        f"cases and orders. The last cases of a window have {days} days left to be followed by an order: until "
        "they are over the share goes on rising, and is compared with nothing.",
    )


REPURCHASE_30D: Final = _repurchase(30)
REPURCHASE_60D: Final = _repurchase(60)
REPURCHASE_90D: Final = _repurchase(90)

TICKETS_CREATED: Final = Metric(
    name="tickets",
    title="Tickets",
    topic=Topic.LOAD,
    unit=Unit.NUMBER,
    direction=Direction.NEITHER,
    kind=Kind.COUNT,
    observations=TICKETS,
    numerator="tickets created in the window",
    denominator="none: it is a count",
    n_min=0,
    about="Spam, tests, deleted tickets and those merged into another are left out. A ticket whose creation is not "
    "known yet counts at its first event.",
)

BACKLOG: Final = Metric(
    name="backlog",
    title="Backlog",
    topic=Topic.LOAD,
    unit=Unit.NUMBER,
    direction=Direction.DOWN,
    kind=Kind.COUNT,
    observations=OPEN_TICKETS,
    numerator="tickets that are neither resolved nor closed as the window ends",
    denominator="none: it is a count",
    n_min=0,
    about="Of a window that ends now: the backlog now. Of an earlier one it is what today's knowledge says of that "
    "instant, with today's team of each ticket. Of a ticket that was closed without a resolution and opened again, the "
    "time in between counts as open.",
)

METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        COMPLAINT_RATE,
        CSAT_SHARE,
        CSAT_MEAN,
        RESPONSE_RATE,
        SELF_RATING_SHARE,
        FIRST_RESPONSE_P50,
        FIRST_RESPONSE_P90,
        FIRST_RESPONSE_N,
        NEXT_RESPONSE_P50,
        NEXT_RESPONSE_P90,
        OPEN_WAITS_NOW,
        RESOLUTION_P50,
        RESOLUTION_P90,
        FIRST_RESOLUTION_P50,
        FIRST_RESOLUTION_P90,
        REOPEN_RATE,
        REPURCHASE_30D,
        REPURCHASE_60D,
        REPURCHASE_90D,
        TICKETS_CREATED,
        BACKLOG,
    )
}
"""Every metric by its name, in the order in which reports show them."""
