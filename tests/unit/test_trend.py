"""The slope of a soak: found where there is one, and not where there is none."""

import random

import pytest

from tests.bench.soak import Watched
from tests.bench.trend import Sample, trend_of


def samples(per_hour: float, *, noise: float = 0.0, minutes: int = 20, seed: int = 1) -> list[Sample]:
    """Return samples every five seconds; the noise holds on, as that of memory does."""
    draw, drift, found = random.Random(seed), 0.0, []
    for number in range(minutes * 12):
        drift = 0.8 * drift + draw.gauss(0, noise)
        found.append(Sample(5.0 * number, 500 + per_hour * number / 720 + drift))
    return found


def test_a_straight_line_is_found_exactly() -> None:
    trend = trend_of(samples(60))
    assert trend.per_hour == pytest.approx(60)
    assert trend.low == pytest.approx(60)
    assert not trend.is_flat


def test_what_only_wavers_is_flat_about_as_often_as_the_interval_says() -> None:
    flat = sum(trend_of(samples(0, noise=3, seed=seed)).is_flat for seed in range(200))
    assert flat > 170


def test_a_leak_is_told_from_wavering() -> None:
    assert not any(trend_of(samples(100, noise=1, seed=seed)).is_flat for seed in range(50))


def test_too_short_a_time_has_no_slope() -> None:
    with pytest.raises(ValueError, match="too few"):
        trend_of(samples(60, minutes=2))


def test_the_opening_and_the_first_third_after_it_do_not_count_for_the_slope_but_for_the_peak() -> None:
    opening = [Sample(5.0 * number, 900.0) for number in range(100)]
    steady = [Sample(500 + each.seconds, each.value) for each in samples(0)]
    late = [Sample(each.seconds, 700.0) if each.seconds < 850 else each for each in steady]
    watched = Watched([*opening, *late], steady_from=500)
    assert watched.trend().per_hour == pytest.approx(0, abs=1e-6)
    assert watched.peak == 900
