"""Customers with an after-sales case beside comparable ones without: who is held against whom, in SQL.

Whoever complains bought something, and often more than others: their repurchase says as much of who they are as of how
their case was handled. So each is held against customers whose last order was like theirs - placed in the same month,
of the same product line, into the same region, and as many orders in - and who for as long since then had neither
ordered again nor had a case. That is coarsened exact matching at the instant at which somebody comes under treatment:
Iacus, S. M., King, G. and Porro, G. (2012): Causal inference without balance checking: coarsened exact matching.
Political Analysis 20 (1), 1-24; Li, Y. P., Propert, K. J. and Rosenbaum, P. R. (2001): Balanced risk set matching.
Journal of the American Statistical Association 96, 870-882. Nothing that happens later decides who is compared.
"""

from collections.abc import Mapping
from textwrap import indent
from typing import Final, NamedTuple

from streams.core.window import DAY_MS

LOOKBACK_DAYS: Final = 365
"""Whose last order lies further back than this is compared with nobody."""
MOST_ORDERS: Final = 150_000
"""Of a shop with more orders comparable customers are drawn: every second customer from twice as many on, and so on."""
MOST_CUSTOMERS: Final = 15_000
"""Of more with a case some are drawn as well: every second one from twice as many on, and so on."""
_FAR: Final = 10**15
"""An instant that never comes, in milliseconds."""
_AGO_DAYS: Final = (7, 14, 21, 28, 42, 56, 90, 180)
"""How long ago the last order was: between these."""
BAND: Final = "multiIf(number < 3, number, number < 6, 3, 6)"
"""SQL of how many orders there were: none, one, two, three to five, more."""

NAMES: Final = (
    f"toUnixTimestamp64Milli(start_at) - {LOOKBACK_DAYS * DAY_MS} AS earliest_ms",
    "toUnixTimestamp64Milli(end_at) AS end_ms",
    "toUnixTimestamp64Milli(toDateTime64(followed_until, 3)) AS known_ms",
    f"(SELECT greatest(1, intDiv(count(), {MOST_ORDERS})) FROM orders) AS every",  # noqa: S608 - words of ours
)
"""What the queries here name. The one around them names `start_at`, `end_at` and `followed_until` before."""


class Cases(NamedTuple):
    """Which tickets are cases.

    Attributes:
        condition: SQL of it.
        groups: Of which groups each is: SQL of an array of small numbers.
        is_drawn: Whether customers with a case are drawn as well where there are many.
    """

    condition: str
    groups: str = "CAST([], 'Array(UInt8)')"
    is_drawn: bool = False


AFTER_SALES: Final = Cases("after_sales")


SCORES_OF_CUSTOMERS: Final = (
    "arrayFilter((score, is_valid, source, kind) -> is_valid AND source = 'customer' AND kind = 'csat', "
    "ratings.score, ratings.is_valid, ratings.source, ratings.kind)"
)
"""A ticket's valid scores of satisfaction, of `tickets`."""

BOUGHT: Final = """
            arraySort(groupArrayIf((
                toUnixTimestamp64Milli(at), cityHash64(order_id), cityHash64(order_id, source), {more}
            ), name = 'order.placed')) AS told,
            groupArrayIf(cityHash64(order_id, source), name = 'order.cancelled' OR kind IN ('replacement', 'exchange'))
                AS gone,
            arrayFilter((one, time) -> time = 1, told, arrayEnumerateUniq(told.3)) AS placed,
            arrayFilter(one -> NOT has(gone, one.3), arrayMap(
                (one, time) -> (one.1, if(time = 1, one.2, 0), one.3, one.4), placed, arrayEnumerateUniq(placed.2)
            )) AS bought""".strip()
"""The orders of a customer that count, in order, an aggregate over `orders`: when, a number for the name that a case
has for it - of several shops' the first one's -, one for the order itself, and what more is asked for."""


def matched(columns: Mapping[str, str], narrowed: str = "", followed_ms: str = "0", cases: Cases = AFTER_SALES) -> str:
    """Return the SELECT of cells: customers with a case, and comparable ones without, who are alike in all of it.

    Of a customer the first case counts that was resolved in the range. Each row is a cell: `n1` customers with a case,
    `n0` without, and what is asked for. Where `n0` is 0 nobody can be compared with.
    How long comparable customers had been without an order is drawn from those with a case, by hashes: every run draws
    the same.

    Args:
        columns: Aggregates of `row`, by their names. It is a tuple: (1) whether with a case; (2) a number for the
            customer; (3) from when on orders count, which is the first resolution, or as long after the last order;
            (4) when the next order came; (5) how many orders there were by then; (6) when the last and (7) the first
            of them was placed; (8) how many cases there were before the last one; (9) of those without a case how
            long nothing happened; (10) of those with one its groups.
        narrowed: SQL condition on `tickets`, from AND on: whose cases are asked for. Any case ends a comparison.
        followed_ms: SQL of how long afterwards somebody must have been followed, in milliseconds; of `row`.
        cases: Which tickets are cases.
    """
    is_followed = f"row.3 + {followed_ms} <= known_ms"
    wait = "ago[1 + cityHash64(one.2, one.6) % length(ago)]"
    drawn = f"arrayMap(one -> (false, one.2, one.6 + {wait}, one.4, one.5, one.6, one.7, one.8, one.9, one.10), others)"
    asked = ",\n    ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"""
SELECT
    countIf(row.1) AS n1,
    countIf(NOT row.1) AS n0,
    {asked}
FROM
(
    SELECT
        month,
        alike,
        {BAND} AS band,
        groupArrayIf(entry, entry.1) AS treated,
        groupArrayIf(entry, NOT entry.1) AS others,
        arraySort(arrayMap(row -> row.3 - row.6, treated)) AS ago,
        arrayFilter(row -> row.3 - row.6 < row.9, {drawn}) AS controls
    FROM
    (
{indent(_customers(narrowed, cases), " " * 8)}
    )
    GROUP BY month, alike, band
    HAVING notEmpty(treated)
)
ARRAY JOIN arrayFilter(row -> {is_followed}, arrayConcat(treated, controls)) AS row
GROUP BY month, alike, band, arrayFirstIndex(days -> row.3 - row.6 < days * {DAY_MS}, {list(_AGO_DAYS)})""".strip()  # noqa: S608 - words of ours


def select(columns: str, inner: str, clauses: str = "") -> str:
    """Return a SELECT from another one.

    Names of a query of its own are worked out once, those of the same whenever they are used: planning that can take
    half of the time of a question.
    """
    return f"SELECT{columns}\nFROM\n(\n{indent(inner, '    ')}\n)\n{clauses}".rstrip()


def _customers(narrowed: str, counted: Cases) -> str:
    """Return one row for each order by which somebody could be compared: that of `matched` as `entry`, its strata."""
    is_drawn = "cityHash64(customer_id) % every = 0"
    is_case = f"is_effective AND {counted.condition} AND customer_id != ''"
    is_case += f" AND {is_drawn}" if counted.is_drawn else ""
    in_range = "first_resolved_at >= start_at AND first_resolved_at < end_at"
    asked = f"{is_case} AND {in_range}{narrowed}"
    is_asked = f"ifNull({in_range}, false){narrowed}"
    if counted.is_drawn:
        whose = is_drawn
    else:
        theirs = drawn(asked)
        whose = f"{is_drawn} OR customer_id IN (SELECT customer_id FROM tickets FINAL WHERE {theirs})"  # noqa: S608
        is_asked += theirs.removeprefix(asked)
    return f"""
SELECT
    entry,
    entry.5 AS number,
    if(number = 0, 0, toYYYYMM(fromUnixTimestamp64Milli(entry.6))) AS month,
    if(number = 0, 0, bought[number].4) AS alike
FROM
(
    SELECT
        cityHash64(customer_id) AS who,
        bought,
        cases,
        arrayFirst(one -> one.4, cases) AS asked,
        arrayCount(one -> one.1 <= asked.1, bought) AS had,
        arrayFirst(one -> one.1 > asked.1 AND (asked.3 = 0 OR one.2 != asked.3), bought).1 AS followed_by,
        arraySort(cases.2) AS begun,
        if(who % every = 0, bought, []) AS drawn,
        arrayShiftLeft(drawn.1, 1, {_FAR}) AS next_order,
        arrayMap(one -> arrayFirst(created_ms -> created_ms >= one.1, begun), drawn) AS next_case,
        if(asked.4, [(
            true, who, asked.1, if(followed_by = 0, {_FAR}, followed_by), had, bought[had].1, bought[1].1,
            arrayCount(created_ms -> created_ms < bought[had].1, begun), 0, asked.5
        )], []) AS treated,
        arrayMap(
            (one, number, following, case_at) -> (
                false, who, 0, following, number, one.1, bought[1].1,
                arrayCount(created_ms -> created_ms < one.1, begun),
                least(following, if(case_at = 0, {_FAR}, case_at)) - one.1, CAST([], 'Array(UInt8)')
            ),
            drawn, arrayEnumerate(drawn), next_order, next_case
        ) AS controls
    FROM
    (
        SELECT
            customer_id,
            {BOUGHT.format(more="cityHash64(product_line, region)")}
        FROM orders
        WHERE {whose}
        GROUP BY customer_id
    ) AS buyers
    FULL JOIN
    (
        SELECT
            customer_id,
            arraySort(groupArray((
                if(first_resolved_at IS NULL, {_FAR}, toUnixTimestamp64Milli(assumeNotNull(first_resolved_at))),
                toUnixTimestamp64Milli(created_at),
                if(order_id = '', 0, cityHash64(order_id)),
                {is_asked},
                {counted.groups}
            ))) AS cases
        FROM tickets FINAL
        WHERE {is_case}
        GROUP BY customer_id
    ) AS helped USING (customer_id)
)
ARRAY JOIN arrayConcat(
    treated,
    arrayFilter(one -> one.6 >= earliest_ms AND one.6 < end_ms, controls)
) AS entry""".strip()  # noqa: S608 - words of ours


def drawn(asked: str) -> str:
    """Return SQL that holds of the customers who are asked for, of many of those who are drawn.

    Args:
        asked: SQL condition on `tickets`: of whose cases.
    """
    step = f"(SELECT greatest(1, intDiv(count(), {MOST_CUSTOMERS})) FROM tickets FINAL WHERE {asked})"  # noqa: S608 - ours
    return f"{asked} AND cityHash64(customer_id) % {step} = 0"
