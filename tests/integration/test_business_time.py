"""Business time in the database, wait by wait: beside the core, beside a clock looked at every minute, and by hand."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event
from schemas.instant import ms_of
from schemas.schedule import SpecialDay, Version, Week
from streams.core.ask.question import observed
from streams.core.hours.published import open_hours
from streams.core.hours.schedule import Schedule, business_seconds
from streams.core.metrics.business_time import (
    BUSINESS_CASES,
    BUSINESS_CYCLES,
    BUSINESS_WAITS,
    FIRST_RESPONSE_BUSINESS_WITHIN,
)
from streams.core.ticket.measures import row_of
from streams.settings import Settings
from streams.sinks.clickhouse import ClickHouseStore
from tests.databases import emptied, new_database
from tests.histories import NOW_MS, event, public_answer, settled
from tests.integration.conftest import Servers
from tests.wall import is_open

pytestmark = pytest.mark.integration

HOUR: Final = 3600.0
OFFICE: Final = ("09:00-17:00",)
LUNCH: Final = ("09:00-12:00", "13:00-17:30")
ALWAYS: Final = ("00:00-24:00",)


class Case(NamedTuple):
    """A wait at a desk of its own, by the clocks of Berlin unless it says an offset, and the open hours in it."""

    id: str
    versions: Sequence[Version]
    started: str
    ended: str
    hours: float | None


def desk(hours: Sequence[str], zone: str = "Europe/Berlin", from_at: str = "2020-01-01T00:00", **more: Any) -> Version:
    """Return a version with the same hours on all days, unless more is said."""
    every_day = Week(*[tuple(hours)] * 7)
    return Version(from_at=datetime.fromisoformat(from_at), zone=zone, **{"weekly": every_day, **more})


def at(text: str) -> int:
    instant = datetime.fromisoformat(text)
    return ms_of(instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo("Europe/Berlin")))


OFFICE_WEEK: Final = Week(*[OFFICE] * 5)
HOLIDAY: Final[dict[str, Any]] = {"holidays": (date(2026, 4, 3), date(2026, 4, 6)), "weekly": OFFICE_WEEK}
SHORT_DAY: Final[dict[str, Any]] = {"special_days": (SpecialDay(date(2025, 12, 24), ("09:00-12:00",)),)}
CHANGED: Final = (desk(OFFICE), desk(("10:00-20:00",), from_at="2026-03-04T12:00"))
MOVED: Final = (desk(OFFICE), desk(("09:00-18:00",), "Asia/Shanghai", "2026-03-04T12:00+01:00"))
CLOSED: Final = (desk(OFFICE), desk((), from_at="2026-03-03T00:00"))
NEW: Final = (desk(ALWAYS, from_at="2026-03-02T10:00"),)

CASES: Final = [
    Case("within hours", [desk(OFFICE)], "2026-03-02T10:00", "2026-03-02T11:30", 1.5),
    Case("before hours", [desk(OFFICE)], "2026-03-02T06:00", "2026-03-02T10:00", 1),
    Case("after hours", [desk(OFFICE)], "2026-03-02T18:00", "2026-03-03T08:00", 0),
    Case("to the millisecond", [desk(OFFICE)], "2026-03-02T16:59:59.877", "2026-03-03T09:00:00.001", 0.124 / HOUR),
    Case("over a weekend", [desk(OFFICE, weekly=OFFICE_WEEK)], "2026-03-06T16:00", "2026-03-09T10:00", 2),
    Case("over lunch", [desk(LUNCH)], "2026-03-02T11:00", "2026-03-02T14:00", 2),
    Case("within lunch", [desk(LUNCH)], "2026-03-02T12:10", "2026-03-02T12:50", 0),
    Case("from closing to opening", [desk(LUNCH)], "2026-03-02T12:00", "2026-03-02T13:00", 0),
    Case("over holidays", [desk(OFFICE, **HOLIDAY)], "2026-04-02T16:00", "2026-04-07T10:00", 2),
    Case("over a short day", [desk(OFFICE, **SHORT_DAY)], "2025-12-23T16:00", "2025-12-25T10:00", 5),
    Case("clocks put forward", [desk(ALWAYS)], "2026-03-29T00:00", "2026-03-30T00:00", 23),
    Case("clocks put forward, a night shift", [desk(("01:00-04:00",))], "2026-03-28T12:00", "2026-03-29T12:00", 2),
    Case("clocks put forward, a skipped shift", [desk(("02:00-03:00",))], "2026-03-28T12:00", "2026-03-29T12:00", 0),
    Case("clocks put forward, over days", [desk(OFFICE)], "2026-03-28T16:00", "2026-03-30T10:00", 10),
    Case("clocks put back", [desk(ALWAYS)], "2025-10-26T00:00", "2025-10-27T00:00", 25),
    Case("clocks put back, a night shift", [desk(("01:00-04:00",))], "2025-10-25T12:00", "2025-10-26T12:00", 4),
    Case("clocks put back, a repeated shift", [desk(("02:00-03:00",))], "2025-10-25T12:00", "2025-10-26T12:00", 2),
    Case(
        "clocks put back, within the repeated hour",
        [desk(("02:00-03:00",))],
        "2025-10-26T02:30+02:00",
        "2025-10-26T02:30+01:00",
        1,
    ),
    Case("a change in the middle", CHANGED, "2026-03-03T16:00", "2026-03-05T11:00", 1 + 3 + 8 + 1),
    Case("it ends with the change", CHANGED, "2026-03-04T09:00", "2026-03-04T12:00", 3),
    Case("it starts with the change", CHANGED, "2026-03-04T12:00", "2026-03-05T00:00", 8),
    Case("a move to Shanghai in the middle", MOVED, "2026-03-04T09:00", "2026-03-05T12:00", 3 + 9),
    Case("Shanghai", [desk(("09:00-18:00",), "Asia/Shanghai")], "2026-03-02T02:00Z", "2026-03-02T10:00Z", 8),
    Case("Berlin", [desk(("09:00-18:00",))], "2026-03-02T02:00Z", "2026-03-02T10:00Z", 2),
    Case("half an hour is put", [desk(ALWAYS, "Australia/Lord_Howe")], "2026-04-04T13:00Z", "2026-04-05T13:30Z", 24.5),
    Case("it closed for good", CLOSED, "2026-03-02T16:00", "2026-03-04T16:00", 1),
    Case("before its first hours", NEW, "2026-03-02T09:59:59.999", "2026-03-02T12:00", None),
    Case("with its first hours", NEW, "2026-03-02T10:00", "2026-03-02T12:00", 2),
    Case("long before its first hours", NEW, "2026-02-02T09:00", "2026-02-02T12:00", None),
]


class Target(NamedTuple):
    """A first wait at a desk of its own, and when its target of an hour is over; None when that never comes."""

    id: str
    versions: Sequence[Version]
    started: str
    due: str | None


TARGETS: Final = [
    Target("within hours", [desk(OFFICE)], "2026-03-02T10:00", "2026-03-02T11:00"),
    Target("before hours", [desk(OFFICE)], "2026-03-02T06:00", "2026-03-02T10:00"),
    Target("after hours", [desk(OFFICE)], "2026-03-02T20:00", "2026-03-03T10:00"),
    Target("to the millisecond", [desk(OFFICE)], "2026-03-02T16:59:59.877", "2026-03-03T09:59:59.877"),
    Target("up to closing: the night is free", [desk(OFFICE)], "2026-03-02T16:00", "2026-03-03T09:00"),
    Target("over a weekend", [desk(OFFICE, weekly=OFFICE_WEEK)], "2026-03-06T16:30", "2026-03-09T09:30"),
    Target("over lunch", [desk(LUNCH)], "2026-03-02T11:30", "2026-03-02T13:30"),
    Target("over holidays", [desk(OFFICE, **HOLIDAY)], "2026-04-02T16:45", "2026-04-07T09:45"),
    Target("over days of half an hour", [desk(("09:00-09:30",))], "2026-03-02T09:15", "2026-03-04T09:15"),
    Target("clocks put forward", [desk(ALWAYS)], "2026-03-29T01:30", "2026-03-29T03:30"),
    Target("clocks put back", [desk(ALWAYS)], "2025-10-26T02:30+02:00", "2025-10-26T02:30+01:00"),
    Target("a change in the middle", CHANGED, "2026-03-03T16:30", "2026-03-04T09:30"),
    Target("a move to Shanghai in the middle", MOVED, "2026-03-04T11:30", "2026-03-05T02:30"),
    Target("Shanghai", [desk(("09:00-18:00",), "Asia/Shanghai")], "2026-03-02T09:30Z", "2026-03-03T01:30Z"),
    Target("it closed for good", CLOSED, "2026-03-02T16:30", None),
    Target("with its first hours", NEW, "2026-03-02T10:00", "2026-03-02T11:00"),
    Target("a desk that opens later that day", [desk(("13:00-17:00",))], "2020-01-01T08:00", "2020-01-01T14:00"),
]


class Desks(NamedTuple):
    """Where the waits of the cases are, each at the desk that is named like it."""

    client: Client
    settings: Settings

    def seconds(self, observations: str = "waits") -> Mapping[str, float]:
        """Return the business seconds of each ticket that has any."""
        kinds = {"waits": BUSINESS_WAITS, "cycles": BUSINESS_CYCLES, "cases": BUSINESS_CASES}
        sql = f"SELECT ticket_id, seconds FROM ({observed(kinds[observations], 'true')})"
        return {str(id): float(seconds) for id, seconds in self.client.query(sql).result_rows}

    def decisions(self) -> Mapping[str, tuple[bool, int]]:
        """Return of each ticket's first wait whether its target was kept, and when that was decided."""
        waits = observed(FIRST_RESPONSE_BUSINESS_WITHIN.observations, "true")
        sql = f"SELECT ticket_id, is_kept, toUnixTimestamp64Milli(at) FROM ({waits})"
        return {str(id): (bool(is_kept), int(at)) for id, is_kept, at in self.client.query(sql).result_rows}

    def publish(self, name: str, *versions: Version, at: int = 1_700_000_000_000) -> None:
        """Store what a worker stores of a published schedule."""
        ClickHouseStore(self.client).insert(list(open_hours([published(name, versions, at)], NOW_MS)))


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as made:
        yield made


@pytest.fixture
def desks(client: Client, servers: Servers, tmp_path: Path) -> Desks:
    """Return desks of which nothing is known yet."""
    emptied(client)
    return Desks(client, Settings(clickhouse=servers.clickhouse, database=str(client.database), folder=tmp_path))


def published(name: str, versions: Sequence[Version], at: int) -> Event:
    return event(e.SchedulePublished(name=name, versions=tuple(versions)), at, f"{name} {at}", subject=name)


def store_waits(desks: Desks, cases: Sequence[Case], team: str | None = None) -> None:
    """Store a ticket for each case: a customer asks, the desk answers and is done."""
    told = [one for case in cases for one in _ticket(case, case.id if team is None else team)]
    ClickHouseStore(desks.client).insert([row_of(ticket, NOW_MS) for ticket in settled(told).values()])


def _ticket(case: Case, team: str) -> Iterator[Event]:
    id = case.id
    asked = e.TicketCreated(ticket_id=id, channel="mail", created_by=e.Party.CUSTOMER, team=team or None)
    yield event(asked, at(case.started), f"{id} 1", subject=id)
    yield event(public_answer(id), at(case.ended), f"{id} 2", subject=id)
    yield event(e.TicketResolved(ticket_id=id), at(case.ended), f"{id} 3", 1, subject=id)


def walked(case: Case) -> float | None:
    """Return how long the desk was open, by its clock at every full minute: nothing happens at other times."""
    started, ended = at(case.started), at(case.ended)
    if is_open(case.versions, started) is None:
        return None
    minutes = range(started // 60_000 * 60_000, ended, 60_000)
    return sum(min(m + 60_000, ended) - max(m, started) for m in minutes if is_open(case.versions, m)) / 1000


@pytest.mark.parametrize("observations", ["waits", "cycles", "cases"])
def test_the_open_part_of_a_wait_is_what_it_is_by_hand(desks: Desks, observations: str) -> None:
    for case in CASES:
        desks.publish(case.id, *case.versions)
    store_waits(desks, CASES)
    expected = {case.id: round(case.hours * HOUR, 3) for case in CASES if case.hours is not None}
    assert desks.seconds(observations) == expected


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_by_hand_is_what_the_core_says_and_what_a_clock_shows_every_minute(case: Case) -> None:
    expected = None if case.hours is None else round(case.hours * HOUR, 3)
    assert business_seconds(Schedule("desk", tuple(case.versions)), at(case.started), at(case.ended)) == expected
    assert walked(case) == expected


@pytest.mark.parametrize("late_ms", [None, -1, 0, 1], ids=["unanswered", "just before", "just in time", "late"])
def test_a_target_of_open_hours_is_decided_when_it_is_over_or_kept(desks: Desks, late_ms: int | None) -> None:
    expected = {}
    told: list[Event] = []
    for target in TARGETS:
        desks.publish(target.id, *target.versions)
        due = at(target.due) if target.due else at("2026-06-01T00:00")
        answered_at = None if late_ms is None else due + late_ms
        asked, answered, _ = _ticket(Case(target.id, (), target.started, target.started, None), target.id)
        told.append(asked)
        if answered_at is not None:
            told.append(replace(answered, at_ms=answered_at))
        if answered_at is not None and (answered_at <= due or target.due is None):
            expected[target.id] = (True, answered_at)
        elif target.due is not None:
            expected[target.id] = (False, due)
    ClickHouseStore(desks.client).insert([row_of(ticket, NOW_MS) for ticket in settled(told).values()])
    assert desks.decisions() == expected


def test_a_target_of_open_hours_before_the_first_schedule_or_without_one_says_nothing(desks: Desks) -> None:
    store_waits(desks, [WAIT], team="repairs")
    assert desks.decisions() == {}
    desks.publish("repairs", desk(OFFICE, from_at="2026-03-02T08:00:00.001"))
    assert desks.decisions() == {}
    desks.publish("repairs", desk(OFFICE, from_at="2026-03-02T08:00"), at=1_700_000_000_001)
    assert desks.decisions() == {"wait": (False, at("2026-03-02T10:00"))}


WAIT: Final = Case("wait", (), "2026-03-02T08:00", "2026-03-02T12:00", None)


def test_the_schedule_of_the_team_counts_else_that_of_all_else_none(desks: Desks) -> None:
    store_waits(desks, [WAIT], team="repairs")
    assert desks.seconds() == {}
    desks.publish("default", desk(OFFICE))
    assert desks.seconds() == {"wait": 3 * HOUR}
    desks.publish("others", desk(ALWAYS))
    assert desks.seconds() == {"wait": 3 * HOUR}
    desks.publish("repairs", desk(("11:00-12:00",)))
    assert desks.seconds() == {"wait": HOUR}
    desks.publish("repairs", at=1_700_000_000_001)
    assert desks.seconds() == {"wait": 3 * HOUR}
    desks.publish("default", at=1_700_000_000_001)
    assert desks.seconds() == {}


def test_a_ticket_without_a_team_is_measured_by_the_schedule_of_all(desks: Desks) -> None:
    store_waits(desks, [WAIT], team="")
    desks.publish("default", desk(OFFICE))
    assert desks.seconds() == {"wait": 3 * HOUR}


def test_a_team_whose_schedule_says_nothing_of_a_wait_does_not_borrow_that_of_all(desks: Desks) -> None:
    store_waits(desks, [WAIT], team="repairs")
    desks.publish("default", desk(OFFICE))
    desks.publish("repairs", desk(OFFICE, from_at="2026-03-02T09:00"))
    assert desks.seconds() == {}


def test_an_older_statement_that_comes_later_changes_nothing(desks: Desks) -> None:
    store_waits(desks, [WAIT], team="repairs")
    desks.publish("repairs", desk(OFFICE), at=1_700_000_000_002)
    desks.publish("repairs", desk(ALWAYS), at=1_700_000_000_001)
    assert desks.seconds() == {"wait": 3 * HOUR}


def test_beyond_what_is_known_nothing_is_said(desks: Desks) -> None:
    store_waits(desks, [WAIT], team="repairs")
    (row,) = open_hours([published("repairs", [desk(OFFICE)], 1_700_000_000_000)], NOW_MS)
    columns = {"schedule": row.schedule, "in_force_at": row.in_force_at, "open.since": [row.in_force_at]}
    for known_until, seconds in ((at(WAIT.ended), {}), (at(WAIT.ended) + 1, {"wait": 0.0})):
        desks.client.command("TRUNCATE TABLE open_hours")
        made = {**columns, "open.until": [row.in_force_at], "open.ms_before": [0], "known_until": known_until}
        desks.client.insert("open_hours", [list(made.values())], column_names=list(made))
        assert desks.seconds() == seconds
