"""Bursts of contacts: what chance explains is none, what one fault brings is one, and it says who came."""

from collections.abc import Sequence
from math import inf
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rows import SignalRow
from streams.agents.bursts import NEWS_HOURS, Bursts
from streams.core.fault.burst import Burst, BurstError, BurstRule, Contact, at_least, bursts
from streams.core.fault.usual import HOURS, Counts, Expected, Rush, Usual
from streams.core.signal.segment import Called, Segment, SegmentKind, ThresholdBook, book_of
from streams.core.window import DAY_MS, HOUR_MS
from tests.unit.test_watch_agent import NOW, MemoryWatch

MINUTE: Final = 60_000
LINES: Final = {f"LINE-{n}": 4 for n in range(200)}
QUIET: Final = Counts(LINES, [1 + 10 * (hour % 24 in range(8, 18)) for hour in range(HOURS)], 5, 8.0)
"""Two hundred lines about which a customer calls every other week."""


def calls(*minutes: float, customer: str = "", team: str = "lines") -> list[Contact]:
    return [
        Contact(NOW + round(at * MINUTE), f"T{n}", customer or f"C{n}", team) for n, at in enumerate(sorted(minutes))
    ]


def found(contacts: Sequence[Contact], line: str = "LINE-4", now: float = 0, **rule: Any) -> list[Burst]:
    return bursts(contacts, line, Usual(QUIET), BurstRule(**rule), NOW + round(now * MINUTE))


def test_the_third_customer_of_a_quiet_line_is_a_burst() -> None:
    assert found(calls(0, 4)) == []
    (burst,) = found(calls(0, 4, 11))
    assert (burst.since_at, burst.opened_at, burst.closed_at) == (NOW, NOW + 11 * MINUTE, None)
    assert [contact.ticket_id for contact in burst.contacts] == ["T0", "T1", "T2"]
    assert burst.usual < 0.05


def test_a_line_of_which_nobody_ever_called_has_a_usual_level_too() -> None:
    assert len(found(calls(0, 4, 11), "LINE-new")) == 1


def test_one_customer_who_calls_three_times_is_none() -> None:
    assert found(calls(0, 4, 11, customer="C1")) == []


def test_three_customers_in_an_afternoon_are_none() -> None:
    assert found(calls(0, 40, 80)) == []


def test_on_a_busy_line_three_are_usual() -> None:
    busy = Counts({**LINES, "LINE-4": 3_000}, QUIET.hours, 400, 8.0)
    assert bursts(calls(0, 4, 11), "LINE-4", Usual(busy), BurstRule(), NOW) == []
    assert bursts(calls(*range(30)), "LINE-4", Usual(busy), BurstRule(), NOW) != []


def test_it_is_over_when_nobody_comes_any_more() -> None:
    (burst,) = found(calls(0, 4, 11, 50), now=170)
    assert burst.closed_at == NOW + (11 + 120) * MINUTE
    assert len(burst.contacts) == 4
    again = found(calls(0, 4, 11, 200, 201, 202), now=203)
    assert [one.since_at for one in again] == [NOW, NOW + 200 * MINUTE]
    assert again[1].closed_at is None


@given(st.lists(st.floats(0, 600), max_size=40), st.sampled_from([3, 5, 8]))
def test_every_burst_has_as_many_customers_within_the_minutes_as_the_rule_wants(
    minutes: list[float], least: int
) -> None:
    contacts = calls(*minutes)
    for burst in found(contacts, customers=least, now=1_000):
        last = [one for one in contacts if burst.opened_at - 30 * MINUTE < one.at <= burst.opened_at]
        assert len({one.customer for one in last}) >= least
        assert burst.since_at <= burst.opened_at
        assert burst.closed_at is not None
        assert all(burst.since_at <= one.at <= burst.closed_at for one in burst.contacts)


@given(st.lists(st.floats(0, 600), max_size=30), st.floats(0, 600))
def test_what_comes_later_changes_no_burst_that_is_over(minutes: list[float], until: float) -> None:
    known = [one for one in calls(*minutes) if one.at <= NOW + until * MINUTE]
    over = [one for one in found(known, now=until) if one.closed_at is not None]
    assert found(calls(*minutes), now=until)[: len(over)] == over


@given(st.integers(0, 60), st.floats(1e-3, 50), st.floats(0.05, 1e4))
def test_tails_are_those_of_an_independent_library(n: int, mean: float, shape: float) -> None:
    from scipy.stats import nbinom  # takes seconds, and every process imports this file

    ours = at_least(n, Expected(mean, shape))
    assert ours == pytest.approx(nbinom.sf(n - 1, shape, shape / (shape + mean)), rel=1e-5, abs=1e-300)


def test_the_rhythm_of_the_week_says_what_is_usual() -> None:
    usual = Usual(QUIET)
    monday = 1_775_433_600_000  # 2026-04-06
    night, morning = (usual.between("LINE-4", monday + at * HOUR_MS, monday + at * HOUR_MS + HOUR_MS) for at in (2, 10))
    assert morning.mean > 3 * night.mean
    whole = usual.between("LINE-4", monday, monday + 7 * DAY_MS)
    assert whole.mean == pytest.approx(usual.per_week("LINE-4"), rel=0.15)


def test_contacts_that_cluster_make_bursts_rarer() -> None:
    alike = Usual(Counts({"a": 400}, [50] * HOURS, 0, 8.0))
    moody = Usual(Counts({"a": 400}, [50] * HOURS, 600, 8.0))
    shapes = [usual.between("a", NOW, NOW + HOUR_MS).shape for usual in (alike, moody)]
    assert shapes[0] > 3 * shapes[1]
    assert shapes[1] < inf


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"bursts": {"customers": 1}}, "bursts: customers is 1, but must lie between 2 and 1000"),
        ({"bursts": {"minutes": "ten"}}, "bursts: Expected `float`, got `str` - at `$.minutes`"),
        ({"bursts": {"hours": 1}}, "bursts: unknown: `hours`"),
        ({"bursts": 3}, "must be tables"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("$", r"\$").replace(".", r"\.")):
        book_of(table)


def test_a_rule_can_be_changed() -> None:
    assert book_of({"bursts": {"customers": 5}}).bursts == BurstRule(customers=5)
    with pytest.raises(BurstError):
        BurstRule(false_bursts=0)


def test_a_desk_that_is_busy_as_a_whole_has_no_fault() -> None:
    usual = Usual(QUIET)
    ours = calls(0, 4, 11)
    others = [NOW + second * 1_000 for second in range(11 * 60)]
    assert bursts(ours, "LINE-4", usual, BurstRule(), NOW, Rush(usual, [one.at for one in ours])) != []
    crowd = Rush(usual, sorted([*others, *(one.at for one in ours)]))
    assert bursts(ours, "LINE-4", usual, BurstRule(), NOW, crowd) == []


# The watch ------------------------------------------------------------------------------------------------------------


class Desk(MemoryWatch):
    """A store of tickets."""

    called: list[Called] = []  # noqa: RUF012 - a field of a struct
    weeks: float = 8.0

    def usual_contacts(self, kind: SegmentKind, since: int, until: int) -> Counts:
        assert since < until <= NOW + DAY_MS
        topics = {"lines x no signal": 400}
        return Counts(LINES if kind is SegmentKind.ASSET else topics, QUIET.hours, 5, self.weeks)

    def contacts(self, since: int) -> list[Called]:
        return [one for one in self.called if one.contact.at >= since]


def on(line: str, contacts: Sequence[Contact], topic: str = "lines x no signal") -> list[Called]:
    subjects = {SegmentKind.ASSET: line, SegmentKind.TOPIC: topic}
    return [Called(Contact(one.at, f"{line}{one.ticket_id}", one.customer, one.team), subjects) for one in contacts]


def looked(desk: Desk, minutes: float, known: Sequence[SignalRow] = ()) -> list[SignalRow]:
    rows = Bursts(desk, ThresholdBook()).look({row.signal_id: row for row in known}, NOW + round(minutes * MINUTE))
    return list(rows)


def test_the_watch_tells_who_came_and_to_which_team() -> None:
    (row,) = looked(Desk(called=on("LINE-4", calls(0, 4, 11))), 12)
    assert (row.kind, row.segment_kind, row.segment, row.state) == ("fault_suspected", "asset", "LINE-4", "open")
    assert (row.n, row.since_at, row.opened_at) == (3, NOW, NOW + 11 * MINUTE)
    assert row.ticket_ids == ["LINE-4T0", "LINE-4T1", "LINE-4T2"]
    assert row.told["customers"] == "C0, C1, C2"
    assert row.told["team"] == "lines"
    assert row.told["baseline"].endswith("customers")


def test_a_told_burst_counts_on_and_keeps_what_it_told() -> None:
    desk = Desk(called=on("LINE-4", calls(0, 4, 11)))
    (first,) = looked(desk, 12)
    desk.called = on("LINE-4", calls(0, 4, 11, 15, 16))
    (second,) = looked(desk, 17, [first])
    assert (second.signal_id, second.told, second.n) == (first.signal_id, first.told, 5)
    (third,) = looked(desk, 200, [second])
    assert (third.state, third.resolved_at) == ("resolved", NOW + 136 * MINUTE)


def test_lines_that_break_together_are_one_topic_and_no_customer_is_told_twice() -> None:
    lines = [one for n, at in enumerate(range(40)) for one in on(f"LINE-{n}", calls(at))]
    called = [Called(one.contact._replace(customer=f"C{n}"), one.subjects) for n, one in enumerate(lines)]
    (row,) = looked(Desk(called=called), 41)
    assert (row.segment_kind, row.segment) == ("topic", "lines x no signal")
    both = [row.segment_kind for row in looked(Desk(called=on("LINE-4", calls(*range(40)))), 41)]
    assert both == ["asset"]


def test_a_burst_whose_tickets_were_merged_never_was() -> None:
    desk = Desk(called=on("LINE-4", calls(0, 4, 11)))
    (row,) = looked(desk, 12)
    desk.called = on("LINE-4", calls(0, 4))
    (gone,) = looked(desk, 13, [row])
    assert (gone.signal_id, gone.state) == (row.signal_id, "withdrawn")


def test_history_is_told_to_nobody() -> None:
    desk = Desk(called=on("LINE-4", calls(0, 4, 11)))
    assert looked(desk, 11 + NEWS_HOURS * 60) == []
    assert len(looked(desk, 10 + NEWS_HOURS * 60)) == 1


def test_a_desk_that_is_not_known_yet_is_not_judged() -> None:
    assert looked(Desk(called=on("LINE-4", calls(0, 4, 11)), weeks=1.9), 12) == []


def test_a_burst_that_lasts_for_a_day_stays_open_until_it_is_over() -> None:
    contacts = calls(*range(0, 26 * 60, 5))
    desk = Desk(called=on("LINE-4", contacts))
    (row,) = looked(Desk(called=on("LINE-4", contacts[:3])), 11)
    assert looked(desk, 25 * 60, [row]) == []
    (over,) = looked(desk, 30 * 60, [row])
    assert over.state == "resolved"
    assert Segment(SegmentKind.ASSET, over.segment) == Segment(SegmentKind.ASSET, "LINE-4")
