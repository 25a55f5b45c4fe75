"""The engine behind the alert rules goes away and comes back: one page says so, and no other speaks without data."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from dashboards.alert.away import tables_of
from dashboards.alert.rules import AWAY, GROUPS, OF_PIPELINE, QUALITY
from dashboards.style import Json
from schemas.rows import SignalRow
from streams.core.drop import Response
from streams.core.signal import statement
from streams.core.signal.segment import Segment, SegmentKind
from streams.core.window import HOUR_MS
from tests.dashboards.alerting import RULES, condition
from tests.dashboards.states import INTERVAL, Evaluated, Labels, Notice, Said, State
from tests.integration.conftest import Servers
from tests.integration.desk import Desk, ms

ONE: Final[Labels] = (("team", "delivery"),)
OTHERS: Final = [uid for uid in RULES if uid != AWAY.uid]
BEFORE_10_4: Final[Mapping[str, Json]] = {
    rule.uid: rule.to_api(name, "f", keeps=False) for name, rules in GROUPS.items() for rule in rules
}
minutes = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=30)
"""Whether the condition of a rule holds at each minute; None where its data source is away."""


def told(rule: Json, timeline: list[bool | None], *, is_new: bool = True) -> list[list[Notice]]:
    evaluated = Evaluated(rule, is_new)
    return [
        evaluated.look(minute * INTERVAL, None if holds is None else {ONE: holds})
        for minute, holds in enumerate(timeline)
    ]


def seen_last(timeline: list[bool | None], minute: int) -> bool | None:
    return next((holds for holds in reversed(timeline[: minute + 1]) if holds is not None), None)


@pytest.mark.parametrize("uid", OTHERS)
@given(minutes)
@example([None] * 30)
@example([True, *[None] * 20, True, False])
def test_no_rule_but_one_speaks_of_an_engine_that_is_away(uid: str, timeline: list[bool | None]) -> None:
    for minute, notices in enumerate(told(RULES[uid], timeline)):
        for notice in notices:
            assert notice.state is State.ALERTING, "an error is no alert of this rule"
            assert (notice.said, seen_last(timeline, minute)) in {(Said.FIRES, True), (Said.RESOLVED, False)}
            if notice.said is Said.RESOLVED:
                assert timeline[minute] is False, "only data resolves"


@pytest.mark.parametrize("uid", [uid for uid in OTHERS if RULES[uid]["for"] == "0s"])
@given(minutes)
def test_a_rule_that_does_not_wait_tells_what_it_would_tell_without_the_gaps(
    uid: str, timeline: list[bool | None]
) -> None:
    with_gaps = [notice for notices in told(RULES[uid], timeline) for notice in notices]
    without = told(RULES[uid], [holds for holds in timeline if holds is not None])
    assert with_gaps == [notice for notices in without for notice in notices]


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_the_one_rule_pages_after_five_minutes_and_is_resolved_by_the_first_answer(is_away: list[bool]) -> None:
    evaluated, away_for, fires = Evaluated(RULES[AWAY.uid]), -1, False
    for minute, away in enumerate(is_away):
        notices = evaluated.look(minute * INTERVAL, None if away else {(): False})
        away_for = away_for + 1 if away else -1
        expected = [Notice((), Said.FIRES, State.ALERTING)] if away_for == 5 else []
        expected += [Notice((), Said.RESOLVED, State.ALERTING)] if fires and not away else []
        assert notices == expected
        fires = away_for >= 5


@pytest.mark.parametrize("uid", OTHERS)
@given(minutes)
def test_an_older_grafana_pages_nobody_for_an_error_either(uid: str, timeline: list[bool | None]) -> None:
    rule = BEFORE_10_4[uid]
    assert (rule["noDataState"], rule["execErrState"]) == ("OK", "OK")
    for minute, notices in enumerate(told(rule, timeline, is_new=False)):
        for notice in notices:
            assert notice.said is not Said.FIRES or timeline[minute], "what fires was seen"
            assert notice.said is not Said.RESOLVED or timeline[minute] is False, "what is gone is not called resolved"


def test_an_older_grafana_pages_once_that_the_engine_is_away() -> None:
    rule = BEFORE_10_4[AWAY.uid]
    evaluated = Evaluated(rule, is_new=False)
    said = [notice for minute in range(30) for notice in evaluated.look(minute * INTERVAL, None)]
    assert said == [Notice((), Said.FIRES, State.ALERTING)]


def test_the_one_rule_asks_every_table_that_the_others_read() -> None:
    assert tables_of([AWAY]) == tables_of([*QUALITY, *OF_PIPELINE]) >= {"event_times", "signals", "ticket_days"}


# On the real engine ---------------------------------------------------------------------------------------------------

START: Final = ms(datetime(2026, 4, 2, 12, tzinfo=UTC))
TEAM: Final = Segment(SegmentKind.TEAM, "delivery")


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    yield made
    made.remove()


class Grafana:
    """Some rules, evaluated once a minute over a desk whose engine may be away: what pages, and what the test fires."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.minute = 0
        paging = [uid for uid, rule in RULES.items() if rule["labels"]["severity"] == "page"]
        self.evaluated = {uid: Evaluated(RULES[uid]) for uid in ("survey-broken", *paging)}

    @property
    def now(self) -> int:
        return START + self.minute * 60_000

    def watch(self, minutes: int, *, is_away: bool = False) -> list[tuple[str, Said]]:
        """Return which rules said what in so many minutes."""
        said = []
        for _ in range(minutes):
            for uid, rule in self.evaluated.items():
                firing = None if is_away else condition(self.desk.client, uid, self.now)
                said += [(uid, notice.said) for notice in rule.look(self.minute * INTERVAL, firing)]
            self.minute += 1
        return said

    def state(self, row: SignalRow) -> None:
        self.desk.watched.state([replace(row, version=self.now)])


@pytest.mark.integration
def test_before_during_and_after_a_real_one_each_is_told_once(desk: Desk) -> None:
    grafana = Grafana(desk)
    page, over = [(AWAY.uid, Said.FIRES)], [(AWAY.uid, Said.RESOLVED)]
    assert grafana.watch(2) == []
    assert grafana.watch(10, is_away=True) == page, "before"
    assert grafana.watch(2) == over
    opened = statement.survey_broken(
        TEAM, START - HOUR_MS, START - 30 * HOUR_MS, Response(100, 1), Response(3_000, 900)
    )
    grafana.state(opened)
    assert grafana.watch(2) == [("survey-broken", Said.FIRES)]
    assert grafana.watch(10, is_away=True) == page, "during: what fires goes on"
    assert grafana.watch(2) == over, "and is still there"
    assert grafana.watch(4, is_away=True) == [], "not worth a page"
    assert grafana.watch(2) == []
    assert grafana.watch(6, is_away=True) == page
    grafana.state(statement.resolved(opened, grafana.now))
    assert grafana.watch(2) == [("survey-broken", Said.RESOLVED), *over], "resolved by data"
    assert grafana.watch(10, is_away=True) == page, "after"
    assert grafana.watch(2) == over
