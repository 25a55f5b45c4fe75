"""Who runs in the race, what each of them leaves out, how they fared, and what is held against that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

OURS: Final = "servicepulse worker"
PLAIN: Final = "plain Faust"
QUIX: Final = "Quix Streams"
BYTEWAX: Final = "Bytewax"
LOOP: Final = "loop by hand"

_UNTOLD: Final = "duplicates, disorder, corrections, late truth, dead letters"

LEAVES_OUT: Final[Mapping[str, str]] = {
    OURS: "nothing of this; stores 66 columns of a ticket, the others 12",
    QUIX: f"{_UNTOLD}. State is durable: RocksDB and changelog topics",
    BYTEWAX: f"{_UNTOLD}. State is durable: a snapshot every second, on this machine alone",
    PLAIN: f"{_UNTOLD}; rows that wait in memory. State is durable: changelog topic",
    LOOP: f"durable state, {_UNTOLD}",
}
"""Everybody who runs, with what each leaves out of: durable state, duplicates, disorder, corrections, late truth (what
is only said once it has changed what was true before), dead letters.
"""


class Mark(NamedTuple):
    """Ours must be so many times as fast as the fastest of these."""

    peers: Sequence[str]
    factor: float

    def named(self) -> str:
        """Return what it asks for, in words."""
        whom = self.peers[0] if len(self.peers) == 1 else f"the best of {' and '.join(self.peers)}"
        return f"{self.factor:g} times {whom}"


MARKS: Final = (
    Mark((QUIX, BYTEWAX), 2.0),  # another framework is no reason to leave ours, even one that does far less
    Mark((PLAIN,), 25.0),  # batches and columns must pay off where Faust itself takes one event at a time
    Mark((LOOP,), 1.0),  # what is left out of the bare loop must cost nothing
)


@dataclass(frozen=True)
class Outcome:
    """How somebody fared in one round: seconds on the clock and of the processor, bytes of memory."""

    events: int
    seconds: float
    processor: float
    peak: int
    growth: int

    @property
    def per_second(self) -> float:
        return self.events / self.seconds

    @property
    def processor_us(self) -> float:
        """Microseconds of processor an event."""
        return 1e6 * self.processor / self.events

    @property
    def peak_mib(self) -> float:
        return self.peak / 2**20

    @property
    def growth_mib(self) -> float:
        """MiB by which memory grew while events came, for a million of them."""
        return self.growth / 2**20 * 1e6 / self.events


Round = Mapping[str, Outcome]


class Verdict(NamedTuple):
    """A mark, and how many times as fast ours was."""

    mark: Mark
    ratio: float

    @property
    def is_reached(self) -> bool:
        return self.ratio >= self.mark.factor


def order_of(names: Sequence[str], number: int) -> list[str]:
    """Return who runs when in a round: another one begins each time, and every second time they run backwards."""
    shift = number % len(names)
    turned = [*names[shift:], *names[:shift]]
    return turned[::-1] if number % 2 else turned


def ratios(rounds: Sequence[Round]) -> dict[str, float]:
    """Return for each peer the median of how many times as fast ours was within a round."""
    peers = [name for name in rounds[0] if name != OURS]
    return {peer: median(one[OURS].per_second / one[peer].per_second for one in rounds) for peer in peers}


def medians(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    """Return the median of each measure for everybody."""
    measures = ("per_second", "processor_us", "peak_mib", "growth_mib")
    return {
        name: {measure: median(getattr(one[name], measure) for one in rounds) for measure in measures}
        for name in LEAVES_OUT
        if name in rounds[0]
    }


def verdicts(found: Mapping[str, float]) -> list[Verdict]:
    """Return each mark with the ratio to the fastest of its peers."""
    return [Verdict(mark, min(found[peer] for peer in mark.peers)) for mark in MARKS]


def exit_code(found: Mapping[str, float]) -> int:
    """Return 0 when every mark is reached, 1 otherwise."""
    return 0 if all(verdict.is_reached for verdict in verdicts(found)) else 1
