"""The one rule that an error of the data source fires: all others keep what they last knew."""

import re
from collections.abc import Iterable
from typing import Final

from dashboards.alert import text
from dashboards.alert.rule import KEEP_LAST, Rule

_TABLE: Final = re.compile(r"\b(?:FROM|(?<!ARRAY )JOIN) (\w+)")


def away(rules: Iterable[Rule], team: str) -> Rule:
    """Return the rule that pages while what the others read cannot be read.

    It asks each of their tables for its number of rows, which ClickHouse knows without reading any. A query of theirs
    that is too slow or too large by itself is not found by it.
    """
    counts = " + ".join(
        f"(SELECT count() FROM {table})"  # noqa: S608 - tables that our own rules name
        for table in sorted(tables_of(rules))
    )
    return Rule(
        uid="clickhouse-away",
        title=text.AWAY_TITLE,
        summary=text.AWAY,
        description=text.AWAY_ABOUT,
        severity="page",
        team=team,
        queries={"A": f"SELECT toFloat64(0 * ({counts})) AS number"},
        above=0,
        window_seconds=300,
        wait="5m",
        no_data=KEEP_LAST,
        error="Alerting",
        dashboard="pipeline",
        panel=5,
    )


def tables_of(rules: Iterable[Rule]) -> set[str]:
    """Return the tables that rules read."""
    return {table for rule in rules for sql in rule.queries.values() for table in _TABLE.findall(sql)}
