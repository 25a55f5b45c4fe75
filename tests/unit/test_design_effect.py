"""Customers behind several observations: the design effect against somebody else's, and what intervals gain by it."""

from collections.abc import Hashable, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.core.ask.figure import figure_of
from streams.core.interval import Interval, around_mean, design_effect, wilson
from streams.core.metrics.satisfaction import CSAT_MEAN, CSAT_SHARE, NPS

Told = list[tuple[Hashable, float]]
shares = st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0.0, 1.0])), min_size=2, max_size=80)
balances = st.lists(st.tuples(st.integers(0, 12), st.sampled_from([-1.0, 0.0, 1.0])), min_size=2, max_size=80)
scores = st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0.0, 25.0, 66.5, 100.0])), min_size=2, max_size=80)


@given(shares | balances | scores)
def test_the_design_effect_is_that_of_another_library_where_it_is_above_1(told: Told) -> None:
    from statsmodels.regression.linear_model import OLS  # takes a second, and every process imports this file

    customers, measures = [one for one, _ in told], np.array([measure for _, measure in told])
    assume(len(set(customers)) > 1 and len(set(measures)) > 1)
    mean = OLS(measures, np.ones(len(told)))
    ids = np.unique(np.array(customers), return_inverse=True)[1]
    whole = mean.fit(cov_type="cluster", cov_kwds={"groups": ids}).bse[0] ** 2
    strangers = mean.fit().bse[0] ** 2
    assert design_effect(told) == pytest.approx(max(1.0, whole / strangers), rel=1e-9)


@given(st.lists(st.floats(0, 100), max_size=50))
def test_where_every_customer_counts_once_n_is_n(measures: list[float]) -> None:
    assert design_effect(list(enumerate(measures))) == pytest.approx(1.0, rel=1e-9)


@given(shares | scores, st.integers(2, 5))
def test_who_says_everything_several_times_says_no_more(told: Told, times: int) -> None:
    assume(len({one for one, _ in told}) > 1)
    once = [(number, measure) for number, (_, measure) in enumerate(told)]
    n, again = len(once), once * times
    assert times * n / design_effect(again) <= n * (1 + 1e-9)
    assume(len({measure for _, measure in told}) > 1)
    assert times * n / design_effect(again) == pytest.approx(times * n * (n - 1) / (times * n - 1), rel=1e-9)


@pytest.mark.parametrize("measure", [0.0, 1.0, 66.6])
def test_where_all_is_alike_each_customer_counts_for_one(measure: float) -> None:
    told = [(customer, measure) for customer in range(8) for _ in range(5)]
    assert 40 / design_effect(told) == 8
    assert design_effect([("one", measure)] * 7) == 7
    assert design_effect([]) == 1


def test_a_single_customer_is_one_observation_whatever_he_says() -> None:
    assert design_effect([("one", number % 2) for number in range(30)]) == 30


def test_customers_who_contradict_themselves_make_nothing_surer() -> None:
    assert design_effect([(number // 2, number % 2) for number in range(40)]) == 1


def test_a_figure_counts_with_its_design_effect_and_still_tells_its_n() -> None:
    share = figure_of(CSAT_SHARE, {"n": 100, "hits": 80, "design": 2.0})
    assert (share.n, share.value, share.effective_n) == (100, 0.8, 50)
    assert share.interval == wilson(40, 50)
    mean = figure_of(CSAT_MEAN, {"n": 100, "value": 70.0, "deviation": 20.0, "p10": 0, "p90": 100, "design": 4.0})
    assert mean.interval == around_mean(70, 20, 25)
    alone = figure_of(CSAT_MEAN, {"n": 20, "value": 70.0, "deviation": 20.0, "p10": 0, "p90": 100, "design": 20.0})
    assert alone.interval == Interval(None, None), "one customer says nothing of how far customers lie apart"
    balance = figure_of(NPS, {"n": 100, "hits": 60, "misses": 20, "design": 2.0})
    assert balance.interval == pytest.approx(figure_of(NPS, {"n": 50, "hits": 30, "misses": 10}).interval)
    assert balance.value == 40


def drawn(rng: Random, sizes: Sequence[int], share: float, alike: float) -> Told:
    """Return ratings of customers, so many of whom say the same each time."""
    told: Told = []
    for customer, times in enumerate(sizes):
        first = rng.random() < share
        is_alike = rng.random() < alike
        told += [(customer, float(first if is_alike else rng.random() < share)) for _ in range(times)]
    return told


@pytest.mark.parametrize(
    ("sizes", "share", "alike", "plain", "least"),
    [
        pytest.param([5] * 40, 0.8, 1.0, 0.75, 0.93, id="five times alike"),
        pytest.param([5] * 40, 0.95, 1.0, 0.80, 0.92, id="five times alike, nearly all satisfied"),
        pytest.param([1] * 60 + [2] * 20 + [3] * 10, 0.8, 1.0, 0.90, 0.92, id="a few come again"),
        pytest.param([1] * 100, 0.8, 1.0, 0.97, 0.92, id="once each"),
        pytest.param([5] * 40, 0.8, 0.0, 0.98, 0.93, id="five times, and each time anew"),
    ],
)
def test_the_interval_holds_the_true_share_nineteen_times_of_twenty(
    sizes: list[int], share: float, alike: float, plain: float, least: float
) -> None:
    rng, tries = Random(23), 1_000
    held = held_plain = 0
    for _ in range(tries):
        told = drawn(rng, sizes, share, alike)
        n, hits, design = len(told), sum(measure for _, measure in told), design_effect(told)
        held += _holds(wilson(hits / design, n / design), share)
        held_plain += _holds(wilson(hits, n), share)
    assert least < held / tries < 0.99
    assert held_plain / tries < plain


def _holds(interval: Interval, share: float) -> bool:
    low, high = interval
    return low is not None and high is not None and low <= share <= high
