"""The limit that is calibrated on a segment's own weeks."""

from array import array
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.drop import Baseline, Thresholds
from streams.core.drop.calibration import WEEKS_LEAST, calibrated, peaks, reached, week_of_steps
from streams.core.drop.cusum import advanced, steps_of
from streams.core.drop.limit import Limit
from streams.core.window import DAY_MS

steps = st.lists(st.sampled_from([0.7, -0.2, -0.19, 0.0, 2.5]), max_size=60)


@given(steps, st.floats(0, 8))
def test_a_week_does_to_a_sum_what_its_ratings_do_one_after_the_other(week: list[float], sum_before: float) -> None:
    total, highest = sum_before, sum_before
    for step in week:
        total = advanced(total, step, 1e9)
        highest = max(highest, total)
    found = week_of_steps(week)
    assert max(sum_before + found.total, found.rest) == pytest.approx(total, abs=1e-9)
    assert max(sum_before + found.climb, found.peak) == pytest.approx(highest, abs=1e-9)


def weeks(bad_share: float, seed: int, n: int = 8, per_day: int = 20) -> list[list[float]]:
    rng, by_bad = Random(seed), steps_of(0.15, 0.30)
    return [
        [by_bad.bad if rng.random() < bad_share else by_bad.satisfied for _ in range(7 * per_day)] for _ in range(n)
    ]


@given(st.integers(0, 1000), st.floats(0.05, 5), st.floats(0.05, 5))
def test_fewer_accepted_pages_never_lower_the_limit(seed: int, one: float, other: float) -> None:
    own = [week_of_steps(week) for week in weeks(0.15, seed)]
    low, high = reached(own, max(one, other)), reached(own, min(one, other))
    assert low is not None
    assert high is not None
    assert low <= high


def test_too_few_weeks_leave_the_limit_to_the_thresholds() -> None:
    own = [week_of_steps(week) for week in weeks(0.15, 1)]
    assert reached(own[: WEEKS_LEAST - 1], 0.5) is None
    assert reached(own[:WEEKS_LEAST], 0.5) is not None


def test_the_same_weeks_give_the_same_limit() -> None:
    own = [week_of_steps(week) for week in weeks(0.15, 1)]
    assert (peaks(own) == peaks(own)).all()


def test_worse_weeks_than_the_thresholds_expect_raise_it_and_calmer_ones_lower_it_a_little() -> None:
    usual = Thresholds().limit(20)
    calm, wild = (
        [
            calibrated(reached([week_of_steps(w) for w in weeks(share, seed)], 0.5) or 0.0, 8, usual)
            for seed in range(20)
        ]
        for share in (0.11, 0.19)
    )
    assert usual - 0.5 <= min(calm)
    assert sum(calm) / 20 < usual - 0.2
    assert sum(wild) / 20 > usual + 0.5


def limit_after_weeks(thresholds: Thresholds, seed: int, spread: float) -> float:
    at, at_day = array("q"), 4  # a Monday
    limit = Limit(thresholds, at)
    for day, steps_of_day in enumerate(week[i : i + 20] for week in weeks(0.11, seed) for i in range(0, 140, 20)):
        for step in steps_of_day:
            at.append((at_day + day) * DAY_MS)
            limit.put(step)
    usual = Baseline(0.85, 1000, 850, None, 20.0, 0, at[-1], spread)
    return limit.under(usual, (at_day + 8 * 7) * DAY_MS)


@given(st.integers(0, 100), st.integers(1, 200), st.floats(0.05, 1), st.floats(0, 0.03))
@settings(max_examples=20)
def test_what_own_weeks_say_moves_the_limits_of_rare_pages_alike(
    seed: int, segments: int, pages: float, spread: float
) -> None:
    """Eight weeks tell what the sum reaches once a quarter, and nothing of what it reaches once in six years."""
    rare, usual = Thresholds(paging_segments=segments, false_pages_per_90_days=pages), Thresholds()
    moved = limit_after_weeks(usual, seed, spread) - usual.limit(20)
    assert limit_after_weeks(rare, seed, spread) - rare.limit(20, spread) == pytest.approx(moved)
