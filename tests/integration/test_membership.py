"""A worker tells how it stands in its group, whether or not there is anything for it to read."""

from datetime import timedelta

import pytest

from tests.integration.desk import END, lines_of
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration


def test_more_workers_than_partitions_are_stand_bys_that_take_over(space: Space) -> None:
    """There are four partitions, of which Faust gives each worker the same number of every topic."""
    workers = [space.start_worker() for _ in range(5)]
    wait_until(lambda: sum(one.is_ready() for one in workers) == 4, "four workers have partitions")
    (idle,) = [one for one in workers if not one.is_ready()]
    wait_until(lambda: idle.health().get("status") == "stand-by", f"the fifth is a stand-by; {idle.health()}")
    assert idle.page("/health"), "a stand-by is ready"
    assert idle.meter("servicepulse_partitions") == 0
    wait_until(lambda: idle.meter("servicepulse_seconds_without_partitions") > 0, "it counts for how long")
    next(one for one in workers if one is not idle).kill()
    wait_until(idle.is_ready, "the stand-by takes over")
    assert idle.meter("servicepulse_partitions") == 2
    assert idle.meter("servicepulse_seconds_without_partitions") == 0


def test_an_ordinary_stop_has_nothing_to_say_of_servers(space: Space) -> None:
    space.is_forking = False
    events = lines_of(2, END - timedelta(days=1), END)[:200]
    space.publish(events)
    for _ in range(3):
        worker = space.started_worker()
        space.wait_for_events(len(events))
        assert worker.stop() == 0
        assert "does not answer" not in worker.log
