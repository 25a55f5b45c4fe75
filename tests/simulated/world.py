"""Everything at once: a log, a group of workers, a store, and the moves that can be made with them."""

from collections.abc import Sequence

from schemas.codec import Event
from streams.core.ticket.batch import refolded
from streams.core.ticket.fold import Ticket, ticket_of
from streams.sinks.memory import MemoryStore
from tests.histories import settled
from tests.simulated.gate import Answer, Gate
from tests.simulated.kafka import Group, Log
from tests.simulated.loop import VirtualLoop
from tests.simulated.worker import SimulatedWorker

_MOST_ROUNDS = 1_000


class LostError(AssertionError):
    """At rest something is not as it must be."""


class World:
    """A simulated installation. After each move everything runs that can run by itself.

    Attributes:
        workers: By number; those that were killed or stopped are gone.
        gates: What they wait for, the longest first.
        late: Writes of killed workers that have not reached the store yet.
        sent: How many events were sent, repetitions left out.
    """

    def __init__(
        self, loop: VirtualLoop, *, partitions: int = 2, worker: type[SimulatedWorker] = SimulatedWorker
    ) -> None:
        self._loop = loop
        self._kind = worker
        self._sent: list[Event] = []
        self._started = 0
        self.sent = 0
        self.store = MemoryStore()
        self.log = Log(partitions)
        self.group = Group(self.log)
        self.workers: dict[int, SimulatedWorker] = {}
        self.gates: list[Gate] = []
        self.late: list[Gate] = []

    # Moves ------------------------------------------------------------------------------------------------------------

    def send(self, event: Event, *, stray_to: int | None = None, is_new: bool = True) -> None:
        """Let a producer send an event, for the first time or again; a producer without keys puts it anywhere."""
        self._sent.append(event)
        self.sent += is_new
        self.log.append(event.subject.encode(), event.raw, partition=stray_to)

    def start(self, batch: int = 2) -> SimulatedWorker:
        """Start a worker that fetches and folds so many records at once."""
        self._started += 1
        worker = self._kind(self._started, self._loop, self.group, self.store, self.gates, batch=batch)
        self.workers[self._started] = worker
        self.run()
        return worker

    def kill(self, number: int) -> None:
        """Kill a worker; what it had sent to the store may arrive later, and the broker does not know yet."""
        self.late.extend(gate for gate in self.gates if gate.worker == number and gate.what.startswith("writing"))
        self.workers.pop(number).kill()
        self.run()

    def expire(self, number: int) -> None:
        """Let the broker take a worker for dead that it has not heard of."""
        self.group.leave(number)
        self.run()

    def hold(self, number: int) -> None:
        """Hold a worker: what it asked for is done, and it does not notice."""
        self.workers[number].is_held = True

    def let_go(self, number: int) -> None:
        """Let a worker go on."""
        self.workers[number].hear()
        self.run()

    def deal(self) -> None:
        """Let the group be dealt anew, with the same members."""
        self.group.is_dealing = bool(self.group.members)
        self.run()

    def open(self, gate: Gate, answer: Answer = Answer.DONE) -> None:
        """Let something happen that a worker waits for."""
        self.gates.remove(gate)
        if answer is not Answer.REFUSED:
            gate.effect()
        self.workers[gate.worker].tell(lambda: gate.come(answer))
        self.run()

    def arrive(self, gate: Gate) -> None:
        """Let a write of a worker that is dead reach the store."""
        self.late.remove(gate)
        gate.effect()

    def commit(self, number: int) -> None:
        """Let a worker commit."""
        self.workers[number].commit()

    def wait(self) -> bool:
        """Let time pass until somebody tries again."""
        has_passed = self._loop.next_timer()
        self.run()
        return has_passed

    def run(self) -> None:
        """Run what can run, and let every worker hear of the group's deal that does not sleep."""
        self._loop.idle()
        group = self.group
        for number, worker in self.workers.items():
            is_outdated = group.is_dealing or worker.believes != group.generation or number not in group.members
            if is_outdated and not worker.is_held and number not in group.back:
                worker.deal_anew()
            if worker.fault:
                raise LostError(f"worker {number} ended") from worker.fault
        self._loop.idle()

    # At rest ----------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everything go well until nothing is left to do.

        Raises:
            LostError: When that never comes.
        """
        for number in sorted(self.group.members - self.workers.keys()):
            self.expire(number)
        for number in list(self.workers):
            self.let_go(number)
        if not self.workers:
            self.start()
        for worker in self.workers.values():
            worker.catch_up()
        for _ in range(_MOST_ROUNDS):
            if self._is_at_rest():
                break
            for gate in list(self.gates):
                if gate in self.gates and not gate.what.startswith("giving up"):
                    self.open(gate)
            for number in self.workers:
                self.commit(number)
            self.wait()
        else:
            raise LostError(f"stuck; committed: {self.group.committed}")
        for gate in list(self.late):
            self.arrive(gate)

    def _is_at_rest(self) -> bool:
        ends = {partition: len(records) for partition, records in enumerate(self.log.partitions) if records}
        return self.group.committed.items() >= ends.items() and not self.group.is_dealing

    def check(self) -> None:
        """Compare what is stored with what was sent.

        Raises:
            LostError: When a row does not know exactly the events that are stored for it, or an event is not stored.
        """
        wanted = settled(_first_of_each(self._sent))
        for ticket_id, ticket in wanted.items():
            row = self.store.tickets.get(ticket_id)
            if row is None:
                raise LostError(f"ticket {ticket_id} has no row")
            events = [event.raw for event in self.store.events.values() if event.subject == ticket_id]
            stated = ticket_of(ticket_id, row.state)
            _compare(f"the row of {ticket_id} and its stored events", stated, refolded(ticket_id, events))
            _compare(f"the row of {ticket_id} and what was sent", stated, ticket)
        if self.store.tickets.keys() != wanted.keys():
            raise LostError(f"rows of tickets that nobody sent: {self.store.tickets.keys() - wanted.keys()}")
        if self.store.dead_letters:
            raise LostError(f"dead letters without cause: {list(self.store.dead_letters.values())}")


def _first_of_each(events: Sequence[Event]) -> list[Event]:
    return list({(event.source, event.id, event.subject): event for event in reversed(events)}.values())


def _compare(what: str, one: Ticket, other: Ticket) -> None:
    if one != other:
        raise LostError(f"{what} differ: {len(one.facts)} facts and {len(other.facts)}")
