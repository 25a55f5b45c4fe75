"""Silent sources and broken surveys are told apart from a fall."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.drop import (
    Cause,
    Rating,
    Response,
    Silence,
    Thresholds,
    Verdict,
    causes_of,
    is_survey_broken,
    silent_since,
    verdict_of,
)
from streams.core.drop.flow import chance_of_so_few
from streams.core.window import DAY_MS, HOUR_MS

MINUTE = 60_000
USUAL = Thresholds()
MONTH = Response(offered=3_000, answered=900)
NOW = 1_750_000_000_000


def fallen(*, opened: bool) -> Verdict:
    start_at = NOW - 35 * DAY_MS
    good = [Rating(at=start_at + i * HOUR_MS, id=f"g{i}", is_satisfied=i % 7 != 0) for i in range(24 * 34)]
    bad = [Rating(at=NOW - DAY_MS + i * MINUTE, id=f"b{i}", is_satisfied=not opened) for i in range(30)]
    return verdict_of([*good, *bad], [], USUAL, NOW)


@pytest.mark.parametrize(
    ("recent", "is_broken"),
    [
        (Response(100, 0), True),
        (Response(100, 2), True),
        (Response(100, 30), False),
        (Response(100, 18), False),  # fewer than usual, but they come
        (Response(10, 0), False),  # 0.7 ** 10 is 3 %
        (Response(20, 0), True),  # 0.7 ** 20 is 0.08 %
        (Response(0, 0), False),
        (Response(0, 5), False),
    ],
)
def test_a_survey_is_broken_when_answers_stop_beyond_chance(recent: Response, is_broken: bool) -> None:
    assert is_survey_broken(recent, MONTH, USUAL) is is_broken


@pytest.mark.parametrize("usual", [Response(0, 0), Response(50, 0), Response(3, 3)])
def test_without_a_known_response_rate_no_survey_is_broken(usual: Response) -> None:
    assert not is_survey_broken(Response(4, 0), usual, USUAL)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_chance_is_that_of_fishers_exact_test(
    offered: int, answered: int, before: int, answered_before: int
) -> None:
    recent, usual = Response(offered, min(answered, offered)), Response(before, min(answered_before, before))
    answers, total = recent.answered + usual.answered, offered + before
    ways = sum(comb(offered, k) * comb(before, answers - k) for k in range(recent.answered + 1) if k <= answers)
    assert chance_of_so_few(recent, usual) == pytest.approx(float(Fraction(ways, comb(total, answers))), abs=1e-9)


@pytest.mark.parametrize(
    ("silence", "is_silent"),
    [
        (Silence(NOW - 10 * MINUTE, usual_events=80, usual_spans=4), True),
        (Silence(NOW - 10 * MINUTE + 1, usual_events=80, usual_spans=4), False),
        (Silence(NOW - 10 * MINUTE, usual_events=40, usual_spans=4), False),  # 129,600 such begins in 90 days
        (Silence(NOW - 60 * MINUTE, usual_events=45, usual_spans=4), False),  # (4/5) ** 45 * 24,300 begins is 1.06
        (Silence(NOW - 60 * MINUTE, usual_events=46, usual_spans=4), True),  # ... and 0.87
        (Silence(NOW - 60 * MINUTE, usual_events=0, usual_spans=4), False),  # a night
        (Silence(NOW - 60 * MINUTE, usual_events=0, usual_spans=0), False),  # nothing is known
        (Silence(None, usual_events=0, usual_spans=0), False),
    ],
)
def test_a_source_is_silent_when_events_are_usual_and_none_came_for_ten_minutes(
    silence: Silence, is_silent: bool
) -> None:
    assert silent_since(silence, USUAL, NOW) == (silence.newest_at if is_silent else None)


def test_a_source_of_independent_events_is_called_silent_no_more_often_than_is_accepted() -> None:
    """By a chance of 0.001 for each silence there were 15 to 20 in 90 days."""
    rng, week, told = np.random.default_rng(1), 7 * DAY_MS, 0
    at = np.sort(rng.integers(0, 118 * DAY_MS, 200 * 118))
    for begin, end in zip(at[:-1].tolist(), at[1:].tolist(), strict=True):
        if begin > 28 * DAY_MS and end - begin > 40 * MINUTE:
            shifts = week * np.arange(1, 5)
            usual = int((np.searchsorted(at, end - shifts) - np.searchsorted(at, begin - shifts)).sum())
            told += silent_since(Silence(begin, usual, 4), USUAL, end) is not None
    assert told <= 4, "exceeded once in 250 times where one is expected"


def test_neither_says_that_satisfaction_fell() -> None:
    quiet = fallen(opened=False)
    assert causes_of(quiet, None, is_survey_broken=True) == {Cause.SURVEY_BROKEN}
    assert causes_of(quiet, NOW - HOUR_MS, is_survey_broken=False) == {Cause.SOURCE_SILENT}
    assert causes_of(quiet, None, is_survey_broken=False) == set()


def test_of_a_silent_source_nobody_can_tell_that_its_surveys_are_broken() -> None:
    assert causes_of(fallen(opened=False), NOW - HOUR_MS, is_survey_broken=True) == {Cause.SOURCE_SILENT}


def test_a_fall_that_was_told_stays_told_when_the_source_falls_silent() -> None:
    verdict = fallen(opened=True)
    assert causes_of(verdict, None, is_survey_broken=False) == {Cause.SATISFACTION_FELL}
    assert causes_of(verdict, NOW - HOUR_MS, is_survey_broken=False) == {Cause.SATISFACTION_FELL, Cause.SOURCE_SILENT}


def test_a_fall_whose_minutes_ran_out_in_silence_waits_for_events() -> None:
    verdict = fallen(opened=True)
    assert verdict.open is not None
    assert causes_of(verdict, verdict.open.opened_at - MINUTE, is_survey_broken=False) == {Cause.SOURCE_SILENT}
