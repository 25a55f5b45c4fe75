"""Workers as they once were. What they lose must be found: else nothing that is found elsewhere proves anything."""

from collections.abc import AsyncIterator, Callable, Mapping

from streams.agents.tickets import TicketsAgent
from streams.handover import Handover, Records
from tests.simulated.worker import Delivery, SimulatedWorker


class _NeverStale(Delivery):
    @property
    def is_stale(self) -> bool:
        return False

    def ack(self) -> None:
        self.value.batch.is_finished = True


class WorkerThatFoldsOn(SimulatedWorker):
    """Forgets its tickets when the group is dealt anew, and folds what it has received all the same."""

    def delivery_of(self, records: Records) -> Delivery:
        return _NeverStale(records)


class _Dropping(Handover[int]):
    """Drops what came before a turn, and goes back to what is committed: where nothing is, it goes on behind."""

    async def hand_on(
        self, fetched: Mapping[int, Records], turn: int, may_hand_on: Callable[[int], bool]
    ) -> AsyncIterator[tuple[int, Records]]:
        for partition, records in fetched.items():
            if turn != self.turn or not may_hand_on(partition):
                known = await self._position.known(partition)
                if known.committed is not None:
                    await self._position.put_back(partition, records, known.committed)
                continue
            self.ledger.begin(partition, records.begin)
            records.batch = self.ledger.opened(partition, records.begin, records.end)
            yield partition, records


class WorkerThatDrops(SimulatedWorker):
    """Passes over records of partitions of which nothing is committed yet."""

    def handover_of(self, agent: TicketsAgent) -> Handover[int]:
        return _Dropping(self, {}, agent.renew, lambda _partition, _seam: None)

    def seek_back(self, positions: dict[int, int], committed: Mapping[int, int]) -> None:
        positions.update({partition: offset for partition, offset in committed.items() if partition in positions})
