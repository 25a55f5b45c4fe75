"""Business time beside a clock that is read every minute, over random schedules, zones and waits."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

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

MINUTE, DAY = 60_000, 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

CLOCKS_PUT = [
    ("Europe/Berlin", "2026-03-29T01:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00Z"),
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00Z"),
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("Antarctica/Troll", "2026-03-29T01:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00Z"),
    ("Asia/Gaza", "2050-10-15T00:00Z"),
    ("Asia/Pyongyang", "2015-08-14T15:00Z"),
    ("Asia/Shanghai", "2026-01-01T00:00Z"),
]
"""Zones with an instant at which their clocks were put, or with none."""


# Schedules


@st.composite
def hours(draw: st.DrawFn) -> tuple[str, ...]:
    """Intervals of a day, more of them in the small hours, when clocks are put."""
    minutes = st.integers(0, 1440) | st.integers(0, 240) | st.sampled_from([0, 60, 120, 180, 1380, 1440])
    points = sorted(draw(st.sets(minutes, max_size=8)))
    written = [f"{point // 60:02}:{point % 60:02}" for point in points]
    return tuple(f"{opens}-{closes}" for opens, closes in zip(written[::2], written[1::2], strict=False))


weeks = st.lists(hours(), min_size=1, max_size=4).map(lambda days: Week(*(days[day % len(days)] for day in range(7))))
places = st.sampled_from(CLOCKS_PUT) | st.tuples(
    st.sampled_from(sorted(available_timezones())[::9]),  # to look a new name up takes long
    # before 1973 some clocks were ahead by odd seconds, which a walk by minutes does not see
    st.datetimes(datetime(1973, 1, 10), datetime(2060, 1, 1)).map(lambda at: at.isoformat("T", "minutes") + "Z"),  # noqa: DTZ001
)


@st.composite
def versions(draw: st.DrawFn, from_at: datetime, zone: str, around: datetime) -> Version:
    dates = st.integers(-4, 4).map(lambda days: (around + timedelta(days=days)).date())
    days = draw(st.lists(dates, unique=True, max_size=4))
    closed = draw(st.integers(0, len(days)))
    special = tuple(SpecialDay(day, draw(hours())) for day in days[closed:])
    return Version(from_at=from_at, zone=zone, weekly=draw(weeks), holidays=tuple(days[:closed]), special_days=special)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Schedule, int]:
    """A schedule, and an instant around which something happens in it."""
    zone, text = draw(places)
    around = datetime.fromisoformat(text)
    shifts = draw(st.sets(st.integers(-4 * 1440, 4 * 1440), max_size=2))
    first = draw(st.sampled_from([-400 * 1440, -2 * 1440, 0]))
    starts = [
        around + timedelta(minutes=minutes) for minutes in sorted({first, *(max(first, shift) for shift in shifts)})
    ]
    zones = [zone if draw(st.booleans()) else draw(places)[0] for _ in starts[1:]]
    built = tuple(draw(versions(at, name, around)) for at, name in zip(starts, [zone, *zones], strict=True))
    return Schedule("desk", built), ms_of(around)


near = st.integers(-3 * DAY, 3 * DAY)
far = st.integers(-1000 * DAY, 4000 * DAY) | near


# The oracle: what the clock on the wall shows


def is_open(schedule: Schedule, at: int) -> bool:
    instant = EPOCH + timedelta(milliseconds=at)
    rule = None
    for version in schedule.versions:
        if version.from_at <= instant:
            rule = version
    if rule is None:
        return False
    local = instant.astimezone(ZoneInfo(rule.zone))
    special = {other.day: other.hours for other in rule.special_days} | dict.fromkeys(rule.holidays, ())
    usual: tuple[str, ...] = getattr(rule.weekly, WEEKDAYS[local.weekday()])
    shown = f"{local:%H:%M}"
    return any(span[:5] <= shown < span[6:] for span in special.get(local.date(), usual))


def walked_ms(schedule: Schedule, started: int, ended: int) -> int:
    """Return how long it was open, by looking at the clock every minute: all that happens, happens at full minutes."""
    minutes = range(started // MINUTE * MINUTE, ended, MINUTE)
    return sum(min(at + MINUTE, ended) - max(at, started) for at in minutes if is_open(schedule, at))


def open_ms(schedule: Schedule, started: int, ended: int) -> int:
    seconds = business_seconds(schedule, started, ended)
    assert seconds is not None
    assert round(seconds * 1000) / 1000 == seconds, "not a whole number of milliseconds"
    return round(seconds * 1000)


# What holds


@given(schedules(), near, st.integers(0, 4 * DAY))
def test_business_time_is_what_a_walk_along_the_clock_finds(place: tuple[Schedule, int], shift: int, wait: int) -> None:
    schedule, around = place
    started = around + shift
    seconds = business_seconds(schedule, started, started + wait)
    if started < ms_of(schedule.versions[0].from_at):
        assert seconds is None
    else:
        assert seconds == walked_ms(schedule, started, started + wait) / 1000


@given(schedules(), near, st.integers(0, 4 * DAY))
def test_it_is_open_in_the_intervals_and_at_no_other_time(place: tuple[Schedule, int], shift: int, length: int) -> None:
    schedule, around = place
    start, end = around + shift, around + shift + length
    found = list(open_intervals(schedule, start, end))
    ends = [start - 1, *(point for span in found for point in span), end + 1]
    assert all(one < other for one, other in pairwise(ends)), "out of order, touching or outside"
    assert sum(closes - opens for opens, closes in found) == walked_ms(schedule, start, end)
    for opens, closes in found:
        assert is_open(schedule, opens)
        assert is_open(schedule, closes - 1)
        assert closes == end or not is_open(schedule, closes)


@given(schedules(), st.data())
def test_between_any_of_their_ends_the_intervals_are_those_of_the_whole(
    place: tuple[Schedule, int], data: st.DataObject
) -> None:
    schedule, around = place
    whole = list(open_intervals(schedule, around - 5 * DAY, around + 5 * DAY))
    ends = st.sampled_from([around, *(at for opens, closes in whole for at in (opens, (opens + closes) // 2, closes))])
    start, end = data.draw(ends), data.draw(ends)
    cut = [(max(opens, start), min(closes, end)) for opens, closes in whole]
    assert list(open_intervals(schedule, start, end)) == [(opens, closes) for opens, closes in cut if opens < closes]


@given(schedules(), st.tuples(far, far, far).map(sorted))
def test_parts_add_up_and_are_no_longer_than_the_calendar(place: tuple[Schedule, int], shifts: list[int]) -> None:
    schedule, around = place
    one, two, three = (max(around + shift, schedule.in_force_at) for shift in shifts)
    assert open_ms(schedule, one, two) + open_ms(schedule, two, three) == open_ms(schedule, one, three)
    assert 0 <= open_ms(schedule, one, two) <= two - one
    assert open_ms(schedule, one, two) <= open_ms(schedule, one, three)
    assert open_ms(schedule, two, three) <= open_ms(schedule, one, three)


@given(schedules(), st.tuples(far, far).map(sorted))
def test_business_time_is_the_sum_of_the_intervals_over_years(place: tuple[Schedule, int], shifts: list[int]) -> None:
    schedule, around = place
    start, end = (max(around + shift, schedule.in_force_at) for shift in shifts)
    assert open_ms(schedule, start, end) == sum(b - a for a, b in open_intervals(schedule, start, end))


def looked_up(rows: list[Breakpoint], at: int) -> int | None:
    """Return B(at) as an ASOF join finds it: by the last row that starts at `at` or before."""
    row = bisect_right([row.start_ms for row in rows], at) - 1
    if row < 0:
        return None
    return rows[row].open_ms_before + min(max(at - rows[row].start_ms, 0), rows[row].end_ms - rows[row].start_ms)


@given(schedules(), st.tuples(far, far, far).map(sorted), st.data())
def test_differences_of_the_cumulative_function_are_business_time(
    place: tuple[Schedule, int], shifts: list[int], data: st.DataObject
) -> None:
    schedule, around = place
    begin, middle, end = (around + shift for shift in shifts)
    rows = breakpoints(schedule, begin, end)
    points = {begin, middle, end, *(point for row in rows[:3] + rows[-3:] for point in row[:2])}
    started, ended = sorted(data.draw(st.tuples(st.sampled_from(sorted(points)), st.integers(begin, end))))
    before, after = looked_up(rows, started), looked_up(rows, ended)
    passed = None if before is None or after is None else (after - before) / 1000
    assert passed == business_seconds(schedule, started, ended)


@given(schedules(), st.tuples(far, far, far).map(sorted))
def test_a_longer_table_of_breakpoints_keeps_its_rows(place: tuple[Schedule, int], shifts: list[int]) -> None:
    schedule, around = place
    begin, middle, end = (around + shift for shift in shifts)
    short, long = breakpoints(schedule, begin, middle), breakpoints(schedule, begin, end)
    assert short[:-1] == long[: max(0, len(short) - 1)]
    for last, same in zip(short[-1:], long[len(short) - 1 :], strict=False):
        assert (last.start_ms, last.open_ms_before) == (same.start_ms, same.open_ms_before)


@given(
    weeks,
    st.sampled_from(["UTC", "Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "Africa/Lagos", "America/Phoenix"]),
    st.tuples(far, far).map(sorted),
    st.integers(1, 200),
)
def test_where_clocks_are_never_put_every_week_is_alike(week: Week, zone: str, shifts: list[int], later: int) -> None:
    begun = datetime(2000, 1, 1, tzinfo=UTC)
    schedule = Schedule("desk", (Version(from_at=begun, zone=zone, weekly=week),))
    started, ended = (ms_of(begun) + 1001 * DAY + shift for shift in shifts)
    moved = later * 7 * DAY
    assert open_ms(schedule, started, ended) == open_ms(schedule, started + moved, ended + moved)


@given(schedules(), st.lists(far, min_size=1, max_size=4))
def test_what_was_asked_before_changes_no_answer(place: tuple[Schedule, int], shifts: list[int]) -> None:
    used, around = place
    fresh = msgspec.json.decode(msgspec.json.encode(used), type=Schedule)
    for shift in shifts:
        business_seconds(used, around, around + shift)
    assert used == fresh
    span = (max(around, used.in_force_at), around + shifts[0])
    assert business_seconds(used, *span) == business_seconds(fresh, *span)


@given(st.text() | st.from_regex(r"\[\[schedule\]\]\nname = \"a\"\nversions = \[[ -~]*\]", fullmatch=True))
@example("schedule = 1")
@example("schedule = [{}]")
def test_any_text_gives_schedules_or_says_why_not(text: str) -> None:
    try:
        stated = schedules_of(text)
    except ScheduleError:
        return
    assert all(type(schedule) is Schedule for schedule in stated.values())


def test_the_oracle_reads_the_clock() -> None:
    week = Week(sunday=("02:00-04:00",))
    schedule = Schedule(
        "desk", (Version(from_at=EPOCH, zone="Europe/Berlin", weekly=week, holidays=(date(2026, 3, 22),)),)
    )
    days = [ms_of(datetime(2026, month, day, tzinfo=UTC)) for month, day in ((3, 15), (3, 22), (3, 29), (10, 25))]
    assert [walked_ms(schedule, day, day + DAY) // 3_600_000 for day in days] == [2, 0, 1, 3]
