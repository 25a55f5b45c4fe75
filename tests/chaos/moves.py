"""What is done to the parts of a run, and when: drawn from a seed, without touching anything."""

import random
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

WEIGHTS: Final[Mapping[str, int]] = {
    "kill": 4,            # a worker, with -9
    "stop": 2,            # a worker is told to end: a rebalance with all owners living
    "start": 3,           # one more worker, where there is room
    "hold": 4,            # a worker stands still beyond its session timeout, then goes on
    "slow": 2,            # each insert takes seconds
    "refuse": 2,          # ClickHouse refuses inserts: no memory, too many parts, no quorum, disk full
    "store gone": 1,      # ClickHouse hangs up on everybody
    "mute": 2,            # inserts are done, and nobody hears of it
    "cut": 2,             # every connection to Kafka breaks
    "kafka gone": 1,      # and nobody is let in for a while
    "delay": 1,           # Kafka is far away
    "clock": 1,           # the clock of the workers jumps
    "broker restart": 1,  # where a broker keeps its log on disk
}  # fmt: skip
"""How often each is drawn."""

REFUSALS: Final = (241, 243, 252, 286)
JUMPS_MS: Final = (-86_400_000, -3_600_000, -5_000, 5_000, 3_600_000, 86_400_000)
SESSION_SECONDS: Final = 6.0


class Move(NamedTuple):
    """One thing that is done.

    Attributes:
        at: Seconds since the begin.
        name: Which.
        which: Of those it can be done to, as a place between 0 and 1.
        seconds: How long it lasts.
        value: Seconds of slowness, an error code, milliseconds of a jump.
    """

    at: float
    name: str
    which: float = 0.0
    seconds: float = 0.0
    value: float = 0.0


def moves_of(seed: int, seconds: float, *, without: frozenset[str] = frozenset()) -> list[Move]:
    """Return the moves of a run that lasts so long, in order; the last of them have ended by then."""
    chance = random.Random(seed)
    names = [name for name in WEIGHTS if name not in without]
    weights = [WEIGHTS[name] for name in names]
    moves: list[Move] = []
    at = 1.0
    while at < seconds:
        (name,) = chance.choices(names, weights)
        moves.append(_move(name, at, seconds - at, chance))
        at += chance.choice((0.1, 1.0, 3.0)) * chance.uniform(0.5, 1.5)
    return moves


def _move(name: str, at: float, left: float, chance: random.Random) -> Move:
    longest = 2.5 * SESSION_SECONDS if name == "hold" else 12.0
    lasts = min(left, chance.uniform(0.5, longest))
    value = {
        "slow": chance.choice((0.5, 2.0, 8.0, 30.0)),
        "refuse": float(chance.choice(REFUSALS)),
        "delay": chance.choice((0.02, 0.2, 1.0)),
        "clock": float(chance.choice(JUMPS_MS)),
    }.get(name, 0.0)
    return Move(round(at, 2), name, round(chance.random(), 3), round(lasts, 2), value)


def story_of(moves: Sequence[Move]) -> str:
    """Return moves as people read them, one a line."""
    return "\n".join(f"  {one.at:6.1f} s  {one.name} {one.value or ''} for {one.seconds:.1f} s" for one in moves)
