"""How often the interval of the lift holds the truth: shops of which that is known, by seed.

`python -m tests.bench.lift` simulates 200 shops for each of three effects, in which better customers complain more, and
prints how often the interval held the truth, how far the estimate was off on average, and how far the difference
without matching was. The exit code is 0 when the interval held it in nine of ten or more, whatever the effect.
"""

import argparse
import sys
from random import Random
from statistics import fmean

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.worth import HORIZONS, KNOWN, WINDOW, cells_of, lift_of, shop, within


def main() -> int:
    """Simulate, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="tests.bench.lift", description="How often the lift's interval is right.")
    parser.add_argument("--seeds", type=int, default=200)
    seeds = parser.parse_args().seeds
    table = Table("true lift", "days", "interval held it", "off by, on average", "without matching off by")
    is_held = True
    for effect in (0.0, 0.05, 0.12):
        held, off, naive = dict.fromkeys(HORIZONS, 0), {days: [0.0] for days in HORIZONS}, [0.0]
        for seed in track(range(seeds), f"true lift {100 * effect:.0f} points"):
            customers, truth = shop(seed, effect)
            rng = Random(seed)
            cells = cells_of(customers, WINDOW, KNOWN, 90, lambda *_, rng=rng: rng.randrange(10**9))
            for days in HORIZONS:
                lift = lift_of(cells, days)
                low, high = lift.lift_ends if lift else (None, None)
                held[days] += low is not None and high is not None and low <= truth[days] <= high
                off[days].append(lift.lift - truth[days] if lift else 0)
            treated = fmean(within(one, 30) for cell in cells for one in cell.treated)
            naive.append(treated - fmean(within(one, 30) for cell in cells for one in cell.others) - truth[30])
        for days in HORIZONS:
            is_held &= held[days] >= 0.9 * seeds
            without = f"{100 * fmean(naive[1:]):+.1f}" if days == HORIZONS[0] else ""
            share = f"{100 * held[days] / seeds:.1f} %"
            table.add_row(f"{100 * effect:.0f}", str(days), share, f"{100 * fmean(off[days][1:]):+.2f}", without)
    Console().print(table)
    return 0 if is_held else 1


if __name__ == "__main__":
    sys.exit(main())
