"""The order in which processes that share the suite take its files: the longest first, so that all end together.

Seconds are rough, of a file alone on a quiet machine, and say only which is longer; what is not listed is short. A line
that is outdated costs time and nothing else. `pytest --durations=0` tells anew.
"""

from typing import Final

LONG: Final = {
    "chaos/test_chaos.py": 130,
    "integration/test_redelivery.py": 110,
    "dashboards/test_preview_browser.py": 40,
    "integration/test_verify.py": 90,
    "integration/test_oracle.py": 85,
    "integration/test_signals.py": 80,
    "integration/test_outage.py": 75,
    "dashboards/test_numbers.py": 73,
    "integration/test_report.py": 65,
    "integration/test_import_command.py": 65,
    "integration/test_helpdesk.py": 55,
    "dashboards/test_will_breach.py": 60,
    "dashboards/test_preview_page.py": 50,
    "deploy/test_clickhouse.py": 50,
    "dashboards/test_preview_command.py": 46,
    "integration/test_live.py": 45,
    "integration/test_poison.py": 40,
    "integration/test_long_tickets.py": 40,
    "integration/test_olist.py": 40,
    "integration/test_late_truth.py": 37,
    "integration/test_faults.py": 35,
    "integration/test_embedded_clickhouse.py": 35,
    "integration/test_demo.py": 35,
    "integration/test_embedded_stack.py": 33,
    "dashboards/test_alerts.py": 31,
    "integration/test_routing.py": 31,
    "dashboards/test_reads.py": 26,
    "dashboards/test_preview_server.py": 25,
    "dashboards/test_variables.py": 22,
    "dashboards/test_apply.py": 21,
    "integration/test_migrate.py": 21,
    "integration/test_business_time.py": 20,
    "unit/test_drop_simulation.py": 40,
    "properties/test_fold.py": 20,
    "dashboards/test_queries.py": 20,
    "unit/test_simulation.py": 17,
    "integration/test_publisher.py": 16,
    "integration/test_first_steps.py": 15,
    "integration/test_schedules.py": 15,
    "integration/test_stuck_group.py": 15,
    "integration/test_membership.py": 14,
    "properties/test_drop.py": 12,
    "integration/test_new_group.py": 11,
    "dashboards/test_engine_away.py": 10,
    "properties/test_hours.py": 10,
    "integration/test_compression.py": 10,
    "integration/test_soak.py": 10,
    "unit/test_forks.py": 10,
    "properties/test_simulation.py": 9,
    "contract/test_store.py": 8,
    "unit/test_demo_history.py": 8,
    "unit/test_commands.py": 7,
    "contract/test_catalogue.py": 6,
    "unit/test_imports.py": 6,
    "integration/test_web_port.py": 5,
    "integration/test_unreadable.py": 5,
    "properties/test_codec.py": 5,
}


def seconds_of(nodeid: str) -> int:
    """Return about how long the file of a test takes."""
    return LONG.get(nodeid.split("::")[0].removeprefix("tests/"), 0)
