"""Whom returning customers meet, and whether those who serve them see their own work as the customers do."""

from typing import Final

from msgspec.structs import replace

from streams.core.metrics.metric import (
    CUSTOMER,
    CUSTOMERS,
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
    FROM tickets FINAL
    WHERE agent_id != '' AND is_effective AND customer_id IN ({CUSTOMERS})
        AND created_at >= (SELECT toDateTime64(min(day), 3, 'UTC') FROM ticket_days WHERE {DAYS_ASKED}) - {_BACK}
    GROUP BY customer_id
) AS customers USING (customer_id)""",  # noqa: S608 - words of ours
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

RATED_TWICE: Final = Observations(
    name="rated_twice",
    one="a customer's valid rating of satisfaction on a ticket that an agent has rated as well",
    clock="rated_at: when the customer gave it",
    columns={"at": "rating.rated_at", "apart": "own_score - rating.score", CUSTOMER: OF_CUSTOMER},
    source=f"""{DAYS} ARRAY JOIN ratings AS rating
INNER JOIN
(
    SELECT ticket_id, avg(score) AS own_score
    FROM tickets FINAL
    ARRAY JOIN ratings.score AS score, ratings.source AS whose, ratings.kind AS kind, ratings.is_valid AS is_valid
    WHERE is_valid AND whose = 'agent' AND kind = 'csat'
        AND ticket_id IN (SELECT ticket_id FROM ticket_days WHERE {DAYS_ASKED})
    GROUP BY ticket_id
) AS inside USING (ticket_id)""",  # noqa: S608 - words of ours
    where="rating.source = 'customer' AND rating.kind = 'csat'",
    doers=RATINGS.doers,
    whose=RATINGS.whose,
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
    "it. Of several by agents their mean counts. Below 0 agents are stricter than their customers.",
)
