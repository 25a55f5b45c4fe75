"""The policy from a file to the numbers, as operators see it: through the commands and a worker."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from schemas import events as e
from schemas.codec import encode
from tests.histories import public_answer
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration

MONDAY: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
POLICY: Final = """
[[versions]]
from = 2026-01-01T00:00:00
zone = "Europe/Berlin"
satisfied_from = 50
first_response = [{ within = "30m", priority = ["urgent"] }, { within = "3h" }]
worth = { currency = "EUR", cost_per_hour = 3250, rates = { USD = 0.92 } }
"""


def tickets() -> list[bytes]:
    """Return thirty tickets, every third one urgent, answered after an hour and rated 3 of 5."""
    told: list[bytes] = []
    for number in range(30):
        id = f"T-{number}"
        priority = "normal" if number % 3 else "urgent"
        asked = e.TicketCreated(ticket_id=id, channel="mail", created_by=e.Party.CUSTOMER, priority=priority)
        rated = e.RatingSubmitted(
            ticket_id=id, rating_id="r", raw=3, scale_min=1, scale_max=5, source=e.RatingSource.CUSTOMER
        )
        for hours, said in ((0, asked), (1, public_answer(id)), (2, rated)):
            time = MONDAY + timedelta(hours=hours)
            told.append(encode(said, source="urn:test", id=f"{id} {hours}", time=time, name=e.NAME_OF[type(said)]))
    return told


def commanded(space: Space, *arguments: str, exit_code: int = 0) -> str:
    done = space.run(*arguments)
    printed = (done.stdout + done.stderr).decode()
    assert done.returncode == exit_code, printed
    return " ".join(printed.split())


def line(space: Space, metric: str) -> dict[str, Any]:
    done = space.run("report", "--all", "--metric", metric, "--format", "json")
    (found,) = json.loads(done.stdout)["lines"]
    return {name: found[name] for name in ("n", "hits", "policy")}


def test_a_policy_is_published_measured_by_explained_and_withdrawn(space: Space, tmp_path: Path) -> None:
    space.started_worker()
    space.publish(tickets())
    space.wait_for_events(90)
    assert line(space, "csat_share") == {"n": 30, "hits": 0, "policy": "built in"}
    assert line(space, "csat_mean")["policy"] is None
    assert "No policy counts, so that what is built in does" in commanded(space, "policies", "show")

    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    printed = commanded(space, "policies", "publish", str(file), "--dry-run")
    assert "first response within 30m where priority is urgent" in printed
    assert "money is added up in EUR, an hour of work costs 32.50, 1 USD is 0.92" in printed
    assert "what happened from 2025-12-31 23:00 UTC on is measured otherwise" in printed
    assert space.value("SELECT count() FROM events WHERE name = 'policy.published'") == 0

    assert "the policy is published" in commanded(space, "policies", "publish", str(file))
    measured = {"n": 30, "hits": 30, "policy": "2026-01-01 00:00 Europe/Berlin"}
    wait_until(lambda: line(space, "csat_share") == measured, "ratings of 50 are satisfied")
    worth = json.loads(space.run("worth", "--format", "json").stdout)
    assert (worth["unit"], worth["is_work_counted"], worth["lift"]["customers"]) == ("EUR", 1, 0)
    assert line(space, "first_response_in_target") == measured | {"hits": 20}
    table = commanded(space, "report", "--all", "--metric", "first_response_in_target")
    assert "Satisfied and in time by the policy: 2026-01-01 00:00 Europe/Berlin." in table
    listed = space.run("report", "--all", "--metric", "first_response_in_target", "--tickets", "--format", "json")
    targets = {one["ticket_id"]: one["target"] for one in json.loads(listed.stdout)["tickets"]}
    assert targets["T-0"] == "within 30m where priority is urgent (rule 1 from 2025-12-31 23:00 UTC)"
    assert targets["T-1"] == "within 3h (rule 2 from 2025-12-31 23:00 UTC)"

    assert "unchanged" in commanded(space, "policies", "publish", str(file))
    assert "in force" in commanded(space, "policies", "show")
    assert "withdrawn" in commanded(space, "policies", "withdraw")
    wait_until(lambda: line(space, "csat_share")["hits"] == 0, "what is built in counts again")
    assert "there is none to take back" in commanded(space, "policies", "withdraw", exit_code=2)


def test_all_faults_of_a_file_are_told_and_nothing_is_published(space: Space, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY.replace("30m", "half an hour").replace("= 50", "= 500"))
    printed = commanded(space, "policies", "publish", str(file), exit_code=2)
    assert "'half an hour' is no duration; write 15m, 4h or 2d - at `$.versions[0].first_response[0]`" in printed
    assert "at `$.versions[0].satisfied_from`" in printed
    assert "name a file with a policy, or set SERVICEPULSE_POLICY" in commanded(
        space, "policies", "publish", exit_code=2
    )
