"""The table of checks as such, and which names are nearly equal."""

import pytest

from streams.core.doctor import CHECKS
from streams.core.doctor.near import is_misspelt, is_same, near_teams


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
