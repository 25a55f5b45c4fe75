"""A backtest pages what the watch would have, and tells how late falls would be told."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cli import backtest_shown
from streams.cli.backtest_record import record_of
from streams.core.backtest.budget import Outcome, budgets, by_chance, outcomes
from streams.core.backtest.fall import POINTS
from streams.core.backtest.past import Past
from streams.core.drop import Rating, Thresholds
from streams.core.signal.segment import DESK, RatedTicket, Segment, SegmentKind, ThresholdBook
from streams.core.signal.watched import Segments
from streams.core.window import DAY_MS

pytestmark = pytest.mark.weighty

NOW = 20_000 * DAY_MS
DAYS = 77
FELL_AT, BACK_AT = NOW - 20 * DAY_MS, NOW - 13 * DAY_MS
A, B = Segment(SegmentKind.TEAM, "a"), Segment(SegmentKind.TEAM, "b")
BOOK = ThresholdBook(Thresholds(paging_segments=3))


def desk(seed: int, per_day: int = 20) -> list[RatedTicket]:
    """Two teams of equal size; one of them has a bad week."""
    rng = Random(seed)
    tickets = []
    for i in range(2 * per_day * DAYS):
        at, team = NOW - rng.randrange(DAYS * DAY_MS), rng.choice("ab")
        share = 0.5 if team == "a" and FELL_AT <= at < BACK_AT else 0.88
        rating = Rating(at, f"{i}", rng.random() < share, is_replayed=rng.random() < 0.5)
        tickets.append(RatedTicket(f"t{i}", team, (rating,)))
    return tickets


@pytest.fixture(scope="module")
def past() -> Past:
    return Past(desk(2), BOOK, NOW)


@pytest.fixture(scope="module")
def chosen(past: Past) -> list[Outcome]:
    return list(outcomes(past, past.segments, BOOK, None, NOW - DAYS * DAY_MS, trials=8))


@given(st.integers(0, 10_000), st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=8)
def test_it_pages_what_the_watch_tells_of_news(seed: int, budget: float) -> None:
    book = ThresholdBook(Thresholds(false_pages_per_90_days=budget))
    tickets = desk(seed, per_day=6)
    watched = Segments(book)
    watched.put(RatedTicket(one.ticket_id, one.team, (_news(one.ratings[0]),)) for one in tickets)
    watched.above()
    past = Past(tickets, ThresholdBook(), NOW)
    for one in outcomes(past, past.segments, ThresholdBook(), budget, 0, trials=0):
        found = [finding.episode for finding in watched.findings(one.segment, NOW)]
        assert [told.page.episode for told in one.told] == found
        for told in one.told:
            assert told.page.window == watched.verdict(one.segment, told.page.episode.opened_at).window


def _news(rating: Rating) -> Rating:
    return Rating(rating.at, rating.id, rating.is_satisfied)


def test_the_bad_week_is_paged_once_and_the_desk_leaves_it_to_the_team(chosen: list[Outcome]) -> None:
    pages = {one.segment: [told for told in one.told if not told.note] for one in chosen}
    (page,) = pages[A]
    assert FELL_AT < page.page.episode.opened_at < BACK_AT
    assert pages[B] == pages[DESK] == []
    assert all("a" in told.note for one in chosen for told in one.told if one.segment == DESK)


def test_only_pages_of_the_weeks_are_told(past: Past) -> None:
    (team, *_) = outcomes(past, [A], BOOK, None, BACK_AT, trials=0)
    assert team.told == []


def test_deeper_falls_are_told_sooner_and_missed_less_often(chosen: list[Outcome]) -> None:
    for one in chosen:
        by_points = {delay.points: delay for delay in one.delays}
        assert set(by_points) == set(POINTS)
        deep, shallow = by_points[15], by_points[5]
        assert deep.median_hours is not None
        assert 0 < deep.median_hours < 30 * 24
        assert deep.missed < shallow.missed
        assert shallow.median_hours is None or shallow.median_hours > deep.median_hours


def test_larger_budgets_tell_a_fall_sooner(past: Past, chosen: list[Outcome]) -> None:
    rare = list(outcomes(past, past.segments, BOOK, 0.05, NOW, trials=8))
    for few, usual in zip(rare, chosen, strict=True):
        assert (few.delays[0].median_hours or 1e9) > (usual.delays[0].median_hours or 1e9)


def test_the_same_ratings_give_the_same_backtest(chosen: list[Outcome]) -> None:
    tickets = desk(2)
    Random(3).shuffle(tickets)
    again = Past(tickets, BOOK, NOW)
    assert list(outcomes(again, again.segments, BOOK, None, NOW - DAYS * DAY_MS, trials=8)) == chosen


def test_an_open_signal_is_told_and_delays_are_those_of_the_next_one() -> None:
    past = Past([one for one in desk(2) if one.ratings[0].at < BACK_AT], BOOK, BACK_AT)
    (one,) = outcomes(past, [A], BOOK, None, 0, trials=4)
    assert one.told[-1].page.episode.closed_at is None
    assert one.usual is not None
    assert one.usual > 0.8
    assert one.delays[0].trials > 0


def test_of_a_new_team_nothing_is_said() -> None:
    young = [one for one in desk(2) if one.team == "b" or one.ratings[0].at > NOW - 3 * DAY_MS]
    past = Past(young, BOOK, NOW)
    (one,) = outcomes(past, [A], BOOK, None, 0, trials=4)
    assert (one.ratings_per_day, one.usual, one.mood_points, list(one.told), one.delays) == (None, None, None, [], [])


def test_the_budget_that_is_set_is_looked_at_once() -> None:
    assert budgets(ThresholdBook(), None) == [None, 0.25, 0.5, 2.0, 4.0]
    assert budgets(ThresholdBook(), 0.5) == [0.5, 0.25, 1.0, 2.0, 4.0]
    assert budgets(ThresholdBook(), 0.3) == [0.3, 0.25, 0.5, 1.0, 2.0, 4.0]


def test_what_is_accepted_is_shared(chosen: list[Outcome]) -> None:
    assert by_chance(chosen, weeks=11) == pytest.approx(77 / 90)


def test_people_are_told_what_was_paged_why_and_how_to_choose(
    past: Past, chosen: list[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    other = list(outcomes(past, past.segments, BOOK, 4.0, NOW - DAYS * DAY_MS, trials=2))
    nowhere = [[() for _ in one.told] for one in chosen]
    backtest_shown.show([*chosen, *other], nowhere, NOW, 11, n=len(past), teams=2, is_set=True)
    text = capsys.readouterr().out
    assert "1 (set)" in text
    assert "team a" in text
    assert "pages nobody: signals of its teams tell this already: a" in text
    assert "15 points" in text
    assert "false_pages_per_90_days = 1 " in text


def test_programs_get_every_budget_and_segment(chosen: list[Outcome]) -> None:
    nowhere = [[() for _ in one.told] for one in chosen]
    records = record_of(chosen, nowhere, NOW, 11)
    assert [(one["segment_kind"], one["segment"]) for one in records] == [
        ("team", "a"),
        ("team", "b"),
        ("desk", DESK.name),
    ]
    assert [one["is_chosen"] for one in records] == [True] * 3
    assert records[0]["pages"][0]["found_by"] in {"cusum", "wilson", "both"}
    assert [fall["points"] for fall in records[0]["falls"]] == list(POINTS)
