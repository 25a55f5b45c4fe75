"""How long it takes when some still wait: the product-limit estimate beside an implementation of somebody else's."""

import warnings
from collections.abc import Callable
from math import inf, isclose
from random import Random
from typing import Final, NamedTuple

import pytest

from streams.core.survival import curve, quantile

Lasted = list[tuple[float, bool]]
SETS: Final = 200
SHARES: Final = (0.1, 0.25, 0.5, 0.9, 0.99)


def drawn(seed: int) -> Lasted:
    """Return observations: many or a single one, all ended or none, with few distinct durations or all distinct."""
    chance = Random(seed)
    n = 1 if seed % 20 == 0 else chance.randint(2, 400)
    ended = (0.0, 0.3, 0.7, 0.95, 1.0)[seed % 5]
    durations: Callable[[], float] = chance.choice(
        (lambda: float(chance.randint(0, 8)), lambda: chance.randint(1, 10**9) / 1000, lambda: chance.expovariate(0.01))
    )
    return [(durations(), chance.random() < ended) for _ in range(n)]


class Known(NamedTuple):
    """What lifelines says: the curve by duration, and value and bounds of a quantile."""

    steps: dict[float, tuple[float, float, float]]
    quantiles: dict[float, tuple[float, float, float]]


def lifelines(lasted: Lasted) -> Known:
    """Return what lifelines says. Where nobody is left it puts the band at 0; here nothing is known there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports calls functions that are deprecated elsewhere
        from lifelines import KaplanMeierFitter  # takes seconds, and every process imports this file
        from lifelines.utils import qth_survival_time

        fitted = KaplanMeierFitter().fit([at for at, _ in lasted], [has_ended for _, has_ended in lasted])
        share = fitted.survival_function_.iloc[:, 0].round(12)
        low, high = (fitted.confidence_interval_.iloc[:, n] for n in (0, 1))
    high = high.where(share > 0, 1.0)
    durations = {at for at, _ in lasted}
    steps = {at: (share[at], low[at], high[at]) for at in durations}
    columns = (share, low.cummin(), high.cummin())  # the search wants them sorted
    quantiles = {p: tuple(float(qth_survival_time(1 - p + 1e-12, one)) for one in columns) for p in SHARES}
    longest = max(durations)  # where the lower side stays above, so much is known, and lifelines says nothing
    return Known(steps, {p: (value, min(low, longest), high) for p, (value, low, high) in quantiles.items()})


def near(one: float | None, other: float) -> bool:
    return isclose(inf if one is None else one, other, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.weighty
@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(0, SETS, 50)])
def test_curve_band_and_quantiles_are_those_of_lifelines(seeds: range) -> None:
    for seed in seeds:
        lasted = drawn(seed)
        known, steps = lifelines(lasted), curve(lasted)
        assert [step.after for step in steps] == sorted(known.steps)
        for step in steps:
            assert all(map(near, (step.share, step.low, step.high), known.steps[step.after])), (seed, step)
        for p, wanted in known.quantiles.items():
            value, interval = quantile(steps, p)
            assert all(map(near, (value, *interval), wanted)), (seed, p)
