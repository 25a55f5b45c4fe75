"""What a process and its children take while it runs: processor and memory, looked at ten times a second."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Self

import psutil

_EVERY_SECONDS: Final = 0.1
_FAMILY_EVERY: Final = 10
"""Looking for children takes longer than looking at them; so many looks are at those that were found before."""


class Sample(NamedTuple):
    """One look: when, in seconds since 1970; seconds of processor so far; bytes of memory now."""

    at: float
    processor: float
    memory: int


class Usage(NamedTuple):
    """What was taken between two moments: seconds of processor, the most memory in bytes, and how much it grew."""

    processor: float
    peak: int
    growth: int


class Gauge:
    """Looks at a process until its block ends."""

    def __init__(self, pid: int) -> None:
        self.samples: list[Sample] = []
        self._first = psutil.Process(pid)
        self._family = [self._first]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gauge", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        looks = 0
        with suppress(psutil.Error):
            while not self._ended.wait(_EVERY_SECONDS):
                if looks % _FAMILY_EVERY == 0:
                    self._family = [self._first, *self._first.children(recursive=True)]
                looks += 1
                self.samples.append(self._sample())

    def _sample(self) -> Sample:
        processor, memory = 0.0, 0
        for process in self._family:
            with suppress(psutil.Error), process.oneshot():
                taken = process.cpu_times()
                processor += taken.user + taken.system
                memory += process.memory_info().rss
        return Sample(time.time_ns() / 1e9, processor, memory)


def usage(samples: Sequence[Sample], began_at: float, ended_at: float) -> Usage:
    """Return what was taken between two moments.

    A process that has ended takes no memory; looks at it are no looks.

    Raises:
        ValueError: When nobody looked in time.
    """
    alive = [sample for sample in samples if sample.memory]
    if not alive:
        raise ValueError("nobody looked at the process while it ran")
    within = [sample.memory for sample in alive if began_at <= sample.at <= ended_at + _EVERY_SECONDS]
    before = _last_before(alive, began_at)
    peak = max([before.memory, *within])
    return Usage(_processor(alive, ended_at) - _processor(alive, began_at), peak, peak - before.memory)


def _last_before(samples: Sequence[Sample], at: float) -> Sample:
    return max((sample for sample in samples if sample.at <= at), key=lambda sample: sample.at, default=samples[0])


def _processor(samples: Sequence[Sample], at: float) -> float:
    """Return the seconds of processor at a moment, between two looks in proportion."""
    before = _last_before(samples, at)
    after = next((sample for sample in samples if sample.at > at), before)
    share = (at - before.at) / (after.at - before.at) if after.at > before.at and at > before.at else 0.0
    return before.processor + share * (after.processor - before.processor)
