"""What happens in one run: moves drawn from a seed, told in words, and made short when they end badly."""

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from schemas import events as e
from schemas.codec import Event
from tests.histories import SOURCE, event, public_answer
from tests.simulated.gate import Answer, Gate
from tests.simulated.loop import virtual_loop
from tests.simulated.worker import SimulatedWorker
from tests.simulated.world import LostError, World

TICKETS: Final = ("A", "B", "C", "D")
MOST_WORKERS: Final = 3
EVENTS: Final = 20

_OFTEN: Final = {
    "open": 40,
    "read on": 30,
    "send": 12,
    "commit": 6,
    "refuse": 4,
    "lose the answer of": 3,
    "give up": 3,
    "wait": 3,
    "start": 3,
    "deal": 3,
    "kill": 2,
    "hold": 2,
    "let go": 3,
    "expire": 3,
    "let arrive": 2,
    "send again": 3,
    "send astray": 2,
}
Made: TypeAlias = Callable[[World, Sequence[Event], int], str]
"""Makes a move with what a number chooses and returns it in words; none when there is nothing to make it with."""

_SWAY: Final = (0.1, 0.5, 1, 1, 3)
"""Each story makes some kinds of moves more often than others: what it takes to lose an event is rare in the mean of
all. Groce, A. et al. (2012): Swarm testing, ISSTA."""


class Move(NamedTuple):
    """A kind of move, and a number that chooses among what it can be made with at that moment."""

    kind: str
    choice: int


class Story(NamedTuple):
    """What is sent, and the moves. Moves that cannot be made are skipped, so that any part of a story is one."""

    events: tuple[Event, ...]
    moves: tuple[Move, ...]


def story_of(seed: int) -> Story:
    """Return the story of a seed, always the same."""
    rng = random.Random(seed)
    weights = [often * rng.choice(_SWAY) for often in _OFTEN.values()]
    kinds = rng.choices(list(_OFTEN), weights=weights, k=rng.randint(30, 200))
    begin = Move("start", rng.randrange(1 << 16)), *(Move("send", 0),) * rng.randint(0, 12)
    return Story(_events(rng), (*begin, *(Move(kind, rng.randrange(1 << 16)) for kind in kinds)))


def _events(rng: random.Random) -> tuple[Event, ...]:
    ids = TICKETS[: rng.choice((1, 1, 2, 3, len(TICKETS)))]
    return tuple(_event(rng, ids, number) for number in range(rng.randint(2, EVENTS)))


def _event(rng: random.Random, ids: Sequence[str], number: int) -> Event:
    id = rng.choice(ids)
    others = [other for other in ids if other != id]
    contents: list[e.Data] = [
        e.TicketCreated(ticket_id=id, channel="phone", created_by=e.Party.CUSTOMER),
        public_answer(id),
        e.TicketResolved(ticket_id=id),
        e.TicketReopened(ticket_id=id),
        e.EventRetracted(target_source=SOURCE, target_id=f"e{rng.randrange(EVENTS)}"),
        *(e.TicketMerged(ticket_id=id, into_ticket_id=other) for other in rng.sample(others, min(1, len(others)))),
    ]
    return event(rng.choice(contents), rng.randrange(20), f"e{number}", subject=id)


def told(story: Story, worker: type[SimulatedWorker] = SimulatedWorker) -> list[str]:
    """Play a story to its end and return what happened, in words.

    Raises:
        LostError: When something is lost or stuck in the end; its notes are the words.
    """
    words: list[str] = []
    state = random.getstate()
    random.seed(0)  # the agent's waits are drawn from it
    with virtual_loop() as loop:
        world = World(loop, worker=worker)
        try:
            for move in story.moves:
                if said := _made(move, world, story.events):
                    words.append(said)
            world.settle()
            world.check()
        except LostError as error:
            error.add_note("\n".join(words))
            raise
        finally:
            random.setstate(state)
    return words


def shortened(story: Story, worker: type[SimulatedWorker] = SimulatedWorker) -> Story:
    """Return a short story that ends as badly: as few moves and events as leaving out one after the other gives."""
    size = len(story.moves)
    while size:
        begin = 0
        while begin < len(story.moves):
            shorter = Story(story.events, story.moves[:begin] + story.moves[begin + size :])
            if ends_badly(shorter, worker):
                story = shorter
            else:
                begin += size
        size //= 2
    return story


def ends_badly(story: Story, worker: type[SimulatedWorker] = SimulatedWorker) -> bool:
    """Say whether something is lost or stuck at the end of a story."""
    try:
        told(story, worker)
    except LostError:
        return True
    return False


def _made(move: Move, world: World, events: Sequence[Event]) -> str:
    """Make a move and return it in words; none when there is nothing to make it with."""
    return _MOVES[move.kind](world, events, move.choice)


def _of_gates(what: str, answer: Answer, chosen: Callable[[Gate], bool] = lambda _: True) -> Made:
    def move(world: World, events: Sequence[Event], choice: int) -> str:
        gates = [
            gate for gate in world.gates if not world.workers[gate.worker].is_held or gate.what.startswith("writing")
        ]
        gates = [gate for gate in gates if chosen(gate)]
        if not gates:
            return ""
        gate = gates[choice % len(gates)]
        world.open(gate, answer)
        return f"{what} {gate}"

    return move


def _of_workers(what: str, candidates: Callable[[World], list[int]], make: Callable[[World, int], None]) -> Made:
    def move(world: World, events: Sequence[Event], choice: int) -> str:
        numbers = candidates(world)
        if not numbers:
            return ""
        make(world, numbers[choice % len(numbers)])
        return f"{what} worker {numbers[choice % len(numbers)]}"

    return move


def _send(world: World, events: Sequence[Event], choice: int) -> str:
    if world.sent == len(events):
        return ""
    world.send(events[world.sent])
    return f"send {events[world.sent - 1].id} of {events[world.sent - 1].subject}: {events[world.sent - 1].name}"


def _send_again(world: World, events: Sequence[Event], choice: int) -> str:
    if not world.sent:
        return ""
    again = events[choice % world.sent]
    world.send(again, is_new=False)
    return f"send {again.id} again"


def _send_astray(world: World, events: Sequence[Event], choice: int) -> str:
    if world.sent == len(events):
        return ""
    partition = choice % len(world.log.partitions)
    world.send(events[world.sent], stray_to=partition)
    return f"send {events[world.sent - 1].id} to partition {partition}: {events[world.sent - 1].name}"


def _start(world: World, events: Sequence[Event], choice: int) -> str:
    if len(world.workers) >= MOST_WORKERS:
        return ""
    return f"start worker {world.start(1 + choice % 3).number}"


def _deal(world: World, events: Sequence[Event], choice: int) -> str:
    world.deal()
    return "deal the group anew"


def _arrive(world: World, events: Sequence[Event], choice: int) -> str:
    if not world.late:
        return ""
    gate = world.late[choice % len(world.late)]
    world.arrive(gate)
    return f"let the {gate} arrive late"


def _wait(world: World, events: Sequence[Event], choice: int) -> str:
    return "wait" if world.wait() else ""


def _held(world: World) -> list[int]:
    return [number for number, worker in world.workers.items() if worker.is_held]


def _unheard(world: World) -> list[int]:
    gone = world.group.members - world.workers.keys()
    return sorted(gone | (world.group.members & set(_held(world))))


_MOVES: Final[dict[str, Made]] = {
    "open": _of_gates("open", Answer.DONE),
    "read on": _of_gates("open", Answer.DONE, lambda gate: not gate.may_fail),
    "give up": _of_gates("open", Answer.DONE, lambda gate: gate.what.startswith("giving up")),
    "refuse": _of_gates("refuse", Answer.REFUSED, lambda gate: gate.may_fail),
    "lose the answer of": _of_gates("lose the answer of", Answer.UNHEARD, lambda gate: gate.may_fail),
    "send": _send,
    "send again": _send_again,
    "send astray": _send_astray,
    "start": _start,
    "deal": _deal,
    "wait": _wait,
    "let arrive": _arrive,
    "commit": _of_workers("commit of", lambda world: list(set(world.workers) - set(_held(world))), World.commit),
    "kill": _of_workers("kill", lambda world: list(world.workers), World.kill),
    "hold": _of_workers("hold", lambda world: list(set(world.workers) - set(_held(world))), World.hold),
    "let go": _of_workers("let go of", _held, World.let_go),
    "expire": _of_workers("expire", _unheard, World.expire),
}
