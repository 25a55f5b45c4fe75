"""What an intervention changed: season and noise are not taken for success, and a true drop is found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.effect import Effect, Moved, drop_of, effect_of, of_count, of_share, t95

REASONS, PER_DAY, SEEDS = 10, 200, 200


def months(seed: int, drop: float) -> np.ndarray:
    """Return contacts by reason and day, four weeks before and four after; the first reason loses a part of its own.

    The season moves all of them, days have moods, those of each reason and shared ones, and each goes its own way.
    """
    random = np.random.default_rng(seed)
    days = np.arange(56)
    season = 1 + 0.25 * np.sin(2 * np.pi * (days / 91 + random.random()))
    week = np.tile([1.35, 1.2, 1.15, 1.1, 1.0, 0.75, 0.45], 8)
    shared = random.gamma(100, 0.01, 56)
    own = np.exp(np.cumsum(random.normal(0, 0.01, (REASONS, 56)), axis=1)) * random.gamma(11, 1 / 11, (REASONS, 56))
    levels = PER_DAY * random.dirichlet(np.full(REASONS, 3.0))[:, None]
    expected = levels * season * week * shared * own
    expected[0, 28:] *= 1 - drop
    return np.asarray(random.poisson(expected))


def measured(seed: int, drop: float) -> Effect:
    moved = [of_count(int(row[:28].sum()), int(row[28:].sum())) for row in months(seed, drop)]
    effect = effect_of(moved[0], moved[1:])
    assert effect is not None
    return drop_of(effect)


@pytest.mark.weighty
@pytest.mark.parametrize("drop", [0.0, 0.3, 0.6])
def test_the_interval_covers_the_true_drop_and_none_is_claimed_where_there_was_none(drop: float) -> None:
    effects = [measured(seed, drop) for seed in range(SEEDS)]
    assert sum(one.low <= drop <= one.high for one in effects) >= 0.9 * SEEDS
    claimed = sum(one.low > 0 for one in effects) / SEEDS
    assert claimed <= 0.05 if drop == 0 else claimed > 0.5
    assert np.median([one.value for one in effects]) == pytest.approx(drop, abs=0.05)


@pytest.mark.weighty
def test_held_against_nothing_a_season_would_look_like_success() -> None:
    rows = (months(seed, 0.0)[0] for seed in range(SEEDS))
    moved = [of_count(int(row[:28].sum()), int(row[28:].sum())) for row in rows]
    assert sum(one.by + 1.96 * one.variance**0.5 < 0 for one in moved) > 0.25 * SEEDS


moves = st.builds(Moved, st.floats(-1, 1), st.floats(1e-4, 1))


@given(moves, st.lists(moves, min_size=4, max_size=12))
def test_what_is_untouched_is_pooled_as_an_independent_library_does(touched: Moved, others: list[Moved]) -> None:
    from statsmodels.stats.meta_analysis import combine_effects  # takes seconds, and every process imports this file

    effect = effect_of(touched, others)
    assert effect is not None
    with np.errstate(all="ignore"):
        pooled = combine_effects(
            np.array([m.by for m in others]), np.array([m.variance for m in others]), method_re="dl"
        )
    apart = pooled.tau2 if pooled.tau2 > 0 else 0.0  # below 0 they are as alike as chance lets them be
    mean, own = (pooled.mean_effect_re, pooled.sd_eff_w_re) if apart else (pooled.mean_effect_fe, pooled.sd_eff_w_fe)
    assert effect.value == pytest.approx(touched.by - mean, abs=1e-9)
    error = (touched.variance + apart + own**2) ** 0.5
    assert effect.high - effect.value == pytest.approx(t95(len(others) - 1) * error, rel=1e-6)


@pytest.mark.parametrize("freedom", [3, 4, 5, 8, 20, 100])
def test_quantiles_are_those_of_an_independent_library(freedom: int) -> None:
    from scipy.stats import t as student  # takes seconds, and every process imports this file

    assert t95(freedom) == pytest.approx(student.ppf(0.975, freedom), rel=0.008 if freedom == 3 else 0.003)


@given(moves, st.lists(moves, min_size=4, max_size=8), st.floats(-0.5, 0.5))
def test_what_moves_all_alike_is_no_effect(touched: Moved, others: list[Moved], season: float) -> None:
    before = effect_of(touched, others)
    after = effect_of(touched._replace(by=touched.by + season), [one._replace(by=one.by + season) for one in others])
    assert before
    assert after
    assert (after.value, after.low, after.high) == pytest.approx((before.value, before.low, before.high), abs=1e-6)


def test_with_three_untouched_ones_nothing_is_said() -> None:
    assert effect_of(Moved(0.5, 0.01), [Moved(0.0, 0.01)] * 3) is None


def test_a_share_moves_by_its_difference() -> None:
    moved = of_share((60, 100), (92, 100))
    assert moved.by == pytest.approx(0.32)
    assert moved.variance == pytest.approx(61 / 102 * 41 / 102 / 102 + 93 / 102 * 9 / 102 / 102)
