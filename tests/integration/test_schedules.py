"""Opening hours from a file to the numbers, as operators and producers see it: through the commands and a worker."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from schemas import events as e
from schemas.codec import encode
from schemas.examples import example
from streams.core.ask.question import Question
from streams.core.metrics import METRICS
from streams.core.window import Window
from streams.sinks.figures import answer
from tests.faulty_worker import EVENTS_STORED, HOURS_STORED, PUBLISHED
from tests.histories import public_answer
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration

MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)
OFFICE: Final = """
[[schedule]]
name = "default"

[[schedule.versions]]
from = 2026-01-01T00:00:00
zone = "UTC"
weekly.monday = ["09:00-12:00", "13:00-17:00"]
"""
REPAIRS: Final = OFFICE.replace('"default"', '"repairs"').replace("12:00", "10:00")
HOLIDAY: Final = OFFICE.replace('zone = "UTC"', 'zone = "UTC"\nholidays = [2026-03-02]')
OFFICE_SECONDS, HOLIDAY_SECONDS = 4 * 3600.0, 0.0
"""Of a wait from 8 to 14 o'clock."""


def waits(count: int = 20, team: str = "repairs") -> list[bytes]:
    """Return tickets of customers who ask at 8 and are answered at 14 o'clock."""
    told: list[bytes] = []
    for number in range(count):
        id = f"T-{number}"
        asked = e.TicketCreated(ticket_id=id, channel="mail", created_by=e.Party.CUSTOMER, team=team)
        for said, hour in ((asked, 8), (public_answer(id), 14)):
            time = MONDAY + timedelta(hours=hour)
            told.append(encode(said, source="urn:test", id=f"{id} {hour}", time=time, name=e.NAME_OF[type(said)]))
    return told


def figure(space: Space) -> float | None:
    """Return the median first response in business time, as a report shows it."""
    start = int(MONDAY.timestamp() * 1000)
    window = Window(start, start + 86_400_000)
    metric = METRICS["first_response_business_p50"]
    return answer(space.client, Question(metrics=[metric], windows=[window]), window)[metric.name, None, window].shown


def commanded(space: Space, *arguments: str, exit_code: int = 0) -> str:
    """Run a command about schedules and return what it printed."""
    done = space.run("schedules", *arguments)
    printed = (done.stdout + done.stderr).decode()
    assert done.returncode == exit_code, printed
    return " ".join(printed.split())


def becomes(space: Space, seconds: float | None) -> None:
    wait_until(lambda: figure(space) == seconds, f"the median is {seconds}, not {figure(space)}", 30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.toml"
    path.write_text(OFFICE)
    return path


def test_numbers_appear_with_a_schedule_and_the_past_follows_its_correction(space: Space, file: Path) -> None:
    worker = space.started_worker()
    space.publish(waits())
    space.wait_for_events(40)
    assert figure(space) is None

    assert "default new 2026-01-01 00:00" in commanded(space, "publish", str(file), "--dry-run")
    assert space.value("SELECT count() FROM events WHERE name = 'schedule.published'") == 0
    assert "1 schedule published" in commanded(space, "publish", str(file))
    becomes(space, OFFICE_SECONDS)

    before = space.checksum()
    printed = commanded(space, "publish", str(file))
    assert "default unchanged" in printed
    assert "0 schedules published" in printed
    assert space.checksum() == before

    file.write_text(HOLIDAY)
    assert "default changed 2026-03-02 09:00" in commanded(space, "publish", str(file))
    becomes(space, HOLIDAY_SECONDS)

    file.write_text(REPAIRS)
    printed = commanded(space, "publish", str(file))
    assert "repairs new" in printed
    assert "default stays, though the file has none" in printed
    becomes(space, 2 * 3600.0)
    shown = commanded(space, "show", "--days", "8")
    assert "repairs UTC, in force since 2026-01-01 00:00" in shown
    assert "09:00-10:00 13:00-17:00" in shown
    assert "closed" in shown

    commanded(space, "withdraw", "repairs")
    becomes(space, HOLIDAY_SECONDS)
    commanded(space, "withdraw", "default")
    becomes(space, None)
    assert "no schedule 'default' counts" in commanded(space, "withdraw", "default", exit_code=2)
    assert worker.process.poll() is None


def test_a_wrong_file_is_told_all_its_faults_and_publishes_nothing(space: Space, file: Path) -> None:
    file.write_text(OFFICE.replace("12:00", "12.00") + REPAIRS.replace('"UTC"', '"Berlin"'))
    printed = commanded(space, "publish", str(file), exit_code=2)
    assert "monday: '09:00-12.00' is no interval" in printed
    assert "did you mean Europe/Berlin" in printed
    assert "$.schedule[1].versions[0]" in printed
    commanded(space, "publish", str(file.with_name("missing.toml")), exit_code=2)
    assert "SERVICEPULSE_SCHEDULES" in commanded(space, "publish", exit_code=2)


def test_a_bad_schedule_is_a_dead_letter_and_stops_nobody(space: Space) -> None:
    worker = space.started_worker()
    wrong = example("schedule.published")
    wrong["data"]["versions"][0]["weekly"]["friday"] = ["09:00-12:00", "11:00-13:00"]
    right = example("schedule.published") | {"id": "right"}
    space.send([json.dumps(one).encode() for one in (wrong, right)])
    wait_until(lambda: space.value("SELECT count() FROM open_hours FINAL") == 1, "the right one is stored")
    wait_until(lambda: space.value("SELECT count() FROM dead_letters FINAL") == 1, "the wrong one is, too")
    letters = space.query("SELECT reason, pointer, message FROM dead_letters FINAL")
    assert [(reason, pointer) for reason, pointer, _ in letters] == [("bad-value", "/data/versions/0/weekly")]
    assert "friday: 09:00-12:00 and 11:00-13:00 overlap" in letters[0][2]
    assert worker.process.poll() is None


def _schedules() -> list[bytes]:
    """Return statements about two desks, each desk's newest in the middle."""
    return [
        _published(name, (n * 7) % 5, opens)
        for name in ("default", "repairs")
        for n, opens in enumerate(("06:00", "07:00", "08:00", "09:00", "10:00"))
    ]


def _published(name: str, minute: int, opens: str) -> bytes:
    event = example("schedule.published")
    version: dict[str, Any] = {"from": "2026-01-01T00:00:00", "zone": "Asia/Shanghai"}
    version["weekly"] = {"monday": [f"{opens}-12:00"]}
    event |= {"id": f"{name} {minute}", "time": f"2026-03-01T00:0{minute}:00Z", "subject": name}
    return json.dumps(event | {"data": {"name": name, "versions": [version]}}).encode()


def _hours(space: Space) -> Sequence[Sequence[Any]]:
    sql = "SELECT schedule, version, versions, cityHash64(open.since, open.until, open.ms_before)"
    return space.query(f"{sql} FROM open_hours FINAL ORDER BY schedule")


@pytest.mark.chaos
@pytest.mark.lengthy
def test_repetition_disorder_kills_and_refolds_change_no_hours(space: Space) -> None:
    told = _schedules()
    space.started_worker()
    space.send(told)
    wait_until(lambda: space.value("SELECT uniqExact(id) FROM events") == 10, "all statements are stored")
    wait_until(space.is_quiet, "and committed")
    expected = _hours(space)
    assert [json.loads(versions)[0]["weekly"]["monday"] for _, _, versions, _ in expected] == [["08:00-12:00"]] * 2
    space.workers[0].kill()

    space.client.command("TRUNCATE TABLE open_hours")
    for step in (EVENTS_STORED, HOURS_STORED, PUBLISHED):
        space.send(told[::-1])
        dying = space.start_worker("tests.faulty_worker", step, "1", batch_events=3)
        assert dying.process.wait(timeout=60) == -9, dying.log[-2000:]
    space.started_worker()
    wait_until(space.is_quiet, "what was left is worked off")
    wait_until(lambda: _hours(space) == expected, "the hours are as if nothing had happened", 20)

    space.client.command("TRUNCATE TABLE open_hours")
    assert space.run("refold").returncode == 0
    assert _hours(space) == expected
