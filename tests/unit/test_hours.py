"""Business time by hand-made cases: clocks that are put, pauses, holidays, changes, zones, settings."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from schemas.instant import ms_of
from schemas.schedule import ScheduleError, SpecialDay, Version, Week
from streams.core.hours.schedule import (
    Breakpoint,
    Schedule,
    breakpoints,
    business_seconds,
    open_intervals,
)
from streams.core.hours.schedule_file import schedules_of

HOUR = 3600.0
LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - by the clocks of the schedule's zone
CLOSED = Week()
ALWAYS = "00:00-24:00"


def daily(*hours: str) -> Week:
    return Week(hours, hours, hours, hours, hours, hours, hours)


def office(*hours: str) -> Week:
    return Week(hours, hours, hours, hours, hours)


def desk(
    weekly: Week, zone: str = "Europe/Berlin", holidays: Sequence[str] = (), special: Mapping[str, str] | None = None
) -> Schedule:
    """Return a schedule of one version; the hours of a special day are written with blanks between them."""
    version = Version(
        from_at=LONG_AGO,
        zone=zone,
        weekly=weekly,
        holidays=tuple(map(date.fromisoformat, holidays)),
        special_days=tuple(
            SpecialDay(date.fromisoformat(day), tuple(hours.split())) for day, hours in (special or {}).items()
        ),
    )
    return Schedule("desk", (version,))


def at(text: str, zone: str = "Europe/Berlin") -> int:
    instant = datetime.fromisoformat(text)
    return ms_of(instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(zone)))


def shown(span: tuple[int, int], zone: str = "Europe/Berlin") -> str:
    """Return both ends as clocks of the zone show them, with offset."""
    return " to ".join(datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).isoformat(" ", "minutes") for ms in span)


# Waits of ordinary days. 2026-03-02 is a Monday.

OFFICE = office("09:00-17:00")
LUNCH = office("13:00-17:30", "09:00-12:00")
NIGHTS = daily("00:00-06:00", "22:00-24:00")


@pytest.mark.parametrize(
    ("schedule", "started", "ended", "hours"),
    [
        pytest.param(desk(OFFICE), "2026-03-02T10:00", "2026-03-02T11:30", 1.5, id="within hours"),
        pytest.param(desk(OFFICE), "2026-03-02T06:00", "2026-03-02T10:00", 1, id="it begins before hours"),
        pytest.param(desk(OFFICE), "2026-03-02T16:00", "2026-03-02T23:00", 1, id="it ends after hours"),
        pytest.param(desk(OFFICE), "2026-03-02T05:00", "2026-03-02T23:00", 8, id="it surrounds a day"),
        pytest.param(desk(OFFICE), "2026-03-02T18:00", "2026-03-03T08:00", 0, id="it lies between two days"),
        pytest.param(desk(OFFICE), "2026-03-02T17:00", "2026-03-03T09:00", 0, id="from closing to opening"),
        pytest.param(desk(OFFICE), "2026-03-06T16:00", "2026-03-09T10:00", 2, id="over a weekend"),
        pytest.param(desk(OFFICE), "2026-03-02T10:00", "2026-03-16T10:00", 80, id="over two weeks"),
        pytest.param(desk(OFFICE), "2026-03-02T10:00", "2026-03-02T10:00", 0, id="no time at all"),
        pytest.param(desk(OFFICE), "2026-03-02T12:00", "2026-03-02T10:00", 0, id="it ends before it starts"),
        pytest.param(desk(LUNCH), "2026-03-02T11:00", "2026-03-02T14:00", 2, id="over lunch"),
        pytest.param(desk(LUNCH), "2026-03-02T12:10", "2026-03-02T12:50", 0, id="within lunch"),
        pytest.param(desk(LUNCH), "2026-03-02T00:00", "2026-03-03T00:00", 7.5, id="a day with lunch"),
        pytest.param(desk(NIGHTS), "2026-03-02T12:00", "2026-03-03T12:00", 8, id="over a night shift"),
        pytest.param(desk(NIGHTS), "2026-03-02T23:00", "2026-03-03T01:00", 2, id="over midnight"),
        pytest.param(
            desk(NIGHTS, holidays=["2026-03-03"]), "2026-03-02T20:00", "2026-03-04T20:00", 8, id="into a holiday"
        ),
        pytest.param(
            desk(OFFICE, holidays=["2026-03-03"]), "2026-03-02T16:00", "2026-03-04T10:00", 2, id="over a holiday"
        ),
        pytest.param(
            desk(OFFICE, holidays=["2026-03-07"]), "2026-03-06T16:00", "2026-03-09T10:00", 2, id="free Saturday"
        ),
        pytest.param(
            desk(OFFICE, special={"2026-03-03": "10:00-12:00"}),
            "2026-03-02T16:00",
            "2026-03-04T10:00",
            4,
            id="short day",
        ),
        pytest.param(
            desk(OFFICE, special={"2026-03-07": "10:00-14:00"}),
            "2026-03-06T16:00",
            "2026-03-09T10:00",
            6,
            id="open Sat",
        ),
        pytest.param(
            desk(OFFICE, special={"2026-03-03": ""}), "2026-03-02T16:00", "2026-03-04T10:00", 2, id="special: closed"
        ),
        pytest.param(desk(CLOSED), "2026-03-02T00:00", "2027-03-02T00:00", 0, id="never open"),
        pytest.param(
            desk(daily(ALWAYS)), "2020-01-01T00:00", "2026-01-01T00:00", 2192 * 24, id="always open, six years"
        ),
    ],
)
def test_only_the_open_part_of_a_wait_counts(schedule: Schedule, started: str, ended: str, hours: float) -> None:
    assert business_seconds(schedule, at(started), at(ended)) == hours * HOUR


def test_a_wait_is_measured_to_the_millisecond() -> None:
    assert business_seconds(desk(OFFICE), at("2026-03-02T08:59:59.999"), at("2026-03-02T09:00:00.001")) == 0.001
    assert business_seconds(desk(OFFICE), at("2026-03-02T16:59:59.877"), at("2026-03-03T09:00:00.001")) == 0.124


def test_the_same_wait_is_another_one_in_another_zone() -> None:
    started, ended = at("2026-03-02T02:00Z"), at("2026-03-02T10:00Z")
    shanghai, berlin = (desk(office("09:00-18:00"), zone) for zone in ("Asia/Shanghai", "Europe/Berlin"))
    assert business_seconds(shanghai, started, ended) == 8 * HOUR  # 10:00 to 18:00 by the clock on that wall
    assert business_seconds(berlin, started, ended) == 2 * HOUR  # 03:00 to 11:00


# Days on which clocks are put


@pytest.mark.parametrize(
    ("zone", "day", "hours", "open_hours"),
    [
        ("Europe/Berlin", "2026-03-29", ALWAYS, 23),
        ("Europe/Berlin", "2026-03-29", "02:00-04:00", 1),
        ("Europe/Berlin", "2026-03-29", "02:00-03:00", 0),
        ("Europe/Berlin", "2026-03-29", "02:30-04:00", 1),
        ("Europe/Berlin", "2026-03-29", "01:00-02:30", 1),
        ("Europe/Berlin", "2026-03-29", "01:00-03:00", 1),
        ("Europe/Berlin", "2026-03-29", "09:00-17:00", 8),
        ("Europe/Berlin", "2026-10-25", ALWAYS, 25),
        ("Europe/Berlin", "2026-10-25", "02:00-04:00", 3),
        ("Europe/Berlin", "2026-10-25", "02:00-03:00", 2),
        ("Europe/Berlin", "2026-10-25", "02:30-04:00", 2),
        ("Europe/Berlin", "2026-10-25", "01:00-02:30", 2),
        ("Europe/Berlin", "2026-10-25", "01:00-02:00", 1),
        ("America/New_York", "2026-03-08", ALWAYS, 23),
        ("America/New_York", "2026-03-08", "02:00-04:00", 1),
        ("America/New_York", "2026-11-01", ALWAYS, 25),
        ("America/New_York", "2026-11-01", "01:00-03:00", 3),
        ("America/New_York", "2026-11-01", "01:30-03:00", 2),
        ("Australia/Lord_Howe", "2026-04-05", "01:00-03:00", 2.5),
        ("Australia/Lord_Howe", "2026-04-05", "01:30-02:00", 1),
        ("Australia/Lord_Howe", "2026-10-04", "01:00-03:00", 1.5),
        ("Australia/Lord_Howe", "2026-10-04", "02:00-02:30", 0),
        ("America/Sao_Paulo", "2018-11-04", "00:00-02:00", 1),
        ("America/Sao_Paulo", "2018-02-17", "23:00-24:00", 2),
        ("America/Sao_Paulo", "2018-02-18", "00:00-02:00", 2),
        ("Pacific/Apia", "2011-12-30", ALWAYS, 0),
        ("Asia/Shanghai", "2026-03-29", "02:00-04:00", 2),
    ],
)
def test_the_clock_on_the_wall_decides_when_clocks_are_put(zone: str, day: str, hours: str, open_hours: float) -> None:
    schedule = desk(CLOSED, zone, special={day: hours})
    around = at(day, "UTC")
    three_days = 3 * 86_400_000
    assert business_seconds(schedule, around - three_days, around + three_days) == open_hours * HOUR


def test_an_end_that_is_skipped_is_the_instant_of_the_skip() -> None:
    schedule = desk(daily("01:00-02:30", "02:45-04:00"))
    spans = open_intervals(schedule, at("2026-03-29T00:00"), at("2026-03-30T00:00"))
    assert [*map(shown, spans)] == ["2026-03-29 01:00+01:00 to 2026-03-29 04:00+02:00"]


def test_a_pause_that_the_clock_shows_twice_is_taken_twice() -> None:
    schedule = desk(daily("01:00-02:10", "02:50-04:00"))
    spans = open_intervals(schedule, at("2026-10-25T00:00"), at("2026-10-26T00:00"))
    assert [*map(shown, spans)] == [
        "2026-10-25 01:00+02:00 to 2026-10-25 02:10+02:00",
        "2026-10-25 02:50+02:00 to 2026-10-25 02:10+01:00",
        "2026-10-25 02:50+01:00 to 2026-10-25 04:00+01:00",
    ]


def test_opening_hours_follow_the_clocks_through_the_year() -> None:
    schedule = desk(daily("09:00-10:00"))
    winter, summer = (
        [*open_intervals(schedule, at(day), at(day) + 86_400_000)] for day in ("2026-03-28", "2026-03-29")
    )
    assert winter == [(at("2026-03-28T08:00Z"), at("2026-03-28T09:00Z"))]
    assert summer == [(at("2026-03-29T07:00Z"), at("2026-03-29T08:00Z"))]


# Versions


def version(from_at: str, weekly: Week, zone: str = "Europe/Berlin") -> Version:
    return Version(from_at=datetime.fromisoformat(from_at), zone=zone, weekly=weekly)


CHANGED = Schedule(
    "desk",
    (
        version("2026-01-01T00:00", office("09:00-17:00")),
        version("2026-03-04T12:00", office("10:00-20:00")),
        version("2026-03-10T00:00", office("09:00-17:00"), "America/New_York"),
    ),
)


@pytest.mark.parametrize(
    ("started", "ended", "hours"),
    [
        pytest.param("2026-03-04T09:00", "2026-03-04T12:00", 3, id="before the change"),
        pytest.param("2026-03-04T12:00", "2026-03-05T00:00", 8, id="after it"),
        pytest.param("2026-03-04T00:00", "2026-03-05T00:00", 11, id="on its day"),
        pytest.param("2026-03-03T16:00", "2026-03-05T11:00", 13, id="in the middle of the wait"),
        pytest.param("2026-03-03T00:00", "2026-03-11T00:00", 8 + 11 + 10 + 10 + 10 + 8, id="two changes, another zone"),
    ],
)
def test_each_part_of_a_wait_counts_by_the_version_in_force_then(started: str, ended: str, hours: float) -> None:
    assert business_seconds(CHANGED, at(started), at(ended)) == hours * HOUR


def test_hours_that_go_on_over_a_change_are_one_interval() -> None:
    spans = open_intervals(CHANGED, at("2026-03-04T00:00"), at("2026-03-05T00:00"))
    assert [*map(shown, spans)] == ["2026-03-04 09:00+01:00 to 2026-03-04 20:00+01:00"]


def test_a_desk_that_is_always_open_is_open_in_one_interval_for_years() -> None:
    schedule = desk(daily(ALWAYS))
    span = (at("2010-01-01T00:00"), at("2030-01-01T00:00"))
    assert [*open_intervals(schedule, *span)] == [span]


def test_of_a_wait_that_starts_before_the_first_version_nothing_is_known() -> None:
    in_force, day = CHANGED.in_force_at, 86_400_000
    assert business_seconds(CHANGED, in_force - 1, in_force + day) is None
    assert business_seconds(CHANGED, in_force - day, in_force - 1) is None
    assert business_seconds(CHANGED, in_force, in_force) == 0.0
    assert [*open_intervals(CHANGED, in_force - day, in_force)] == []


def test_a_version_begins_by_the_clocks_of_its_zone_unless_it_says_an_offset() -> None:
    assert version("2026-07-01T00:00", OFFICE).in_force_at == at("2026-06-30T22:00Z")
    assert version("2026-07-01T00:00", OFFICE, "Asia/Shanghai").in_force_at == at("2026-06-30T16:00Z")
    assert version("2026-07-01T00:00-03:00", OFFICE).in_force_at == at("2026-07-01T03:00Z")
    assert version("2026-10-25T02:30", OFFICE).in_force_at == at("2026-10-25T00:30Z")
    assert version("2026-03-29T02:30", OFFICE).in_force_at == at("2026-03-29T01:30Z")
    assert version("2018-11-04T00:00", OFFICE, "America/Sao_Paulo").in_force_at == at("2018-11-04T03:00Z")


def test_a_schedule_may_be_in_force_since_the_beginning_of_time() -> None:
    schedule = Schedule("desk", (version("0001-01-01T00:00", OFFICE),))
    assert business_seconds(schedule, at("1970-01-01T00:00Z"), at("1970-01-03T00:00Z")) == 16 * HOUR
    assert business_seconds(schedule, at("1969-12-29T00:00"), at("1970-01-05T00:00")) == 40 * HOUR


# The cumulative function


def test_breakpoints_begin_with_a_row_even_when_it_is_closed_then() -> None:
    assert breakpoints(desk(OFFICE), at("2026-03-02T00:00"), at("2026-03-03T12:00")) == [
        Breakpoint(at("2026-03-02T00:00"), at("2026-03-02T00:00"), 0),
        Breakpoint(at("2026-03-02T09:00"), at("2026-03-02T17:00"), 0),
        Breakpoint(at("2026-03-03T09:00"), at("2026-03-03T12:00"), 8 * 3_600_000),
    ]
    assert breakpoints(desk(OFFICE), at("2026-03-02T10:00"), at("2026-03-02T23:00")) == [
        Breakpoint(at("2026-03-02T10:00"), at("2026-03-02T17:00"), 0)
    ]
    assert breakpoints(desk(CLOSED), 10**12, 10**12) == [Breakpoint(10**12, 10**12, 0)]


def test_breakpoints_begin_no_earlier_than_the_schedule() -> None:
    in_force = CHANGED.in_force_at
    assert breakpoints(CHANGED, 0, at("2026-03-02T00:00"))[0] == Breakpoint(in_force, in_force, 0)
    assert breakpoints(CHANGED, 0, in_force - 1) == []


# What may be written

STATED = """
[[schedule]]
name = "default"

[[schedule.versions]]
from = 2025-01-01T00:00:00
zone = "Europe/Berlin"
holidays = [2026-12-25, 2026-12-26]
special_days = [{ day = 2026-12-24, hours = ["09:00-12:00"] }]
weekly.monday = ["09:00-12:00", "13:00-17:30"]
weekly.saturday = ["10:00-14:00"]

[[schedule.versions]]
from = 2026-01-01T00:00:00+01:00
zone = "Europe/Berlin"
weekly = {}

[[schedule]]
name = "factory"
versions = [{ from = 2026-01-01T00:00:00, zone = "Asia/Shanghai", weekly = { sunday = ["00:00-24:00"] } }]
"""


def test_schedules_are_read_from_toml() -> None:
    default = Schedule(
        "default",
        (
            Version(
                from_at=datetime(2025, 1, 1),  # noqa: DTZ001 - by the clocks of the zone
                zone="Europe/Berlin",
                weekly=Week(monday=("09:00-12:00", "13:00-17:30"), saturday=("10:00-14:00",)),
                holidays=(date(2026, 12, 25), date(2026, 12, 26)),
                special_days=(SpecialDay(date(2026, 12, 24), ("09:00-12:00",)),),
            ),
            Version(from_at=datetime(2025, 12, 31, 23, tzinfo=UTC), zone="Europe/Berlin", weekly=CLOSED),
        ),
    )
    read = schedules_of(STATED)
    assert [*read] == ["default", "factory"]
    assert read["default"] == default
    assert read["factory"].versions[0].weekly == Week(sunday=(ALWAYS,))


def test_a_schedule_travels_as_json_and_its_use_leaves_no_trace_in_it() -> None:
    schedule = schedules_of(STATED)["default"]
    untouched = msgspec.json.encode(schedule)
    assert business_seconds(schedule, at("2025-12-01T00:00"), at("2026-02-01T00:00")) == (5 * 7.5 + 4 * 4) * HOUR
    assert msgspec.json.encode(schedule) == untouched
    assert msgspec.json.decode(untouched, type=Schedule) == schedule == schedules_of(STATED)["default"]


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("Asia/Shanghai", "Asia/Shangai", "there is no time zone 'Asia/Shangai'; did you mean Asia/Shanghai"),
        ('+01:00\nzone = "Europe/Berlin', '+01:00\nzone = "CEST', "there is no time zone 'CEST'"),
        (
            "10:00-14:00",
            "22:00-06:00",
            "saturday: 22:00-06:00 ends before it starts.*write 22:00-24:00 here and 00:00-06:00",
        ),
        ("10:00-14:00", "22:00-00:00", "the end of a day is 24:00: write 22:00-24:00"),
        ("10:00-14:00", "10:00-10:00", "saturday: 10:00-10:00 is empty.*00:00-24:00"),
        ("10:00-14:00", "10-14", "saturday: '10-14' is no interval; write 09:00-17:30"),
        ("10:00-14:00", "10:00-24:30", "saturday: '10:00-24:30' is no interval"),
        ("10:00-14:00", "24:00-24:00", "saturday: '24:00-24:00' is no interval"),
        ("10:00-14:00", "１0:00-14:00", "is no interval"),
        ("13:00-17:30", "11:59-17:30", "monday: 09:00-12:00 and 11:59-17:30 overlap"),
        ('["09:00-12:00"]', '["09:00-12:00", "09:00-12:00"]', "2026-12-24: 09:00-12:00 and 09:00-12:00 overlap"),
        ("2026-12-26]", "2026-12-25]", "2026-12-25 stands twice"),
        ("2026-12-26]", "2026-12-24]", "2026-12-24 stands twice among holidays and special days"),
        (
            "2026-01-01T00:00:00+01:00",
            "2024-01-01T00:00:00+01:00",
            "does not begin after it: put the earlier one first",
        ),
        ("2026-01-01T00:00:00+01:00", "2024-12-31T23:00:00Z", "does not begin after it"),
        ("weekly.saturday", "weekly.samstag", "unknown field `samstag`"),
        ("holidays =", "holiday =", "unknown field `holiday`"),
        ("weekly = {}", "", "missing required field `weekly`.*versions.1."),
        ('name = "factory"', 'name = "default"', "the schedule 'default' is stated twice"),
        ("[{ from", "[] #", "the schedule 'factory' has no versions"),
        ("[[schedule]]", "[[schedules]]", "unknown field `schedules`"),
        ("[[schedule]]", "[[schedule]", "the schedules are wrong"),
    ],
)
def test_a_wrong_schedule_is_refused_with_a_sentence_that_helps(written: str, instead: str, message: str) -> None:
    assert written in STATED
    with pytest.raises(ScheduleError, match=f"(?s){message}"):
        schedules_of(STATED.replace(written, instead))


def test_intervals_may_touch_and_stand_in_any_order() -> None:
    schedule = desk(daily("12:00-17:00", "09:00-12:00"))
    spans = open_intervals(schedule, at("2026-03-02T00:00"), at("2026-03-03T00:00"))
    assert [*map(shown, spans)] == ["2026-03-02 09:00+01:00 to 2026-03-02 17:00+01:00"]


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    wrong = STATED
    for written, instead in (
        ("09:00-12:00", "9-12"),
        ("10:00-14:00", "22:00-06:00"),
        ("Asia/Shanghai", "Asia/Shangai"),
        ("weekly = {}", "weekly = { sonntag = [] }"),
        ('name = "factory"', 'name = ""'),
    ):
        wrong = wrong.replace(written, instead)
    with pytest.raises(ScheduleError) as refused:
        schedules_of(wrong)
    lines = [line.strip() for line in str(refused.value).splitlines()[1:]]
    assert [line.rsplit(" at ", 1)[1] for line in lines] == [
        "`$.schedule[0].versions[0].weekly`",
        "`$.schedule[0].versions[0].weekly`",
        "`$.schedule[0].versions[0].special_days[0]`",
        "`$.schedule[0].versions[1].weekly`",
        "`$.schedule[1].versions[0]`",
    ]
    assert lines[0].startswith("monday: '9-12' is no interval")
    assert lines[3].startswith("Object contains unknown field `sonntag`")


def test_of_several_schedules_the_one_is_named_that_is_stated_twice() -> None:
    third = STATED[STATED.index('[[schedule]]\nname = "factory"') :]
    with pytest.raises(ScheduleError, match="the schedule 'factory' is stated twice"):
        schedules_of(STATED + third)


def test_the_schedules_that_the_contract_shows_are_some() -> None:
    readme = (Path(__file__).parents[2] / "schemas" / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(\[\[schedule\]\].*?)```", readme, flags=re.DOTALL)
    schedules = schedules_of(shown)
    assert {name: len(schedule.versions) for name, schedule in schedules.items()} == {"default": 2, "factory": 1}
