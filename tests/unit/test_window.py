"""Windows, zones and buckets: half-open, by the clocks of a place, over changes of those clocks."""

import itertools
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.window import (
    DAY_MS,
    HOUR_MS,
    Bucket,
    Window,
    WindowError,
    buckets_of,
    instant_of,
    local_of,
    previous,
    zone_of,
)

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo")


def _window(start: str, end: str, zone: ZoneInfo = BERLIN) -> Window:
    return Window(instant_of(start, zone), instant_of(end, zone))


def test_a_window_must_not_be_empty() -> None:
    with pytest.raises(WindowError, match="is empty"):
        Window(5, 5)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Berlin", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("new york", "America/New_York"),
        ("Europe/Belrin", "Europe/Berlin"),
        ("Middle/Earth", "such as Europe/Berlin or UTC"),
        ("../../etc/passwd", "such as Europe/Berlin or UTC"),
        ("UTC' OR 1", "no time zone"),
    ],
)
def test_an_unknown_time_zone_is_refused_with_similar_names(name: str, hint: str) -> None:
    with pytest.raises(WindowError, match="no time zone") as raised:
        zone_of(name)
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-29", "2026-03-28T23:00:00+00:00"),
        ("2026-03-29T12:30", "2026-03-29T10:30:00+00:00"),
        ("2026-03-29T12:30Z", "2026-03-29T12:30:00+00:00"),
        ("2026-03-29 12:30:00.250-05:00", "2026-03-29T17:30:00.250000+00:00"),
    ],
)
def test_dates_and_times_are_of_the_zone_unless_they_carry_an_offset(text: str, meant: str) -> None:
    assert local_of(instant_of(text, BERLIN), UTC).isoformat() == meant


def test_what_is_no_date_is_refused_with_examples() -> None:
    with pytest.raises(WindowError, match="write 2026-03-31"):
        instant_of("31.3.2026", UTC)


def test_the_period_before_whole_days_is_as_many_whole_days_over_a_change_of_clocks() -> None:
    week = _window("2026-03-30", "2026-04-06")
    before = previous(week, BERLIN)
    assert before == _window("2026-03-23", "2026-03-30")
    assert before.length_ms == 7 * DAY_MS - HOUR_MS, "the week before had a day of 23 hours"


def test_the_period_before_any_other_window_is_as_long() -> None:
    window = _window("2026-03-29T10:00", "2026-03-30T09:00")
    assert previous(window, BERLIN) == Window(window.start_at - 23 * HOUR_MS, window.start_at)


def test_days_are_those_of_the_zone() -> None:
    days = buckets_of(_window("2026-03-28", "2026-03-31"), Bucket.DAY, BERLIN)
    assert [day.length_ms // HOUR_MS for day in days] == [24, 23, 24]
    assert [local_of(day.start_at, BERLIN).isoformat() for day in days] == [
        "2026-03-28T00:00:00+01:00",
        "2026-03-29T00:00:00+01:00",
        "2026-03-30T00:00:00+02:00",
    ]


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    hours = buckets_of(_window("2026-10-25", "2026-10-26"), Bucket.HOUR, BERLIN)
    assert len(hours) == 25
    assert [local_of(hour.start_at, BERLIN).hour for hour in hours[:5]] == [0, 1, 2, 2, 3]


def test_a_day_begins_with_its_first_instant_where_clocks_skip_midnight() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    (day,) = buckets_of(_window("2018-11-04T12:00", "2018-11-04T13:00", zone), Bucket.DAY, zone)
    assert local_of(day.start_at, zone).isoformat() == "2018-11-04T01:00:00-02:00"
    assert day.length_ms == 23 * HOUR_MS


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    window = _window("2026-02-25", "2026-04-01")
    weeks = buckets_of(window, Bucket.WEEK, BERLIN)
    months = buckets_of(window, Bucket.MONTH, BERLIN)
    assert {local_of(week.start_at, BERLIN).weekday() for week in weeks} == {0}
    assert [f"{local_of(month.start_at, BERLIN):%Y-%m-%d}" for month in months] == ["2026-02-01", "2026-03-01"]


def test_more_buckets_than_anybody_reads_are_refused() -> None:
    with pytest.raises(WindowError, match="choose a coarser bucket"):
        buckets_of(_window("2020-01-01", "2026-01-01"), Bucket.HOUR, BERLIN)


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - local times of the zone
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=40)),
    st.sampled_from(Bucket),
    st.sampled_from(ZONES),
)
def test_buckets_touch_each_other_and_cover_the_window(
    start: datetime, length: timedelta, bucket: Bucket, zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    start_at = instant_of(start.isoformat(), zone)
    window = Window(start_at, start_at + length // timedelta(milliseconds=1) or start_at + 1)
    buckets = buckets_of(window, bucket, zone)
    assert buckets[0].start_at <= window.start_at < buckets[0].end_at
    assert buckets[-1].start_at < window.end_at <= buckets[-1].end_at
    assert all(one.end_at == other.start_at for one, other in itertools.pairwise(buckets))
