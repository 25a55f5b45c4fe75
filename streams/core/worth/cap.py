"""What a cap on compensation costs: what was refused and came back, and what another cap would do, in SQL.

Of each case the first request counts that was decided. A refusal costs, on average, what comes back after refusals by
the cap beyond what comes back where all was granted: up to that amount a compensation pays, which is the *break-even*
(the difference of two means, with unequal variances: Welch, B. L. (1938): The significance of the difference between
two means when the population variances are unequal. Biometrika 29, 350-362). Under another cap those between the two
would have been granted, or refused as a whole; the amounts are known, what would have come back is the break-even of
each.
"""

from typing import Final

from streams.core.interval import Z95
from streams.core.metrics.metric import RETRACTED
from streams.core.worth.bounds import wilson
from streams.core.worth.costs import MERGED, counting, returned
from streams.core.worth.matching import select
from streams.core.worth.money import converted

LEAST_N: Final = 10
"""Refusals by the cap and full grants from which on a break-even is told: of fewer one return decides."""
EVERYTHING: Final = ""
"""What the product line of all together is called here."""
DECILES: Final = (
    "arrayDistinct(arrayMap(one -> ceil(one / minor) * minor, quantilesExactIf("
    + ", ".join(f"{i / 10:g}" for i in range(1, 11))
    + ")(asked, is_known)))"
)
"""Caps that would have granted a tenth of the requests, two tenths, and so on: in whole units."""


def caps(cap: str = "", narrowed: str = "") -> str:
    """Return the SELECT of what a cap does, for each product line and for `EVERYTHING`; else for several caps.

    Its columns are `cap` and `product_line`; `n` requests that were decided, and `left_out` whose amount nobody can
    count; the share `hit` that the cap refused or cut, with `hit_low` and `hit_high`; `refused`, how many that are, of
    which `came_back`; `regret`, what came back of them beyond what was refused; `break_even` with `break_even_low` and
    `break_even_high`; how many `more` and how many `fewer` the cap would have granted, what these would have `cost`
    and `saved`, and the `net` of it with `net_low` and `net_high`. Money is in minor units of `unit`; null where it
    cannot be told. The query around it names `within_ms`, and what `matching` and `money` name.

    Args:
        cap: SQL of the cap, in minor units. Without one: `DECILES` of what was asked, for all product lines together.
        narrowed: As of `matching.matched`.
    """
    asked = _requests(narrowed)
    if cap:
        parts = f"arrayJoin(arrayDistinct(['{EVERYTHING}', line]))"
        each = select(f"\n    *,\n    {parts} AS product_line,\n    toFloat64({cap}) AS cap", asked)
    else:
        several = select(
            f"\n    groupArray((state, asked, rest, loss, is_known)) AS ones,\n    {DECILES} AS caps", asked
        )
        columns = ",\n    ".join(
            f"one.{place} AS {name}"
            for place, name in enumerate(("state", "asked", "rest", "loss", "is_known"), start=1)
        )
        each = select(
            f"\n    {columns},\n    '{EVERYTHING}' AS product_line,\n    arrayJoin(caps) AS cap",
            several,
            "ARRAY JOIN ones AS one",
        )
    is_cap, is_granted = "state = 'cap' AND is_known", "state = 'granted' AND is_known"
    counted = select(
        f"""
    cap,
    product_line,
    count() AS n,
    countIf(NOT is_known) AS left_out,
    countIf(state = 'cap') AS refused,
    refused / n AS hit,
    countIf(state = 'cap' AND loss > 0) AS came_back,
    sumIf(loss - rest, {is_cap} AND loss > 0) AS regret,
    countIf({is_cap}) AS n_cap,
    countIf({is_granted}) AS n_granted,
    if(n_cap < {LEAST_N} OR n_granted < {LEAST_N}, NULL, avgIf(loss, {is_cap}) - avgIf(loss, {is_granted})) AS even,
    {Z95!r} * sqrt(varSampIf(loss, {is_cap}) / n_cap + varSampIf(loss, {is_granted}) / n_granted) AS margin,
    countIf({is_cap} AND asked <= cap) AS more,
    countIf({is_granted} AND asked > cap) AS fewer,
    sumIf(rest, {is_cap} AND asked <= cap) - sumIf(asked, {is_granted} AND asked > cap) AS cost""",
        each,
        "GROUP BY cap, product_line",
    )
    low, high = wilson("hit", "n")
    return select(
        f"""
    cap,
    product_line,
    n,
    left_out,
    hit,
    {low} AS hit_low,
    {high} AS hit_high,
    refused,
    came_back,
    regret,
    even AS break_even,
    even - margin AS break_even_low,
    even + margin AS break_even_high,
    more,
    fewer,
    cost,
    even * (toInt64(more) - toInt64(fewer)) AS saved,
    saved - cost AS net,
    net - margin * abs(toInt64(more) - toInt64(fewer)) AS net_low,
    net + margin * abs(toInt64(more) - toInt64(fewer)) AS net_high""",
        counted,
        "ORDER BY product_line = '' DESC, n DESC, product_line, cap",
    )


def _requests(narrowed: str) -> str:
    """Return the first decided request of each case: what was `asked`, what `rest` was refused, `state`, `loss`."""
    place = "(at, sequence, id)"
    amounts = {
        name: f"argMaxIf({column}, {place}, name = 'compensation.{event}')"
        for name, column, event in (
            ("wanted", "amount", "requested"),
            ("wanted_in", "currency", "requested"),
            ("wanted_cap", "cap", "requested"),
            ("granted", "amount", "granted"),
            ("granted_cap", "cap", "granted"),
            ("denied", "amount", "denied"),
            ("denied_in", "currency", "denied"),
            ("because", "because", "denied"),
        )
    }
    columns = ",\n        ".join(f"{sql} AS {name}" for name, sql in amounts.items())
    asked = converted("ifNull(wanted, denied)", "if(wanted IS NULL, denied_in, wanted_in)")
    is_of_it = "(back.2 = one.1 OR (back.2 = 0 AND back.3 = one.8))"
    came_back = f"arrayFilter(back -> back.1 >= one.2 AND back.1 <= one.2 + within_ms AND {is_of_it}, came_back)"
    tickets = "SELECT ticket_id FROM compensation_events WHERE at >= start_at AND at < end_at"
    joined = f"LEFT JOIN {MERGED} AS merged USING (ticket_id)"
    counting_for = f"SELECT {counting()} FROM ({tickets}) AS told {joined}"  # noqa: S608 - words of ours
    asked_of = f"ticket_id IN ({tickets}) OR ticket_id IN ({counting_for})"
    return f"""
SELECT
    one.6 AS state,
    ifNull(one.3, 0) AS asked,
    ifNull(one.4, 0) AS rest,
    {came_back} AS back,
    arraySum(back -> ifNull(back.4, 0), back) AS loss,
    one.3 IS NOT NULL AND NOT arrayExists(back -> back.4 IS NULL, back) AS is_known,
    one.7 AS line
FROM
(
    SELECT
        customer_id,
        argMin(
            (ticket, asked_ms, asked, rest, source, state, toString(product_line), named), (asked_ms, compensation_id)
        ) AS one
    FROM
    (
        SELECT
            cityHash64({counting()}) AS ticket,
            source,
            compensation_id,
            toUnixTimestamp64Milli(minIf(at, name != 'compensation.granted')) AS asked_ms,
            argMaxIf(name, {place}, name != 'compensation.requested') AS decision,
            {columns},
            {asked} AS asked,
            if(decision = 'compensation.granted', ifNull(granted, 0), 0) AS given_plain,
            asked * (1 - least(1, given_plain / nullIf(ifNull(wanted, denied), 0))) AS rest,
            multiIf(
                decision = 'compensation.denied', if(because = 'cap', 'cap', 'other'),
                given_plain >= ifNull(wanted, given_plain), 'granted',
                granted_cap IS NULL AND wanted_cap IS NULL, 'other',
                given_plain >= ifNull(granted_cap, wanted_cap), 'cap',
                'other'
            ) AS state
        FROM compensation_events FINAL {joined}
        WHERE ticket_id IN ({tickets})
            AND (source, id, ticket_id) NOT IN {RETRACTED}
        GROUP BY ticket_id, merged_into, source, compensation_id
        HAVING countIf(name != 'compensation.granted') > 0 AND decision != ''
            AND asked_ms >= toUnixTimestamp64Milli(start_at) AND asked_ms < end_ms AND asked_ms + within_ms <= known_ms
    ) AS requests
    JOIN
    (
        SELECT
            cityHash64(ticket_id) AS ticket,
            customer_id,
            product_line,
            if(order_id = '', 0, cityHash64(order_id)) AS named
        FROM tickets FINAL
        WHERE is_effective{narrowed}
            AND ticket_id IN ({counting_for})
    ) AS known USING (ticket)
    GROUP BY customer_id, ticket
) AS cases
LEFT JOIN
(
    SELECT customer_id, groupArray((at_ms, ticket, named, loss)) AS came_back
    FROM ({returned(asked_of)})
    GROUP BY customer_id
) AS losses USING (customer_id)""".strip()  # noqa: S608 - words of ours
