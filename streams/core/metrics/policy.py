"""What the desk's policy says of an observation, by the version in force then, and of a figure, by the one of now."""

from functools import reduce
from typing import Final

from msgspec.structs import astuple, replace

from schemas.policy import CONDITIONS, LEAST_N, TARGETS, Policy
from streams.core.metrics.metric import DAYS, DAYS_ASKED, Metric
from streams.core.policy.published import BUILT_IN, important_of, rules_of

_RULES: Final = (
    "Array(Tuple(seconds UInt32, is_open_hours Bool, "
    f"{', '.join(f'{name} Array(String)' for name in ('paused', *CONDITIONS))}))"
)
_RULES_OF: Final = "_rules"
_SAID: Final = ("is_open_hours", "paused_for_customer", "paused_on_hold")
"""What a rule says beside its seconds."""
_SCALES: Final = "Array(Tuple(scale_min Float64, scale_max Float64, score Float64))"
_IMPORTANT: Final = "Tuple(priorities Array(String), seconds UInt32)"
_WORTH: Final = "Tuple(currency String, cost_per_hour Int64, rates Array(Tuple(currency String, rate Float64)))"

SATISFIED: Final = ("satisfied_from", "scales")
"""What is read of a version to tell who is satisfied."""


def satisfied_from(scale_min: str, scale_max: str) -> str:
    """Return the least score of a satisfied customer on a scale, by the version that is joined as `policy`.

    Ratings that no scale is known of, as of rows written before it was kept, are judged by the score for all.

    Args:
        scale_min: SQL of one end.
        scale_max: SQL of the other.
    """
    any_scale = f"({scale_min}, {scale_max}, policy.satisfied_from)"
    is_own = f"one -> one.1 = {scale_min} AND one.2 = {scale_max}"
    return f"arrayFirst({is_own}, arrayPushBack(policy.scales, {any_scale})).3"


def in_force(column: str, at: str = "now64(3)") -> str:
    """Return what the version in force says of a column, as a scalar subquery.

    Args:
        column: Such as `least_n`, or one of several days, such as `settled_after_days.ratings`.
        at: SQL of the instant; now, for what decides how figures of all times are told.
    """
    versions = _versions(column.partition(".")[0])
    return f"(SELECT argMax({column}, in_force_at) FROM {versions} WHERE in_force_at <= {at})"  # noqa: S608 - ours


def by_policy(metric: Metric, policy: Policy) -> Metric:
    """Return a metric of the registry as a policy has its figures told: from which n on, and settled when.

    A metric that needs more than is usual, such as a p99, needs it whatever the policy says; counts, and what is told
    of a few cases that are all known, need nothing.
    """
    least = policy.least_n if metric.n_min == LEAST_N else max(metric.n_min, policy.least_n)
    least = least if metric.is_sampled else metric.n_min
    days = getattr(policy.settled_after_days, metric.matures_by) if metric.matures_by else metric.matures_days
    return replace(metric, n_min=least, matures_days=days)


def policy_join(at: str, *columns: str, keeps_all: bool = False) -> str:
    """Return the join that puts the version in force at an instant beside a row, as `policy`.

    Args:
        at: SQL of the instant.
        columns: What is read of the version: those of `SATISFIED`, or a target.
        keeps_all: Whether rows of tickets that do not count stay, without a version.
    """
    versions = _versions(*columns)
    side = "LEFT " if keeps_all else ""
    return (
        f"ASOF {side}JOIN\n{versions} AS policy ON policy.counts = ticket.is_effective AND policy.in_force_at <= {at}"
    )


def rules_column(target: str) -> str:
    """Return which column of a version states the rules of a target."""
    return target + _RULES_OF


def with_target(target: str, *, rule: str = "true", tickets: str = "true") -> str:
    """Return the tickets of the days that are asked for, as `ticket`, each with its target as of its creation.

    Their columns are those of `ticket_days`, and of the target `rule_from`, from when on its version is in force,
    `rule_number`, the place of the first rule that the ticket meets, and what that one asks: `target_seconds`,
    `is_open_hours`, `paused_for_customer`, `paused_on_hold`. Tickets without are left out. The rule is looked up in a
    query of its own: a name of an expression is put in whole wherever it is used, and it is used often. Rules that were
    joined to each ticket and gone through took thirty times as long.

    Args:
        target: Of which one.
        rule: SQL of what else the rule must be like.
        tickets: SQL of which tickets, before their rules are looked up. Of all rules are known by then `any_pauses`,
            and `shortest_seconds` of their targets.
    """
    built_in = [one.seconds for one in getattr(BUILT_IN, target)]
    met = [
        f"lookup.met[{i}][policy.number + transform(ticket.{name}, lookup.named[{i}], lookup.places[{i}], 0)]"
        for i, name in enumerate(CONDITIONS, start=1)
    ]
    return f"""
(
    WITH (SELECT any(lookups[{TARGETS.index(target) + 1}]) FROM policies FINAL) AS lookup
    SELECT
        *,
        if(number = 0, {len(built_in)}, bitCount(bitXor(met, met - 1))) AS rule_number,
        if(number = 0, {sum(built_in)}, lookup.asked[lookup.before[number] + rule_number]) AS asked,
        toUInt32(asked) AS target_seconds,
        {f",{chr(10)}        ".join(f"bitTest(asked, {bit}) AS {name}" for bit, name in enumerate(_SAID, start=32))}
    FROM
    (
        WITH
            least({sum(built_in)}, arrayMin(arrayMap(one -> toUInt32(one), lookup.asked))) AS shortest_seconds,
            arrayExists(one -> bitTest(one, 33) OR bitTest(one, 34), lookup.asked) AS any_pauses
        SELECT
            ticket.*,
            policy.in_force_at AS rule_from,
            policy.number AS number,
            {reduce("bitAnd({}, {})".format, met)} AS met
        FROM {DAYS}
        ASOF JOIN
        (
            SELECT true AS counts, toDateTime64(0, 3, 'UTC') AS in_force_at, 0 AS number
            UNION ALL
            SELECT true AS counts, in_force_at, number
            FROM policies FINAL
            ARRAY JOIN versions.in_force_at AS in_force_at, arrayEnumerate(versions.in_force_at) AS number
        ) AS policy ON policy.counts = ticket.is_effective AND policy.in_force_at <= ticket.created_at
        WHERE {DAYS_ASKED} AND is_effective AND {tickets}
    )
    WHERE (met > 0 OR number = 0) AND rule_number > 0 AND {rule}
) AS ticket""".strip()  # noqa: S608 - words of ours


def _versions(*columns: str) -> str:
    """Return the SELECT of all versions, what is built in first, with those of their columns."""
    built_in = ", ".join(f"{_literal(BUILT_IN, column)} AS {column}" for column in columns)
    joined = ", ".join(f"versions.{column} AS {column}" for column in columns)
    return f"""
(
    SELECT true AS counts, toDateTime64(0, 3, 'UTC') AS in_force_at, {built_in}
    UNION ALL
    SELECT true AS counts, in_force_at, {", ".join(columns)}
    FROM policies FINAL
    ARRAY JOIN versions.in_force_at AS in_force_at, {joined}
)""".strip()  # noqa: S608 - words of ours


def _literal(policy: Policy, column: str) -> str:
    """Return what the built-in policy says of a column, as SQL."""
    said = getattr(policy, column.removesuffix(_RULES_OF))
    match column:
        case "scales":
            return f"CAST([], '{_SCALES}')"
        case "settled_after_days":
            names = ", ".join(f"{name} UInt16" for name in said.__struct_fields__)
            return f"CAST({astuple(said)}, 'Tuple({names})')"
        case "worth":
            return f"CAST(('', 0, []), '{_WORTH}')"
        case "important":
            return f"CAST({important_of(policy)}, '{_IMPORTANT}')"
        case "least_n":
            return f"toUInt32({said})"
        case "satisfied_from" | "reason_share":
            return f"toFloat64({said})"
    rules = ", ".join(
        f"({seconds}, {str(is_open).lower()}, {', '.join(map(str, rest))})"
        for seconds, is_open, *rest in rules_of(policy, column.removesuffix(_RULES_OF))
    )
    return f"CAST([{rules}], '{_RULES}')"
