"""How much history may wait unread: what commits say of the workers, and what is known of who reads."""

import pytest

from streams.core.pace import LEAST, SECONDS, Attendance, Look, Pace, Place

PLACE: Place = ("tickets", 0)
OTHER: Place = ("tickets", 1)


def noted(pace: Pace, at: float, read: int, end: int, *, in_flight: int = 0) -> None:
    pace.note(Look(at, {PLACE: read}, {PLACE: end}, pace.sent(), in_flight))


def taken(pace: Pace, now: float, wanted: int = 100_000) -> int:
    return next((number for number in range(wanted) if not pace.take(PLACE, now)), wanted)


def folding(per_second: int, seconds: int = 10) -> Pace:
    """Return a pace that saw workers fold so many a second, and all of it read."""
    pace = Pace()
    for at in range(seconds + 1):
        noted(pace, float(at), at * per_second, at * per_second)
    return pace


def test_some_seconds_of_what_the_workers_fold_may_wait() -> None:
    assert taken(folding(4_000), 10) == 4_000 * SECONDS


def test_what_waits_already_is_part_of_it_whoever_sent_it() -> None:
    pace = folding(4_000)
    noted(pace, 10.5, 40_000, 43_000)
    assert taken(pace, 10.5) == 4_000 * SECONDS - 3_000


def test_little_to_do_is_no_slowness() -> None:
    pace = folding(4_000)
    noted(pace, 11, 40_010, 40_010)
    noted(pace, 12, 40_020, 40_020)
    assert taken(pace, 12) == 4_000 * SECONDS


@pytest.mark.parametrize("per_second", [0, 3])
def test_slow_workers_get_the_least_that_lets_them_show_more(per_second: int) -> None:
    assert taken(folding(per_second), 10) == LEAST


def test_the_least_is_divided_among_the_partitions_of_a_topic() -> None:
    pace = Pace()
    pace.note(Look(0, {PLACE: 0, OTHER: 0}, {PLACE: 0, OTHER: 0}))
    assert taken(pace, 0) == LEAST // 2
    assert pace.take(OTHER, 0)


def test_what_is_on_its_way_at_a_look_is_not_forgotten() -> None:
    pace = folding(4_000)
    assert taken(pace, 10, 5_000) == 5_000
    noted(pace, 10.2, 40_000, 41_000, in_flight=4_000)
    assert pace.unread(PLACE) == 5_000
    noted(pace, 10.4, 40_000, 45_000)
    assert pace.unread(PLACE) == 5_000


def test_what_is_sent_while_a_look_is_taken_counts_although_its_ends_may_lack_it() -> None:
    pace = folding(4_000)
    before = pace.sent()
    assert taken(pace, 10) == 4_000 * SECONDS
    pace.note(Look(10.2, {PLACE: 40_000}, {PLACE: 40_000}, before))
    assert pace.unread(PLACE) == 4_000 * SECONDS


def test_a_first_look_between_two_commits_shows_no_speed() -> None:
    pace = Pace()
    noted(pace, 0.0, 0, 100_000)
    noted(pace, 0.2, 20_000, 100_000)
    assert pace.allowance(PLACE) == LEAST
    noted(pace, 1.2, 24_000, 100_000)
    assert pace.allowance(PLACE) == 4_000 * SECONDS


def test_a_topic_that_was_made_anew_is_measured_anew() -> None:
    pace = folding(8_000)
    for at in range(20, 30):
        noted(pace, at, (at - 20) * 4_000, (at - 20) * 4_000)
    assert pace.allowance(PLACE) == 4_000 * SECONDS


def test_nothing_trickles_once_commits_stand_still() -> None:
    pace = folding(1_000)
    noted(pace, 10.5, 10_000, 90_000)
    assert not pace.take(PLACE, 0.01)
    assert pace.take(PLACE, 10.5)
    noted(pace, 20, 10_000, 90_000)
    assert not pace.take(PLACE, 20)


def test_members_that_are_gone_for_a_moment_are_waited_for_and_no_longer() -> None:
    attendance = Attendance(60)
    assert attendance.note(2, 0)
    assert attendance.note(0, 59)
    assert not attendance.note(0, 60)
    assert attendance.note(1, 70)


def test_where_nobody_ever_read_nobody_is_waited_for() -> None:
    assert not Attendance(60).note(0, 0)
