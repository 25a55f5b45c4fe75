"""The table of checks as such, and which names are nearly equal."""

from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.doctor import CHECKS
from streams.core.doctor.near import candidates, is_misspelt, is_same, near_teams

NAMES = st.lists(st.text("aBb1 -", max_size=9), max_size=12, unique=True)


def test_checks_have_names_and_texts_of_their_own() -> None:
    for texts in ([check.name for check in CHECKS], [check.title for check in CHECKS], [c.costs for c in CHECKS]):
        assert len(set(texts)) == len(CHECKS) >= 10


@pytest.mark.parametrize(
    ("one", "other"), [("Delivery", "delivery "), ("after sales", "After-Sales"), ("Straße 1", "STRASSE 1")]
)
def test_names_that_differ_by_case_blanks_and_marks_are_one(one: str, other: str) -> None:
    assert is_same(one, other)


@pytest.mark.parametrize(("one", "other"), [("", " "), ("a", "b"), ("--", "''"), ("team 1", "team 11")])
def test_other_names_are_not(one: str, other: str) -> None:
    assert not is_same(one, other)


@pytest.mark.parametrize("other", ["delivry", "deliveryy", "dellivery", "delivery", "delivary", "delievry", "eliveryx"])
def test_a_slip_of_one_letter_is_one(other: str) -> None:
    assert is_misspelt("delivery", other) == is_misspelt(other, "delivery") == (other != "eliveryx")


@pytest.mark.parametrize(
    ("one", "other"), [("team a", "team b"), ("region 1", "region 2"), ("region 1", "region 12"), ("beds", "bed")]
)
def test_digits_and_short_names_are_no_slips(one: str, other: str) -> None:
    assert not is_misspelt(one, other)


def test_a_misspelt_team_is_the_rarer_one_by_far() -> None:
    rows = [{"what": "delivery", "n": 100}, {"what": "delivry", "n": 5}, {"what": "refunds", "n": 90}]
    assert list(near_teams(rows)) == [{"what": "delivry", "n": 5, "usual": "delivery", "shown": 100}]
    rows[1]["n"] = 50
    assert list(near_teams(rows)) == []
    rows[1]["what"] = "DELIVERY"
    assert list(near_teams(rows)) == [{"what": "DELIVERY", "n": 50, "usual": "delivery", "shown": 100}]


@given(NAMES)
def test_no_pair_is_missed_by_not_looking_at_all_of_them(names: list[str]) -> None:
    found = [pair for pair in candidates(names) if is_same(*pair) or is_misspelt(*pair)]
    assert found == [pair for pair in combinations(sorted(names), 2) if is_same(*pair) or is_misspelt(*pair)]


@pytest.mark.weighty
def test_of_thousands_of_teams_hardly_any_pair_is_looked_at() -> None:
    names = [f"branch {number:05d} of the north" for number in range(0, 99_999, 11)]
    assert len(candidates(names)) < comb(len(names), 2) / 100
