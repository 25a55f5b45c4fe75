"""Which offsets may be committed: those before the first batch that is not finished, and none behind a hole."""

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct

P = TypeVar("P", bound=Hashable)


class HoleError(Exception):
    """Records were passed over. Committing beyond them would lose them: stop, they are received again."""


class Batch:
    """Some consecutive offsets of one partition, received together; `end` is the offset after the last.

    Two batches of the same range are different batches: after a rebalance records come again, and finishing the old
    batch says nothing of the new one. The old one is stale: whoever still holds it must not work on it, because
    another worker may have its partition.
    """

    __slots__ = ("begin", "end", "is_finished", "is_stale")

    def __init__(self, begin: int, end: int) -> None:
        self.begin = begin
        self.end = end
        self.is_finished = False
        self.is_stale = False


class Ledger(Generic[P]):
    """The batches of each partition that are not committed yet, in the order in which they were received."""

    def __init__(self) -> None:
        self._open: dict[P, deque[Batch]] = {}
        self._reached: dict[P, int] = {}

    def reached(self, partition: P) -> int | None:
        """Return the offset with which the next batch of a partition begins; None when it has not begun."""
        return self._reached.get(partition)

    def begin(self, partition: P, offset: int) -> None:
        """Let the next batch of a partition begin at an offset, whatever was received before."""
        self._reached[partition] = offset

    def opened(self, partition: P, begin: int, end: int) -> Batch:
        """Enter a batch that was received and return it.

        Raises:
            HoleError: When it does not begin where the one before ended.
        """
        reached = self._reached.get(partition)
        if begin != reached:
            raise HoleError(f"{partition}: a batch begins at {begin}, and the one before ended at {reached}")
        self._reached[partition] = end
        batch = Batch(begin, end)
        self._open.setdefault(partition, deque()).append(batch)
        return batch

    def committable(self, partition: P) -> int | None:
        """Return the offset to commit, and forget the batches before it; None when there is nothing new.

        A finished batch behind an unfinished one waits: committing it would lose the other one in a crash.
        """
        batches = self._open.get(partition)
        offset = None
        while batches and batches[0].is_finished:
            offset = batches.popleft().end
        return offset

    def clear(self) -> None:
        """Forget everything, and call it stale: what is not committed will be received again."""
        for batches in self._open.values():
            for batch in batches:
                batch.is_stale = True
        self._open.clear()
        self._reached.clear()

    def __iter__(self) -> Iterator[P]:
        return iter(list(self._open))


class Known(Struct, frozen=True):
    """What the broker says of a partition.

    Attributes:
        committed: From where its group goes on; None when it never committed.
        begin: The first offset that is still there.
        end: The offset after the last.
    """

    committed: int | None
    begin: int
    end: int


class Seam(Struct, frozen=True):
    """How a batch joins what was received before.

    Attributes:
        resume: Where it may begin; when it begins elsewhere it is read again from there.
        lost: Offsets, first and after the last, that the broker removed before anybody read them.
        is_made_anew: The partition ends before what was expected: its topic was deleted and made again, or cut off.
    """

    resume: int
    lost: tuple[int, int] | None = None
    is_made_anew: bool = False


def seam_of(begin: int, expected: int | None, known: Known) -> Seam:
    """Return how a batch that begins at an offset joins what was expected; without expectation all that is there is.

    A batch that begins too late is no proof of a loss: only what the broker has no longer is lost. Everything else is
    a hole of ours, and is read again.
    """
    if expected is None or known.end < expected:
        return Seam(min(begin, known.begin), is_made_anew=expected is not None)
    if begin <= expected:
        return Seam(begin)
    if known.begin <= expected:
        return Seam(expected)
    resume = min(begin, known.begin)
    return Seam(resume, lost=(expected, resume))
