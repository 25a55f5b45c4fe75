"""The simulated help-desk log has the shape of the true one, and what counts it counts as others counted that one."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest

from tests.helpdesk import COLUMNS, RESOLVED, data_folder, figures_of, reference, simulate

pytestmark = pytest.mark.weighty


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("log") / "helpdesk.csv", tickets=1_000, seed=1)


def test_the_same_seed_gives_the_same_log(small: Path, tmp_path: Path) -> None:
    assert simulate(tmp_path / "again.csv", tickets=1_000, seed=1).read_bytes() == small.read_bytes()
    assert simulate(tmp_path / "other.csv", tickets=1_000, seed=2).read_bytes() != small.read_bytes()


def test_it_has_the_columns_and_the_traps_of_the_true_one(small: Path) -> None:
    with small.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    assert header == COLUMNS
    assert any(one[0] == other[0] and one[3] == other[3] for one, other in pairwise(rows)), "ties"
    assert any(one[0] == other[0] and one[1] == "Closed" for one, other in pairwise(rows))
    figures = figures_of(small)
    assert figures["cases"] == 1_000
    assert 0 < figures["reopen_cases_direct_successor"] < 100
    assert figures["first_event_to_first_take_in_charge_hours"]["n"] < 1_000
    assert figures["activity_counts"][RESOLVED] > 1_000


def test_what_is_counted_here_equals_what_others_counted_of_the_true_log() -> None:
    figures = figures_of(data_folder("helpdesk") / "helpdesk.csv")
    published = reference()
    for name, counted in figures.items():
        known = published[name]
        if isinstance(known, dict) and "n" in known:
            known = {key: known[key] for key in ("n", "median", "mean")}
        assert counted == known, name
