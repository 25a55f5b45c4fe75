"""What is sent to see how a worker grows, and what is said of made-up measurements."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from schemas.codec import decode
from schemas.events import TicketMerged
from streams.core.ticket.batch import read
from tests.bench.backlog import ticket_events
from tests.bench.steps import NOW_MS, Taken
from tests.growth import load
from tests.growth.curves import CURVES
from tests.growth.shown import document, medians, plot, table
from tests.race.scores import Outcome


def subjects(events: list[bytes]) -> Counter[str | None]:
    return Counter(decode(event, now_ms=NOW_MS).subject for event in events)


def test_each_ticket_has_as_many_events_as_asked_for_and_they_come_mixed() -> None:
    events = list(load.talk(load.in_turn(7, 20)))
    found = subjects(events)
    assert len(found) == 7
    assert set(found.values()) == {20}
    first = [decode(event, now_ms=NOW_MS).subject for event in events[:20]]
    assert len(set(first)) > 1


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_one_ticket_has_its_share_of_all_events(share: float) -> None:
    [(_, most), *_] = subjects(list(load.talk(load.one_hot(8_000, share)))).most_common(1)
    assert most / 8_000 == pytest.approx(share, abs=0.02)


def test_so_many_teams_are_named_as_asked_for() -> None:
    said = [msgspec.json.decode(event)["data"]["team"] for event in load.talk(range(100), teams=40)]
    assert len(set(said)) == 40


@pytest.mark.parametrize("name", [load.by_time, load.at_random])
def test_under_other_ids_the_desk_is_the_same_and_every_ticket_another(name: Callable[[str, int], str]) -> None:
    before = ticket_events(300)
    events = load.renamed(before, lambda id: name(id, 1))
    again = load.renamed(before, lambda id: name(id, 2))
    groups = [subjects(some) for some in (before, events, again)]
    assert [sorted(group.values()) for group in groups] == [sorted(groups[0].values())] * 3
    assert not groups[0].keys() & groups[1].keys()
    assert not groups[1].keys() & groups[2].keys()
    reading = read([Taken(event, offset) for offset, event in enumerate(events)], NOW_MS)
    assert not reading.dead
    decoded = [decode(event, now_ms=NOW_MS).content for event in events]
    merged = {said.into_ticket_id for said in decoded if isinstance(said, TicketMerged)}
    assert merged
    assert merged <= groups[1].keys()


def test_ids_by_time_come_after_all_that_are_drawn() -> None:
    assert load.by_time("1-T000001", 0) > load.at_random("1-T000001", 0)


def test_what_is_unreadable_is_one_dead_letter_each() -> None:
    records = [Taken(value, offset) for offset, value in enumerate(load.unreadable(30))]
    reading = read(records, NOW_MS)
    assert len({letter.id for letter in reading.dead}) == 30
    assert not reading.of_tickets


def test_points_of_a_curve_are_told_apart_by_their_labels() -> None:
    for curve in CURVES:
        labels = [point.label for point in curve.points]
        assert len(set(labels)) == len(labels) > 1


def _outcome(seconds: float) -> Outcome:
    return Outcome(1_000, seconds, 0.5, 100 * 2**20, 0)


_FOUND = {"hot": {"0%": [_outcome(1), _outcome(3), _outcome(2)], "25%": [_outcome(4)]}}


def test_the_median_of_the_rounds_counts_and_is_held_against_the_first_point() -> None:
    measured = medians(_FOUND)["hot"]
    assert measured["0%"]["per_second"] == 500
    assert measured["25%"]["of_the_first"] == 0.5
    assert measured["25%"]["processor_us"] == 500
    assert table(_FOUND).row_count == 2
    assert len(document(_FOUND, {"size": 1})["rounds"]["hot"]["0%"]) == 3


def test_a_plot_is_drawn_of_each_curve(tmp_path: Path) -> None:
    plot(medians(_FOUND), tmp_path / "growth.svg")
    drawn = (tmp_path / "growth.svg").read_text()
    ElementTree.fromstring(drawn)
    assert "Share of one ticket in all events" in drawn
    assert "25%" in drawn
