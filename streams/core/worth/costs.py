"""What a case costs: compensation, work, goods that come back; each under the ticket that counts for it, in SQL."""

from typing import Final

from streams.core.metrics.metric import RETRACTED
from streams.core.worth.money import converted

_MERGES: Final = """
    SELECT
        groupArray(ticket_id) AS ids,
        groupArray(merged_into) AS intos,
        arrayIntersect(ids, intos) AS links,
        arrayMap(link -> intos[indexOf(ids, link)], links) AS nexts
    FROM tickets FINAL
    WHERE merged_into != ''"""
"""Each merge, and of tickets that were merged on the next one: links of chains."""
_TWICE_AS_FAR: Final = """
    SELECT
        ids,
        intos,
        links,
        arrayMap(next -> if(has(links, next), nexts[indexOf(links, next)], next), nexts) AS nexts
    FROM
    ({merges}
    )"""
_FOUR_TIMES_AS_FAR: Final = _TWICE_AS_FAR.format(merges=_TWICE_AS_FAR.format(merges=_MERGES))
MERGED: Final = f"""
(
    SELECT
        merge.1 AS ticket_id,
        if(has(links, merge.2), nexts[indexOf(links, merge.2)], merge.2) AS merged_into
    FROM
    ({_FOUR_TIMES_AS_FAR}
    )
    ARRAY JOIN arrayZip(ids, intos) AS merge
)""".strip()  # noqa: S608 - words of ours
"""Which tickets others count for, over up to five merges in a row. It is joined: the same as a constant is looked at
again by every step of planning."""


def counting(ticket_id: str = "ticket_id") -> str:
    """Return the ticket that counts for one, beside `MERGED`: itself unless it was merged."""
    return f"if(merged_into != '', merged_into, {ticket_id})"


def worked(asked: str) -> str:
    """Return the SELECT of what work on tickets cost: `ticket`, `seconds`, `cost` in minor units.

    Args:
        asked: SQL condition on `tickets`: of which.
    """
    return f"""
SELECT cityHash64({counting()}) AS ticket, sum(seconds) AS seconds, seconds / 3600 * worth.2 AS cost
FROM work_events FINAL LEFT JOIN {MERGED} AS merged USING (ticket_id)
WHERE ticket_id IN (SELECT ticket_id FROM tickets FINAL WHERE merged_into != '' OR ({asked}))
    AND (source, id, ticket_id) NOT IN {RETRACTED}
GROUP BY ticket""".strip()  # noqa: S608 - words of ours


def returned(asked: str) -> str:
    """Return the SELECT of goods that came back, by the latest word on each.

    Its columns are `customer_id`, `at_ms`, `ticket` and `named`, numbers for the case and the order that it is about,
    0 where nobody says which case, and `loss` in minor units, null without a rate.

    Args:
        asked: SQL condition on `tickets`: of whose customers.
    """
    latest = "argMax((at, order_id, ticket_id, loss, currency), (at, sequence, id))"
    return f"""
SELECT
    customer_id,
    toUnixTimestamp64Milli(said.1) AS at_ms,
    if(told_of = '', 0, cityHash64({counting("told_of")})) AS ticket,
    cityHash64(said.2) AS named,
    {converted("said.4", "said.5")} AS loss
FROM
(
    SELECT customer_id, {latest} AS said, said.3 AS told_of
    FROM return_events FINAL
    WHERE customer_id IN (SELECT customer_id FROM tickets FINAL WHERE {asked})
        AND (source, id, customer_id) NOT IN {RETRACTED}
    GROUP BY customer_id, source, return_id
) AS returns LEFT JOIN {MERGED} AS merged ON merged.ticket_id = told_of""".strip()  # noqa: S608 - words of ours
