"""Whoever keeps to the pace leaves live events their turn and the workers no idle hands, in a desk played by numbers.

Workers fold in the order of arrival and commit now and then; live events come steadily; some send history, as much as
their pace allows, each by looks of its own.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.core.pace import LEAST, TRICKLE_PER_SECOND, Look, Pace, Place

STEP = 0.1
LOOK_STEPS = 2
COMMIT_STEPS = 5
SEEN_SECONDS = 5.0
"""How late a live event may be seen beside history."""
MOST_A_STEP = 2_000
"""A sender makes no more events."""


@dataclass
class Partition:
    """One partition and how far it is folded, in records."""

    end: float = 0.0
    folded: float = 0.0
    committed: int = 0
    storing: deque[float] = field(default_factory=deque)
    arrivals: deque[tuple[float, float]] = field(default_factory=deque)


@dataclass
class Desk:
    """Partitions, what folds them, and how long live events waited."""

    partitions: Sequence[Partition]
    per_second: float
    live_per_second: float
    store_seconds: float = 0.5
    waits: list[float] = field(default_factory=list)
    steps: int = 0

    def step(self) -> None:
        """Let a tenth of a second pass."""
        self.steps += 1
        now = self.steps * STEP
        for partition in self.partitions:
            partition.end += self.live_per_second / len(self.partitions) * STEP
            partition.arrivals.append((now, partition.end))
        waiting = sum(one.end - one.folded for one in self.partitions)
        share = min(1.0, self.per_second * STEP / waiting) if waiting else 0.0
        for partition in self.partitions:
            partition.folded += (partition.end - partition.folded) * share
            partition.storing.append(partition.folded)
            is_full = len(partition.storing) > self.store_seconds / STEP
            stored = partition.storing.popleft() + 1e-6 if is_full else 0.0
            while partition.arrivals and partition.arrivals[0][1] <= stored:
                self.waits.append(now - partition.arrivals.popleft()[0])
            if self.steps % COMMIT_STEPS == 0:
                partition.committed = int(stored)

    def look(self, now: float, sent: Mapping[Place, int]) -> Look:
        places = {("tickets", number): one for number, one in enumerate(self.partitions)}
        read = {place: one.committed for place, one in places.items()}
        return Look(now, read, {place: int(one.end) for place, one in places.items()}, sent)


@dataclass
class Sender:
    """Sends history of even or uneven partitions, one after the other, as its pace allows, after a first look."""

    phase: int
    skew: float
    random: Random
    pace: Pace = field(default_factory=Pace)
    sent: int = 0
    place: int | None = None
    has_looked: bool = False

    def step(self, desk: Desk) -> None:
        now = desk.steps * STEP
        if desk.steps % LOOK_STEPS == self.phase:
            self.pace.note(desk.look(now, self.pace.sent()))
            self.has_looked = True
        for _ in range(MOST_A_STEP if self.has_looked else 0):
            if self.place is None:
                self.place = self._next(len(desk.partitions))
            if not self.pace.take(("tickets", self.place), now):
                return
            desk.partitions[self.place].end += 1
            self.sent += 1
            self.place = None

    def _next(self, partitions: int) -> int:
        return 0 if self.random.random() < self.skew else self.random.randrange(partitions)


def played(desk: Desk, senders: Sequence[Sender], seconds: float) -> None:
    for _ in range(int(seconds / STEP)):
        for sender in senders:
            sender.step(desk)
        desk.step()


def desk_of(partitions: int, per_second: float, live_per_second: float, store_seconds: float = 0.5) -> Desk:
    return Desk([Partition() for _ in range(partitions)], per_second, live_per_second, store_seconds)


def senders_of(number: int, skew: float, seed: int) -> list[Sender]:
    return [Sender(one % LOOK_STEPS, skew, Random(seed + one)) for one in range(number)]


SPEEDS = st.floats(300, 3_000)
SEEDS = st.integers(0, 2**16)


@settings(max_examples=10)
@given(SPEEDS, st.floats(0, 0.8), st.sampled_from([1, 4, 12]), st.floats(0, 0.6), st.integers(1, 3), SEEDS)
@example(2_500, 0.8, 4, 0.0, 1, 0)
@example(300, 0.75, 1, 0.0, 2, 0)
def test_a_live_event_waits_a_few_seconds_at_most_and_the_workers_have_enough_to_do(
    per_second: float, live: float, partitions: int, skew: float, number: int, seed: int
) -> None:
    desk = desk_of(partitions, per_second, live * per_second)
    senders = senders_of(number, skew, seed)
    played(desk, senders, 20)
    sent_before = sum(sender.sent for sender in senders)
    played_from = len(desk.waits)
    played(desk, senders, 30)
    assert max(desk.waits[played_from:]) <= SEEN_SECONDS + LEAST / per_second
    free = (1 - live) * per_second * 30
    assert sum(sender.sent for sender in senders) - sent_before >= 0.75 * free


@pytest.mark.weighty
@settings(max_examples=5)
@given(st.floats(3_000, 9_000), st.floats(1.5, 3.0), st.sampled_from([1, 4]), SEEDS)
@example(9_000, 3.0, 4, 0)
def test_workers_whose_store_is_slow_have_enough_to_do(
    per_second: float, store_seconds: float, partitions: int, seed: int
) -> None:
    desk = desk_of(partitions, per_second, 100.0, store_seconds)
    (sender,) = senders = senders_of(1, 0.0, seed)
    played(desk, senders, 60)
    before = sender.sent
    played(desk, senders, 30)
    assert sender.sent - before >= 0.6 * (per_second - 100) * 30


@given(SPEEDS, st.sampled_from([1, 4]), SEEDS)
@settings(max_examples=10)
def test_where_live_events_alone_are_too_many_history_still_trickles(
    per_second: float, partitions: int, seed: int
) -> None:
    desk = desk_of(partitions, per_second, 1.3 * per_second)
    (sender,) = senders = senders_of(1, 0.0, seed)
    played(desk, senders, 30)
    before = sender.sent
    played(desk, senders, 30)
    assert 0.5 * TRICKLE_PER_SECOND * 30 <= sender.sent - before <= 0.2 * per_second * 30


@given(st.integers(1, 64), st.floats(0, 1), SEEDS)
@settings(max_examples=10)
def test_while_nothing_is_folded_no_more_than_the_least_goes(partitions: int, skew: float, seed: int) -> None:
    desk = desk_of(partitions, 0.0, 50.0)
    (sender,) = senders = senders_of(1, skew, seed)
    played(desk, senders, 60)
    assert 0 < sender.sent <= max(LEAST, partitions)
    assert sender.pace.moved_at is None
