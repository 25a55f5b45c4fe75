"""What a way of handling cases is worth: what it brings in beyond other ways, over what it costs, in SQL.

Of each customer the first case of the range counts. What it brought in is the margin of the customer's orders after it,
less what came back because of it; what it cost is compensation and work. Cases of one strategy are held against those
of the others that are alike: of the same product line, for the same reason, of customers with as many orders. The
expectation is the sum of what they brought in beyond those, over the sum of what they cost: above 1 the strategy earns
its cost. Its interval is that of a ratio of two sums of the same cases: Fieller, E. C. (1954): Some problems in
interval estimation. Journal of the Royal Statistical Society B 16 (2), 175-185. It excludes 1 exactly where the mean of
what was brought in less the cost is clearly not 0.
"""

from collections.abc import Sequence
from typing import Final

from streams.core.interval import Z95
from streams.core.worth.costs import returned, worked
from streams.core.worth.matching import BAND, BOUGHT, SCORES_OF_CUSTOMERS, drawn, select
from streams.core.worth.money import converted

UNKNOWN_SHARE: Final = 0.05
"""When more than this share of cases has money in it that nobody can count, nothing is said."""
PARTS: Final = ("product_line", "reason")
"""By what cases are matched, and a strategy can be divided."""


def strategies(by: Sequence[str] = (), narrowed: str = "") -> str:
    """Return the SELECT of what each strategy is worth.

    Its columns are `strategy` and those of `by`; `n` cases, of which `matched` are held against cases of other
    strategies; `left_out`, those with money that nobody can count; `gain` and `cost` of a case in minor units of
    `unit`; `expectation` with `low` and `high`, null where it cannot be told, or has no bound; `apart`, the standard
    deviation of what a case brought in; `score` and `score_apart`, mean and standard deviation of satisfaction. The
    query around it names `within_ms`, and what `matching` and `money` name.

    Args:
        by: Of `PARTS`.
        narrowed: As of `matching.matched`.
    """
    sums = {"v": "brought", "vv": "brought * brought", "c": "cost", "cc": "cost * cost", "vc": "brought * cost"}
    keys = ("strategy", *PARTS)
    counted = ",\n    ".join(f"sumIf({sql}, is_known) AS {name}" for name, sql in sums.items())
    of_each = select(
        f"""
    {", ".join(keys)}, band,
    countIf(is_known) AS m,
    countIf(NOT is_known) AS out,
    {counted},
    countIf(score >= 0) AS r,
    sumIf(score, score >= 0) AS s1,
    sumIf(score * score, score >= 0) AS s2""",
        _cases(narrowed),
        f"GROUP BY {', '.join(keys)}, band",
    )
    cell = f"PARTITION BY {', '.join(PARTS)}, band"
    beside = select(
        f"""
    *,
    sum(m) OVER ({cell}) - m AS others,
    (sum(v) OVER ({cell}) - v) / others AS mean,
    greatest(0, sum(vv) OVER ({cell}) - vv - others * mean * mean) AS around,
    others > 1 AS is_matched""",
        of_each,
    )
    grouped = ("strategy", *by)
    totals = select(
        f"""
    {", ".join(grouped)},
    sum(m) + sum(out) AS n,
    sum(out) AS left_out,
    sumIf(m, is_matched) AS matched,
    sumIf(v - m * mean, is_matched) AS d,
    sumIf(c, is_matched) AS k,
    sumIf(vv - 2 * mean * v + m * mean * mean, is_matched) AS dd,
    sumIf(vc - mean * c, is_matched) AS dk,
    sumIf(cc, is_matched) AS kk,
    sumIf(pow(m / others, 2) * around * others / (others - 1), is_matched) AS of_others,
    sum(r) AS rated,
    sum(s1) AS s,
    sum(s2) AS ss,
    sqrt(greatest(0, (sum(vv) - pow(sum(v), 2) / sum(m)) / (sum(m) - 1))) AS apart""",
        beside,
        f"GROUP BY {', '.join(grouped)}",
    )
    z2 = Z95 * Z95
    scale = "matched / (matched - 1)"
    sided = select(
        f"""
    *,
    matched > 1 AND left_out <= {UNKNOWN_SHARE} * n AND k > 0 AS is_told,
    k * k - {z2!r} * {scale} * (kk - k * k / matched) AS a,
    d * k - {z2!r} * {scale} * (dk - d * k / matched) AS b,
    d * d - {z2!r} * ({scale} * (dd - d * d / matched) + of_others) AS c""",
        totals,
    )
    root = "sqrt(greatest(0, b * b - a * c))"
    return select(
        f"""
    {", ".join(grouped)},
    n,
    matched,
    left_out,
    if(matched = 0, NULL, d / matched) AS gain,
    if(matched = 0, NULL, k / matched) AS cost,
    if(is_told, d / k, NULL) AS expectation,
    if(is_told AND a > 0, (b - {root}) / a, NULL) AS low,
    if(is_told AND a > 0, (b + {root}) / a, NULL) AS high,
    if(isFinite(apart), apart, NULL) AS apart,
    if(rated = 0, NULL, s / rated) AS score,
    if(rated < 2, NULL, sqrt(greatest(0, (ss - s * s / rated) / (rated - 1)))) AS score_apart""",
        sided,
    )


def _cases(narrowed: str) -> str:
    """Return one row for each customer's first case of the range: what it brought in and what it cost."""
    granted = f"arrayMap((amount, currency) -> {converted('amount', 'currency')}, "
    granted += "compensations.amount, compensations.currency)"
    resolved = "is_effective AND strategy != '' AND customer_id != '' AND first_resolved_at >= start_at"
    asked = drawn(f"{resolved} AND first_resolved_at < end_at{narrowed}")
    at = "toUnixTimestamp64Milli(assumeNotNull(first_resolved_at))"
    first = f"""
SELECT customer_id, argMin(one, (one.2, one.1)) AS one
FROM
(
    SELECT
        customer_id,
        {granted} AS granted,
        {SCORES_OF_CUSTOMERS} AS scores,
        (
            cityHash64(ticket_id), {at}, toUnixTimestamp64Milli(created_at),
            if(order_id = '', 0, cityHash64(order_id)), arraySum(amount -> ifNull(amount, 0), granted),
            NOT arrayExists(amount -> amount IS NULL, granted), if(empty(scores), -1., scores[1]),
            toString(strategy), toString(product_line), toString(reason)
        ) AS one
    FROM tickets FINAL
    WHERE {asked} AND {at} + within_ms <= known_ms
)
GROUP BY customer_id"""  # noqa: S608 - words of ours
    is_theirs = (
        "back.1 >= one.3 AND back.1 <= one.2 + within_ms AND (back.2 = one.1 OR (back.2 = 0 AND back.3 = one.4))"
    )
    is_next = "order.1 > one.2 AND order.1 <= one.2 + within_ms AND (one.4 = 0 OR order.2 != one.4)"
    return f"""
SELECT
    one.8 AS strategy,
    one.9 AS product_line,
    one.10 AS reason,
    {BAND} AS band,
    arrayCount(order -> order.1 <= one.2, bought) AS number,
    arrayFilter(order -> {is_next}, bought) AS following,
    arrayFilter(back -> {is_theirs}, came_back) AS back,
    arraySum(order -> ifNull(order.4, 0), following) - arraySum(back -> ifNull(back.4, 0), back) AS brought,
    one.5 + cost_of_work AS cost,
    one.6 AND NOT arrayExists(order -> order.4 IS NULL, following) AND NOT arrayExists(back -> back.4 IS NULL, back)
        AS is_known,
    one.7 AS score
FROM
(
    SELECT cases.one AS one, bought, came_back, ifNull(works.cost, 0) AS cost_of_work
    FROM
    ({first}
    ) AS cases
    LEFT JOIN
    (
        SELECT customer_id, {BOUGHT.format(more=converted("margin", "currency"))}
        FROM orders
        WHERE customer_id IN (SELECT customer_id FROM tickets FINAL WHERE {asked})
        GROUP BY customer_id
    ) AS buyers ON buyers.customer_id = cases.customer_id
    LEFT JOIN
    (
        SELECT customer_id, groupArray((at_ms, ticket, named, loss)) AS came_back
        FROM ({returned(asked)})
        GROUP BY customer_id
    ) AS losses ON losses.customer_id = cases.customer_id
    LEFT JOIN ({worked(asked)}) AS works ON works.ticket = cases.one.1
)""".strip()  # noqa: S608 - words of ours
