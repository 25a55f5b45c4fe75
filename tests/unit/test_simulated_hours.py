"""The hours that the simulated desk publishes are those that it keeps."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.events import SchedulePublished
from streams.core.hours.schedule import Schedule, open_intervals
from streams.simulation.hours import opening_hours, shifts
from streams.simulation.rhythm import HOUR, Rhythm, milliseconds
from streams.simulation.world import TEAMS


@pytest.mark.parametrize("month", [3, 10])
def test_the_desk_is_open_when_it_says_so(month: int) -> None:
    live_from = datetime(2026, month, 30, 21, 30, tzinfo=UTC)
    start = live_from - timedelta(days=20)
    said = opening_hours(1, start, live_from)
    assert isinstance(said.data, SchedulePublished)
    schedule = Schedule(said.data.name, said.data.versions)
    rhythm = Rhythm(live_from=milliseconds(live_from))
    begin, end = milliseconds(start), milliseconds(live_from + timedelta(days=2))
    spans = list(open_intervals(schedule, begin, end))
    for at in range(begin, end, HOUR // 4):
        assert rhythm.is_open(at) == any(opens <= at < closes for opens, closes in spans), at


def test_everybody_works_within_the_hours_of_the_desk_and_not_all_of_them() -> None:
    live_from = datetime(2026, 3, 30, tzinfo=UTC)
    start = live_from - timedelta(days=14)
    said = [opening_hours(1, start, live_from), *shifts(1, start, live_from)]
    desk, *people = (one.data for one in said if isinstance(one.data, SchedulePublished))
    assert [one.name for one in people] == [f"agent:{id}" for team in TEAMS for id in team.agents]
    begin, end = milliseconds(start), milliseconds(live_from)

    def hours(of: SchedulePublished) -> set[int]:
        spans = open_intervals(Schedule(of.name, of.versions), begin, end)
        return {at for since, until in spans for at in range(since, until, HOUR)}

    assert all(hours(one) < hours(desk) for one in people)
    assert set.union(*map(hours, people)) == hours(desk), "somebody is always there"


def test_a_desk_without_a_past_publishes_hours_too() -> None:
    now = datetime(2026, 3, 30, tzinfo=UTC)
    assert opening_hours(1, now, now).at == now
