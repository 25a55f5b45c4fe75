"""When customers order again, with a solved case and without: two Kaplan-Meier curves with their bands, in SQL.

Whoever is not followed for long counts for as long as that, so young cases are in it. Comparable customers weigh as in
the lift; the variance of their curve is Greenwood's times the design effect of unequal weights (Kish, L. (1965): Survey
Sampling, section 11.7), and both bands are those of `streams.core.survival`.
"""

from typing import Final

from streams.core.interval import Z95
from streams.core.window import DAY_MS
from streams.core.worth.matching import matched, select

EVERY_DAYS: Final = 5
"""From one point of the curves to the next."""
LONGEST_DAYS: Final = 90


def curves(narrowed: str = "") -> str:
    """Return the SELECT of both curves, a row for every few days after the resolution.

    Its columns are `days`; `share` of those with a case who ordered again by then, with `share_low` and `share_high`;
    `other`, of comparable ones, in the same way; and `followed`, how many with a case are known for so long.

    Args:
        narrowed: As of `matching.matched`.
    """
    lasted = "least(row.4, known_ms) - row.3"
    day = f"toUInt16(greatest(1, least({LONGEST_DAYS + 1}, ceil(({lasted}) / {DAY_MS}))))"
    followed = f"toUInt16(least({LONGEST_DAYS + 1}, intDiv(known_ms - row.3, {DAY_MS})))"
    cells = matched({"ones": f"groupArray((row.1, {day}, row.4 <= known_ms, {followed}))"}, narrowed)
    weight = "if(one.1, 1, n1 / n0)"
    by_day = select(
        f"""
    one.1 AS is_treated,
    one.2 AS day,
    sumIf({weight}, one.3) AS ended,
    sum({weight}) AS known,
    sum(pow({weight}, 2)) AS squares,
    groupArrayIf(one.4, one.1) AS followed""",
        cells,
        "ARRAY JOIN ones AS one\nWHERE n0 > 0\nGROUP BY is_treated, day",
    )
    by_group = select(
        """
    is_treated,
    arraySort(groupArray((day, ended, known))) AS told,
    sum(known) AS n,
    sum(squares) / n AS design,
    arrayFlatten(groupArray(followed)) AS followed""",
        by_day,
        "GROUP BY is_treated",
    )
    summed = select(
        """
    is_treated,
    told.1 AS day,
    arrayMap((before, own) -> n - before + own, arrayCumSum(told.3), told.3) AS at_risk,
    arrayMap((ended, risk) -> greatest(risk - ended, 1e-12), told.2, at_risk) AS remain,
    arrayCumSum((risk, left) -> log(risk / left), at_risk, remain) AS hazards,
    arrayCumSum((ended, risk, left) -> design * ended / (risk * left), told.2, at_risk, remain) AS variances,
    followed""",
        by_group,
    )
    at = select(
        f"""
    is_treated,
    arrayJoin(range({EVERY_DAYS}, {LONGEST_DAYS + 1}, {EVERY_DAYS})) AS days,
    arrayCount(one -> one <= days, day) AS place,
    if(place = 0, 0, hazards[place]) AS hazard,
    if(place = 0, 0, variances[place]) AS variance,
    arrayCount(one -> one >= days, followed) AS known""",
        summed,
    )
    width = f"if(hazard = 0, 0, {Z95!r} * sqrt(variance) / hazard)"
    ends = {
        "share": "1 - exp(-hazard)",
        "low": f"1 - exp(-hazard * exp(-{width}))",
        "high": f"1 - exp(-hazard * exp({width}))",
    }
    of_both = ",\n    ".join(
        f"anyIf({sql}, {side}) AS {name}"
        for side, names in (
            ("is_treated", ("share", "share_low", "share_high")),
            ("NOT is_treated", ("other", "other_low", "other_high")),
        )
        for name, sql in zip(names, ends.values(), strict=True)
    )
    return select(
        f"\n    days,\n    {of_both},\n    anyIf(known, is_treated) AS followed", at, "GROUP BY days\nORDER BY days"
    )
