"""Continuity: whom returning customers meet, who knew their story, when they are answered, what they remember."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.business_time import BUSINESS_WAITS, SHIFT_ANSWERS
from streams.core.metrics.metric import (
    CUSTOMER,
    DAYS,
    DAYS_ASKED,
    OF_CUSTOMER,
    Direction,
    Kind,
    Metric,
    Observations,
    Topic,
    Unit,
)
from streams.core.metrics.observation import FIRST_RESPONSES, RATED, RATINGS, WAITED, told_beside
from streams.core.metrics.policy import satisfied_from

LATELY_DAYS: Final = 90
"""So far back a customer's earlier contacts count."""
TOUCH_DAYS: Final = 30
"""So long a customer remembers a bad experience."""

_BACK: Final = f"toIntervalDay({LATELY_DAYS})"

CONTACTS: Final = Observations(
    name="contacts_of_known_customers",
    one="a ticket of a known customer that an agent has",
    clock="created_at: when the ticket was created",
    columns={
        "at": "created_at",
        "earlier": f"arrayFilter(one -> one.1 < created_at AND one.1 >= created_at - {_BACK}, told)",
        "usual": "arrayReverseSort(one -> (countEqual(earlier.3, one.3), one.1, one.2), earlier)[1].3",
        "met": "length(arrayDistinct(arrayPushBack(earlier.3, agent_id)))",
        CUSTOMER: OF_CUSTOMER,
    },
    source=f"""{DAYS} LEFT JOIN
(
    SELECT customer_id, groupArray((created_at, ticket_id, toString(agent_id))) AS told
    FROM {DAYS}
    WHERE {DAYS_ASKED} AND day = toDate(created_at)
        AND is_effective AND agent_id != '' AND customer_id != ''
    GROUP BY customer_id
) AS customers USING (customer_id)""",  # noqa: S608 - words of ours
    lookback_seconds=LATELY_DAYS * 86_400,
    where="customer_id != '' AND agent_id != ''",
)

USUAL_AGENT_SHARE: Final = Metric(
    name="usual_agent_share",
    title="Served by the usual agent",
    topic=Topic.CONTINUITY,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=CONTACTS,
    numerator="of them those that are with the agent of most of these earlier ones, of several the latest",
    denominator="tickets created in the window by known customers who had others in the "
    f"{LATELY_DAYS} days before, all with an agent",
    counted="notEmpty(earlier)",
    hit="agent_id = usual",
    is_main=False,
    about="The agent is who has the ticket now. A customer who tells the same story to somebody else each time counts "
    "against it, whether or not the last one solved it.",
)

AGENTS_MET: Final = replace(
    USUAL_AGENT_SHARE,
    name="agents_met",
    title="Agents that a returning customer met",
    unit=Unit.AVERAGE,
    direction=Direction.DOWN,
    kind=Kind.MEAN,
    numerator=f"how many different agents had these tickets and those of the {LATELY_DAYS} days before",
    hit="",
    value="met",
    about="1 is one face for everything. Read it beside how often such customers come: who comes ten times meets more.",
)

_VIEWS: Final = told_beside("context.viewed", "groupArray((agent_id, at)) AS looks")

PREPARED_RESPONSES: Final = replace(
    FIRST_RESPONSES,
    name="prepared_responses",
    columns={
        "at": FIRST_RESPONSES.columns["at"],
        "is_prepared": "arrayExists(one -> one.2 <= at AND (wait.sender_id = '' OR one.1 = wait.sender_id), looks)",
    },
    source=f"{WAITED}\nLEFT JOIN\n{_VIEWS} AS views USING (ticket_id)",
    where=f"{FIRST_RESPONSES.where} AND (SELECT count() FROM {_VIEWS}) > 0",  # noqa: S608 - words of ours
)

PREPARED_SHARE: Final = Metric(
    name="prepared_share",
    title="Answered with the story read",
    topic=Topic.CONTINUITY,
    unit=Unit.SHARE,
    direction=Direction.UP,
    kind=Kind.SHARE,
    observations=PREPARED_RESPONSES,
    numerator="of them those whose sender had opened what is known of the case before, by `context.viewed`",
    denominator="first answers of persons in the window",
    hit="is_prepared",
    is_main=False,
    about="Where nobody says who sent an answer, anybody who looked counts. A desk of which no system sends "
    "`context.viewed` has no number, rather than 0 %.",
)

ANSWERS_BY_HOURS: Final = replace(
    BUSINESS_WAITS,
    name="answers_by_hours",
    columns={**BUSINESS_WAITS.columns, "is_outside": "at >= at_end.closes_at"},
)

OUTSIDE_HOURS_SHARE: Final = Metric(
    name="answers_outside_hours",
    title="Answers outside opening hours",
    topic=Topic.CONTINUITY,
    unit=Unit.SHARE,
    direction=Direction.NEITHER,
    kind=Kind.SHARE,
    observations=ANSWERS_BY_HOURS,
    numerator="of them those given while the desk was closed: at night, on days off, on holidays",
    denominator="waits of customers that a person's answer ended in the window, of teams whose opening hours are known",
    hit="is_outside",
    is_main=False,
    about="By the published schedule of the ticket's team, else the one named default, in the version in force then. "
    "Kind to customers, hard on people: where it is high, look at who does it, and at satisfaction beside it.",
)

OFF_SHIFT_SHARE: Final = replace(
    OUTSIDE_HOURS_SHARE,
    name="answers_off_shift",
    title="Answers outside the agent's shift",
    observations=SHIFT_ANSWERS,
    numerator="of them those given while the agent had no shift: after hours, on days off, on holidays",
    denominator="waits of customers that an answer ended in the window, of agents whose shifts are known",
    hit="is_off",
    about="By the schedule that is published of the agent who answered, in the version in force then. A desk that is "
    "open all day has no answers outside of its hours, and may still live on people who do not stop.",
)

_IS_BAD: Final = f"rating.score < {satisfied_from('rating.scale_min', 'rating.scale_max')}"
_TOUCHES: Final = f"""
(
    SELECT customer_id, groupArray((rating.rated_at, {_IS_BAD})) AS touches
    FROM {RATED}
    WHERE {DAYS_ASKED} AND is_effective AND customer_id != '' AND day = toDate(rating.rated_at)
        AND rating.source = 'customer' AND rating.kind = 'csat'
    GROUP BY customer_id
)""".strip()  # noqa: S608 - words of ours

REMEMBERED_RATINGS: Final = replace(
    RATINGS,
    name="remembered_ratings",
    one="a valid rating of satisfaction by a known customer",
    columns={
        **RATINGS.columns,
        "customer_id": "customer_id",
        "is_hurt": f"arrayExists(one -> one.2 AND one.1 <= at AND one.1 > at - toIntervalDay({TOUCH_DAYS}), touches)",
    },
    source=f"{RATED}\nLEFT JOIN\n{_TOUCHES} AS touched USING (customer_id)",
    where="rating.source = 'customer' AND rating.kind = 'csat' AND customer_id != ''",
    lookback_seconds=TOUCH_DAYS * 86_400,
)

HURT_CUSTOMERS: Final = Metric(
    name="hurt_customers",
    title=f"Bad experience in {TOUCH_DAYS} days",
    topic=Topic.CONTINUITY,
    unit=Unit.SHARE,
    direction=Direction.DOWN,
    kind=Kind.SHARE,
    observations=REMEMBERED_RATINGS,
    numerator=f"of them those who were not satisfied with it, or with any other contact that they rated in the "
    f"{TOUCH_DAYS} days before",
    denominator="known customers who rated their satisfaction in the window, each once",
    hit="score < satisfied_from OR is_hurt",
    once_per="customer_id",
    is_main=False,
    about="The worst experience counts, not the average: nine good ones do not undo a bad one. Satisfied is what the "
    "desk's policy calls satisfied, in the version in force when each rating was given. Read it beside csat_share, "
    "which counts ratings; whether such customers stay away is on *Worth*.",
)
