"""Verdicts on many rows against those of somebody else, and against what one row says by itself."""

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.core.ask.figure import Figure, change_of, figure_of
from streams.core.ask.report import Rank, ranked
from streams.core.ask.together import MOST, bounds_at, clear_among, deviations, pairs_of, probability, surely
from streams.core.interval import Z95
from streams.core.metrics import Metric
from streams.core.metrics.complaint_rate import COMPLAINTS_PER_1000_ORDERS
from streams.core.metrics.response_time import NEXT_RESPONSE_P50
from streams.core.metrics.satisfaction import CSAT_MEAN, CSAT_SHARE, NPS

parts = st.integers(20, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n)))


def share(hits: int, n: int) -> Figure:
    return figure_of(CSAT_SHARE, {"n": n, "hits": hits})


@st.composite
def figures(draw: st.DrawFn) -> tuple[Figure, Figure]:
    """Return two figures of one metric of any kind that has intervals."""
    metric = draw(st.sampled_from([CSAT_SHARE, NPS, CSAT_MEAN, COMPLAINTS_PER_1000_ORDERS, NEXT_RESPONSE_P50]))
    return draw(one_of(metric)), draw(one_of(metric))


def one_of(metric: Metric) -> st.SearchStrategy[Figure]:
    def made(counted: tuple[int, int, int], value: float, width: float, design: float) -> Figure:
        hits, misses, n = counted
        bounds = {"low": value * (1 - width), "high": value * (1 + 2 * width), "p10": 0, "p90": 0}
        measures = {"n": n, "hits": hits, "misses": min(misses, n - hits), "value": value, "deviation": 40 * width}
        return figure_of(metric, measures | bounds | ({"design": design} if metric.is_by_customer else {}))

    return st.builds(made, parts, st.floats(1, 100), st.floats(0, 0.9), st.just(1.0) | st.floats(1, 6))


@given(figures())
def test_a_table_of_one_row_says_what_the_row_says(pair: tuple[Figure, Figure]) -> None:
    change = change_of(*pair)
    assert change
    apart = deviations(*pair)
    assume(abs(apart - Z95) > 1e-6)
    assert clear_among([apart]) == [bool(change.is_clear)]


@given(figures())
def test_at_95_percent_an_interval_is_its_own(pair: tuple[Figure, Figure]) -> None:
    assert bounds_at(pair[0], Z95) == pytest.approx(pair[0].interval, rel=1e-12, abs=1e-12)


@given(figures())
def test_the_interval_of_a_difference_touches_0_where_it_is_said_to(pair: tuple[Figure, Figure]) -> None:
    apart = deviations(*pair)
    assume(0.01 < apart < MOST - 1)
    one, other = (figure_at(figure, apart) for figure in pair)
    change = change_of(one, other)
    assert change
    scale = max(1.0, abs(change.points or 0))
    assert min(abs(bound) for bound in change.interval if bound is not None) < 1e-6 * scale


def figure_at(figure: Figure, z: float) -> Figure:
    return Figure(metric=figure.metric, n=figure.n, value=figure.value, interval=bounds_at(figure, z))


def test_shares_are_as_far_apart_as_newcombe_s_interval_of_another_library_says() -> None:
    from statsmodels.stats.proportion import (
        confint_proportions_2indep,  # takes a second, and every process imports this file
    )

    rng = Random(5)
    for _ in range(200):
        n, n_before = rng.randint(20, 300), rng.randint(20, 300)
        hits, hits_before = rng.randint(0, n), rng.randint(0, n_before)
        apart = deviations(share(hits, n), share(hits_before, n_before))
        if not 0.05 < apart < 6:
            continue
        alpha = probability(apart)
        low, high = confint_proportions_2indep(hits, n, hits_before, n_before, method="newcomb", alpha=alpha)
        assert min(abs(low), abs(high)) < 1e-7


@given(st.lists(st.floats(0, 6), min_size=1, max_size=60))
def test_changes_are_clear_where_another_library_rejects(apart: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests  # takes a second, and every process imports this file

    chances = [probability(z) for z in apart]
    rejected, *_ = multipletests(chances, alpha=0.05, method="fdr_bh")
    assert clear_among(apart) == list(rejected)


@given(st.lists(st.floats(0, 6), min_size=1, max_size=30))
def test_nothing_is_clear_in_a_table_that_is_not_by_itself(apart: list[float]) -> None:
    assert all(z >= Z95 - 1e-9 for z, is_clear in zip(apart, clear_among(apart), strict=True) if is_clear)


@pytest.mark.parametrize("rows", [2, 3, 25, 200])
def test_pairs_are_as_far_apart_as_another_library_asks(rows: int) -> None:
    from statsmodels.stats.multitest import multipletests  # takes a second, and every process imports this file

    pairs = pairs_of(rows)
    _, _, _, alone = multipletests([1.0] * pairs, alpha=0.05, method="bonferroni")
    assert probability(surely(pairs)) == pytest.approx(alone, rel=1e-9)


def test_nothing_stands_in_an_empty_table() -> None:
    assert clear_among([]) == []
    assert surely(0) == pytest.approx(Z95)


def test_two_that_differ_for_sure_have_one_place_each_and_equals_share_all() -> None:
    told = ranked({"good": share(470, 500), "bad": share(300, 500), "fair": share(420, 500)})
    assert told == {"good": Rank(1, 1), "fair": Rank(2, 2), "bad": Rank(3, 3)}
    assert set(ranked({name: share(45, 50) for name in "abcdef"}).values()) == {Rank(1, 6)}


def test_three_of_many_that_differ_by_themselves_share_their_places() -> None:
    alone = ranked({"a": share(93, 100), "b": share(82, 100)})
    assert alone == {"a": Rank(1, 1), "b": Rank(2, 2)}
    among = ranked({"a": share(93, 100), "b": share(82, 100)} | {f"c{n}": share(88, 100) for n in range(20)})
    assert set(among.values()) == {Rank(1, 22)}
