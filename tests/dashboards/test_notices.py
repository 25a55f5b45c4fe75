"""Alerts of what everyone should know: a fault that nobody announces, and an expected end that has passed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from schemas import events as e
from schemas.rows import SignalRow
from streams.core.fault.burst import Burst, BurstRule, Contact
from streams.core.signal import statement
from streams.core.signal.segment import Segment, SegmentKind
from streams.core.window import DAY_MS, HOUR_MS
from tests.dashboards.alerting import RULES, firing
from tests.histories import event
from tests.integration.conftest import Servers
from tests.integration.desk import Desk, ms

pytestmark = pytest.mark.integration

NOW: Final = ms(datetime(2026, 4, 2, 12, tzinfo=UTC))
MINUTE: Final = 60_000
TOPIC: Final = Segment(SegmentKind.TOPIC, "wardrobes x assembly")
LINE: Final = Segment(SegmentKind.ASSET, "LINE-4")


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    yield made
    made.remove()


def say(desk: Desk, content: e.Data, at: int) -> None:
    subject = str(getattr(content, content.subject_field))
    desk.tell([event(content, at, f"{subject}-{at}", subject=subject)], at)


def suspected(segment: Segment, at: int) -> SignalRow:
    calls = [Contact(at - (9 - n) * MINUTE, f"T{n}", f"C{n}", "assembly") for n in range(3)]
    burst = Burst(since_at=calls[0].at, opened_at=at, closed_at=None, contacts=calls, found_with=3, usual=0.1)
    return statement.fault_suspected(segment, burst, BurstRule(), None)


@pytest.mark.parametrize(
    ("segment", "notice"),
    [
        (TOPIC, e.KnownIssueAnnounced(issue_id="K", product_line="wardrobes", reason="assembly")),
        (TOPIC, e.KnownIssueAnnounced(issue_id="K", reason="assembly")),
        (TOPIC, e.KnownIssueAnnounced(issue_id="K", product_line="wardrobes")),
        (TOPIC, e.FaultDeclared(fault_id="F", product_line="wardrobes", reason="assembly")),
        (LINE, e.FaultDeclared(fault_id="F", asset_id="LINE-4")),
    ],
    ids=["both", "the reason", "the product", "a fault of the topic", "a fault of the asset"],
)
def test_a_fault_is_unannounced_until_somebody_says_what_it_is(desk: Desk, segment: Segment, notice: e.Data) -> None:
    desk.watched.state([suspected(segment, NOW)])
    for uid in ("fault-unannounced", "fault-suspected"):
        (labels,) = firing(desk.client, uid, NOW + MINUTE)
        assert (labels["segment"], labels["team"], labels["tickets"]) == (segment.name, "assembly", "T0, T1, T2")
    assert RULES["fault-unannounced"]["for"] == "15m"
    say(desk, notice, NOW + 2 * MINUTE)
    assert firing(desk.client, "fault-unannounced", NOW + 3 * MINUTE) == []
    declared = isinstance(notice, e.FaultDeclared)
    assert bool(firing(desk.client, "fault-suspected", NOW + 3 * MINUTE)) is not declared, "a declared one is taken up"


@pytest.mark.parametrize(
    "notice",
    [
        e.KnownIssueAnnounced(issue_id="K", reason="delivery"),
        e.KnownIssueAnnounced(issue_id="K", product_line="ward"),
        e.KnownIssueAnnounced(issue_id="K", product_line="wardrobes", reason="delivery"),
        e.FaultDeclared(fault_id="F", asset_id="wardrobes x assembly"),
    ],
)
def test_a_notice_about_something_else_is_none(desk: Desk, notice: e.Data) -> None:
    desk.watched.state([suspected(TOPIC, NOW)])
    say(desk, notice, NOW)
    assert len(firing(desk.client, "fault-unannounced", NOW + MINUTE)) == 1
    assert len(firing(desk.client, "fault-suspected", NOW + MINUTE)) == 1


def test_a_notice_that_is_over_announces_nothing(desk: Desk) -> None:
    say(desk, e.KnownIssueAnnounced(issue_id="K", reason="assembly"), NOW - DAY_MS)
    say(desk, e.KnownIssueResolved(issue_id="K"), NOW - HOUR_MS)
    desk.watched.state([suspected(TOPIC, NOW)])
    assert len(firing(desk.client, "fault-unannounced", NOW + MINUTE)) == 1


CASES: Final[list[Any]] = [
    (
        e.FaultDeclared(fault_id="F", asset_id="LINE-4", eta_at=datetime(2026, 4, 2, 12, tzinfo=UTC)),
        e.FaultUpdated(fault_id="F", eta_at=datetime(2026, 4, 2, 18, tzinfo=UTC)),
        e.FaultFixed(fault_id="F"),
        {"kind": "fault", "id": "F", "about": "asset LINE-4", "team": "desk"},
    ),
    (
        e.KnownIssueAnnounced(
            issue_id="K", product_line="wardrobes", reason="assembly", responsible_department="purchasing",
            eta_at=datetime(2026, 4, 2, 12, tzinfo=UTC),
        ),
        e.KnownIssueUpdated(issue_id="K", eta_at=datetime(2026, 4, 2, 18, tzinfo=UTC)),
        e.KnownIssueResolved(issue_id="K"),
        {"kind": "known issue", "id": "K", "about": "wardrobes x assembly", "team": "purchasing"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("told", "updated", "over", "labels"), CASES, ids=["fault", "known issue"])
def test_an_expected_end_that_has_passed_is_told_until_another_one_is_said(
    desk: Desk, told: e.Data, updated: e.Data, over: e.Data, labels: dict[str, str]
) -> None:
    say(desk, told, NOW - 3 * HOUR_MS)
    assert firing(desk.client, "eta-passed", NOW) == []
    assert firing(desk.client, "eta-passed", NOW + MINUTE) == [labels | {"expected": "2026-04-02 12:00 UTC"}]
    say(desk, updated, NOW + HOUR_MS)
    assert firing(desk.client, "eta-passed", NOW + HOUR_MS) == []
    assert len(firing(desk.client, "eta-passed", NOW + 7 * HOUR_MS)) == 1
    assert firing(desk.client, "eta-passed", NOW + 8 * DAY_MS) == [], "after a week the pages have it"
    say(desk, over, NOW + 6 * HOUR_MS)
    assert firing(desk.client, "eta-passed", NOW + 7 * HOUR_MS) == []


@pytest.mark.parametrize(("missed", "fires"), [(3, True), (2, False)])
def test_important_contacts_that_are_missed_are_told_to_the_team_of_the_queue(
    desk: Desk, missed: int, fires: bool
) -> None:
    for n in range(missed):
        call = {"contact_id": f"call-{n}"}
        say(desk, e.ContactQueued(**call, channel="phone", team="delivery", priority="high"), NOW - (50 - n) * MINUTE)
        say(desk, e.ContactAbandoned(**call), NOW - (49 - n) * MINUTE)
    # One of no importance, and one that was answered at once.
    say(desk, e.ContactQueued(contact_id="low", channel="phone", team="delivery"), NOW - 40 * MINUTE)
    say(desk, e.ContactAbandoned(contact_id="low"), NOW - 39 * MINUTE)
    quick = e.ContactQueued(contact_id="quick", channel="phone", team="delivery", priority="urgent")
    say(desk, quick, NOW - 30 * MINUTE)
    say(desk, e.ContactAnswered(contact_id="quick"), NOW - 29 * MINUTE)
    found = firing(desk.client, "important-missed", NOW)
    assert found == ([{"team": "delivery"}] if fires else [])
    for n in range(3):
        waits = e.ContactQueued(contact_id=f"beds-{n}", channel="chat", team="beds", priority="high")
        say(desk, waits, NOW - (10 + n) * MINUTE)
    assert {"team": "beds"} in firing(desk.client, "important-missed", NOW), "whoever still waits is missed as well"
    assert firing(desk.client, "important-missed", NOW + 2 * HOUR_MS) == [], "over, an hour later"


def test_who_waits_over_midnight_waits_on_though_nothing_else_happens(desk: Desk) -> None:
    midnight = NOW - NOW % DAY_MS
    for n in range(3):
        waits = e.ContactQueued(contact_id=f"night-{n}", channel="phone", team="beds", priority="urgent")
        say(desk, waits, midnight - (n + 1) * 30_000)
    assert firing(desk.client, "important-missed", midnight + 10 * MINUTE) == [{"team": "beds"}]
