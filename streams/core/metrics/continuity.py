"""Whom returning customers meet, and whether those who serve them see their own work as the customers do."""

from typing import Final

from msgspec.structs import replace

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
from streams.core.metrics.observation import RATINGS

LATELY_DAYS: Final = 90
"""So far back a customer's earlier contacts count."""
APART_DAYS: Final = 30
"""So many days may lie between a customer's rating and an agent's of the same case."""

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

_RATED_AT: Final = "rating.rated_at"

RATED_TWICE: Final = Observations(
    name="rated_twice",
    one=f"a customer's valid rating of satisfaction on a ticket that an agent rated within {APART_DAYS} days of it",
    clock="rated_at: when the customer gave it",
    columns={
        "at": _RATED_AT,
        "own": f"arrayMap(one -> one.2, arrayFilter(one -> abs(dateDiff('second', one.1, {_RATED_AT})) "
        f"<= {APART_DAYS * 86_400}, inside.told))",
        "apart": "arrayAvg(own) - rating.score",
        CUSTOMER: OF_CUSTOMER,
    },
    source=f"""{DAYS} ARRAY JOIN ratings AS rating
INNER JOIN
(
    SELECT ticket_id, groupArray((rating.rated_at, rating.score)) AS told
    FROM {DAYS} ARRAY JOIN ratings AS rating
    WHERE {DAYS_ASKED} AND day = toDate(rating.rated_at)
        AND is_effective AND rating.source = 'agent' AND rating.kind = 'csat'
    GROUP BY ticket_id
) AS inside USING (ticket_id)""",  # noqa: S608 - words of ours
    where="rating.source = 'customer' AND rating.kind = 'csat' AND notEmpty(own)",
    doers=RATINGS.doers,
    whose=RATINGS.whose,
    lookback_seconds=APART_DAYS * 86_400,
    lookahead_seconds=APART_DAYS * 86_400,
)

SELF_RATING_BIAS: Final = Metric(
    name="self_rating_bias",
    title="Agents' own ratings above the customers'",
    topic=Topic.CONTINUITY,
    unit=Unit.AVERAGE,
    direction=Direction.DOWN,
    kind=Kind.MEAN,
    observations=RATED_TWICE,
    numerator="how many points of 100 the agents' rating lies above the customer's",
    denominator="valid ratings of satisfaction that customers gave in the window, on tickets that an agent rated, too",
    value="apart",
    is_main=False,
    about="Ratings that agents enter never count as satisfaction; here it shows by how much they would have flattered "
    "it. Of several by agents within 30 days their mean counts. Below 0 agents are stricter than their customers.",
)
