"""Intervals against the numbers that their authors published."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.interval import Interval, around_mean, balance, of_difference, wilson
from tests.ledger import quantile_ranks

# Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
SINGLE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]

# Newcombe (1998), Interval estimation for the difference between independent proportions, table II, method 10.
DIFFERENCES = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0),
]


@pytest.mark.parametrize(("hits", "n", "low", "high"), SINGLE)
def test_shares_have_the_intervals_of_the_literature(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_holds_the_share_and_stays_within_0_and_1(pair: tuple[int, int]) -> None:
    hits, n = pair
    low, high = wilson(hits, n)
    assert low is not None
    assert high is not None
    assert 0 <= low <= hits / n <= high <= 1
    assert low < high, "no number of observations makes sure"


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_hits_and_misses_mirror_each_other(pair: tuple[int, int]) -> None:
    hits, n = pair
    low, high = wilson(hits, n)
    mirrored = wilson(n - hits, n)
    assert (low, high) == pytest.approx((1 - (mirrored.high or 0), 1 - (mirrored.low or 0)), abs=1e-12)


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_has_no_interval(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(hits, n)


@pytest.mark.parametrize(("k", "n", "k_before", "n_before", "low", "high"), DIFFERENCES)
def test_differences_of_shares_have_the_intervals_of_the_literature(
    k: int, n: int, k_before: int, n_before: int, low: float, high: float
) -> None:
    found = of_difference(k / n, wilson(k, n), k_before / n_before, wilson(k_before, n_before))
    assert found == pytest.approx((low, high), abs=6e-5)


def test_a_balance_has_the_interval_worked_out_by_hand() -> None:
    # 31/52 less 11/52 is 0.384615, its variance (42/52 - (20/52)^2) / 52 = 0.0126877: 1.96 times the root is 0.22077
    assert balance(30, 10, 50) == pytest.approx((0.163845, 0.605385), abs=2e-6)


_BALANCES = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))).filter(
    lambda one: one[0] + one[1] <= one[2]
)  # fmt: skip


@given(_BALANCES)
def test_the_interval_of_a_balance_holds_it_stays_within_its_bounds_and_mirrors(one: tuple[int, int, int]) -> None:
    hits, misses, n = one
    low, high = balance(hits, misses, n)
    assert low is not None
    assert high is not None
    assert -1 <= low <= (hits - misses) / n <= high <= 1
    assert low < high, "no number of observations makes sure"
    mirrored = balance(misses, hits, n)
    assert (low, high) == pytest.approx((-(mirrored.high or 0), -(mirrored.low or 0)), abs=1e-12)


@pytest.mark.parametrize(("n", "p", "q"), [(25, 0.5, 0.2), (25, 0.9, 0.02), (100, 0.3, 0.3), (400, 0.6, 0.1)])
def test_the_interval_of_a_balance_holds_the_true_one_nineteen_times_of_twenty(n: int, p: float, q: float) -> None:
    rng, tries = Random(11), 2_000
    held = 0
    for _ in range(tries):
        drawn = [rng.random() for _ in range(n)]
        low, high = balance(sum(one < p for one in drawn), sum(p <= one < p + q for one in drawn), n)
        held += (low or 0) <= p - q <= (high or 0)
    assert 0.935 < held / tries < 0.985


@pytest.mark.parametrize(("hits", "misses", "n"), [(0, 0, 0), (3, 2, 4), (-1, 0, 5), (0, -1, 5)])
def test_what_is_no_balance_has_no_interval(hits: int, misses: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no balance"):
        balance(hits, misses, n)


def test_a_difference_of_numbers_without_bounds_has_none() -> None:
    assert of_difference(3, Interval(None, None), 2, Interval(1, 3)) == (None, None)
    low, high = of_difference(3, Interval(2, None), 2, Interval(1, 3))
    assert low == pytest.approx(1 - 2**0.5)
    assert high is None


def test_a_mean_has_its_standard_error_on_either_side() -> None:
    assert around_mean(50, 10, 100) == pytest.approx((50 - 1.959964, 50 + 1.959964))


def test_one_observation_says_nothing_about_its_spread() -> None:
    assert around_mean(50, 0, 1) == (None, None)


@pytest.mark.parametrize(
    ("p", "n", "ranks"), [(0.5, 15, (4, 12)), (0.5, 100, (41, 60)), (0.9, 20, (16, None)), (0.5, 3, (None, None))]
)
def test_quantiles_lie_between_these_observations(p: float, n: int, ranks: tuple[int | None, int | None]) -> None:
    assert quantile_ranks(p, n) == ranks


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_the_interval_of_a_quantile_holds_the_true_one_nineteen_times_of_twenty(p: float) -> None:
    rng, n, tries = Random(17), 200, 2_000
    low, high = quantile_ranks(p, n)
    assert low is not None
    assert high is not None
    samples = [sorted(rng.random() for _ in range(n)) for _ in range(tries)]
    held = sum(sample[low - 1] <= p <= sample[high - 1] for sample in samples)
    assert 0.935 < held / tries < 0.97
