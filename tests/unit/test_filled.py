"""What ClickHouse fills from events: each of its views is compared, by the SELECT that fills its table today."""

import re

import pytest

from schemas.migrations import migrations
from streams.sinks.filled import FILLED, filling

_MADE = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\s(.*)", re.DOTALL)
_DROPPED = re.compile(r"DROP VIEW IF EXISTS (\w+)")


def _views_of_events() -> dict[str, str]:
    """Return the SELECT of each view that fills a table from events once all migrations were applied, by its table."""
    views: dict[str, tuple[str, str]] = {}
    for migration in migrations():
        for statement in migration.statements(replicated=False):
            if made := _MADE.match(statement):
                views[made[1]] = (made[2], made[3])
            elif dropped := _DROPPED.match(statement):
                views.pop(dropped[1], None)
    return {table: select for table, select in views.values() if re.search(r"^FROM events\b", select, re.MULTILINE)}


def test_every_table_that_views_fill_from_events_is_compared() -> None:
    assert _views_of_events().keys() == {*FILLED, "event_times"}


@pytest.mark.parametrize("table", FILLED)
def test_a_table_is_compared_with_what_fills_it_today_from_the_events_that_count(table: str) -> None:
    assert filling(table) == _views_of_events()[table].replace("\nFROM events\n", "\nFROM events FINAL\n")
    assert filling(table).count("FROM events FINAL\n") == filling(table).count("FROM events") == 1
