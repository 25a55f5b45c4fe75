"""How often the intervals of worth hold the truth: shops and desks of which that is known, by seed.

`python -m tests.bench.worth` simulates 200 of each: shops in which better customers complain more, for three true
lifts; shops in which some leave for good with their case; cases of which one strategy is tried on the best customers,
for three true worths. It prints how often the interval held the truth, how far the estimate was off on average, and how
far a plain comparison was. The exit code is 0 when every interval held it in nine of ten or more.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from statistics import fmean
from typing import NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

from streams.core.interval import Interval
from tests.worth import (
    HORIZONS,
    KNOWN,
    WINDOW,
    Bought,
    Cell,
    Compared,
    Customer,
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


class Try(NamedTuple):
    """One estimate beside the truth, and beside what a plain comparison says."""

    truth: float
    value: float
    ends: Interval
    plain: float


def main() -> int:
    """Simulate, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="tests.bench.worth", description="How often intervals of worth are right.")
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    table = Table("what", "truth", "interval held it", "off by, on average", "plain comparison off by")
    is_held = True
    for what, tries in _all(seeds):
        held = sum((one.ends.low or -9) <= one.truth <= (one.ends.high or 9) for one in tries)
        is_held &= held >= 0.9 * len(tries)
        off, plain = (fmean(value - one.truth for value, one in zip(values, tries, strict=True)) for values in (
            [one.value for one in tries], [one.plain for one in tries]
        ))  # fmt: skip
        table.add_row(
            what, f"{fmean(one.truth for one in tries):.3f}", f"{100 * held / len(tries):.1f} %", f"{off:+.4f}",
            f"{plain:+.3f}",
        )  # fmt: skip
    Console().print(table)
    return 0 if is_held else 1


def _all(seeds: int) -> Iterator[tuple[str, list[Try]]]:
    for effect in (0.0, 0.05, 0.12):
        tries = [_lifts(seed, effect) for seed in track(range(seeds), f"lift {effect}")]
        for place, days in enumerate(HORIZONS):
            yield f"lift, {days} days", [one[place] for one in tries]
    for leaves in (0.0, 0.1, 0.25):
        named = f"share that leaves, {leaves}"
        yield named, [_leaving(seed, leaves) for seed in track(range(seeds), named)]
    for worth in (0.6, 1.0, 1.8):
        named = f"worth of a strategy, {worth}"
        yield named, [_strategy(seed, worth) for seed in track(range(seeds), named)]


def _cells(seed: int, told: Mapping[str, Customer], followed: Callable[[Compared], float]) -> list[Cell]:
    rng = Random(seed)
    return cells_of(told, WINDOW, KNOWN, followed, lambda *_: rng.randrange(10**9))


def _lifts(seed: int, effect: float) -> list[Try]:
    customers, truth = shop(seed, effect)
    cells = _cells(seed, customers, for_days(max(HORIZONS)))
    tries = []
    for days in HORIZONS:
        lift = lift_of(cells, ordered_within(days))
        assert lift
        plain = _mean(cells, True, days) - _mean(cells, False, days)
        tries.append(Try(truth[days], lift.lift, lift.lift_ends, plain))
    return tries


def _mean(cells: list[Cell], is_treated: bool, days: int) -> float:
    return fmean(within(one, days) for cell in cells for one in (cell.treated if is_treated else cell.others))


def _leaving(seed: int, leaves: float) -> Try:
    customers, loyal = leaving_shop(seed, leaves, 4_000)
    cells = _cells(seed, customers, silence)
    treated = [one for cell in cells if cell.others for one in cell.treated]
    lift = lift_of(cells, stays_away)
    assert lift
    truth = leaves * fmean(1 - would_have_gone(one, loyal[one.who].orders) for one in treated)
    return Try(truth, lift.lift, lift.lift_ends, fmean(map(stays_away, treated)))


def would_have_gone(one: Compared, orders: Sequence[Bought]) -> float:
    """Return 1 for who would have stayed away without the case as well."""
    later = [order.at for order in orders if order.at > one.at]
    return float(min(later, default=KNOWN + 10**12) - one.at > silence(one))


def _strategy(seed: int, worth: float) -> Try:
    cases = handled_cases(seed, worth)
    told = expectation_of(cases, "gift")
    assert told
    assert told.value is not None
    gifts = [one for one in cases if one.strategy == "gift"]
    others = fmean(one.brought or 0 for one in cases if one.strategy != "gift")
    plain = sum((one.brought or 0) - others for one in gifts) / sum(one.cost or 0 for one in gifts)
    return Try(worth, told.value, told.ends, plain)


if __name__ == "__main__":
    sys.exit(main())
