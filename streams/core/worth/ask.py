"""How questions of worth begin: of which cases, followed for how long; and in which names money is added up."""

from textwrap import indent

from streams.core.worth import churn, matching, money

WITHIN_DAYS = (30, 60, 90)
"""Days after a case within which orders and returns count, to choose from."""


def with_range(start_at: str, end_at: str, followed_until: str, within_ms: str) -> str:
    """Return the WITH clause that every query of worth begins with, as SQL.

    Args:
        start_at: SQL of the instant from which on cases were resolved.
        end_at: Until before which; it may use `within_ms`.
        followed_until: SQL of the instant until which it is known what became of them.
        within_ms: SQL of how long after a case orders and returns count, in milliseconds.
    """
    names = [
        f"{within_ms} AS within_ms",
        f"{start_at} AS start_at",
        f"{end_at} AS end_at",
        f"{followed_until} AS followed_until",
        *matching.NAMES,
        *money.NAMES,
        *churn.NAMES,
    ]
    return "WITH\n" + indent(",\n".join(names), "    ")
