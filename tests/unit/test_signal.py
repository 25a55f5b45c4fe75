"""Signals beside what they are made from: slices, identities, what is stated of a fall, thresholds of a segment."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dashboards.render import DASHBOARDS
from schemas.rows import SignalRow
from streams.core.drop import Clearing, Episode, FoundBy, Rating, Response, ThresholdError, Thresholds, verdict_of
from streams.core.drop.baseline import Baseline
from streams.core.signal import sentence, statement
from streams.core.signal.segment import DESK, RatedTicket, Segment, SegmentKind, ThresholdBook, book_of, signal_id
from streams.core.signal.slices import BadRating, Counted, contributions, explained_by, leading, to_read
from streams.core.signal.watched import Segments
from streams.core.window import DAY_MS, HOUR_MS
from streams.settings import SettingsError, load_settings

NOW = 1_775_000_000_000
TEAM = Segment(SegmentKind.TEAM, "delivery")
BASELINE = Baseline(0.85, 100, 85, 0.85, 10.0, NOW - 30 * DAY_MS, NOW - 2 * DAY_MS)


@pytest.mark.parametrize(
    ("in_a_row", "said"),
    [
        (1, "one more satisfied rating would do."),
        (17, "17 satisfied ratings in a row would do."),
    ],
)
def test_what_would_clear_a_fall_is_told_for_one_rating_and_for_many(in_a_row: int, said: str) -> None:
    clearing = Clearing(not_before=NOW, value_needed=0.79, value=0.75, n=20, sum_left=0.5, satisfied_in_a_row=in_a_row)
    assert sentence.clearing(clearing, Thresholds()).endswith(f"outweighed: {said}")


counts = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (max(pair), min(pair)))


def fall(opened_at: int, closed_at: int | None = None) -> Episode:
    return Episode(
        opened_at=opened_at,
        closed_at=closed_at,
        found_by=FoundBy.CUSUM,
        since_at=opened_at - HOUR_MS,
        baseline=BASELINE,
    )


def stated(episode: Episode, now: int = NOW, **changes: Any) -> SignalRow:
    verdict = verdict_of([], [], Thresholds(), now)
    first = statement.opening(TEAM, episode, verdict, statement.Where(), Thresholds(), note="")
    return replace(statement.standing(first, episode, verdict, None, Thresholds(), note=""), **changes)


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=8))
def test_all_slices_together_make_up_the_fall(given_counts: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    slices = [Counted((str(i),), *now, *usual) for i, (now, usual) in enumerate(given_counts)]
    n, usual_n = sum(one.n for one in slices), sum(one.usual_n for one in slices)
    if not n or not usual_n:
        return
    satisfied = 1 - sum(one.bad for one in slices) / n
    usual = 1 - sum(one.usual_bad for one in slices) / usual_n
    assert sum(one.points for one in contributions(slices)) == pytest.approx(100 * (usual - satisfied))


def test_the_slices_told_are_those_that_add_most_and_none_that_takes_away() -> None:
    slices = [Counted(("a",), 10, 9, 100, 10), Counted(("b",), 10, 1, 100, 40), Counted(("c",), 10, 3, 100, 5)]
    assert [one.key for one in leading(slices)] == [("a",), ("c",)]


def test_tickets_to_read_are_of_the_leading_slices_first_and_each_is_named_once() -> None:
    bad = [
        BadRating("t1", ("b",), 0),
        BadRating("t2", ("a",), 0),
        BadRating("t2", ("a",), 0),
        BadRating("t3", ("a",), 0),
    ]
    first = leading([Counted(("a",), 10, 9, 100, 10), Counted(("b",), 10, 1, 100, 40)])
    assert to_read(bad, first) == ["t2", "t3", "t1"]
    assert len(to_read([BadRating(str(i), ("a",), 0) for i in range(9)], first)) == 5


def test_a_fall_of_the_desk_is_explained_by_the_teams_that_make_it_up() -> None:
    parts = [Counted(("fell",), 50, 25, 500, 50), Counted(("same",), 50, 5, 500, 50)]
    assert explained_by(parts, ["fell"]) == pytest.approx(1)
    assert explained_by(parts, ["same"]) == pytest.approx(0)
    assert explained_by([Counted(("same",), 50, 5, 500, 50)], ["same"]) == 0


def test_a_fall_whose_begin_moves_stays_the_same_signal() -> None:
    known = stated(fall(NOW - DAY_MS))
    (same,), gone = statement.matched([fall(NOW - DAY_MS + 60_000)], [known], TEAM, NOW)
    assert (same, gone) == (known, [])


def test_a_later_fall_is_another_signal_and_an_unknown_one_is_withdrawn() -> None:
    over = stated(fall(NOW - 5 * DAY_MS, NOW - 4 * DAY_MS))
    found, gone = statement.matched([fall(NOW - 5 * DAY_MS, NOW - 4 * DAY_MS), fall(NOW - DAY_MS)], [over], TEAM, NOW)
    assert (found, gone) == ([over, None], [])
    found, gone = statement.matched([], [over], TEAM, NOW)
    assert gone == [over]
    assert statement.withdrawn(over, NOW).state == "withdrawn"


def test_what_was_told_long_ago_stays_told() -> None:
    old = stated(fall(NOW - 80 * DAY_MS, NOW - 79 * DAY_MS))
    assert statement.matched([], [old], TEAM, NOW) == ([], [])


def test_signals_of_others_are_left_alone() -> None:
    other = stated(fall(NOW - DAY_MS), segment="billing")
    broken = statement.survey_broken(TEAM, NOW - DAY_MS, NOW - DAY_MS, Response(10, 0), Response(100, 30))
    assert statement.matched([], [other, broken], TEAM, NOW) == ([], [])


def test_only_what_differs_is_stated_with_a_version_above_all_before() -> None:
    row = stated(fall(NOW - DAY_MS))
    (first,) = statement.news([row], {}, NOW)
    assert first.version == NOW
    assert list(statement.news([row], {first.signal_id: first}, NOW + 1)) == []
    (second,) = statement.news([replace(row, n=5)], {first.signal_id: first}, NOW - 7)
    assert second.version == NOW + 1, "also when the clock went back"


def test_the_id_follows_from_what_is_found_and_when_it_began() -> None:
    ids = {
        signal_id("satisfaction_fell", TEAM, NOW),
        signal_id("satisfaction_fell", TEAM, NOW + 1),
        signal_id("survey_broken", TEAM, NOW),
        signal_id("satisfaction_fell", DESK, NOW),
    }
    assert len(ids) == 4
    assert signal_id("satisfaction_fell", TEAM, NOW) in ids


def test_links_lead_to_pages_that_are_there() -> None:
    pages = {page.uid for page in DASHBOARDS}
    for segment in (TEAM, DESK, Segment(SegmentKind.SOURCE, "urn:x")):
        assert sentence.link(segment, NOW, None).split("/")[2] in pages
    assert "var-team=a%20%26%20b" in sentence.link(Segment(SegmentKind.TEAM, "a & b"), NOW, NOW)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans(), st.integers(0, 2)), max_size=30), st.data())
def test_segments_told_in_any_order_know_what_those_told_once_know(
    told: list[tuple[int, bool, bool, int]], data: st.DataObject
) -> None:
    """Tickets change teams and ratings, lose them, and come again: only how they stand in the end counts."""
    tickets = [
        RatedTicket(
            f"t{ticket}", f"team-{team}",
            (Rating(NOW - ticket * HOUR_MS - team, f"t{ticket}/r", is_satisfied, None, is_replayed),) if team else (),
        )
        for ticket, is_satisfied, is_replayed, team in told
    ]  # fmt: skip
    one, other = Segments(ThresholdBook()), Segments(ThresholdBook())
    for ticket in tickets:
        one.put([ticket])
        if data.draw(st.booleans()):
            one.put([ticket])
    other.put({ticket.ticket_id: ticket for ticket in tickets}.values())
    one.above()
    other.above()
    for segment in other:
        assert one.verdict(segment, NOW) == other.verdict(segment, NOW)
        assert one.findings(segment, NOW) == other.findings(segment, NOW)


def test_stale_ratings_count_nowhere_also_not_in_the_level_above() -> None:
    def rated(team: str, number: int, *, is_satisfied: bool, solved_days_before: int | None = None) -> RatedTicket:
        at, id = NOW - 10 * DAY_MS - number * HOUR_MS, f"{team}-{number}"
        solved_at = None if solved_days_before is None else at - solved_days_before * DAY_MS
        return RatedTicket(id, team, (Rating(at, f"{id}/r", is_satisfied, solved_at),))

    good = [rated("good", number, is_satisfied=number % 10 != 0) for number in range(400)]
    stale = [rated("stale", number, is_satisfied=False, solved_days_before=15) for number in range(400)]
    judged = Segments(ThresholdBook())
    judged.put([*good, *stale, rated("good", 0, is_satisfied=True)])
    judged.put(stale[:10])
    judged.put(RatedTicket(one.ticket_id, one.team, ()) for one in stale[:20])
    judged.above()
    live = Rating(NOW - HOUR_MS, "live/r", True)
    judged.put([RatedTicket("live", "good", (live,))])
    baseline = judged.verdict(Segment(SegmentKind.TEAM, "good"), NOW).baseline
    assert baseline is not None
    assert (baseline.n, baseline.parent_share) == (400, 361 / 400)


def test_thresholds_of_one_segment_stand_beside_those_of_all() -> None:
    book = book_of({"wilson_z": 4.5, "team": {"billing": {"guard_points": 8}}, "desk": {"least_ratings": 40}})
    assert book.of(TEAM) == Thresholds(wilson_z=4.5)
    assert book.of(Segment(SegmentKind.TEAM, "billing")) == Thresholds(wilson_z=4.5, guard_points=8)
    assert book.of(DESK) == Thresholds(wilson_z=4.5, least_ratings=40)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"wilson_zz": 4}, "wilson_zz"),
        ({"team": {"billing": {"guard_points": 99}}}, "team billing"),
        ({"team": {"billing": 3}}, "must be a table"),
        ({"team": 3}, "must be tables"),
    ],
)
def test_a_threshold_that_cannot_be_meant_is_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ThresholdError, match=words):
        book_of(table)


def test_thresholds_come_from_the_file_and_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("servicepulse.toml").write_text('[alert]\nwilson_z = 4.5\n[alert.team."it\'s"]\nguard_points = 8\n')
    assert load_settings().thresholds.of(Segment(SegmentKind.TEAM, "it's")) == Thresholds(wilson_z=4.5, guard_points=8)
    monkeypatch.setenv("SERVICEPULSE_ALERT", '{"wilson_z": 5}')
    assert load_settings().thresholds.usual.wilson_z == 5
    monkeypatch.setenv("SERVICEPULSE_ALERT", '{"wilson_x": 5}')
    with pytest.raises(SettingsError, match="wilson_x"):
        load_settings()


def test_ratings_of_one_ticket_belong_to_the_teams_that_were_in_charge_of_them() -> None:
    judged = Segments(ThresholdBook())
    first, second = (Rating(at, f"T/{at}", at > 1) for at in (1, 2))
    teams = [Segment(SegmentKind.TEAM, name) for name in ("beds", "sofas")]
    assert judged.put([RatedTicket("T", "", (first, second), ("beds", "sofas"))]) == {DESK, *teams}
    assert list(judged) == [*teams, DESK]
    assert judged.put([RatedTicket("T", "", (first, second), ("beds", "beds"))]) == {DESK, *teams}
    assert judged.is_left_out(Segment(SegmentKind.TEAM, "none")) is False
    assert judged.put([RatedTicket("T", "beds", (first, second))]) == {DESK, teams[0]}
    assert RatedTicket("T", "beds", (first, second)).by_team() == {"beds": (first, second)}
    assert RatedTicket("T", "beds", ()).by_team() == {}
