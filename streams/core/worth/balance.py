"""Whether customers with a case and those they are held against were alike before it, in SQL."""

from collections.abc import Mapping
from typing import Final

from streams.core.window import DAY_MS
from streams.core.worth.matching import matched, select

UNLIKE: Final = 0.25
"""Means that lie so many standard deviations apart, or more, are not alike; below 0.1 nobody would notice.

Austin, P. C. (2009): Balance diagnostics for comparing the distribution of baseline covariates between treatment groups
in propensity-score matched samples. Statistics in Medicine 28, 3083-3107.
"""

MEASURES: Final[Mapping[str, str]] = {
    "orders": "row.5",
    "days_since_last": f"(row.3 - row.6) / {DAY_MS}",
    "days_since_first": f"(row.3 - row.7) / {DAY_MS}",
    "cases_before": "row.8",
}
"""What is looked at, by name. Nobody is matched by the last two: they show what matching leaves open."""


def balance(narrowed: str = "", followed_ms: str = "0") -> str:
    """Return the SELECT of how alike both groups are, a row for each of `MEASURES`.

    Its columns are `measure`, `mean` of those with a case, `other_mean` of comparable ones, and `apart`, by how many
    standard deviations the first lies above the second; null where nobody varies.

    Args:
        narrowed: As of `matching.matched`.
        followed_ms: Likewise.
    """
    sums = {
        f"{side}{power}_{place}": f"sumIf(toFloat64({sql}){' * toFloat64(' + sql + ')' if power == 2 else ''}, {who})"
        for place, sql in enumerate(MEASURES.values())
        for side, who in (("t", "row.1"), ("o", "NOT row.1"))
        for power in (1, 2)
    }
    parts = ",\n    ".join(
        f"('{name}', sum(t1_{i}), sum(t2_{i}), sum(n1 / n0 * o1_{i}), sum(n1 / n0 * o2_{i}))"
        for i, name in enumerate(MEASURES)
    )
    totals = select(
        f"\n    sum(n1) AS n,\n    [\n    {parts}\n    ] AS parts",
        matched(sums, narrowed, followed_ms),
        "WHERE n0 > 0",
    )
    return select(
        """
    part.1 AS measure,
    if(n = 0, NULL, part.2 / n) AS mean,
    if(n = 0, NULL, part.4 / n) AS other_mean,
    sqrt(greatest(0, (part.3 / n - mean * mean + part.5 / n - other_mean * other_mean) / 2)) AS deviation,
    if(deviation < 1e-9, NULL, (mean - other_mean) / deviation) AS apart""",
        totals,
        "ARRAY JOIN parts AS part",
    )
