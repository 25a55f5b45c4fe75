"""The order in which processes that share the suite take its files: the longest first, so that all end together.

Seconds are rough, of a file alone on a quiet machine, and say only which is longer; what is not listed is short. A line
that is outdated costs time and nothing else. `pytest --durations=0` tells anew.
"""

from typing import Final

LONG: Final = {
    "chaos/test_chaos.py": 190,
    "dashboards/test_preview_browser.py": 149,
    "dashboards/test_numbers.py": 73,
    "dashboards/test_preview_command.py": 46,
    "dashboards/test_alerts.py": 31,
    "dashboards/test_reads.py": 26,
    "dashboards/test_preview_server.py": 25,
    "unit/test_drop_simulation.py": 20,
    "properties/test_fold.py": 20,
    "dashboards/test_variables.py": 22,
    "dashboards/test_apply.py": 21,
    "dashboards/test_queries.py": 20,
    "unit/test_simulation.py": 17,
    "contract/test_store.py": 13,
    "properties/test_drop.py": 12,
    "dashboards/test_engine_away.py": 10,
    "properties/test_hours.py": 10,
    "properties/test_simulation.py": 9,
    "unit/test_demo_history.py": 8,
    "contract/test_catalogue.py": 6,
    "unit/test_imports.py": 6,
    "properties/test_codec.py": 5,
}


def seconds_of(nodeid: str) -> int:
    """Return about how long the file of a test takes."""
    return LONG.get(nodeid.split("::")[0].removeprefix("tests/"), 0)
