"""A leader that joins and never divides the partitions: the embedded broker waits for it for as long as it lives."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import consumer as aiokafka_consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

from streams.broker import GROUP
from streams.group import forget, is_embedded
from streams.membership import LONG_SECONDS
from tests.chaos.load import load_of
from tests.chaos.loop import LoopThread
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration


class MuteCoordinator(GroupCoordinator):  # type: ignore[misc]  # aiokafka is not typed
    """Joins, and sends heartbeats instead of saying who gets what, whatever is answered."""

    async def _send_req(self, request: Any) -> Any:
        while isinstance(request, SyncGroupRequest):
            with suppress(KafkaError):
                await super()._send_req(HeartbeatRequest(self.group_id, self.generation, self.member_id))
            await asyncio.sleep(1)
        return await super()._send_req(request)


class FaustAssignor(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Goes by the name of Faust's, so that it may join workers."""

    name = "faust"


@pytest.fixture
def mute_leader(space: Space, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have somebody lead the group of this space's workers who never divides it; return the name of the group."""
    if not is_embedded(space.settings):
        pytest.skip("Apache Kafka gives such a leader up by itself")
    monkeypatch.setattr(aiokafka_consumer, "GroupCoordinator", MuteCoordinator)
    group = space.settings.topic(GROUP)
    with LoopThread() as loop, _leading(loop, space, group):
        yield group


@contextmanager
def _leading(loop: LoopThread, space: Space, group: str) -> Iterator[None]:
    made: list[AIOKafkaConsumer] = []

    async def begin() -> asyncio.Task[None]:
        made.append(
            AIOKafkaConsumer(
                space.settings.topic("tickets"),
                bootstrap_servers=space.settings.kafka,
                group_id=group,
                partition_assignment_strategy=(FaustAssignor,),
                enable_auto_commit=False,
            )
        )
        return asyncio.create_task(made[0].start())

    async def end(joining: asyncio.Task[None]) -> None:
        joining.cancel()
        with suppress(asyncio.CancelledError):
            await joining
        await made[0]._client.close()
        made[0]._closed = True  # else it warns: its own end would wait for the group

    joining = loop.run(begin())
    try:
        wait_until(lambda: bool(made[0]._coordinator and made[0]._coordinator.generation >= 0), "it leads the group")
        yield
    finally:
        loop.run(end(joining))


def test_a_group_whose_leader_is_mute_goes_on_once_it_is_forgotten(space: Space, mute_leader: str) -> None:
    events = load_of(1, 0.3, 40).events
    space.publish([one.raw for one in events])
    worker = space.start_worker()
    wait_until(lambda: bool(worker.health().get("coordinator")), "the worker tries to join")
    with pytest.raises(AssertionError, match="still not"):
        wait_until(worker.is_ready, "the worker has partitions", 15)
    forget(space.settings, mute_leader)
    wait_until(worker.is_ready, f"the worker has partitions; {worker.log[-2000:]}")
    wait_until(lambda: space.value("SELECT count() FROM events FINAL") >= len(events), "everything is read")


@pytest.mark.kafka
def test_apache_kafka_is_never_taken_for_the_embedded_broker_and_keeps_its_group(kafka_space: Space) -> None:
    assert not is_embedded(kafka_space.settings)
    worker = kafka_space.started_worker()
    generation = worker.health()["generation"]
    forget(kafka_space.settings, kafka_space.settings.topic(GROUP))
    time.sleep(kafka_space.settings.kafka_session_timeout_seconds)
    assert (worker.is_ready(), worker.health()["generation"]) == (True, generation)


@pytest.mark.lengthy
def test_a_worker_that_is_never_let_in_has_the_group_forgotten_by_itself(space: Space, mute_leader: str) -> None:
    events = load_of(1, 0.3, 40).events
    worker = space.start_worker()
    wait_until(worker.is_ready, "the worker has partitions", LONG_SECONDS + 60)
    assert "status='stuck'" in worker.log or '"status": "stuck"' in worker.log, "it says so first"
    assert "it begins anew" in worker.log
    space.publish([one.raw for one in events])
    wait_until(lambda: space.value("SELECT count() FROM events FINAL") >= len(events), "everything is read")
