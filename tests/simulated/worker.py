"""A worker without Faust: the real agent and the real handover, and around them what Faust and aiokafka do."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

from schemas.rows import BesideRow, DeadLetterRow, EventRow, TicketRow
from streams.agents.tickets import TicketsAgent
from streams.core.ticket.batch import Identity, Kept
from streams.core.ticket.fold import Ticket
from streams.handover import Handover, Records
from streams.ledger import Known
from streams.meters import Meters
from streams.ports import Outgoing
from streams.sinks.memory import MemoryStore
from streams.store_error import StoreUnavailableError
from tests.histories import NOW_MS
from tests.simulated.gate import Answer, Gate
from tests.simulated.kafka import TOPIC, Group, Log
from tests.simulated.loop import VirtualLoop

T = TypeVar("T")

METERS = Meters()
"""Shared: nobody reads them here, and they are dear to make."""


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine gives that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("it waits for something")


class Delivery:
    """One batch on its way through the agent."""

    def __init__(self, records: Records) -> None:
        self.value = records

    @property
    def is_stale(self) -> bool:
        return self.value.batch.is_stale

    def ack(self) -> None:
        self.value.batch.is_finished = True


class SimulatedWorker:
    """A worker that waits at gates; it is store, outbox, clock and position to its own agent and handover."""

    def __init__(
        self, number: int, loop: VirtualLoop, group: Group, store: MemoryStore, gates: list[Gate], *, batch: int
    ) -> None:
        self.number = number
        self.is_held = False
        self.is_dead = False
        self._loop = loop
        self._group = group
        self._log: Log = group.log
        self._memory = store
        self._gates = gates
        self._fetch_records = batch
        self._generation = -1
        self._deal = 0
        self._positions: dict[int, int] = {}
        self._flows = True
        self._is_read = False
        self._buffer: asyncio.Queue[Delivery] = asyncio.Queue()
        self._unfinished: list[Delivery] = []
        self._told: list[Callable[[], None]] = []
        self._agent = TicketsAgent(
            self, self, self, METERS, topic=TOPIC, dead_letter_topic="dead-letters", cache_tickets=2, batch_events=batch
        )
        self._handover = self.handover_of(self._agent)
        self.fault: BaseException | None = None
        self._tasks = [self._task(step) for step in (self._agent.run(), self._receive(), self._read())]
        self._joining = self._task(self._join())

    def handover_of(self, agent: TicketsAgent) -> Handover[int]:
        return Handover(self, {}, agent.renew, lambda _partition, _seam: None)

    def delivery_of(self, records: Records) -> Delivery:
        return Delivery(records)

    # What the scheduler does to it ------------------------------------------------------------------------------------

    def kill(self) -> None:
        """End it at once; what it asked for may still be done."""
        self.is_dead = True
        for task in (*self._tasks, self._joining):
            task.cancel()

    def deal_anew(self) -> None:
        """Let it hear that the group is dealt anew: it lets everything go and comes back."""
        if self._joining.done():
            self._joining = self._task(self._rejoin())

    @property
    def believes(self) -> int:
        """The generation of the group that it takes itself to be in."""
        return self._generation

    def commit(self) -> None:
        """Commit what is finished."""
        ledger = self._handover.ledger
        offsets = {partition: ledger.committable(partition) for partition in ledger}
        self._group.commit(
            self.number, self._generation, {partition: offset for partition, offset in offsets.items() if offset}
        )

    def catch_up(self) -> None:
        """Let it fetch all that there is at once from now on."""
        self._fetch_records = sys.maxsize

    def hear(self) -> None:
        """Let it go on where it was held."""
        self.is_held = False
        told, self._told = self._told, []
        for tell in told:
            tell()

    def tell(self, tell: Callable[[], None]) -> None:
        """Give it an answer, or keep that until it is no longer held."""
        if self.is_held:
            self._told.append(tell)
        else:
            tell()

    async def _gate(self, what: str, effect: Callable[[], None] = lambda: None, *, may_fail: bool = False) -> None:
        gate = Gate(self.number, what, effect, may_fail, self._loop.create_future())
        self._gates.append(gate)
        try:
            answer = await gate.answer
        except asyncio.CancelledError:
            if gate in self._gates:
                self._gates.remove(gate)
            raise
        if answer is not Answer.DONE:
            raise StoreUnavailableError(f"{what}: {answer.value}")

    def _task(self, step: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self._loop.create_task(step)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            self.fault = self.fault or task.exception()

    # What Faust does --------------------------------------------------------------------------------------------------

    async def _join(self) -> None:
        self._group.join(self.number)
        await self._assigned()

    async def _rejoin(self) -> None:
        self._handover.turn += 1
        self._flows = False
        while not self._buffer.empty():
            self._buffer.get_nowait()
        give_up = self._loop.create_task(self._gate("giving up on the batches in hand"))
        try:
            while self._in_hand() and not give_up.done():
                await self._look_or(give_up)
                self.commit()
        finally:
            give_up.cancel()
        self.commit()
        self._handover.turn_over()
        self._group.join(self.number)
        await self._assigned()

    async def _look_or(self, give_up: "asyncio.Task[None]") -> None:
        look = self._loop.create_task(self._gate("a look at the batches in hand"))
        try:
            await asyncio.wait({look, give_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            look.cancel()

    async def _assigned(self) -> None:
        while (part := await self._group.returned(self.number)) is None:
            self._group.join(self.number)
        self._generation = self._group.generation
        self._deal += 1
        self._positions = {partition: self._group.committed.get(partition, 0) for partition in part}
        await self._gate("its part of the group")
        self._handover.turn_over()
        self._is_read = True
        await self._gate("seeking back")
        self._handover.turn_over()
        self.seek_back(self._positions, self._group.committed)
        self._flows = True

    def seek_back(self, positions: dict[int, int], committed: Mapping[int, int]) -> None:
        """Go back to what is committed, and to the beginning where nothing is."""
        positions.update({partition: committed.get(partition, 0) for partition in positions})

    def _in_hand(self) -> bool:
        self._unfinished = [one for one in self._unfinished if not one.value.batch.is_finished]
        return bool(self._unfinished)

    async def _read(self) -> None:
        while True:
            await self._gate("a fetch")
            if not self._flows:
                continue
            turn = self._handover.turn
            fetched = self._fetched()
            await self._gate("what was fetched")
            async for _, records in self._handover.hand_on(fetched, turn, lambda _: self._flows and self._is_read):
                self._buffer.put_nowait(self.delivery_of(records))

    def _fetched(self) -> dict[int, Records]:
        fetched: dict[int, Records] = {}
        for partition, position in self._positions.items():
            records = self._log.partitions[partition][position:][: self._fetch_records]
            if records:
                self._positions[partition] = position + len(records)
                fetched[partition] = Records(records, position, position + len(records))
        return fetched

    async def _receive(self) -> None:
        async def deliveries() -> AsyncIterator[Delivery]:
            while True:
                delivery = await self._buffer.get()
                self._unfinished.append(delivery)
                yield delivery

        with suppress(asyncio.CancelledError):
            await self._agent.receive(deliveries())

    # Position ---------------------------------------------------------------------------------------------------------

    async def known(self, partition: int, /) -> Known:
        await self._gate("what the broker knows")
        return self._group.known(partition)

    async def put_back(self, partition: int, records: Records, offset: int, /) -> None:
        deal = self._deal
        await self._gate("putting back")
        if deal == self._deal and self._positions.get(partition) == records.end:
            self._positions[partition] = offset

    # Store, outbox, clock ---------------------------------------------------------------------------------------------

    async def load(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        found: dict[str, Ticket] = {}
        await self._gate("tickets", lambda: found.update(at_once(self._memory.load(ticket_ids))), may_fail=True)
        return found

    async def stored(self, identities: Collection[Identity]) -> dict[Identity, list[Kept]]:
        found: dict[Identity, list[Kept]] = {}
        await self._gate("identities", lambda: found.update(at_once(self._memory.stored(identities))), may_fail=True)
        return found

    async def revisions(self, ticket_ids: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        await self._gate("revisions", lambda: found.update(at_once(self._memory.revisions(ticket_ids))), may_fail=True)
        return found

    async def stated(self, ticket_ids: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        await self._gate("rows", lambda: found.update(at_once(self._memory.stated(ticket_ids))), may_fail=True)
        return found

    async def latest(self, most: int) -> list[str]:
        found: list[str] = []
        await self._gate("latest", lambda: found.extend(at_once(self._memory.latest(most))), may_fail=True)
        return found

    async def refolded(self, ticket_ids: Collection[str]) -> dict[str, Ticket]:
        found: dict[str, Ticket] = {}
        await self._gate("events", lambda: found.update(at_once(self._memory.refolded(ticket_ids))), may_fail=True)
        return found

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        await self._gate(
            "writing events", lambda: at_once(self._memory.write(events, (), dead_letters, beside)), may_fail=True
        )
        await self._gate("writing tickets", lambda: at_once(self._memory.write((), tickets, ())), may_fail=True)

    def partitions_of(self, topic: str) -> int | None:  # noqa: ARG002 - there is one
        return len(self._log.partitions)

    async def publish(self, records: Iterable[Outgoing]) -> None:
        sent = list(records)
        if sent:
            await self._gate("publishing", lambda: self._log.publish(sent))

    def now_ms(self) -> int:
        return NOW_MS
