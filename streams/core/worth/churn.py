"""Who stays away after a contact, silently: customers with one beside comparable ones without, in SQL.

Somebody has left who did not order within twice the usual interval: that between the customer's own orders, on average,
where there are two or more, else the median of the shop's customers. Customers are compared as for the lift; what their
contact was like divides those with one. Who complains loudly is heard anyway: this is about the others.
"""

from typing import Final

from streams.core.window import DAY_MS
from streams.core.worth.lift import SUMS, differences
from streams.core.worth.matching import BOUGHT, SCORES_OF_CUSTOMERS, Cases, matched, select

GROUPS: Final = (
    "rated_below_50", "rated_from_50", "rated_from_75", "not_rated", "fastest_half", "slower", "slowest_tenth",
)  # fmt: skip
"""By what the customer said of the contact, and by how long it took until the first resolution; numbered from 1 on."""
TIMES: Final = 2
"""So many usual intervals without an order are silence."""
SHORTEST_DAYS: Final = 7
LONGEST_DAYS: Final = 120
"""No usual interval is taken to be shorter or longer."""
_OF_BUYERS: Final = f"""
    (
        SELECT quantileExactOrNull(0.5)((bought[-1].1 - bought[1].1) / (length(bought) - 1))
        FROM
        (
            SELECT
                customer_id,
                {BOUGHT.format(more="0")}
            FROM orders
            WHERE cityHash64(customer_id) % every = 0
            GROUP BY customer_id
        )
        WHERE length(bought) > 1
    ) AS usual_ms""".strip()  # noqa: S608 - words of ours
NAMES: Final = (
    "(SELECT quantilesExact(0.5, 0.9)(assumeNotNull(first_resolution_seconds)) FROM tickets FINAL "
    "WHERE is_effective AND first_resolved_at >= start_at AND first_resolved_at < end_at "
    "AND first_resolution_seconds IS NOT NULL) AS paces",
    _OF_BUYERS,
)
"""What the query names beside those of `matching`: within what half and nine of ten cases were resolved, and the shop's
usual interval, null where nobody ordered twice."""

_SCORE: Final = f"arrayAvg({SCORES_OF_CUSTOMERS})"
_SECONDS: Final = "ifNull(first_resolution_seconds, 0)"
_CONTACTS: Final = Cases(
    "true",
    f"[toUInt8(multiIf(empty({SCORES_OF_CUSTOMERS}), 4, {_SCORE} < 50, 1, {_SCORE} < 75, 2, 3)), "
    f"toUInt8(multiIf({_SECONDS} <= paces[1], 5, {_SECONDS} <= paces[2], 6, 7))]",
    is_drawn=True,
)
_OWN: Final = "if(row.5 > 1, (row.6 - row.7) / (row.5 - 1), ifNull(usual_ms, 0.))"
_SILENCE: Final = f"toInt64({TIMES} * greatest({SHORTEST_DAYS * DAY_MS}., least({LONGEST_DAYS * DAY_MS}., {_OWN})))"


def churn(narrowed: str = "") -> str:
    """Return the SELECT of who stays away, a row for each of `GROUPS` that somebody is in.

    Its columns are `group`, by name, `matched` customers with such a contact, `share` of them who stayed away, `other`,
    that of comparable customers without a contact, `lift`, the difference, and `ratio`, each with its interval as
    `lift` has them. The query around it names what `matching.NAMES` and `NAMES` do.

    Args:
        narrowed: As of `matching.matched`.
    """
    groups = f"range(1, {len(GROUPS) + 1})"
    is_gone = f"row.4 - row.3 > {_SILENCE}"
    asked = {
        "gone": f"countIf(NOT row.1 AND {is_gone})",
        "n1s": f"sumForEach(arrayMap(one -> toFloat64(has(row.10, one)), {groups}))",
        "ones": f"groupArray((row.1, row.2, {is_gone}, row.10))",
    }
    is_theirs = "one.1 AND has(one.4, number)"
    by_customer = select(
        f"""
    one.2 AS who,
    sumForEach(arrayMap(number -> toFloat64({is_theirs}), {groups})) AS ms,
    sumForEach(arrayMap(n1 -> if(one.1, 0, n1 / n0), n1s)) AS ws,
    sumForEach(arrayMap(number -> toFloat64({is_theirs} AND one.3), {groups})) AS us,
    sumForEach(arrayMap(
        (number, n1) -> if(one.1, has(one.4, number) * gone / n0, n1 / n0 * (one.3 - gone / n0)), {groups}, n1s
    )) AS vs""",
        matched(asked, narrowed, _SILENCE, _CONTACTS),
        "ARRAY JOIN ones AS one\nWHERE n0 > 0\nGROUP BY who",
    )
    summed = select(
        f"\n    number,\n    {SUMS}",
        by_customer,
        f"ARRAY JOIN {groups} AS number, ms AS m, ws AS w, us AS u, vs AS v\nGROUP BY number\nHAVING matched > 0",
    )
    names = ", ".join(f"'{one}'" for one in GROUPS)
    told = select(f"\n    *,\n    [{names}][number] AS group", summed)
    return f"{differences(told, 'number, group, matched')}\nORDER BY number"
