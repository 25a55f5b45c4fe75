"""The satisfaction-drop rule on histories whose outcome can be reasoned out."""

from collections.abc import Iterable, Iterator
from itertools import count
from math import exp
from random import Random
from time import process_time
from typing import Any

import pytest

from streams.core.drop import (
    FoundBy,
    Rating,
    State,
    Tally,
    ThresholdError,
    Thresholds,
    Verdict,
    Watch,
    reads_from,
    verdict_of,
)
from streams.core.drop.threshold import descriptions
from streams.core.interval import wilson
from streams.core.window import DAY_MS, HOUR_MS

MINUTE = 60_000
T0 = 1_750_000_000_000 - 1_750_000_000_000 % DAY_MS
"""A midnight, at which what is usual begins."""
FALL = T0 + 40 * DAY_MS
USUAL = Thresholds()


def steady(start_at: int, end_at: int, every_ms: int, *, bad_every: int | None, name: str = "r") -> Iterator[Rating]:
    """Ratings at even distances, of which each so-manieth is bad; none when there is no such number."""
    for i, at in enumerate(range(start_at, end_at, every_ms)):
        yield Rating(at=at, id=f"{name}{at}", is_satisfied=bad_every is None or i % bad_every != bad_every - 1)


def usual(per_day: int = 48, *, until: int = FALL) -> list[Rating]:
    """Forty days with every sixth or seventh rating bad: 85 %."""
    ratings = list(steady(T0, until, DAY_MS // per_day, bad_every=None))
    return [Rating(at=r.at, id=r.id, is_satisfied=i % 20 not in (3, 10, 16)) for i, r in enumerate(ratings)]


def spoilt(start_at: int, n: int, every_ms: int = HOUR_MS // 2) -> list[Rating]:
    return [Rating(at=start_at + i * every_ms, id=f"bad{i}", is_satisfied=False) for i in range(n)]


def judged(ratings: Iterable[Rating], now: int, thresholds: Thresholds = USUAL, **kwargs: Any) -> Verdict:
    return verdict_of(ratings, kwargs.pop("parent", []), thresholds, now)


# What is usual


def test_a_usual_month_is_quiet_and_its_level_is_known() -> None:
    verdict = judged(usual(), FALL)
    assert verdict.state is State.QUIET
    assert verdict.baseline is not None
    assert verdict.baseline.share == pytest.approx(0.85, abs=0.002)
    assert verdict.baseline.n == 28 * 48
    assert verdict.baseline.per_day == pytest.approx(48)


def test_the_usual_level_ends_two_days_ago_and_spans_28_days() -> None:
    verdict = judged(usual(), FALL)
    last = FALL - HOUR_MS  # the hour of the last rating
    assert verdict.baseline is not None
    assert (verdict.baseline.start_at, verdict.baseline.end_at) == (last - 30 * DAY_MS, last - 2 * DAY_MS)


def test_the_level_begins_at_that_of_the_segment_above_which_counts_like_fifty_ratings() -> None:
    own = [Rating(at=T0 + i * DAY_MS // 2, id=str(i), is_satisfied=True) for i in range(66)]
    parent = [Tally(T0 + day * DAY_MS, n=100, satisfied=60) for day in range(33)]
    verdict = judged(own, T0 + 33 * DAY_MS, parent=parent)
    assert verdict.baseline is not None
    assert verdict.baseline.parent_share == 0.6
    known = 62  # up to two days before the end
    assert verdict.baseline.share == pytest.approx((known + 50 * 0.6) / (known + 50), abs=0.01)


def test_a_flawless_month_is_taken_to_be_98_percent() -> None:
    verdict = judged(steady(T0, FALL, HOUR_MS, bad_every=None), FALL)
    assert verdict.baseline is not None
    assert verdict.baseline.share == 0.98


def test_a_segment_with_too_few_ratings_learns_and_never_pages() -> None:
    ratings = [*steady(T0, FALL, 2 * DAY_MS, bad_every=None), *spoilt(FALL, 50)]
    verdict = judged(ratings, FALL + 2 * DAY_MS)
    assert verdict.state is State.LEARNING
    assert verdict.baseline is None
    assert verdict.open is None


def test_a_segment_of_few_days_learns_however_many_ratings_it_has() -> None:
    known = usual(until=T0 + 9 * DAY_MS)
    assert judged(known, T0 + 9 * DAY_MS).state is State.LEARNING
    assert judged([*known, *spoilt(T0 + 9 * DAY_MS, 1)], T0 + 9 * DAY_MS).state is State.QUIET


def test_ratings_a_day_are_counted_over_the_days_that_are_known() -> None:
    verdict = judged(usual(until=T0 + 12 * DAY_MS), T0 + 12 * DAY_MS)
    assert verdict.baseline is not None
    assert verdict.baseline.per_day == pytest.approx(48, rel=0.01)


# Falls


def test_nothing_but_bad_ratings_page_after_a_quarter_of_an_hour() -> None:
    ratings = [*usual(), *spoilt(FALL, 30)]
    opened = judged(ratings, FALL + DAY_MS).open
    assert opened is not None
    pending = judged(ratings, opened.opened_at - 1)
    assert pending.state is State.PENDING
    assert pending.pending_since == opened.opened_at - 15 * MINUTE
    assert judged(ratings, opened.opened_at).state is State.FIRING


def test_a_page_says_since_when() -> None:
    opened = judged([*usual(), *spoilt(FALL, 30)], FALL + DAY_MS).open
    assert opened is not None
    assert FALL - 2 * HOUR_MS <= opened.since_at <= FALL
    assert opened.baseline.share == pytest.approx(0.85, abs=0.002)


def test_one_satisfied_customer_within_the_quarter_ends_a_finding_that_rested_on_a_hair() -> None:
    ratings = [*usual(), *spoilt(FALL, 30)]
    opened = judged(ratings, FALL + DAY_MS).open
    assert opened is not None
    found_at = opened.opened_at - 15 * MINUTE
    few = [r for r in ratings if r.at <= found_at]
    saved = [*few, *(Rating(at=found_at + 1_000 + i, id=f"good{i}", is_satisfied=True) for i in range(4))]
    assert judged(few, opened.opened_at).state is State.FIRING
    assert judged(saved, opened.opened_at).state is State.QUIET


def test_a_smaller_fall_that_lasts_is_found_by_what_adds_up() -> None:
    ratings = [*usual(), *steady(FALL, FALL + 10 * DAY_MS, HOUR_MS // 2, bad_every=4)]
    opened = judged(ratings, FALL + 10 * DAY_MS).open
    assert opened is not None
    assert opened.found_by is FoundBy.CUSUM


def test_a_deep_fall_is_found_by_both_in_the_end() -> None:
    verdict = judged([*usual(), *spoilt(FALL, 60)], FALL + 2 * DAY_MS)
    assert verdict.found_by is FoundBy.BOTH
    assert verdict.upper_bound is not None
    assert verdict.baseline is not None
    assert verdict.upper_bound < verdict.baseline.share
    assert verdict.limit is not None
    assert verdict.sum >= verdict.limit


@pytest.mark.weighty
def test_a_fall_by_less_than_the_guard_never_pages_however_sure_it_is() -> None:
    ratings = [*usual(per_day=1_440), *steady(FALL, FALL + 5 * DAY_MS, DAY_MS // 1_440, bad_every=5)]
    verdict = judged(ratings, FALL + 5 * DAY_MS)
    assert verdict.open is None
    assert verdict.previous is None
    watchful = Thresholds(guard_points=3)
    assert judged(ratings, FALL + 4 * DAY_MS, watchful).open is not None


def test_the_numbers_of_a_page_are_those_of_its_window() -> None:
    verdict = judged([*usual(), *spoilt(FALL, 10)], FALL + 5 * HOUR_MS)
    window = verdict.window
    assert window.n == 48
    assert window.start_at is not None
    assert window.end_at == FALL + 9 * HOUR_MS // 2
    assert window.start_at > window.end_at - DAY_MS
    assert window.value == window.satisfied / 48
    assert window.interval == wilson(window.satisfied, 48)
    of_wilson = wilson(window.satisfied, 48, USUAL.wilson_z).high
    assert verdict.upper_bound is not None
    assert of_wilson is not None
    assert of_wilson < verdict.upper_bound < of_wilson + 0.02  # the usual level is not known exactly


def test_the_window_reaches_back_for_twenty_ratings_but_not_beyond_a_week() -> None:
    ratings = list(steady(T0, FALL, DAY_MS // 5, bad_every=7))
    assert judged(ratings, FALL).window.n == 20
    rare = list(steady(T0, FALL, DAY_MS // 2, bad_every=7))
    assert judged(rare, FALL).window.n == 14


def test_silence_opens_and_resolves_nothing() -> None:
    ratings = usual()
    quiet = judged(ratings, FALL)
    for hours in (1, 30, 24 * 8):
        later = judged(ratings, FALL + hours * HOUR_MS)
        assert (later.state, later.window, later.sum) == (quiet.state, quiet.window, quiet.sum)
    fallen = [*ratings, *spoilt(FALL, 30)]
    assert judged(fallen, FALL + DAY_MS).state is State.FIRING
    assert judged(fallen, FALL + 20 * DAY_MS).state is State.FIRING


# Recovery


def recovered(bad: int = 30) -> list[Rating]:
    back = FALL + bad * HOUR_MS // 2
    return [*usual(), *spoilt(FALL, bad), *steady(back, back + 10 * DAY_MS, HOUR_MS // 2, bad_every=None)]


def test_a_fall_that_is_over_resolves_once_and_does_not_open_again() -> None:
    verdict = judged(recovered(), FALL + 10 * DAY_MS)
    assert verdict.state is State.QUIET
    assert verdict.previous is not None
    assert verdict.previous.closed_at is not None
    assert verdict.previous.opened_at < FALL + DAY_MS


def test_it_resolves_when_the_sum_is_nothing_and_the_value_is_back() -> None:
    ratings = recovered()
    previous = judged(ratings, FALL + 10 * DAY_MS).previous
    assert previous is not None
    assert previous.closed_at is not None
    at, before = judged(ratings, previous.closed_at), judged(ratings, previous.closed_at - 1)
    assert before.state is State.FIRING
    assert at.sum == 0
    assert at.window.value is not None
    assert at.window.value >= previous.baseline.share - 0.02


def test_it_says_how_many_satisfied_ratings_would_clear_it() -> None:
    fallen = [*usual(), *spoilt(FALL, 30)]
    now = FALL + 29 * HOUR_MS // 2 + 1
    clearing = judged(fallen, now).clearing
    assert clearing is not None
    needed = clearing.satisfied_in_a_row
    good = [Rating(at=now + i, id=f"good{i:04}", is_satisfied=True) for i in range(needed)]
    assert judged([*fallen, *good], now + needed).state is State.QUIET
    assert judged([*fallen, *good[:-1]], now + needed).state is State.FIRING


def test_it_stays_open_for_an_hour_at_least() -> None:
    fallen = [*usual(), *spoilt(FALL, 30)]
    opened = judged(fallen, FALL + DAY_MS).open
    assert opened is not None
    told = [r for r in fallen if r.at <= opened.opened_at]
    at_once = [Rating(at=opened.opened_at + i, id=f"g{i:04}", is_satisfied=True) for i in range(500)]
    within = judged([*told, *at_once], opened.opened_at + 59 * MINUTE)
    assert within.state is State.FIRING
    assert within.clearing is not None
    assert within.clearing.not_before == opened.opened_at + HOUR_MS
    after = Rating(at=opened.opened_at + HOUR_MS, id="after", is_satisfied=True)
    assert judged([*told, *at_once, after], after.at).state is State.QUIET


def test_the_usual_level_stays_frozen_while_a_signal_is_open() -> None:
    ratings = [*usual(), *steady(FALL, FALL + 20 * DAY_MS, HOUR_MS // 2, bad_every=2)]
    verdict = judged(ratings, FALL + 20 * DAY_MS)
    assert verdict.open is not None
    assert verdict.baseline == verdict.open.baseline
    assert verdict.baseline is not None
    assert verdict.baseline.share == pytest.approx(0.85, abs=0.003)


def test_the_sum_remembers_no_more_than_its_cap() -> None:
    verdict = judged([*usual(), *spoilt(FALL, 300)], FALL + 10 * DAY_MS)
    assert verdict.limit is not None
    assert verdict.sum == pytest.approx(verdict.limit)


# Freshness


def test_replayed_ratings_never_page_and_are_part_of_what_is_usual() -> None:
    replayed = [
        Rating(at=r.at, id=r.id, is_satisfied=r.is_satisfied, is_replayed=True) for r in [*usual(), *spoilt(FALL, 60)]
    ]
    verdict = judged(replayed, FALL + 3 * DAY_MS)
    assert verdict.open is None
    assert verdict.previous is None
    fresh = spoilt(FALL + 3 * DAY_MS, 30)
    known = judged([*replayed, *(Rating(at=r.at, id=f"n{r.id}", is_satisfied=False) for r in fresh)], FALL + 4 * DAY_MS)
    assert known.baseline is not None
    assert known.baseline.n > 1_000


def test_ratings_of_tickets_resolved_more_than_two_weeks_ago_are_no_news() -> None:
    late = [Rating(at=r.at, id=r.id, is_satisfied=False, resolved_at=r.at - 14 * DAY_MS - 1) for r in spoilt(FALL, 60)]
    assert judged([*usual(), *late], FALL + 3 * DAY_MS) == judged(usual(), FALL + 3 * DAY_MS)
    in_time = [Rating(at=r.at, id=r.id, is_satisfied=False, resolved_at=r.at - 14 * DAY_MS) for r in late]
    assert judged([*usual(), *in_time], FALL + 3 * DAY_MS).open is not None


# What may be left out


def test_what_lies_after_now_changes_nothing() -> None:
    assert judged([*usual(), *spoilt(FALL + 1, 60)], FALL) == judged(usual(), FALL)


def test_what_lies_before_the_memory_changes_nothing() -> None:
    now = FALL + DAY_MS
    ratings = [*usual(), *spoilt(FALL, 30)]
    long_ago = reads_from(now, USUAL)
    assert now - long_ago >= (90 + 28 + 2) * DAY_MS
    old = [Rating(at=long_ago - 1 - i * MINUTE, id=f"old{i}", is_satisfied=False) for i in range(500)]
    old_parent = [Tally(long_ago - HOUR_MS, n=1_000, satisfied=0)]
    assert judged([*old, *ratings], now, parent=old_parent) == judged(ratings, now)


def test_one_rating_cannot_be_two() -> None:
    two = [Rating(at=T0, id="r", is_satisfied=True), Rating(at=T0, id="r", is_satisfied=False)]
    with pytest.raises(ValueError, match="given twice"):
        judged(two, FALL)


@pytest.mark.weighty
def test_a_segment_of_a_thousand_ratings_a_day_is_recomputed_within_two_seconds() -> None:
    rng, watch = Random(1), Watch(USUAL)
    for i in range(120_000):
        watch.put(Rating(at=T0 + i * 86_400, id=f"{i:06}", is_satisfied=rng.random() < 0.85))
    begun = process_time()
    watch.verdict(T0 + 120 * DAY_MS)
    assert process_time() - begun < 2


# Teams


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("days", [1, 7, 30, 60])
def test_twelve_identical_teams_with_thirty_ratings_each_give_no_signal(seed: int, days: int) -> None:
    rng, ids = Random(seed), count()
    teams = [
        sorted(
            Rating(at=T0 + rng.randrange(days * DAY_MS), id=str(next(ids)), is_satisfied=rng.random() < 0.85)
            for _ in range(30)
        )
        for _ in range(12)
    ]
    parent = [Tally(r.at, 1, int(r.is_satisfied)) for team in teams for r in team]
    for team in teams:
        verdict = judged(team, T0 + days * DAY_MS, parent=parent)
        assert verdict.open is None
        assert verdict.previous is None


# Thresholds


def test_fewer_accepted_false_pages_and_more_segments_make_the_bound_surer() -> None:
    assert Thresholds().bound_z == Thresholds().wilson_z == 4
    for twelfth in (Thresholds(paging_segments=12), Thresholds(false_pages_per_90_days=1 / 12)):
        assert exp(-(twelfth.bound_z**2) / 2) == pytest.approx(exp(-8) / 12)
    assert Thresholds(false_pages_per_90_days=90, wilson_z=1).bound_z == 1


def test_fewer_accepted_false_pages_and_more_segments_raise_the_limit() -> None:
    assert Thresholds().limit(20) == pytest.approx(4.905, abs=1e-3)  # ln(20 * 135 / 20)
    assert Thresholds(false_pages_per_90_days=0.1).limit(20) == pytest.approx(4.905 + 2.303, abs=1e-3)
    assert Thresholds(paging_segments=12).limit(20) == pytest.approx(4.905 + 2.485, abs=1e-3)
    assert Thresholds(paging_segments=12).limit(20, 0.02) > Thresholds(paging_segments=12).limit(20) + 0.4
    assert Thresholds().limit(20, 0.02) == Thresholds().limit(20)
    assert Thresholds().limit(0.5) == 3
    assert Thresholds().limit(0) == 3


def test_the_fall_that_is_looked_for_is_15_points_or_twice_the_bad_ratings() -> None:
    assert USUAL.bad_share_of_fall(0.15) == pytest.approx(0.30)
    assert USUAL.bad_share_of_fall(0.05) == pytest.approx(0.10)
    assert USUAL.bad_share_of_fall(0.40) == pytest.approx(0.55)


def test_one_segment_may_have_thresholds_of_its_own() -> None:
    own = USUAL.overridden({"guard_points": 10, "false_pages_per_90_days": 0.5})
    assert (own.guard_points, own.false_pages_per_90_days, own.wilson_z) == (10, 0.5, USUAL.wilson_z)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"h": 5}, "`h`"),
        ({"false_pages_per_90_days": 0}, "false_pages_per_90_days"),
        ({"wilson_z": "high"}, "wilson_z"),
        ({"recovery_points": 6}, "recovery_points must lie below guard_points"),
        ({"baseline_lowest": 0.9, "baseline_highest": 0.8}, "baseline_lowest lies above"),
    ],
)
def test_thresholds_that_cannot_be_meant_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ThresholdError, match=named):
        USUAL.overridden(changes)


def test_every_threshold_says_what_it_means() -> None:
    said = descriptions()
    assert set(said) == set(Thresholds.__struct_fields__)
    assert all(len(text) > 40 for text in said.values())


@pytest.mark.weighty
def test_a_watch_forgets_month_by_month_what_a_recomputation_forgets() -> None:
    ratings = list(steady(T0, T0 + 240 * DAY_MS, DAY_MS // 5, bad_every=7))
    watch = Watch(USUAL)
    for day in range(0, 240, 9):
        now = T0 + day * DAY_MS
        for rating in ratings:
            if rating.at <= now:
                watch.put(rating)
        assert watch.verdict(now) == judged(ratings, now)


def test_what_stays_fallen_for_months_becomes_usual_and_is_given_up() -> None:
    lasting = [*usual(), *steady(FALL, FALL + 200 * DAY_MS, DAY_MS // 20, bad_every=2)]
    watch = Watch(USUAL)
    for rating in lasting:
        watch.put(rating)
    assert watch.verdict(FALL + 60 * DAY_MS).state is State.FIRING
    verdict = watch.verdict(FALL + 200 * DAY_MS)
    assert verdict == judged(lasting, FALL + 200 * DAY_MS)
    assert verdict.state is State.QUIET
    assert verdict.baseline is not None
    assert verdict.baseline.share == pytest.approx(0.5, abs=0.001)


def test_a_late_rating_in_the_segment_above_counts_as_if_it_had_come_in_time() -> None:
    ratings, hour = [*usual(per_day=3), *spoilt(FALL, 30)], FALL - 10 * DAY_MS
    watch, now = Watch(USUAL), FALL + DAY_MS
    for rating in ratings:
        watch.put(rating)
    watch.put_parent([Tally(hour, n=10, satisfied=9)])
    before = watch.verdict(now)
    watch.put_parent([Tally(hour, n=500, satisfied=250)])
    after = watch.verdict(now)
    assert after == judged(ratings, now, parent=[Tally(hour, n=500, satisfied=250)])
    assert after.open is not None
    assert before.open is not None
    assert after.open.baseline != before.open.baseline


def test_the_guard_of_the_sum_looks_at_the_last_sixty_ratings_only() -> None:
    patient = Thresholds(pending_minutes=100_000, wilson_z=8)
    fallen = [*usual(), *steady(FALL, FALL + 3 * DAY_MS, HOUR_MS // 2, bad_every=3)]
    back = [Rating(at=FALL + 3 * DAY_MS + i * HOUR_MS // 2, id=f"u{i}", is_satisfied=i % 7 != 6) for i in range(60)]
    assert judged(fallen, FALL + 3 * DAY_MS, patient).found_by is FoundBy.CUSUM
    verdict = judged([*fallen, *back], FALL + 6 * DAY_MS, patient)
    assert verdict.limit is not None
    assert verdict.sum >= verdict.limit
    assert verdict.run.n > 60
    assert verdict.found_by is None
