"""Silent sources and broken surveys are told apart from a fall."""

from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.drop import (
    Cause,
    Rating,
    Response,
    Rhythm,
    Silence,
    Thresholds,
    Verdict,
    causes_of,
    is_survey_broken,
    silent_since,
    verdict_of,
)
from streams.core.drop.flow import chance_of_so_few, span_and_window
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


def test_clumps_are_how_many_events_come_at_once() -> None:
    assert Rhythm([], 0).clumps == 1
    assert Rhythm([[0, 0], [0, 0]], 0).clumps == 1
    assert Rhythm([[5, 0, 9], [0, 5, 9]], 0).clumps == pytest.approx((25 + 25) / (5 + 5 + 18))  # the same rush is none
    assert Rhythm([[5, 0, 5, 0]], 0).clumps == pytest.approx(75 / 15), "of one week neighbours are compared"


@pytest.mark.parametrize(
    ("rhythm", "is_silent"),
    [
        (None, True),
        (Rhythm([[20, 20], [20, 20]], 0), True),
        (Rhythm([[20, 20], [20, 20]], 1), True),  # an outage of before
        (Rhythm([[20, 20], [20, 20]], 2), False),  # that is how it works
        (Rhythm([[10, 30], [30, 10]], 0), False),  # ten at once: 80 say as much as eight
    ],
)
def test_what_comes_in_clumps_or_with_pauses_is_not_silent(rhythm: Rhythm | None, is_silent: bool) -> None:
    silence = Silence(NOW - 10 * MINUTE, usual_events=80, usual_spans=4)
    assert (silent_since(silence, USUAL, NOW, rhythm) is not None) is is_silent


def _independent(rng: np.random.Generator, days: int) -> "np.ndarray[Any, Any]":
    return rng.integers(0, days * DAY_MS, 200 * days)


def _bursts(rng: np.random.Generator, days: int) -> "np.ndarray[Any, Any]":
    """Return bursts of five within ten minutes."""
    begun = rng.integers(0, days * DAY_MS, 40 * days)
    return (begun[:, None] + rng.integers(0, 10 * MINUTE, (len(begun), 5))).ravel()


def _hourly(rng: np.random.Generator, days: int) -> "np.ndarray[Any, Any]":
    """Return what a system sends once an hour, all within a minute."""
    begun = np.arange(0, days * DAY_MS, HOUR_MS) + rng.integers(0, 10 * MINUTE, 24 * days)
    return np.repeat(begun, 40) + rng.integers(0, MINUTE, 40 * 24 * days)


def _silence(at: "np.ndarray[Any, Any]", begin: int, end: int) -> tuple[Silence, Rhythm]:
    """Return what is known of a silence, counted by brute force."""
    lasted = end - begin
    span, window = span_and_window(lasted)
    usual, gaps, counts = 0, 0, []
    for week in range(5):
        shift = 7 * DAY_MS * week
        back = begin - shift - at[np.searchsorted(at, begin - shift - window) : np.searchsorted(at, begin - shift)]
        counts.append(np.bincount(back // span, minlength=window // span)[: window // span].tolist())
        if week:
            usual += int(np.searchsorted(at, end - shift) - np.searchsorted(at, begin - shift))
            around = at[
                np.searchsorted(at, begin - shift - 4 * HOUR_MS) : np.searchsorted(at, end - shift + 4 * HOUR_MS)
            ]
            gaps += int((np.diff(around) >= lasted * 2 / 3).sum())
    return Silence(begin, usual, 4), Rhythm(counts[:4], gaps)


@pytest.mark.weighty
@pytest.mark.parametrize("come", [_independent, _bursts, _hourly])
def test_a_source_is_called_silent_no_more_often_than_is_accepted(come: Any) -> None:
    """By a chance of 0.001 for each silence there were 15 to 20 in 90 days; without its rhythm 370 and 1,900."""
    told, at = 0, np.sort(come(np.random.default_rng(1), 118))
    for begin, end in zip(at[:-1].tolist(), at[1:].tolist(), strict=True):
        if begin > 28 * DAY_MS and end - begin > 10 * MINUTE:
            silence, rhythm = _silence(at, begin, end)
            told += (
                silent_since(silence, USUAL, end) is not None and silent_since(silence, USUAL, end, rhythm) is not None
            )
    assert told <= 4, "exceeded once in 250 times where one is expected"


@pytest.mark.parametrize(("come", "minutes"), [(_independent, 90), (_bursts, 360), (_hourly, 180)])
def test_a_source_that_fell_silent_is_told(come: Any, minutes: int) -> None:
    at = np.sort(come(np.random.default_rng(2), 60))
    begin = int(at[-1])
    silence, rhythm = _silence(at, begin, begin + minutes * MINUTE)
    assert silent_since(silence, USUAL, begin + minutes * MINUTE, rhythm) == begin


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
