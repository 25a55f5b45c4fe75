"""Reasons that dominate: when the line is passed, when it is over, against a count of every single hour."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import field
from msgspec.structs import replace

from schemas.policy import Policy
from schemas.rows import SignalRow
from streams.agents.dominant import Dominant
from streams.core.policy.published import BUILT_IN
from streams.core.prevention.dominant import Seen, dominances
from streams.core.signal.message import plain
from streams.core.window import HOUR_MS
from tests.unit.test_watch_agent import NOW, MemoryWatch

WEEK: Final = 168
LINE: Final = 0.3


def hour(place: int) -> int:
    return place * HOUR_MS


def steady(n: int, since: int, until: int) -> dict[int, int]:
    return dict.fromkeys(range(since, until), n)


def test_a_reason_opens_at_the_hour_at_which_it_passes_the_line_and_clears_below_five_sixths_of_it() -> None:
    others = steady(7, 0, 1200)
    flood = steady(5, 300, 700)
    (found,) = dominances({"late": flood, "other": others}, 0, 1200, LINE)["late"]
    # Of 168 hours k have 5 more: 5k / (1176 + 5k) > 0.3 from k = 101 on; below a quarter at k = 78.
    assert found.opened_at == hour(300 + 101)
    assert found.first == Seen(505, 1176 + 505)
    assert found.closed_at == hour(700 + WEEK - 78)
    assert found.last == Seen(5 * 78, 1176 + 5 * 78)


def test_what_ebbed_in_the_second_half_of_the_week_is_told_to_nobody() -> None:
    # At hour 91 there are 20 of 50 in the week, and none of 30 in its second half.
    assert dominances({"r": {0: 20}, "other": {90: 30}}, 0, 300, LINE).keys() == {"other"}
    assert dominances({"r": {10: 20}, "other": {90: 30}}, 0, 300, LINE).keys() == {"r", "other"}


@pytest.mark.parametrize(("n", "is_told"), [(49, False), (50, True)])
def test_of_fewer_than_fifty_contacts_nothing_is_said(n: int, is_told: bool) -> None:
    assert ("r" in dominances({"r": {10: n}}, 0, 200, LINE)) == is_told


def test_no_reason_is_no_reason() -> None:
    assert dominances({"": steady(5, 0, 500), "r": {3: 1}}, 0, 500, LINE) == {}


def test_a_desk_at_rest_does_not_go_on_telling() -> None:
    (found,) = dominances({"r": steady(1, 0, 100)}, 0, 400, LINE)["r"]
    # The last contact is of hour 99; with 12 left, less than a quarter of 50, it is over.
    assert found.closed_at == hour(99 + 1 + WEEK - 12)


def test_nothing_at_all_is_no_dominance() -> None:
    assert dominances({}, 0, 0, LINE) == {}
    assert dominances({}, 5, 900, LINE) == {}


# The watch ------------------------------------------------------------------------------------------------------------

HERE: Final = NOW // HOUR_MS


class Shop(MemoryWatch):
    """A store of contacts by reason and hour, counted from `HERE`, and of who is responsible for what."""

    came: dict[str, dict[int, int]] = field(default_factory=dict)
    line: float = LINE

    def reasons(self, since: int, until: int) -> dict[str, dict[int, int]]:
        assert since % HOUR_MS == until % HOUR_MS == 0
        within = range(since // HOUR_MS, until // HOUR_MS)
        return {
            reason: {HERE + place: n for place, n in hours.items() if HERE + place in within}
            for reason, hours in self.came.items()
        }

    def policy(self, now: int) -> Policy:  # noqa: ARG002 - one for all times
        return replace(BUILT_IN, reason_share=self.line, departments={"late": "logistics"})


def looked(shop: Shop, hours: float, known: Sequence[SignalRow] = ()) -> list[SignalRow]:
    told = {row.signal_id: row for row in known}
    return list(Dominant(shop).look(told, round((HERE + hours) * HOUR_MS)))


def test_the_department_that_can_remove_the_cause_is_told_what_was_seen() -> None:
    shop = Shop(came={"late": steady(4, -300, 0), "": steady(6, -600, 0)})
    (row,) = looked(shop, 0.5)
    assert (row.kind, row.segment_kind, row.segment) == ("reason_dominates", "reason", "late")
    assert (row.state, row.is_page, row.told["department"]) == ("open", True, "logistics")
    assert row.opened_at == (HERE - 300 + 109) * HOUR_MS  # 4k of 1008 + 4k is more than 30 % from k = 109 on
    assert row.told["value"] == f"{100 * 436 / 1444:.1f} %"
    assert row.told["clears"] == (
        "Resolved at the full hour at which less than 25.0 % of the contacts of a week come for it."
    )
    assert (row.n, row.value) == (10 * WEEK, 0.4)
    assert plain(row)["department"] == "logistics"
    assert "department" not in plain(replace(row, told={}))


def test_a_reason_that_nobody_is_responsible_for_is_told_all_the_same() -> None:
    (row,) = looked(Shop(came={"odd": steady(4, -300, 0), "": steady(6, -600, 0)}), 0.5)
    assert (row.segment, row.told["department"], row.is_page) == ("odd", "", True)


def test_it_counts_on_until_it_is_over_and_keeps_what_it_told() -> None:
    came = {"late": steady(4, -300, 60), "": steady(6, -600, 400)}
    (first,) = looked(Shop(came=came), 0.5)
    (later,) = looked(Shop(came=came), 100, [first])
    assert (later.signal_id, later.told, later.state) == (first.signal_id, first.told, "open")
    assert later.value == 4 * 128 / (4 * 128 + 6 * WEEK)
    (over,) = looked(Shop(came=came), 200, [later])
    assert (over.signal_id, over.state, over.told) == (first.signal_id, "resolved", first.told)
    # 4k of 1008 + 4k is less than a quarter from k = 83 on.
    assert over.resolved_at == (HERE + 60 + WEEK - 83) * HOUR_MS
    assert looked(Shop(came=came), 300, [over]) == [over]


def test_what_was_over_before_it_was_seen_pages_nobody() -> None:
    came = {"late": steady(4, -700, -500), "": steady(6, -900, 0)}
    (row,) = looked(Shop(came=came), 0.5)
    assert (row.state, row.is_page, row.note) == ("resolved", False, "replayed history pages nobody")


def test_contacts_that_were_about_something_else_take_it_back() -> None:
    (row,) = looked(Shop(came={"late": steady(4, -300, 0), "": steady(6, -600, 0)}), 0.5)
    (gone,) = looked(Shop(came={"late": steady(1, -300, 0), "": steady(9, -600, 0)}), 0.5, [row])
    assert (gone.signal_id, gone.state) == (row.signal_id, "withdrawn")


def test_one_that_has_lasted_for_months_goes_on() -> None:
    came = {"late": steady(4, -1900, 0), "": steady(6, -5000, 0)}
    (row,) = looked(Shop(came=came), -1500)
    (later,) = looked(Shop(came=came), 0, [row])
    assert (later.signal_id, later.state) == (row.signal_id, "open")
    (unknown,) = looked(Shop(came=came), 0)
    assert (unknown.state, unknown.is_page) == ("open", True), "one that nobody knew of is told at last"
    over = {"late": steady(4, -1900, -1600), "": steady(6, -5000, 0)}
    assert looked(Shop(came=over), 0) == [], "of its first week only a part is known"


def test_it_is_judged_once_a_minute_by_the_last_full_hour() -> None:
    dominant = Dominant(Shop(came={"late": steady(4, -300, 10), "": steady(6, -600, 10)}))
    (first,) = dominant.look({}, HERE * HOUR_MS)
    assert list(dominant.look({}, HERE * HOUR_MS + 59_000)) == []
    assert list(dominant.look({}, HERE * HOUR_MS + HOUR_MS - 1)) == [first]
    (later,) = dominant.look({first.signal_id: first}, (HERE + 1) * HOUR_MS + 60_000)
    assert (later.signal_id, later.n) == (first.signal_id, first.n)


@pytest.mark.weighty
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.3, 0.6]))
def test_it_is_what_a_count_of_every_single_hour_says(seed: int, line: float) -> None:
    random = Random(seed)
    since, until = 1000, 1000 + random.randrange(100, 700)
    by_reason: dict[str, Counter[int]] = {name: Counter() for name in ("a", "b", "")}
    for _ in range(random.randrange(0, 8)):
        begin, length = random.randrange(since, until), random.randrange(1, 200)
        reason, each = random.choice([*by_reason]), random.choice([1, 2, 5])
        for place in range(begin, min(until, begin + length)):
            by_reason[reason][place] += each
    for reason, found in dominances(by_reason, since, until, line).items():
        assert reason
        assert [(one.opened_at, one.closed_at, one.first, one.last) for one in found] == by_hand(
            by_reason, reason, since, until, line
        )
    told = dominances(by_reason, since, until, line)
    assert all(by_hand(by_reason, one, since, until, line) == [] for one in ("a", "b") if one not in told)


def by_hand(by_reason: dict[str, Counter[int]], reason: str, since: int, until: int, line: float) -> list[object]:
    found: list[object] = []
    opened: tuple[int, Seen] | None = None
    seen = Seen(0, 0)
    for now in range(since + 1, until + 1):
        week, half = range(now - WEEK, now), range(now - WEEK // 2, now)
        hits = sum(by_reason[reason][place] for place in week)
        n = sum(of[place] for of in by_reason.values() for place in week)
        lately = sum(by_reason[reason][place] for place in half)
        n_lately = sum(of[place] for of in by_reason.values() for place in half)
        seen = Seen(hits, n)
        if opened is None and n >= 50 and hits > line * n and lately > line * n_lately:
            opened = (hour(now), seen)
        if opened and hits < 5 / 6 * line * max(n, 50):
            found.append((opened[0], hour(now), opened[1], seen))
            opened = None
    return found + ([(opened[0], None, opened[1], seen)] if opened else [])
