"""What a worker does about a group that gives no answer."""

import pytest

from deploy.embedded.probe import cluster_id
from streams.group import EMBEDDED_CLUSTER, Remedies, Remedy
from streams.membership import Membership, Seen

OUT = Seen(coordinator="1", member="w")
IN = OUT._replace(is_joined=True)


def _tried(*story: tuple[int, Seen]) -> list[tuple[int, Remedy]]:
    """Return what is done when, in a story of (seconds, what is seen meanwhile)."""
    member, remedies = Membership(0.0), Remedies()
    tried, now = [], 0
    for seconds, seen in story:
        for _ in range(seconds):
            now += 1
            member.note(seen, float(now))
            if remedy := remedies.due(member):
                tried.append((now, remedy))
    return tried


def test_a_worker_that_is_never_let_in_has_the_group_forgotten_once_a_minute() -> None:
    assert _tried((130, OUT)) == [(60, Remedy.FORGET_GROUP), (120, Remedy.FORGET_GROUP)]


def test_a_worker_that_was_in_the_group_starts_afresh_for_it_may_be_the_one_that_hangs() -> None:
    assert _tried((10, OUT), (10, IN), (70, OUT)) == [(81, Remedy.START_AFRESH)]


def test_a_rebalance_that_ends_in_time_starts_the_minute_anew() -> None:
    assert _tried((50, OUT), (10, IN), (50, OUT), (10, IN), (50, OUT)) == []


def test_a_broker_that_comes_back_has_a_minute_before_anything_is_forgotten() -> None:
    assert _tried((500, Seen()), (59, OUT), (10, IN)) == []


@pytest.mark.parametrize(
    "seen", [IN, Seen(member="nobody looks after its group"), OUT._replace(missing=frozenset({"tickets"}))]
)
def test_a_stand_by_a_worker_that_reaches_nobody_and_one_without_topics_leave_the_group_alone(seen: Seen) -> None:
    assert _tried((300, seen)) == []


def test_the_embedded_broker_is_known_by_its_cluster() -> None:
    assert cluster_id(4711).startswith(EMBEDDED_CLUSTER)
