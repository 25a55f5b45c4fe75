# ruff: noqa: ARG002 - a store in memory needs not all that it is asked
"""When the watch judges: at once, while history is replayed, and never without saying that it does not."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest
from msgspec import Struct, field
from structlog.testing import capture_logs

from schemas.policy import Policy
from schemas.rows import LookRow, SignalRow
from streams.agents.judgement import Look
from streams.agents.watch import WatchAgent
from streams.core.drop import Cause, Rating, Response, Rhythm, Silence, Tally
from streams.core.fault.usual import Counts
from streams.core.policy.published import BUILT_IN
from streams.core.signal.segment import Called, RatedTicket, Segment, SegmentKind, ThresholdBook
from streams.core.signal.slices import BadRating, Counted
from streams.core.signal.watched import Segments
from streams.core.ticket.delay import Delay
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.meters import Meters
from streams.ports import Answers, Heard, Outgoing, Ratings
from tests.unit.test_delay import OLD_MS, reading

NOW: Final = 1_775_000_000_000


class MemoryWatch(Struct):
    """A store whose tickets are told once each, as they come."""

    coming: list[RatedTicket] = field(default_factory=list)
    is_settled: bool = True
    stated: list[SignalRow] = field(default_factory=list)
    looks: list[LookRow] = field(default_factory=list)
    heard: dict[str, Heard] = field(default_factory=dict)
    marks: list[int | None] = field(default_factory=list)
    counted: dict[Cause, dict[str, list[Tally]]] = field(default_factory=dict)

    def ratings(self, since: int, mark: int | None) -> Ratings:
        self.marks.append(mark)
        told, self.coming = self.coming, []
        return Ratings(told, 1_000_000_000, self.is_settled)

    def signals(self) -> list[SignalRow]:
        return list({row.signal_id: row for row in self.stated}.values())

    def state(self, signals: Sequence[SignalRow]) -> None:
        self.stated.extend(signals)

    def looked(self, look: LookRow) -> None:
        self.looks.append(look)

    def usual_contacts(self, kind: SegmentKind, since: int, until: int) -> Counts:
        return Counts({}, [0] * 168, 0, 0.0)

    def contacts(self, since: int) -> list[Called]:
        return []

    def reasons(self, since: int, until: int) -> dict[str, dict[int, int]]:
        return {}

    def policy(self, now: int) -> Policy:
        return BUILT_IN

    def hourly(self, cause: Cause, since: int, until: int) -> dict[str, list[Tally]]:
        return {
            team: [tally for tally in tallies if since <= tally.at < until]
            for team, tallies in self.counted.get(cause, {}).items()
        }

    def slices(
        self, segment: Segment, fall: Window, usual: Window, cause: Cause = Cause.SATISFACTION_FELL
    ) -> list[Counted]:
        return []

    def teams(self, fall: Window, usual: Window) -> list[Counted]:
        return []

    def bad_ratings(self, segment: Segment, fall: Window, cause: Cause = Cause.SATISFACTION_FELL) -> list[BadRating]:
        return []

    def responses(self, recent: Window, usual: Window) -> dict[str, Answers]:
        return {"delivery": Answers(Response(0, 0), Response(0, 0), 0)}

    def newest_events(self, since: int) -> dict[str, Heard]:
        return self.heard

    def silence(self, source: str, newest_at: int, now: int) -> Silence:
        return Silence(newest_at, 10_000, 4)

    def rhythm(self, source: str, newest_at: int, now: int) -> Rhythm:
        return Rhythm((), 0)


class Clock(Struct):
    now: int = NOW

    def now_ms(self) -> int:
        return self.now


class Sent(Struct):
    records: list[Outgoing] = field(default_factory=list)

    def partitions_of(self, topic: str) -> int | None:
        return 1

    async def publish(self, records: Iterable[Outgoing]) -> None:
        self.records.extend(records)


def rated(
    n: int, at: int, *, is_satisfied: bool = True, is_replayed: bool = False, team: str = "delivery"
) -> RatedTicket:
    return RatedTicket(f"{team}-{n}", team, (Rating(at, f"{team}-{n}/r", is_satisfied, None, is_replayed),))


def usual_weeks(team: str = "delivery") -> list[RatedTicket]:
    """Return a month of a team with nine of ten satisfied, which ends an hour ago."""
    return [rated(n, NOW - n * HOUR_MS, is_satisfied=n % 10 != 0, team=team) for n in range(1, 30 * 24)]


def a_fall(team: str = "delivery") -> list[RatedTicket]:
    return [rated(10_000 + n, NOW - 1_800_000 + n * 20_000, is_satisfied=False, team=team) for n in range(40)]


class Watched:
    """An agent with everything around it, looked with step by step."""

    def __init__(self, **known: Any) -> None:
        self.store = MemoryWatch(**known)
        self.clock, self.delay, self.meters = Clock(), Delay(), Meters()
        self.agent = WatchAgent(
            self.store, Sent(), self.clock, self.meters, ThresholdBook(),
            topic="signals", every_seconds=5, most_teams=3, delay=self.delay, is_owner=lambda: True,
        )  # fmt: skip

    def look(self, seconds: int) -> None:
        self.clock.now = NOW + seconds * 1000
        asyncio.run(self.agent._look_once())

    def meter(self, name: str) -> float:
        return self.meters.registry.get_sample_value(name) or 0.0


def open_falls(store: MemoryWatch) -> set[str]:
    return {row.segment for row in store.signals() if row.kind == "satisfaction_fell" and row.state == "open"}


@pytest.mark.weighty
def test_a_live_fall_is_told_while_history_with_replay_flows_in() -> None:
    watched = Watched(coming=usual_weeks(), is_settled=False)
    watched.look(0)
    watched.look(20)
    for second in range(30, 2_400, 30):
        past = range(second * 10, second * 10 + 20)
        watched.store.coming = [
            rated(20_000 + n, NOW - 40 * DAY_MS + n * 60_000, is_satisfied=n % 2 == 0, is_replayed=True) for n in past
        ]
        watched.store.coming.append(rated(10_000 + second, NOW + second * 1000, is_satisfied=False))
        watched.look(second)
        assert watched.meter("servicepulse_watch_last_look_timestamp_seconds") == NOW / 1000 + second
        if second < 300:
            assert not [row for row in watched.store.stated if row.note], "half of a history shows no falls"
    assert "delivery" in open_falls(watched.store)


def test_history_without_replay_holds_judgement_up_for_some_minutes_and_the_log_says_so() -> None:
    watched = Watched(coming=usual_weeks(), is_settled=False)
    held: list[int] = []
    with capture_logs() as lines:
        for second in range(0, 400, 5):
            watched.store.coming += [rated(20_000 + second, NOW - 50 * DAY_MS + second * 60_000)]
            watched.look(second)
            if watched.meter("servicepulse_watch_last_look_timestamp_seconds") == 0:
                held.append(second)
    assert max(held) == 300
    said = [line for line in lines if "does not judge" in line["event"]]
    assert 5 <= len(said) <= 6
    assert "ratings of long ago" in said[0]["event"]


def test_a_worker_that_folds_what_is_old_holds_judgement_up_and_calls_nobody_silent() -> None:
    watched = Watched(coming=[*usual_weeks(), *a_fall()], heard={"urn:shop": Heard(NOW - 20 * HOUR_MS, True)})
    with capture_logs() as lines:
        for second in range(0, 400, 20):
            watched.delay.folded(reading(OLD_MS, now=watched.clock.now), watched.clock.now)
            watched.look(second)
            assert bool(open_falls(watched.store)) == (second > 300)
    assert next(line["folded_seconds_late"] for line in lines if "folded late" in line["event"]) > 7000
    assert not [row for row in watched.store.stated if row.kind == "source_silent"]
    watched.delay.folded(reading(0, now=NOW + 401_000), NOW + 401_000)
    watched.look(401)
    assert [row.segment for row in watched.store.stated if row.kind == "source_silent"] == ["urn:shop"]


def test_a_desk_with_many_records_under_way_is_judged_as_long_as_they_are_fresh() -> None:
    watched = Watched(coming=[*usual_weeks(), *a_fall()])
    watched.delay.folded(reading(*[2_000] * 5_000, now=NOW), NOW)
    watched.look(0)
    assert "delivery" in open_falls(watched.store)


def test_each_judgement_is_on_the_meter_and_one_a_minute_in_the_store() -> None:
    watched = Watched()
    for second in range(0, 180, 5):
        watched.look(second)
    assert [(row.watch, row.looked_at) for row in watched.store.looks] == [
        ("signals", NOW + minute * 60_000) for minute in range(3)
    ]
    assert watched.meter("servicepulse_watch_last_look_timestamp_seconds") == NOW / 1000 + 175


def test_rows_of_an_insert_that_took_long_are_read_again_once_a_minute() -> None:
    watched = Watched()
    for second in range(0, 180, 5):
        watched.look(second)
    marks = watched.store.marks
    assert marks[0] is None
    assert [marks[n] for n in (11, 12, 13, 24)] == [10**9, 10**9 - 300_000, 10**9, 10**9 - 300_000]


def test_of_too_many_teams_those_with_the_fewest_ratings_are_left_out_and_told() -> None:
    coming = [rated(n, NOW - n * HOUR_MS, team=f"team-{size}") for size in (1, 2, 3, 4, 5) for n in range(1, 20 * size)]
    watched = Watched(coming=coming)
    with capture_logs() as lines:
        watched.look(0)
        watched.look(60)
    (said,) = [line for line in lines if "more teams" in line["event"]]
    assert (said["watched"], said["left_out"], said["busiest_left_out"]) == (3, 2, ["team-2", "team-1"])
    assert watched.meter("servicepulse_watch_teams_left_out") == 2
    assert [(row.teams, row.left_out) for row in watched.store.looks] == [(3, 2), (3, 2)]


def test_a_team_of_which_something_is_told_stays_under_watch_and_nothing_is_taken_back() -> None:
    watched = Watched(coming=[*usual_weeks("small"), *a_fall("small")])
    watched.look(0)
    assert "small" in open_falls(watched.store)
    watched.store.coming = [rated(n, NOW - n * 60_000, team=f"large-{k}") for k in range(4) for n in range(1, 2_000)]
    watched.store.is_settled = True
    for second in (60, 120, 180):
        watched.look(second)
    assert "small" in open_falls(watched.store)


@pytest.mark.parametrize("most", [1, 2, 4])
def test_which_teams_are_watched_follows_from_their_ratings_not_from_who_came_first(most: int) -> None:
    tickets = [
        rated(n, NOW - n * HOUR_MS, team=f"team-{size}", is_satisfied=n % 3 > 0)
        for size in (1, 2, 3, 4, 5)
        for n in range(9 * size)
    ]
    one, other = Segments(ThresholdBook(), most), Segments(ThresholdBook(), most)
    one.put(tickets)
    for ticket in reversed(tickets):
        other.put([ticket])
        other.choose()
    for each in (one, other):
        each.choose()
        each.above()
    assert list(one) == list(other)
    assert len(one) == most
    assert [one.verdict(segment, NOW) for segment in one] == [other.verdict(segment, NOW) for segment in other]
    assert one.left_out(9) == other.left_out(9)
    gone = [RatedTicket(ticket.ticket_id, ticket.team, ()) for ticket in tickets if ticket.team == "team-5"]
    for each in (one, other):
        each.put(gone)
        each.choose()
        each.above()
    assert Segment(SegmentKind.TEAM, "team-5") not in list(one)
    assert list(one) == list(other)


def test_a_look_is_made_anew_from_what_is_stored() -> None:
    store = MemoryWatch(coming=[*usual_weeks(), *a_fall()])
    stated = Look(store, ThresholdBook()).look(NOW)
    assert [row.segment for row in stated if row.segment_kind == "team"] == ["delivery"]
