"""A worker knows and tells how it stands in its group."""

from hypothesis import given
from hypothesis import strategies as st

from streams.membership import LONG_SECONDS, Membership, Reminder, Seen, Standing

HELD = Seen(frozenset({("tickets", 0)}), is_joined=True, generation=3, member="w-1", coordinator="1")
TURNING = HELD._replace(is_joined=False)
EMPTY = Seen(is_joined=True, generation=3, member="w-2")


def _member(*story: tuple[float, Seen]) -> Membership:
    member = Membership(0.0)
    for at, seen in story:
        member.note(seen, at)
    return member


def test_a_worker_with_partitions_is_ready() -> None:
    member = _member((2, HELD))
    assert (member.standing, member.is_ready, member.seconds_without_partitions) == (Standing.OK, True, 0)


def test_more_workers_than_partitions_is_a_stand_by_and_ready_however_long() -> None:
    member = _member((2, EMPTY), (5_000, EMPTY))
    assert (member.standing, member.is_ready) == (Standing.STAND_BY, True)
    assert member.seconds_without_partitions == 5_000


def test_a_worker_that_just_started_or_whose_group_is_being_divided_is_not_ready() -> None:
    assert _member((2, Seen())).standing is Standing.STARTING
    turning = _member((2, HELD), (10, TURNING), (14, TURNING))
    assert (turning.standing, turning.is_ready) == (Standing.REBALANCING, False)
    assert turning.partitions == frozenset(), "what is being given away is not held"
    assert turning.seconds_without_partitions == 4


def test_a_group_that_gives_no_answer_for_a_minute_is_stuck() -> None:
    assert _member((2, Seen()), (LONG_SECONDS, Seen())).standing is Standing.STUCK
    assert _member((2, EMPTY), (10, Seen()), (11 + LONG_SECONDS, Seen())).standing is Standing.STUCK
    assert _member((2, EMPTY), (100, EMPTY), (101, Seen())).standing is Standing.REBALANCING, "it was just a stand-by"


def test_what_is_known_is_told() -> None:
    assert _member((2, HELD)).told() == {
        "status": "ok",
        "partitions": 1,
        "seconds_without_partitions": 0.0,
        "generation": 3,
        "member": "w-1",
        "coordinator": "1",
    }
    assert _member((2.04, Seen())).told() == {
        "status": "starting",
        "partitions": 0,
        "seconds_without_partitions": 2.0,
    }


def test_a_stuck_worker_says_so_each_minute_and_a_stand_by_once() -> None:
    assert _said(Seen(), 300) == [60, 120, 180, 240, 300]
    assert _said(EMPTY, 300) == [60]
    assert _said(HELD, 300) == []


def _said(seen: Seen, until: int) -> list[int]:
    member, reminder = Membership(0.0), Reminder()
    said = []
    for second in range(until + 1):
        member.note(seen, float(second))
        if reminder.is_due(member):
            said.append(second)
    return said


@given(st.lists(st.tuples(st.floats(0, 200), st.sampled_from([HELD, TURNING, EMPTY, Seen()]))))
def test_nobody_is_without_partitions_for_a_minute_and_silent(story: list[tuple[float, Seen]]) -> None:
    member, reminder, now = Membership(0.0), Reminder(), 0.0
    spoke = False
    for wait, seen in story:
        now += wait
        member.note(seen, now)
        is_long = member.seconds_without_partitions >= LONG_SECONDS
        spoke = reminder.is_due(member) or (spoke and is_long)
        assert spoke is is_long
        assert member.is_ready is seen.is_joined


def test_a_worker_is_not_ready_while_a_topic_that_it_must_read_is_gone() -> None:
    gone = HELD._replace(missing=frozenset({"orders"}))
    member = _member((1, gone))
    assert (member.standing, member.is_ready) == (Standing.TOPICS_MISSING, False)
    assert member.told()["missing_topics"] == ["orders"]
    again = _member((1, gone), (2, HELD))
    assert again.is_ready
    assert "missing_topics" not in again.told()
