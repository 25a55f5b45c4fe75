"""Complaints that surge and first responses that come late: the rule for satisfaction over counts by the hour."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.rows import SignalRow
from streams.core.drop import Cause, Level, RateWatch, Tally, ThresholdError, rated
from streams.core.signal.segment import ThresholdBook, book_of
from streams.core.window import DAY_MS, HOUR_MS
from tests.unit.test_watch_agent import NOW, Watched

SURGE, LATE = Cause.COMPLAINTS_SURGE, Cause.FIRST_RESPONSES_LATE
HOUR: Final = NOW - NOW % HOUR_MS


def counted(seed: int, per_hour: float, good: float, days: int, *, fallen: float = 0.0, hours: int = 0) -> list[Tally]:
    """Return counts up to now: good ones at a level, from some hours ago on so much lower."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(per_hour, days * 24)
    share = np.full(len(n), good)
    share[len(n) - hours :] -= fallen
    satisfied = rng.binomial(n, share)
    ends = HOUR - HOUR_MS * np.arange(len(n))[::-1] - 1
    return [Tally(*one) for one in zip(ends.tolist(), n.tolist(), satisfied.tolist(), strict=True) if one[1]]


def told_by_the_watch(cause: Cause, tallies: list[Tally], *, looks: int = 40) -> list[SignalRow]:
    watched = Watched(counted={cause: {"delivery": tallies}})
    for second in range(looks):
        watched.look(second * 5)
    return [row for row in watched.store.signals() if row.kind == cause]


@pytest.mark.parametrize(
    ("cause", "good", "fallen", "value"), [(SURGE, 0.94, 0.12, (0.1, 0.3)), (LATE, 0.88, 0.3, (0.4, 0.75))]
)
def test_the_watch_states_a_surge_and_a_fall_with_their_own_share(
    cause: Cause, good: float, fallen: float, value: tuple[float, float]
) -> None:
    (row,) = told_by_the_watch(cause, counted(1, 5, good, 60, fallen=fallen, hours=30))
    assert (row.segment, row.state, row.is_page, row.note) == ("delivery", "open", True, "")
    assert row.value is not None
    assert row.baseline is not None
    assert value[0] < row.value < value[1]
    usual = 1 - good if cause is SURGE else good
    assert row.baseline == pytest.approx(usual, abs=0.02), "the share of complaints, not of all others"
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.value < row.high
    assert row.since_at <= row.opened_at
    assert HOUR - 30 * HOUR_MS < row.opened_at <= HOUR
    assert row.opened_at % HOUR_MS == 0
    assert ("at most" in row.clears) is (cause is SURGE)
    assert row.link.startswith("/d/complaints/" if cause is SURGE else "/d/response-time/")


def test_a_team_that_usually_answers_late_is_told_of_nothing() -> None:
    assert told_by_the_watch(LATE, counted(5, 5, 0.2, 60)) == []
    assert told_by_the_watch(LATE, counted(5, 5, 0.0, 60)) == []


@pytest.mark.parametrize("cause", [SURGE, LATE])
def test_a_steady_team_is_told_of_nothing(cause: Cause) -> None:
    assert told_by_the_watch(cause, counted(2, 5, 0.9, 60)) == []


def test_what_was_over_days_ago_when_it_was_found_is_history() -> None:
    week = counted(3, 5, 0.94, 60, fallen=0.3, hours=24)
    later = [Tally(at - 8 * DAY_MS, n, satisfied) for at, n, satisfied in week] + counted(4, 5, 0.94, 8)
    assert told_by_the_watch(SURGE, later) == []


def test_a_surge_of_a_team_that_has_no_tickets_any_more_is_given_up() -> None:
    watched = Watched(counted={SURGE: {"delivery": counted(1, 5, 0.94, 60, fallen=0.3, hours=30)}})
    watched.look(0)
    watched.look(9 * 86_400)
    assert [row.state for row in watched.store.signals() if row.kind == SURGE] == ["resolved"]


def test_tickets_that_turn_out_to_be_no_complaints_withdraw_a_surge() -> None:
    watched = Watched(counted={SURGE: {"delivery": counted(1, 5, 0.94, 60, fallen=0.3, hours=30)}})
    watched.look(0)
    watched.store.counted = {SURGE: {"delivery": counted(1, 5, 0.94, 60)}}
    watched.look(3_600)
    assert [row.state for row in watched.store.signals() if row.kind == SURGE] == ["withdrawn"]


def test_a_watch_made_anew_states_what_is_known_already_once_more_and_no_other() -> None:
    tallies = {SURGE: {"delivery": counted(1, 5, 0.94, 60, fallen=0.3, hours=30)}}
    first = Watched(counted=tallies)
    first.look(0)
    again = Watched(counted=tallies, stated=list(first.store.stated))
    again.look(60)
    assert {row.signal_id for row in again.store.stated} == {row.signal_id for row in first.store.stated}


steps = st.tuples(st.integers(1, 40), st.integers(0, 24 * 14), st.integers(-3, 3), st.booleans())


@pytest.mark.weighty
@given(st.lists(steps, max_size=5), st.integers(0, 9))
@settings(max_examples=12)
def test_what_is_kept_up_to_date_equals_what_is_judged_from_the_beginning(
    told: list[tuple[int, int, int, bool]], seed: int
) -> None:
    """Hours pass, counts of before change, the desk's as well."""
    tallies = counted(seed, 3, 0.9, 32, fallen=0.3, hours=100)
    rule, now = ThresholdBook().of_rate(SURGE), tallies[-1].at - 10 * DAY_MS
    watch, start_at, others = RateWatch(rule), tallies[0].at, dict[int, int]()
    for hours, back, change, is_desk in [(0, 0, 0, False), *told]:
        now += hours * HOUR_MS
        place = max(0, sum(tally.at < now for tally in tallies) - 1 - back)
        at, n, satisfied = tallies[place]
        if is_desk:
            others[at] = min(n, 20 * change)
        else:
            tallies[place] = Tally(at, n, min(n, max(0, satisfied + change)))
        known = [tally for tally in tallies if tally.at < now]
        above = Level(Tally(at, 3 * n, 2 * n + others.get(at, 0)) for at, n, _ in known)
        judged = watch.judged(known, above, start_at, now)
        anew = rated(known, above, rule, start_at)
        assert (judged.closed, judged.verdict(now)) == (anew.closed, anew.verdict(now))


def test_rates_have_thresholds_of_their_own_and_share_the_budget() -> None:
    of_satisfaction = {"paging_segments": 12, "guard_points": 8, "team": {"a": {"guard_points": 9}}}
    book = book_of(of_satisfaction | {"complaints": {"guard_factor": 2}})
    surge, late = book.of_rate(SURGE), book.of_rate(LATE)
    assert (surge.guard_factor, surge.paging_segments, late.paging_segments) == (2, 12, 12)
    assert (surge.guard_points, late.guard_points) == (2, 10), "those of satisfaction are in other points"
    with pytest.raises(ThresholdError, match=r"first_responses: .*guard"):
        book_of({"first_responses": {"guard": 2}})
