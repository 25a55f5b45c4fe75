"""The simulated shop has the shape of the true one, and what counts it counts as others counted that one."""

from collections import Counter
from pathlib import Path

import pytest

from tests.helpdesk import data_folder
from tests.olist import figures_of, reference, simulate

pytestmark = pytest.mark.weighty


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("shop"), orders=600, seed=1)


def test_the_same_seed_gives_the_same_shop(small: Path, tmp_path: Path) -> None:
    simulate(tmp_path, orders=600, seed=1)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        file.name: file.read_bytes() for file in small.iterdir()
    }


def test_it_has_the_traps_of_the_true_one(small: Path) -> None:
    figures = figures_of(small)
    assert figures["orders"] == 600 != figures["reviews"]
    assert "\n" in (small / "reviews.csv").read_text(encoding="utf-8").replace('"\n', "")
    orders = Counter(line.split(",")[2] for line in (small / "orders.csv").read_text().splitlines())
    assert min(orders[status] for status in ("delivered", "shipped", "canceled", "unavailable")) > 0
    soon, late = (figures["repurchase"][f"first_delivered_order_purchase_ts_{days}d"]["rebuy"] for days in (30, 90))
    assert 0 < soon < late


def test_what_is_counted_here_equals_what_others_counted_of_the_true_shop() -> None:
    published = reference()
    for name, counted in figures_of(data_folder("olist")).items():
        assert _within(counted, published[name]), name


def _within(counted: object, published: object) -> bool:
    """Tell whether everything that both know is the same."""
    if isinstance(counted, dict) and isinstance(published, dict):
        return all(_within(counted[key], published[key]) for key in counted.keys() & published.keys())
    return counted == published
