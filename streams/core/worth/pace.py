"""How satisfied customers are, and whether they order again, by how long their case took and by what they said, in SQL.

The faster a case is resolved the more satisfied its customer is, and the long ones explode: an average hides both ends.
"""

from enum import StrEnum
from typing import Final

from streams.core.interval import Z95
from streams.core.worth.bounds import wilson
from streams.core.worth.matching import BOUGHT, SCORES_OF_CUSTOMERS, select

SCORES: Final = (25, 50, 75)
"""Scores at which the next group begins."""


class By(StrEnum):
    """What groups of cases are made by."""

    PACE = "pace"
    """Tenths of all cases, by how long they took until the first resolution."""
    SCORE = "score"
    """The customer's score: below 25, 50, 75, and above; and who gave none."""


_GROUPS: Final = {
    By.PACE: "ntile(10) OVER (ORDER BY seconds, ticket)",
    By.SCORE: f"if(score < 0, 0, 1 + arrayCount(begin -> score >= begin, {list(SCORES)}))",
}


def outcomes(by: By, narrowed: str = "") -> str:
    """Return the SELECT of what became of the cases of the range, a row for each group, by its `number`.

    Tenths are numbered from 1 on, the fastest first; groups of scores from 1 on, the lowest first, 0 without one.
    Columns: `n` cases, `from_seconds` and `to_seconds`, the shortest and the longest until the first resolution;
    `rated` with the mean `score` of 100, `score_low` and `score_high`; of `known` customers' cases the share `again`
    that was followed by an order within `within_ms`, with `again_low` and `again_high`.

    Args:
        by: What groups are made by.
        narrowed: As of `matching.matched`.
    """
    where = f"is_effective AND first_resolved_at >= start_at AND first_resolved_at < end_at{narrowed}"
    cases = f"""
SELECT
    ticket,
    customer_id,
    seconds,
    score,
    arrayExists(
        order -> order.1 > at_ms AND order.1 <= at_ms + within_ms AND (named = 0 OR order.2 != named), bought
    ) AS is_followed
FROM
(
    SELECT
        ticket_id AS ticket,
        customer_id,
        assumeNotNull(first_resolution_seconds) AS seconds,
        toUnixTimestamp64Milli(assumeNotNull(first_resolved_at)) AS at_ms,
        if(order_id = '', 0, cityHash64(order_id)) AS named,
        {SCORES_OF_CUSTOMERS} AS scores,
        if(empty(scores), -1, arrayAvg(scores)) AS score
    FROM tickets FINAL
    WHERE {where} AND first_resolution_seconds IS NOT NULL AND at_ms + within_ms <= known_ms
) AS cases
LEFT JOIN
(
    SELECT customer_id, {BOUGHT.format(more="0")}
    FROM orders
    WHERE customer_id IN (SELECT customer_id FROM tickets FINAL WHERE {where})
    GROUP BY customer_id
) AS buyers USING (customer_id)""".strip()  # noqa: S608 - words of ours
    grouped = select(f"\n    *,\n    toUInt8({_GROUPS[by]}) AS number", cases)
    counted = select(
        f"""
    number,
    count() AS n,
    min(seconds) AS from_seconds,
    max(seconds) AS to_seconds,
    countIf(score >= 0) AS rated,
    avgIf(score, score >= 0) AS mean,
    {Z95!r} * sqrt(varSampIf(score, score >= 0) / rated) AS margin,
    countIf(customer_id != '') AS known,
    countIf(customer_id != '' AND is_followed) / known AS p""",
        grouped,
        "GROUP BY number",
    )
    low, high = wilson("p", "known")
    return select(
        f"""
    number,
    n,
    from_seconds,
    to_seconds,
    rated,
    if(rated = 0, NULL, mean) AS score,
    if(rated < 2, NULL, mean - margin) AS score_low,
    if(rated < 2, NULL, mean + margin) AS score_high,
    known,
    if(known = 0, NULL, p) AS again,
    if(known = 0, NULL, {low}) AS again_low,
    if(known = 0, NULL, {high}) AS again_high""",
        counted,
        "ORDER BY number",
    )


def open_and_old(narrowed: str = "") -> str:
    """Return the SELECT of `old`, how many tickets are open for longer than nine of ten cases took, and of `seconds`.

    Args:
        narrowed: As of `matching.matched`.
    """
    took = f"""
SELECT quantileExact(0.9)(assumeNotNull(first_resolution_seconds))
FROM tickets FINAL
WHERE is_effective AND first_resolved_at >= start_at AND first_resolved_at < end_at{narrowed}
    AND first_resolution_seconds IS NOT NULL"""  # noqa: S608 - words of ours
    age = "dateDiff('second', created_at, followed_until)"
    return f"""
SELECT
    ({took.strip()}) AS seconds,
    countIf({age} > seconds) AS old
FROM tickets FINAL
WHERE is_effective AND is_created AND first_resolved_at IS NULL AND closed_at IS NULL{narrowed}""".strip()  # noqa: S608
