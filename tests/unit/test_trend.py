"""A slow decline is told as a trend, once, with its begin; chance, weekdays and falls that were paged are none."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.rows import SignalRow
from streams.core.drop import Decline, Rating, Thresholds, declines
from streams.core.drop.profile import day_of, weekday_of
from streams.core.signal.segment import RatedTicket
from streams.core.window import DAY_MS
from tests.unit.test_watch_agent import NOW as AGENT_NOW
from tests.unit.test_watch_agent import Watched

NOW = 20_006 * DAY_MS  # a Monday, the first hour of it
DAYS = 20 * 7
START = NOW - DAYS * DAY_MS
BEGAN = NOW - 60 * DAY_MS
RULE = Thresholds()


def ratings(
    seed: int, per_day: int, points: float, *, until: int = NOW, monday: float = 0.0, is_replayed: bool = False
) -> list[Rating]:
    """Ratings of 88 % satisfied that lose so many points in the 60 days before now."""
    rng = Random(seed)
    made = []
    for i in range(per_day * DAYS):
        at = until - DAYS * DAY_MS + rng.randrange(DAYS * DAY_MS)
        lost = points / 100 * min(1.0, max(0.0, (at - (until - 60 * DAY_MS)) / (60 * DAY_MS)))
        bad_day = monday / 100 * (weekday_of(day_of(at, RULE)) == 0)
        made.append(Rating(at, f"{i:06}", rng.random() < 0.88 - lost - bad_day, None, is_replayed))
    return sorted(made)


def found(of: list[Rating], now: int = NOW) -> list[Decline]:
    return declines(of, RULE, START, now)


@pytest.mark.parametrize("seed", range(3))
def test_ten_points_lost_in_two_months_are_told_once_with_their_begin(seed: int) -> None:
    (decline,) = found(ratings(seed, 60, 10))
    assert BEGAN + 14 * DAY_MS < decline.opened_at <= NOW
    assert decline.closed_at is None
    assert abs(decline.since_at - BEGAN) <= 21 * DAY_MS
    assert decline.usual == pytest.approx(0.88, abs=0.03)
    assert decline.last.satisfied / decline.last.n < decline.usual - 0.05
    assert decline.first.points >= RULE.trend_points


def test_it_is_over_once_the_lower_level_is_usual() -> None:
    later = NOW + 10 * 7 * DAY_MS
    after = [replace(one, at=one.at + later - NOW) for one in ratings(1, 60, 0) if one.at > NOW - 70 * DAY_MS]
    rng = Random(2)
    low = [replace(one, is_satisfied=rng.random() < 0.78) for one in after]
    (decline,) = found([*ratings(0, 60, 10), *low], now=later)
    assert decline.closed_at is not None
    assert NOW < decline.closed_at <= later


def test_steady_teams_and_teams_with_bad_mondays_decline_hardly_ever() -> None:
    told = [found(ratings(seed, 20, 0, monday=15 * (seed % 2))) for seed in range(12)]
    assert sum(map(len, told)) <= 2


def test_most_falls_by_a_step_that_are_over_within_two_weeks_are_no_trend() -> None:
    low = range(NOW - 21 * DAY_MS, NOW - 8 * DAY_MS)
    fallen = [
        [replace(one, is_satisfied=one.is_satisfied and not (one.at in low and i % 5 == 0)) for i, one in enumerate(of)]
        for of in (ratings(seed, 40, 0) for seed in range(12))
    ]
    assert sum(len(found(of)) for of in fallen) <= 5


def test_a_decline_by_fewer_points_than_matter_is_none_however_sure() -> None:
    assert not found(ratings(1, 600, 2))


@given(st.integers(0, 1_000), st.integers(1, 19))
@settings(max_examples=15)
def test_what_comes_later_changes_nothing_of_what_was_told(seed: int, weeks: int) -> None:
    of, then = ratings(seed, 8, 25), NOW - weeks * 7 * DAY_MS
    known = [replace(one, closed_at=None) for one in found(of, now=then)]
    after = [one for one in found(of) if one.opened_at <= then]
    assert [one.opened_at for one in known] == [one.opened_at for one in after]
    assert [(one.since_at, one.usual, one.first) for one in known] == [
        (one.since_at, one.usual, one.first) for one in after
    ]


def told_by_the_watch(*, is_replayed: bool) -> list[SignalRow]:
    of = ratings(2, 25, 9, until=AGENT_NOW, is_replayed=is_replayed)
    watched = Watched(coming=[RatedTicket(one.id, "billing", (one,)) for one in of])
    watched.look(0)
    watched.look(600)
    return [row for row in watched.store.signals() if row.kind == "satisfaction_declines"]


def test_the_watch_states_a_decline_of_team_and_desk_as_a_ticket() -> None:
    team, desk = sorted(told_by_the_watch(is_replayed=False), key=lambda row: row.segment_kind, reverse=True)
    assert (team.segment, team.state, team.note, team.found_by) == ("billing", "open", "", "trend")
    assert team.value is not None
    assert team.baseline is not None
    assert team.value < team.baseline - 0.05
    assert team.since_at < team.opened_at <= team.seen_at
    assert "last nine weeks" in team.clears
    assert desk.segment_kind == "desk"


def test_a_decline_of_replayed_history_is_shown_and_told_to_nobody() -> None:
    rows = told_by_the_watch(is_replayed=True)
    assert rows
    assert all(not row.is_page and "replayed" in row.note for row in rows)
