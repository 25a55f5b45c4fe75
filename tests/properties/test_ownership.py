"""However workers, group and store get into each other's way: at rest each row knows exactly what is stored for it."""

from typing import Final

import pytest
import structlog
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from schemas.codec import Event
from tests.histories import event, public_answer
from tests.simulated.before import WorkerThatDrops, WorkerThatFoldsOn
from tests.simulated.gate import Answer, Gate
from tests.simulated.loop import virtual_loop
from tests.simulated.story import ends_badly, shortened, story_of, told
from tests.simulated.worker import SimulatedWorker
from tests.simulated.world import LostError, World

STORIES: Final = 150
IN_PARTITION_1: Final = "D"
READING: Final = (
    "a fetch",
    "what was fetched",
    "what the broker knows",
    "its part of the group",
    "seeking back",
    "putting back",
)
WRITING: Final = ("tickets", "writing events", "writing tickets")


@pytest.fixture(autouse=True)
def _quiet(_logging_as_before: None) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


@pytest.mark.parametrize("seed", range(0, STORIES, 10))
def test_no_story_loses_or_doubles_anything(seed: int) -> None:
    for each in range(seed, seed + 10):
        told(story_of(each))


def test_a_worker_that_passes_records_over_is_found_out_in_a_short_story() -> None:
    story = next(story for story in map(story_of, range(40)) if ends_badly(story, WorkerThatDrops))
    short = shortened(story, WorkerThatDrops)
    assert ends_badly(short, WorkerThatDrops)
    assert len(short.moves) <= 6
    told(short)


@pytest.mark.parametrize(("kind", "is_right"), [(SimulatedWorker, True), (WorkerThatFoldsOn, False)])
def test_what_was_received_before_the_group_was_dealt_anew_leaves_no_gap(
    kind: type[SimulatedWorker], *, is_right: bool
) -> None:
    with virtual_loop() as loop:
        world = World(loop, worker=kind)
        for event in _talk(6):
            world.send(event)
        world.start(1)
        _open(world, 1, *READING, "tickets")  # all six received, the first of them on its way to a slow store
        world.start(1)
        _open(world, 1, "giving up on the batches in hand")
        _open(world, 2, *READING)
        _open(world, 1, *WRITING, most=7)
        _open(world, 2, *READING, *WRITING, most=12)  # two of them stored
        world.commit(2)
        _open(world, 1, *WRITING)
        world.kill(2)
        if is_right:
            world.settle()
            world.check()
        else:
            with pytest.raises(LostError):
                _settled_and_checked(world)


def _settled_and_checked(world: World) -> None:
    world.settle()
    world.check()


def _talk(count: int) -> list[Event]:
    return [event(public_answer(IN_PARTITION_1), at, f"e{at}", subject=IN_PARTITION_1) for at in range(count)]


def _open(world: World, number: int, *whats: str, most: int = 60) -> None:
    """Open gates of a worker, the longest waiting first, as many as come."""
    for _ in range(most):
        gate = next((gate for gate in world.gates if gate.worker == number and gate.what in whats), None)
        if gate is None:
            return
        world.open(gate)


class Ownership(RuleBasedStateMachine):
    """Workers come, go, die, are held and let go over one store, and whatever they wait for comes in any order."""

    kind: type[SimulatedWorker] = SimulatedWorker

    def __init__(self) -> None:
        super().__init__()
        self._context = virtual_loop()
        self._loop = self._context.__enter__()
        self.world = World(self._loop, worker=self.kind)
        self.world.start(1)

    @rule(ticket=st.sampled_from("AD"), count=st.integers(1, 4))
    def send(self, ticket: str, count: int) -> None:
        for _ in range(count):
            at = self.world.sent
            self.world.send(event(public_answer(ticket), at, f"e{at}", subject=ticket))

    @precondition(lambda self: self.world.gates)
    @rule(number=st.integers(0, 30), steps=st.integers(1, 8), data=st.sampled_from(["any", "reading", "writing"]))
    def open(self, number: int, steps: int, data: str) -> None:
        for _ in range(steps):
            gates = [gate for gate in self._awake() if data == "any" or gate.may_fail is (data == "writing")]
            if gates:
                self.world.open(gates[number % len(gates)])

    @precondition(lambda self: any(gate.may_fail for gate in self._awake()))
    @rule(number=st.integers(0, 30), answer=st.sampled_from([Answer.REFUSED, Answer.UNHEARD]))
    def fail(self, number: int, answer: Answer) -> None:
        gates = [gate for gate in self._awake() if gate.may_fail]
        self.world.open(gates[number % len(gates)], answer)

    @precondition(lambda self: self._of("giving up"))
    @rule(number=st.integers(0, 30))
    def give_up(self, number: int) -> None:
        gates = self._of("giving up")
        self.world.open(gates[number % len(gates)])

    @precondition(lambda self: len(self.world.workers) < 3)
    @rule(batch=st.integers(1, 2))
    def start(self, batch: int) -> None:
        self.world.start(batch)

    @precondition(lambda self: self.world.workers)
    @rule(number=st.integers(0, 30))
    def kill(self, number: int) -> None:
        self.world.kill(list(self.world.workers)[number % len(self.world.workers)])

    @precondition(lambda self: self.world.workers)
    @rule(number=st.integers(0, 30))
    def hold_or_let_go(self, number: int) -> None:
        worker = list(self.world.workers.values())[number % len(self.world.workers)]
        (self.world.let_go if worker.is_held else self.world.hold)(worker.number)

    @precondition(lambda self: self._unheard())
    @rule(number=st.integers(0, 30))
    def expire(self, number: int) -> None:
        self.world.expire(self._unheard()[number % len(self._unheard())])

    @rule()
    def deal(self) -> None:
        self.world.deal()

    @rule()
    def commit(self) -> None:
        for number, worker in self.world.workers.items():
            if not worker.is_held:
                self.world.commit(number)

    @precondition(lambda self: self.world.late)
    @rule(number=st.integers(0, 30))
    def arrive(self, number: int) -> None:
        self.world.arrive(self.world.late[number % len(self.world.late)])

    @rule()
    def wait(self) -> None:
        self.world.wait()

    def teardown(self) -> None:
        try:
            _settled_and_checked(self.world)
        finally:
            self._context.__exit__(None, None, None)

    def _awake(self) -> list[Gate]:
        held = {number for number, worker in self.world.workers.items() if worker.is_held}
        return [gate for gate in self.world.gates if gate.worker not in held or gate.what.startswith("writing")]

    def _of(self, what: str) -> list[Gate]:
        return [gate for gate in self._awake() if gate.what.startswith(what)]

    def _unheard(self) -> list[int]:
        silent = {number for number, worker in self.world.workers.items() if not worker.is_held}
        return sorted(self.world.group.members - silent)


class OwnershipThatDrops(Ownership):
    """The same with workers that pass records over."""

    kind = WorkerThatDrops


TestOwnership = Ownership.TestCase
TestOwnership.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_the_machine_finds_workers_that_pass_records_over() -> None:
    with pytest.raises(LostError):
        run_state_machine_as_test(
            OwnershipThatDrops,
            settings=settings(
                max_examples=100, stateful_step_count=30, deadline=None, database=None, phases=[Phase.generate]
            ),
        )
