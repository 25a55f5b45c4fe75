"""A help-desk log, imported through broker and worker, gives the figures computed from it independently."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpdesk import MAPPING, event_count, log, reference
from tests.integration.conftest import Servers
from tests.space import Space, new_space

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def imported(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Return a space into which the whole log was imported by the command."""
    with new_space(servers.kafka, servers.clickhouse, tmp_path_factory.mktemp("helpdesk")) as space:
        space.start_worker()
        done = space.run("import", str(log()), "--mapping", str(MAPPING))
        assert done.returncode == 0, done.stderr.decode()
        space.wait_for_events(event_count())
        yield space


def test_every_row_of_the_log_is_accounted_for(imported: Space) -> None:
    rows = imported.value("SELECT uniqExact(JSONExtractUInt(raw, 'importrow')) FROM events FINAL")
    assert rows == reference()["events"]
    assert imported.value("SELECT count() FROM events FINAL") == event_count()
    assert imported.value("SELECT count() FROM dead_letters FINAL") == 0


def test_every_ticket_is_there(imported: Space) -> None:
    assert imported.value("SELECT count() FROM tickets FINAL WHERE is_effective") == reference()["cases"]


def test_the_first_response_equals_the_reference(imported: Space) -> None:
    n, median = imported.query(
        "SELECT count(first_response_seconds), quantileExactInclusive(0.5)(first_response_seconds) / 3600 "
        "FROM tickets FINAL"
    )[0]
    expected = reference()["first_event_to_first_take_in_charge_hours"]
    assert n == expected["n"]
    assert median == pytest.approx(expected["median"], abs=5e-7)


def test_the_first_resolution_equals_the_reference(imported: Space) -> None:
    n, median, mean = imported.query(
        "SELECT count(first_resolution_seconds), quantileExactInclusive(0.5)(first_resolution_seconds) / 3600, "
        "avg(first_resolution_seconds) / 3600 FROM tickets FINAL"
    )[0]
    expected = reference()["first_event_to_first_resolve_hours"]
    assert n == expected["n"]
    assert median == pytest.approx(expected["median"], abs=5e-7)
    assert mean == pytest.approx(expected["mean"], abs=5e-7)


def test_the_reopened_tickets_equal_the_reference(imported: Space) -> None:
    reopened, resolved = imported.query(
        "SELECT countIf(reopened > 0), countIf(first_resolved_at IS NOT NULL) FROM tickets FINAL"
    )[0]
    assert reopened == reference()["reopen_cases_direct_successor"]
    assert resolved == reference()["first_event_to_first_resolve_hours"]["n"]


def test_the_tickets_opened_by_month_equal_the_reference(imported: Space) -> None:
    rows = imported.query(
        "SELECT formatDateTime(created_at, '%Y-%m', 'Etc/GMT-1') AS month, count() FROM tickets FINAL GROUP BY month"
    )
    assert {str(month): count for month, count in rows} == reference()["cases_opened_by_month"]


def test_refolding_from_the_stored_events_gives_the_same_rows(imported: Space, tmp_path: Path) -> None:
    before = imported.checksum()
    imported.client.command("TRUNCATE TABLE tickets")
    assert imported.value("SELECT count() FROM tickets") == 0
    done = imported.run("refold")
    assert done.returncode == 0, done.stderr.decode()
    assert imported.checksum() == before
