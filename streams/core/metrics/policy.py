"""What the desk's policy says of an observation: the version in force then, and the first rule that a ticket meets."""

from textwrap import indent
from typing import Final

from schemas.policy import CONDITIONS, TARGETS, Policy
from streams.core.metrics.metric import DAYS, DAYS_ASKED
from streams.core.policy.published import BUILT_IN, rules_of

_RULES: Final = (
    f"Array(Tuple(seconds UInt32, is_open_hours Bool, {', '.join(f'{name} Array(String)' for name in CONDITIONS)}))"
)


def policy_join(at: str, column: str, *, keeps_all: bool = False) -> str:
    """Return the join that puts the version in force at an instant beside a row, as `policy`.

    Args:
        at: SQL of the instant.
        column: What is read of the version: `satisfied_from` or a target.
        keeps_all: Whether rows of tickets that do not count stay, without a version.
    """
    versions = f"""
(
    SELECT true AS counts, toDateTime64(0, 3, 'UTC') AS in_force_at, {_literal(BUILT_IN, column)} AS {column}
    UNION ALL
    SELECT true AS counts, in_force_at, {column}
    FROM policies FINAL
    ARRAY JOIN versions.in_force_at AS in_force_at, versions.{column} AS {column}
)""".strip()  # noqa: S608 - words of ours
    side = "LEFT " if keeps_all else ""
    return (
        f"ASOF {side}JOIN\n{versions} AS policy ON policy.counts = ticket.is_effective AND policy.in_force_at <= {at}"
    )


def with_target(target: str, more: str = "true") -> str:
    """Return the tickets of the days that are asked for, as `ticket`, each with its target as of its creation.

    Their columns are those of `ticket_days`, and of the target `rule_from`, from when on its version is in force,
    `rule_number`, the place of the first rule that the ticket meets, and the rule itself. Tickets without are left out.
    The rule is worked out in a query of its own: a name of an expression is put in whole wherever it is used, and it is
    used often.

    Args:
        target: Of which one.
        more: SQL of what else a ticket must meet.
    """
    conditions = " AND ".join(f"(empty(one.{name}) OR has(one.{name}, ticket.{name}))" for name in CONDITIONS)
    return f"""
(
    SELECT
        ticket.*,
        policy.in_force_at AS rule_from,
        arrayFirstIndex(one -> {conditions}, policy.{target}) AS rule_number,
        policy.{target}[rule_number] AS rule
    FROM {DAYS}
{indent(policy_join("ticket.created_at", target), "    ")}
    WHERE {DAYS_ASKED} AND is_effective AND rule_number > 0 AND {more}
) AS ticket""".strip()  # noqa: S608 - words of ours


def _literal(policy: Policy, column: str) -> str:
    """Return what the built-in policy says of a column, as SQL."""
    if column not in TARGETS:
        return f"toFloat64({getattr(policy, column)})"
    rules = ", ".join(
        f"({seconds}, {str(is_open).lower()}, {', '.join(map(str, rest))})"
        for seconds, is_open, *rest in rules_of(policy, column)
    )
    return f"CAST([{rules}], '{_RULES}')"
