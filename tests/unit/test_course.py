"""Simulated ratings are what they claim to be: otherwise nothing that is proved on them is."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.core.window import DAY_MS
from streams.simulation.course import FALL, FAULT_RATINGS, LEVEL, SHAPES, Course, Ratings, ratings_of

DAYS, KNOWN, PER_DAY = 420, 56, 400


def drawn(course: Course, *, fallen_at: int | None = None) -> Ratings:
    return ratings_of(SHAPES[course], PER_DAY, KNOWN, DAYS, seed=3, fallen_at=fallen_at)


def shares(ratings: Ratings) -> np.ndarray:
    """The share of satisfied ratings, day by day."""
    day = ratings.at // DAY_MS
    return np.bincount(day, ratings.is_satisfied, DAYS) / np.bincount(day, minlength=DAYS)


@pytest.mark.parametrize("course", Course)
def test_ratings_come_in_order_and_the_same_seed_gives_the_same(course: Course) -> None:
    one, other = drawn(course), drawn(course)
    assert (np.diff(one.at) >= 0).all()
    assert (one.at == other.at).all()
    assert (one.is_satisfied == other.is_satisfied).all()


def test_independent_ratings_vary_from_day_to_day_by_chance_alone() -> None:
    by_chance = (LEVEL * (1 - LEVEL) / PER_DAY) ** 0.5
    assert shares(drawn(Course.INDEPENDENT)).mean() == pytest.approx(LEVEL, abs=4 * by_chance / DAYS**0.5)
    assert shares(drawn(Course.INDEPENDENT)).std() == pytest.approx(by_chance, rel=4 / (2 * DAYS) ** 0.5)


@pytest.mark.parametrize(("course", "points"), [(Course.DAYS_3, 3), (Course.DAYS_6, 6)])
def test_moods_add_to_chance_what_they_say(course: Course, points: float) -> None:
    expected = (LEVEL * (1 - LEVEL) / PER_DAY + (points / 100) ** 2) ** 0.5
    assert shares(drawn(course)).std() == pytest.approx(expected, rel=4 / (2 * DAYS) ** 0.5)


@pytest.mark.parametrize(("course", "points"), [(Course.MONDAYS_8, 8), (Course.MONDAYS_15, 15)])
def test_mondays_are_lower_and_other_days_are_not(course: Course, points: float) -> None:
    by_weekday = np.array([shares(drawn(course))[(weekday - 3) % 7 :: 7].mean() for weekday in range(7)])
    assert by_weekday[0] == pytest.approx(LEVEL - points / 100, abs=0.012)
    assert by_weekday[1:] == pytest.approx(LEVEL, abs=0.012)


def test_a_fault_is_thirty_bad_ratings_within_two_days() -> None:
    usual, faulty = drawn(Course.INDEPENDENT), drawn(Course.CLUSTERS)
    assert len(faulty.faults) == 3
    assert len(faulty.at) - len(usual.at) == 3 * FAULT_RATINGS
    for begin in faulty.faults:
        within = (faulty.at >= begin) & (faulty.at < begin + 2 * DAY_MS)
        assert (~faulty.is_satisfied[within]).sum() > FAULT_RATINGS


def test_a_fall_takes_fifteen_points_from_its_instant_on() -> None:
    fallen = shares(drawn(Course.WAVE, fallen_at=210 * DAY_MS))
    before, after = fallen[:210], fallen[210:]
    assert before[-60:].mean() == pytest.approx(LEVEL, abs=0.01)
    assert after[:60].mean() == pytest.approx(LEVEL - FALL, abs=0.01)


def test_the_command_shows_every_course_at_the_volumes_that_it_is_given() -> None:
    done = CliRunner().invoke(app, ["simulate-alerts", "--as-they-come", "--volume", "5", "--runs", "1", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [cell["says"] for cell in said] == [course.value for course in Course]
    assert {cell["ratings_per_day"] for cell in said} == {5}
