"""The lift of a solved case: repurchase beside that of comparable customers without one, and how sure that is, in SQL.

Each with a case weighs as one, and whoever is compared in a cell weighs together as much as those with a case there
(the effect on the treated). How sure it is follows from what each customer, with and without a case, adds to both
shares: Taylor's linearisation with customers drawn whole, which is what a bootstrap by customer comes to, without its
noise. Shares have Wilson's interval for as many customers as they stand for; the difference and the ratio are made of
both with their correlation: Donner, A. and Zou, G. Y. (2012): Closed-form confidence intervals for functions of the
normal mean and standard deviation. Statistical Methods in Medical Research 21 (4), 347-359; Zou, G. Y. and Donner, A.
(2008): Construction of confidence limits about effect measures. Statistics in Medicine 27 (10), 1693-1702.
"""

from typing import Final

from streams.core.worth.bounds import wilson
from streams.core.worth.matching import matched, select

COMPARABLE_FROM: Final = 0.5
"""When fewer than this share of customers finds somebody to be compared with, the rest says nothing of all."""


SUMS: Final = """
    sum(m) AS matched,
    sum(w * w) AS squares,
    if(matched = 0, NULL, sum(u) / matched) AS share,
    if(matched = 0, NULL, greatest(0, sum(v) / matched)) AS other,
    matched * share * (1 - share) AS own,
    sum(v * v) - 2 * other * sum(v * m) + other * other * matched AS apart,
    sum(u * v) - share * sum(v * m) - other * sum(u * m) + share * other * matched AS together""".strip()
"""What customers add up to, an aggregate: `m` is 1 of those with a case who are matched, `w` the weight of those
without, `u` and `v` what each adds to the share of the first and of the others; as `differences` takes it."""


def lift(narrowed: str = "") -> str:
    """Return the SELECT of what a solved case changes: one row.

    Its columns are `customers` with a case and how many of them are `matched`, `controls` who they are held against;
    `share` of the matched who ordered again within `within_ms`, with `share_low` and `share_high`, and `other`, that of
    the comparable ones, in the same way; `lift` is the difference of the two, `ratio` their quotient, each with its
    interval. Null where nobody was matched. The query around it names `within_ms` and what `matching.NAMES` does.

    Args:
        narrowed: As of `matching.matched`.
    """
    asked = {
        "hits": "countIf(NOT row.1 AND row.4 - row.3 <= within_ms)",
        "ones": "groupArray((row.1, row.2, row.4 - row.3 <= within_ms))",
    }
    by_customer = select(
        """
    one.2 AS who,
    max(one.1) AS is_asked,
    countIf(one.1 AND n0 > 0) AS m,
    max(NOT one.1 AND n1 > 0) AS is_control,
    sumIf(n1 / n0, NOT one.1) AS w,
    countIf(one.1 AND n0 > 0 AND one.3) AS u,
    sumIf(if(one.1, hits / n0, n1 / n0 * (one.3 - hits / n0)), n0 > 0) AS v""",
        matched(asked, narrowed, "within_ms"),
        "ARRAY JOIN ones AS one\nGROUP BY who",
    )
    told = select(
        f"""
    countIf(is_asked) AS customers,
    countIf(is_control) AS controls,
    {SUMS}""",
        by_customer,
    )
    return differences(told, "customers, matched, controls")


def differences(told: str, names: str) -> str:
    """Return the SELECT of the difference and the ratio of two shares, with intervals.

    Args:
        told: SELECT of `SUMS`.
        names: Which of its columns stay beside.
    """
    weighed = select(
        f"""
    {names}, share, other,
    if(apart < 1e-9, matched * matched / squares, other * (1 - other) * matched * matched / apart) AS stands_for,
    if(own * apart < 1e-9, 0, together / sqrt(own * apart)) AS alike""",
        told,
    )
    ends, other_ends = wilson("share", "matched"), wilson("other", "stands_for")
    ended = select(
        f"""
    {names}, share, other, alike,
    {ends[0]} AS share_low,
    {ends[1]} AS share_high,
    {other_ends[0]} AS other_low,
    {other_ends[1]} AS other_high""",
        weighed,
    )
    return select(
        f"""
    {names}, share, share_low, share_high, other, other_low, other_high,
    share - other AS lift,
    lift - {_apart("share_low", "other_high")} AS lift_low,
    lift + {_apart("share_high", "other_low")} AS lift_high,
    if(other = 0, NULL, share / other) AS ratio,
    {_ratio("share_low", "other_high", "-")} AS ratio_low,
    {_ratio("share_high", "other_low", "+")} AS ratio_high""",
        ended,
    )


def _apart(limit: str, other_limit: str) -> str:
    """Return how far the end of a difference lies away, made of ends of both of its parts."""
    one, two = f"(share - {limit})", f"(other - {other_limit})"
    return f"sqrt(greatest(0, pow({one}, 2) + pow({two}, 2) - 2 * alike * {one} * -{two}))"


def _ratio(limit: str, other_limit: str, sign: str) -> str:
    """Return the end of a quotient, made of ends of both of its parts; null where the divisor may be nothing."""
    middle = f"(share * other + alike * (share - {limit}) * (other - {other_limit}))"
    product = f"{limit} * (2 * share - {limit}) * {other_limit} * (2 * other - {other_limit})"
    divisor = f"({other_limit} * (2 * other - {other_limit}))"
    end = f"({middle} {sign} sqrt(greatest(0, {middle} * {middle} - {product}))) / {divisor}"
    return f"if({divisor} <= 0, NULL, greatest(0, {end}))"
