"""Which offsets may be committed: those before the first batch that is not finished."""

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)


class Batch:
    """Some consecutive records of one partition, received together; `end` is the offset after the last.

    Two batches of the same range are different batches: after a rebalance records come again, and finishing the old
    batch says nothing of the new one.
    """

    __slots__ = ("begin", "end", "is_finished")

    def __init__(self, begin: int, end: int) -> None:
        self.begin = begin
        self.end = end
        self.is_finished = False


class Ledger(Generic[P]):
    """The batches of each partition that are not committed yet, in the order in which they were received."""

    def __init__(self) -> None:
        self._open: dict[P, deque[Batch]] = {}

    def opened(self, partition: P, begin: int, end: int) -> Batch:
        """Enter a batch that was received and return it."""
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
        """Forget everything: what is not committed will be received again."""
        self._open.clear()

    def __iter__(self) -> Iterator[P]:
        return iter(list(self._open))
