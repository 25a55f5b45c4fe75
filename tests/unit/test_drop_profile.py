"""What is learnt of a segment's weeks: better and worse hours, moods of days, drift; and how sure it is."""

from collections.abc import Iterator

import numpy as np
import pytest

from streams.core.drop import Thresholds
from streams.core.drop.baseline import Baseline, Usual
from streams.core.drop.profile import Profile, fitted, flat, hour_of_week
from streams.core.drop.rating import Tape
from streams.core.window import DAY_MS, HOUR_MS
from streams.simulation.course import FALL, LEVEL, SHAPES, Course, Shape, ratings_of, shares_at

RULE = Thresholds()
MONDAY = 60
"""A day that is one: 56 days and some lie before it."""
SEGMENTS = 24


def tape_of(shape: Shape, per_day: float, seed: int, *, fallen_at: int | None = None) -> Tape:
    tape, ratings = Tape(), ratings_of(shape, per_day, 56, MONDAY + 10, seed, fallen_at)
    for at, is_satisfied in zip(ratings.at.tolist(), ratings.is_satisfied.tolist(), strict=True):
        tape.append(at, 1, int(is_satisfied))
    return tape


def profiles(course: Course, per_day: float) -> Iterator[Profile]:
    for seed in range(SEGMENTS):
        yield fitted(tape_of(SHAPES[course], per_day, seed), MONDAY, (), flat(RULE), RULE)


def mood(points: float) -> float:
    return (points / 100) ** 2 / (LEVEL * (1 - LEVEL))


def test_hours_of_the_week_begin_with_monday_and_with_the_desks_own_day() -> None:
    assert hour_of_week(MONDAY * DAY_MS, RULE) == 0
    assert hour_of_week((MONDAY + 6) * DAY_MS + 23 * HOUR_MS, RULE) == 167
    assert hour_of_week((MONDAY - 1) * DAY_MS + 16 * HOUR_MS, Thresholds(day_begins_hour=16)) == 144
    assert hour_of_week(MONDAY * DAY_MS + 15 * HOUR_MS, Thresholds(day_begins_hour=16)) == 167


@pytest.mark.parametrize("per_day", [20, 100])
def test_mondays_are_found_and_other_days_are_left_alone(per_day: int) -> None:
    found = np.array([one.offsets[::24] for one in profiles(Course.MONDAYS_15, per_day)]).mean(axis=0)
    assert found[0] - found[1:].mean() == pytest.approx(-0.15, abs=0.03)  # shrunk, and 24 segments: 1 point of chance
    assert np.ptp(found[1:]) < 0.04


@pytest.mark.parametrize("per_day", [20, 100])
def test_where_weekdays_do_not_differ_next_to_nothing_is_found(per_day: int) -> None:
    by_chance = (LEVEL * (1 - LEVEL) / (8 * per_day)) ** 0.5
    found = np.array([one.offsets[::24] for one in profiles(Course.INDEPENDENT, per_day)])
    assert found.std() < 0.6 * by_chance


@pytest.mark.parametrize("course", [Course.INDEPENDENT, Course.DAYS_3, Course.DAYS_6, Course.BOTH])
def test_moods_are_estimated_and_never_below_chance(course: Course) -> None:
    truth = mood(100 * SHAPES[course].mood)
    found = [one.mood for one in profiles(course, 200)]
    assert min(found) >= 0
    assert np.mean(found) == pytest.approx(truth, rel=0.15, abs=0.0008)  # each is off by 20 to 25 %


def test_a_fall_is_no_mood() -> None:
    fallen = [
        fitted(tape_of(Shape(), 200, seed, fallen_at=(MONDAY - 5) * DAY_MS), MONDAY, (), flat(RULE), RULE)
        for seed in range(SEGMENTS)
    ]
    assert np.mean([one.mood for one in fallen]) < mood(3)


def test_days_of_a_fall_that_was_told_say_nothing_of_weekdays_and_level() -> None:
    told = range(MONDAY - 7, MONDAY - 3)  # Monday to Thursday
    fallen = [
        (tape_of(Shape(), 200, seed, fallen_at=told[0] * DAY_MS), tape_of(Shape(), 200, seed)) for seed in range(8)
    ]
    for tape, usual in fallen:
        cut = Tape()  # the fall ends with the last day that was told
        for of, begin, end in ((tape, 0, told[-1] + 1), (usual, told[-1] + 1, MONDAY + 10)):
            n, satisfied = of.hours(begin * DAY_MS, (end - begin) * 24)
            for hour in range(len(n)):
                cut.append(begin * DAY_MS + hour * HOUR_MS, int(n[hour]), int(satisfied[hour]))
        left_out = Usual(RULE, cut).at((MONDAY + 2) * DAY_MS, Tape(), frozenset(told))
        counted = Usual(RULE, cut).at((MONDAY + 2) * DAY_MS, Tape())
        assert left_out is not None
        assert counted is not None
        assert left_out.share == pytest.approx(LEVEL, abs=0.025)
        assert counted.share < left_out.share - 0.02


def test_a_small_segment_takes_its_weekdays_from_the_one_above() -> None:
    above = fitted(tape_of(SHAPES[Course.MONDAYS_15], 500, 1), MONDAY, (), flat(RULE), RULE)
    small = fitted(tape_of(SHAPES[Course.MONDAYS_15], 3, 2), MONDAY, (), above, RULE)
    assert small.offsets == above.offsets
    middling = [
        fitted(tape_of(SHAPES[Course.MONDAYS_15], 10, seed), MONDAY, (), towards, RULE).offsets[0]
        for towards in (above, flat(RULE))
        for seed in range(SEGMENTS)
    ]
    truth = -0.15 * 6 / 7
    errors = np.abs(np.array(middling).reshape(2, SEGMENTS) - truth).mean(axis=1)
    assert errors[0] < errors[1]


def test_hours_that_are_worse_are_found_within_their_day() -> None:
    rng, tape = np.random.default_rng(1), Tape()
    for hour in range((MONDAY - 56) * 24, (MONDAY + 3) * 24):
        share = LEVEL - 0.2 * (hour % 24 in (20, 21))
        tape.append(hour * HOUR_MS, 10, int(rng.binomial(10, share)))
    found = np.array(fitted(tape, MONDAY, (), flat(RULE), RULE).offsets).reshape(7, 24)
    assert found[:, 20:22].mean() - found[:, :20].mean() == pytest.approx(-0.2, abs=0.04)


@pytest.mark.weighty
def test_a_wave_is_followed_by_a_level_that_moves_more_than_usual() -> None:
    steady = np.mean([one.drift for one in profiles(Course.INDEPENDENT, 300)])
    moving = np.mean([one.drift for one in profiles(Course.WAVE, 300)])
    assert moving > 2 * steady


@pytest.mark.weighty
@pytest.mark.parametrize("per_day", [20, 100])
def test_the_usual_level_lies_within_its_interval_in_nine_of_ten_segments_and_more(per_day: int) -> None:
    """Together, and in each course as often as nine of ten leave open: fewer than 38 of 48 come once in a hundred."""
    of_course = {course: _held(course, per_day) for course in COURSES}
    assert np.mean([held for each in of_course.values() for held in each]) >= 0.9
    assert min(sum(each) for each in of_course.values()) >= 38


COURSES = [
    Course.INDEPENDENT, Course.DAYS_3, Course.DAYS_6, Course.MONDAYS_8, Course.MONDAYS_15, Course.WAVE, Course.BOTH,
]  # fmt: skip


def _held(course: Course, per_day: int) -> list[bool]:
    """Whether the truth lay within, at noon of a Monday and of a Thursday."""
    held = []
    for seed in range(SEGMENTS):
        tape = tape_of(SHAPES[course], per_day, seed)
        for day in (MONDAY, MONDAY + 3):
            hour_at = day * DAY_MS + 12 * HOUR_MS
            usual = Usual(RULE, tape).at(hour_at, Tape())
            assert isinstance(usual, Baseline)
            low, high = usual.interval(hour_of_week(hour_at, RULE))
            truth = shares_at(SHAPES[course], np.array([hour_at]), 56)[0]
            held.append(low is not None and high is not None and bool(low <= truth <= high))
    return held


def test_a_fall_that_is_not_told_yet_does_not_become_usual() -> None:
    fallen_at = (MONDAY - 9) * DAY_MS
    tape = tape_of(Shape(), 100, 5, fallen_at=fallen_at)
    doubted = Usual(RULE, tape).at(MONDAY * DAY_MS, Tape(), frozenset(), fallen_at)
    believed = Usual(RULE, tape).at(MONDAY * DAY_MS, Tape())
    assert doubted is not None
    assert believed is not None
    assert doubted.share == pytest.approx(LEVEL, abs=0.03)
    assert believed.share < LEVEL - FALL / 3
