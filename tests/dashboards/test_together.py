"""Panels say of a table of many rows what reports say: which changes are clear, and which ranks are left."""

from collections.abc import Iterator
from random import Random

import pytest
from clickhouse_connect.driver.client import Client

from dashboards.estimate import FIGURE, change
from dashboards.query import select
from dashboards.ranking import placed
from dashboards.together import HOLDS
from streams.core.ask.figure import Figure, figure_of
from streams.core.ask.report import Figures, Line, compared
from streams.core.ask.together import deviations, probability
from streams.core.metrics import Kind, Metric
from streams.core.metrics.complaint_rate import COMPLAINTS_PER_1000_ORDERS
from streams.core.metrics.response_time import FIRST_RESPONSE_P50
from streams.core.metrics.satisfaction import CSAT_MEAN, CSAT_SHARE, NPS
from streams.core.window import DAY_MS, Window
from tests.databases import new_database
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

NOW, BEFORE, KNOWN = Window(30 * DAY_MS, 40 * DAY_MS), Window(20 * DAY_MS, 30 * DAY_MS), Window(0, 50 * DAY_MS)
KINDS = (CSAT_SHARE, NPS, CSAT_MEAN, COMPLAINTS_PER_1000_ORDERS, FIRST_RESPONSE_P50)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


def some(rng: Random, metric: Metric) -> Figure:
    n, level = rng.randint(15, 400), rng.choice([0.0, 0.3, 0.5, 0.9, 1.0])
    hits = sum(rng.random() < level for _ in range(n))
    design = {"design": rng.choice([1.0, 1.0, 1.3, 4.0])} if metric.is_by_customer else {}
    match metric.kind:
        case Kind.SHARE | Kind.RATE:
            return figure_of(metric, {"n": n, "hits": hits} | design)
        case Kind.BALANCE:
            return figure_of(metric, {"n": n, "hits": hits, "misses": rng.randint(0, n - hits)} | design)
        case Kind.MEAN:
            tails = {"p10": 0, "p90": 100}
            return figure_of(
                metric, {"n": n, "value": 60 + 30 * level, "deviation": rng.choice([0, 15.0])} | tails | design
            )
        case _:
            value = 600 * (1 + level) * rng.uniform(0.9, 1.1) * (rng.random() > 0.1)
            low, high = value * 0.8 if rng.random() > 0.1 else None, value * 1.3 + 1 if rng.random() > 0.1 else None
            return figure_of(metric, {"n": n, "value": value, "low": low, "high": high})


def table(metric: Metric, seed: int, size: int) -> Figures:
    rng = Random(seed)
    parts = [f"part {number:02}" for number in range(size)]
    return {(metric.name, part, window): some(rng, metric) for part in [None, *parts] for window in (NOW, BEFORE)}


def rows_of(metric: Metric, figures: Figures) -> str:
    """Return the SELECT of a table's rows, as those of both periods are beside each other."""

    def cells(figure: Figure) -> list[str]:
        numbers = (figure.value, *figure.interval) if figure.is_enough else (None, None, None)
        told = [*numbers, figure.design_effect]
        return [str(figure.n), *("NULL" if number is None else repr(float(number)) for number in told)]

    names = [f"{name}{side}" for side in ("", "_before") for name in FIGURE]
    types = [f"{name} {'UInt64' if name.startswith('n') else 'Nullable(Float64)'}" for name in names]
    parts = sorted({part for _, part, _ in figures if part is not None})
    rows = (
        f"('{part}', {', '.join(cells(figures[metric.name, part, NOW]) + cells(figures[metric.name, part, BEFORE]))})"
        for part in parts
    )
    return f"SELECT * FROM VALUES('part String, {', '.join(types)}', {', '.join(rows)})"


def shown(client: Client, metric: Metric, figures: Figures) -> dict[str, tuple[float | None, bool | None, int, int]]:
    sides = [{name: f"{name}{side}" for name in FIGURE} for side in ("", "_before")]
    columns = {
        "part": "part", "chance": "chance", "best": "best", "worst": "worst",
        "points": change("if(value > value_before, 1, -1)", *sides, holds=HOLDS),
    }  # fmt: skip
    sql = select(columns, placed(metric, rows_of(metric, figures)))
    rows = client.query(sql).named_results()
    return {
        row["part"]: (row["chance"], None if row["points"] is None else row["points"] != 0, row["best"], row["worst"])
        for row in rows
    }


@pytest.mark.parametrize("metric", KINDS, ids=lambda metric: metric.kind)
@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 2), (3, 12), (4, 40)])
def test_a_panel_claims_of_a_table_what_a_report_claims(client: Client, metric: Metric, seed: int, size: int) -> None:
    figures = table(metric, seed, size)
    lines = compared([metric], NOW, BEFORE, figures, KNOWN, KNOWN.end_at + 90 * DAY_MS)
    told = shown(client, metric, figures)
    by_part: dict[str, Line] = {line.part: line for line in lines if line.part is not None}
    assert told.keys() == by_part.keys()
    for part, line in by_part.items():
        chance, is_clear, best, worst = told[part]
        assert is_clear == (None if line.change is None else bool(line.change.is_clear)), part
        if line.rank:
            assert (best, worst) == (line.rank.best, line.rank.worst), part
        if line.change and line.change.is_clear is not None and line.before:
            assert chance == pytest.approx(probability(deviations(line.figure, line.before)), rel=1e-6, abs=1e-12)
    assert size < 12 or any(line.change and line.change.is_clear for line in lines), "a table must claim something"
