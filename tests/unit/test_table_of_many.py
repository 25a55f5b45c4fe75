"""What is said of a table of many rows holds for the table: identical agents hardly ever look different."""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log, sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from streams.core.ask.figure import Figure, figure_of
from streams.core.ask.report import Figures, Line, Rank, compared
from streams.core.interval import Z95
from streams.core.metrics import Kind, Metric
from streams.core.metrics.complaint_rate import COMPLAINT_RATE
from streams.core.metrics.response_time import FIRST_RESPONSE_P50
from streams.core.metrics.satisfaction import CSAT_MEAN, CSAT_SHARE
from streams.core.window import DAY_MS, Window

NOW, BEFORE, KNOWN = Window(30 * DAY_MS, 40 * DAY_MS), Window(20 * DAY_MS, 30 * DAY_MS), Window(0, 50 * DAY_MS)
AGENTS, SEEDS = 25, 200
METRICS = (CSAT_SHARE, COMPLAINT_RATE, CSAT_MEAN, FIRST_RESPONSE_P50)
TRUE_SHARES = {CSAT_SHARE.name: 0.85, COMPLAINT_RATE.name: 0.12}


def observed(rng: Random, metric: Metric, n: int) -> Figure:
    """Return what somebody of the desk's usual kind is seen to do in n cases."""
    match metric.kind:
        case Kind.SHARE:
            hits = sum(rng.random() < TRUE_SHARES[metric.name] for _ in range(n))
            return figure_of(metric, {"n": n, "hits": hits})
        case Kind.MEAN:
            seen = rng.choices([100, 75, 50, 25, 0], [60, 25, 8, 4, 3], k=n)
            tails = {"p10": 0, "p90": 0}
            return figure_of(metric, {"n": n, "value": fmean(seen), "deviation": stdev(seen)} | tails)
        case _:
            seconds = sorted(rng.lognormvariate(log(900), 1.2) for _ in range(n))
            margin = Z95 * sqrt(n) / 2
            places = {"low": ceil(n / 2 - margin), "high": ceil(n / 2 + margin)}
            value = (seconds[floor((n - 1) / 2)] + seconds[ceil((n - 1) / 2)]) / 2
            bounds = {name: seconds[place - 1] if 1 <= place <= n else None for name, place in places.items()}
            return figure_of(metric, {"n": n, "value": value} | bounds)


def desk_of_equals(seed: int) -> Figures:
    rng = Random(seed)
    parts = [None, *(f"agent {number}" for number in range(AGENTS))]
    return {
        (metric.name, part, window): observed(rng, metric, rng.randint(30, 120))
        for metric in METRICS
        for part in parts
        for window in (NOW, BEFORE)
    }


@pytest.fixture(scope="module")
def tables() -> list[Sequence[Line]]:
    return [compared(METRICS, NOW, BEFORE, desk_of_equals(seed), KNOWN, KNOWN.end_at) for seed in range(SEEDS)]


def claims(table: Sequence[Line]) -> Iterator[str]:
    for line in table:
        if line.part is not None and line.change and line.change.is_clear:
            yield "change"
        if line.rank and line.rank != Rank(1, AGENTS):
            yield "rank"


@pytest.mark.weighty
@pytest.mark.parametrize("claim", ["change", "rank"])
def test_of_identical_agents_hardly_any_table_claims_anything(tables: list[Sequence[Line]], claim: str) -> None:
    from scipy.stats import binom  # takes a second, and every process imports this file

    false = sum(claim in claims(table) for table in tables)
    print(f"{claim}: {false} of {SEEDS} tables")
    assert false <= binom.ppf(0.99, SEEDS, 0.05), "5 % and the noise of so few seeds"
