"""What a solved case changes: held where the truth is known, and beside estimates of somebody else."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np
import pytest

from tests.bench.worth import would_have_gone
from tests.worth import (
    HORIZONS,
    KNOWN,
    WINDOW,
    Cell,
    Compared,
    Customer,
    break_even_of,
    cells_of,
    expectation_of,
    for_days,
    handled_cases,
    leaving_shop,
    lift_of,
    ordered_within,
    shop,
    silence,
    stays_away,
    within,
)

WHOLE = for_days(90)
SEEDS = 10
"""`python -m tests.bench.worth` asks 200 for each effect: the interval held the truth in 93.5 to 97.5 % of them."""


def drawn(customers: Mapping[str, Customer], seed: int, followed: Callable[[Compared], float] = WHOLE) -> list[Cell]:
    rng = Random(seed)
    return cells_of(customers, WINDOW, KNOWN, followed, lambda *_: rng.randrange(10**9))


@pytest.mark.weighty
@pytest.mark.parametrize("effect", [0.0, 0.05, 0.12])
def test_the_truth_lies_in_the_interval(effect: float) -> None:
    held, errors, naive = dict.fromkeys(HORIZONS, 0), [], []
    for seed in range(SEEDS):
        customers, truth = shop(seed, effect, 1_500)
        cells = drawn(customers, seed)
        for days in HORIZONS:
            lift = lift_of(cells, ordered_within(days))
            assert lift
            low, high = lift.lift_ends
            held[days] += (low or -1) <= truth[days] <= (high or 1)
            errors += [lift.lift - truth[days]] if days == 30 else []
        naive.append(_without_matching(cells) - truth[30])
    assert min(held.values()) >= 0.9 * SEEDS - 2 * (0.09 * SEEDS) ** 0.5
    assert np.mean(errors) == pytest.approx(0, abs=4 * np.std(errors) / SEEDS**0.5)
    assert np.mean(naive) > 0.03, "better customers complain more: without matching a case looks good for nothing"


def _without_matching(cells: Sequence[Cell]) -> float:
    treated = [within(one, 30) for cell in cells for one in cell.treated]
    return float(np.mean(treated) - np.mean([within(one, 30) for cell in cells for one in cell.others]))


def test_the_difference_is_that_of_a_weighted_regression() -> None:
    import statsmodels.api as sm  # takes seconds, and every process imports this file

    cells = [cell for cell in drawn(shop(1, 0.05)[0], 1) if cell.others]
    rows = [(within(one, 60), 1.0, 1.0) for cell in cells for one in cell.treated]
    rows += [(within(one, 60), 0.0, len(cell.treated) / len(cell.others)) for cell in cells for one in cell.others]
    y, is_treated, weights = np.array(rows).T
    fitted = sm.WLS(y, sm.add_constant(is_treated), weights=weights).fit()
    lift = lift_of(cells, ordered_within(60))
    assert lift
    assert lift.lift == pytest.approx(fitted.params[1], abs=1e-9)


@pytest.mark.weighty
def test_the_interval_is_as_wide_as_that_of_a_bootstrap_by_customer() -> None:
    cells = [cell for cell in drawn(shop(2, 0.05)[0], 2) if cell.others]
    lift = lift_of(cells, ordered_within(90))
    assert lift
    low, high = lift.lift_ends
    spread = np.quantile(bootstrapped(cells, 90), [0.025, 0.975])
    assert low is not None
    assert high is not None
    assert high - low == pytest.approx(spread[1] - spread[0], rel=0.1)
    assert (low + high) / 2 == pytest.approx(spread.mean(), abs=0.15 * (high - low))


def bootstrapped(cells: Sequence[Cell], days: int, times: int = 2_000) -> np.ndarray:
    """Return the lift of so many shops whose customers are drawn from these with replacement, whole."""
    names = {one.who: 0 for cell in cells for side in cell for one in side}
    places = {who: place for place, who in enumerate(names)}
    rows = [
        (number, side == 0, places[one.who], within(one, days))
        for number, cell in enumerate(cells)
        for side, ones in enumerate(cell)
        for one in ones
    ]
    cell, is_treated, who, y = (np.array(column) for column in zip(*rows, strict=True))
    rng, lifts = np.random.default_rng(3), []
    for _ in range(times):
        times_drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[who]
        n1, y1, n0, y0 = (
            np.bincount(cell, times_drawn * side * measure, len(cells))
            for side in (is_treated, ~is_treated)
            for measure in (1.0, y)
        )
        has_both = (n1 > 0) & (n0 > 0)
        of_others = y0[has_both] / n0[has_both]
        lifts.append((y1[has_both] - n1[has_both] * of_others).sum() / n1[has_both].sum())
    return np.array(lifts)


@pytest.mark.weighty
@pytest.mark.parametrize("worth", [0.6, 1.0, 1.8])
def test_what_a_strategy_is_worth_lies_in_its_interval(worth: float) -> None:
    held, naive = 0, list[float]()
    for seed in range(20):
        cases = handled_cases(seed, worth, 600)
        told = expectation_of(cases, "gift")
        assert told
        low, high = told.ends
        held += low is not None and high is not None and low <= worth <= high
        gifts = [one for one in cases if one.strategy == "gift"]
        others = [one.brought or 0 for one in cases if one.strategy != "gift"]
        gained = sum((one.brought or 0) - np.mean(others) for one in gifts)
        naive.append(float(gained / sum(one.cost or 0 for one in gifts)))
    assert held >= 17
    assert np.mean(naive) > worth + 0.3, "tried on the best customers, a gift looks better than it is"


def test_the_break_even_lies_in_its_interval() -> None:
    held = 0
    for seed in range(200):
        rng = Random(seed)
        refused = [rng.uniform(2_000, 9_000) if rng.random() < 0.4 else 0.0 for _ in range(80)]
        granted = [rng.uniform(2_000, 9_000) if rng.random() < 0.1 else 0.0 for _ in range(200)]
        _, (low, high) = break_even_of(refused, granted)
        held += low is not None and high is not None and low <= 0.3 * 5_500 <= high
    assert held >= 180


@pytest.mark.weighty
@pytest.mark.parametrize("leaves", [0.0, 0.25])
def test_how_many_leave_lies_in_the_interval(leaves: float) -> None:
    held, naive = 0, list[float]()
    for seed in range(SEEDS):
        customers, loyal = leaving_shop(seed, leaves, 2_500)
        cells = drawn(customers, seed, silence)
        treated = [one for cell in cells if cell.others for one in cell.treated]
        stayed = [1 - would_have_gone(one, loyal[one.who].orders) for one in treated]
        lift = lift_of(cells, stays_away)
        assert lift
        low, high = lift.lift_ends
        held += (low or -1) <= leaves * float(np.mean(stayed)) <= (high or 1)
        naive.append(float(np.mean([stays_away(one) for one in treated])))
    assert held >= 0.9 * SEEDS - 2 * (0.09 * SEEDS) ** 0.5
    assert np.mean(naive) > 0.1, "many stay away anyway: that is no churn"
