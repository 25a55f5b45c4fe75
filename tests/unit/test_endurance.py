"""The promise about false pages, on ratings as they really come: a reduced run with fixed seeds."""

from math import exp, factorial

import pytest

from streams.core.drop import Thresholds
from streams.core.drop.detector import Detector
from streams.core.drop.rating import Tape
from streams.core.window import DAY_MS
from streams.simulation.course import CHANGE_DAYS, SHAPES, Course, ratings_of
from streams.simulation.endurance import KNOWN_DAYS, false_pages, knowing, pages_of

pytestmark = pytest.mark.weighty

PROMISED = 1.5


def most_by_chance(expected: float) -> int:
    """The number of pages that is exceeded once in a hundred times when so many are expected: pages are rare events."""
    pages, held = 0, exp(-expected)
    while held < 0.99:
        pages += 1
        held += exp(-expected) * expected**pages / factorial(pages)
    return pages


@pytest.mark.parametrize(
    ("course", "per_day", "runs"),
    [
        (Course.MONDAYS_15, 100, 3),  # before the rule knew weekdays: 7 in each run
        (Course.DAYS_6, 100, 3),  # before it knew moods: 5 and more
        (Course.BOTH, 100, 3),  # 9
        (Course.CLUSTERS, 20, 3),
        (Course.SCALE, 20, 3),
    ],
)
def test_a_quarter_has_no_more_false_pages_than_was_promised(course: Course, per_day: int, runs: int) -> None:
    pages = sum(false_pages(SHAPES[course], per_day, seed, Thresholds()) for seed in range(runs))
    assert pages <= most_by_chance(PROMISED * runs)


def test_a_fault_of_thirty_bad_ratings_is_paged_once_and_no_more_unless_a_page_is_open_already() -> None:
    for seed in range(6):
        ratings = ratings_of(SHAPES[Course.CLUSTERS], 20, KNOWN_DAYS, KNOWN_DAYS + 90, seed)
        detector = Detector(Thresholds(), Tape())
        for at, is_satisfied in zip(ratings.at.tolist(), ratings.is_satisfied.tolist(), strict=True):
            detector.take(at, is_satisfied=is_satisfied)
        for fault in ratings.faults.tolist():
            is_open = any(one.opened_at < fault < (one.closed_at or fault + 1) for one in detector.opened)
            told = [one for one in detector.opened if 0 <= one.opened_at - fault <= 7 * DAY_MS]
            assert len(told) == (0 if is_open else 1)


def test_the_page_about_a_change_for_good_is_news_and_every_other_one_is_false() -> None:
    shape, changed_at = SHAPES[Course.SCALE], (KNOWN_DAYS + CHANGE_DAYS) * DAY_MS
    for seed in range(3):
        ratings = ratings_of(shape, 100, KNOWN_DAYS, KNOWN_DAYS + 90, seed)
        pages = list(pages_of(ratings, Thresholds(), KNOWN_DAYS * DAY_MS))
        about_it = [page for page in pages if changed_at <= page <= changed_at + 30 * DAY_MS][:1]
        assert false_pages(shape, 100, seed, Thresholds()) == len(pages) - len(about_it)


def test_the_oracle_is_told_the_truth_and_a_fall_is_found_by_it_as_well() -> None:
    fallen_at = (KNOWN_DAYS + 3) * DAY_MS
    ratings = ratings_of(SHAPES[Course.BOTH], 100, KNOWN_DAYS, KNOWN_DAYS + 20, 1, fallen_at)
    oracle = knowing(SHAPES[Course.BOTH], 100)
    assert next(pages_of(ratings, Thresholds(), fallen_at, oracle)) > fallen_at
