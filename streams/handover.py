"""From what was fetched to batches that are handed on: the position never passes a record that was not handed on.

What cannot be handed on is put back. A batch that does not begin where the one before ended is read again, unless the
broker has the records in between no longer.
"""

from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, MutableMapping
from typing import Generic, Protocol, TypeVar

from streams.core.ticket.batch import Record
from streams.ledger import Batch, Known, Ledger, Seam, seam_of
from streams.room import Room, size_of

P = TypeVar("P", bound=Hashable)
Q = TypeVar("Q", bound=Hashable, contravariant=True)


class Records(list[Record]):
    """The records of one partition that fetches brought, in the order of their offsets, and the offsets they stand for.

    These may be more than there are records: marks of transactions, records of aborted ones and what was compacted away
    have offsets too.

    Attributes:
        begin: The first offset.
        end: The offset after the last.
        size: About how many bytes of memory they take.
        batch: Its entry in the ledger, once it is handed on.
    """

    batch: Batch

    def __init__(self, records: Iterable[Record], begin: int, end: int) -> None:
        super().__init__(records)
        self.begin = begin
        self.end = end
        self.size = size_of(self)

    def join(self, more: "Records") -> None:
        """Take in what follows."""
        self.extend(more)
        self.end = more.end
        self.size += more.size


class Position(Protocol[Q]):
    """Where the next fetch of each partition begins."""

    async def known(self, partition: Q, /) -> Known:
        """Return what the broker says of a partition."""

    async def put_back(self, partition: Q, records: Records, offset: int, /) -> None:
        """Read on from an offset instead of behind these records, unless the group was dealt anew since."""


class Handover(Generic[P]):
    """Hands fetched records on as batches, and knows which of them may be committed."""

    def __init__(
        self,
        position: Position[P],
        committed: MutableMapping[P, int | None],
        on_turn: Callable[[], None],
        on_seam: Callable[[P, Seam], None],
    ) -> None:
        """Begin without any partition.

        Args:
            position: Where the next fetch of each partition begins.
            committed: What was committed, as far as is known; a partition that never was gets its beginning here.
            on_turn: Called whenever all batches in hand went stale.
            on_seam: Called when a partition begins, and whenever a batch does not begin where the one before ended.
        """
        self._position = position
        self._committed = committed
        self._on_turn = on_turn
        self._on_seam = on_seam
        self.ledger: Ledger[P] = Ledger()
        self.room = Room()
        self.turn = 0

    def turn_over(self) -> None:
        """Let nothing of before count: all batches in hand are stale, and their records come again."""
        self.turn += 1
        self.ledger.clear()
        self.room.clear()  # what is stale is let go soon, and not all of it tells
        self._on_turn()

    def finish(self, records: Records) -> None:
        """Let records be committed and give their room back; what is finished or stale has given it back before."""
        if not (records.batch.is_finished or records.batch.is_stale):
            self.room.give_back(records.size)
        records.batch.is_finished = True

    async def hand_on(
        self, fetched: Mapping[P, Records], turn: int, may_hand_on: Callable[[P], bool]
    ) -> AsyncIterator[tuple[P, Records]]:
        """Yield what may be handed on, each with its entry in the ledger, and put the rest back.

        Args:
            fetched: Records by partition; those without any are finished at once.
            turn: The turn in which the fetch began: of an earlier one nothing counts.
            may_hand_on: Says whether a partition is being read right now.

        Raises:
            HoleError: When records were passed over in spite of all this.
        """
        for partition, records in fetched.items():
            resume = await self._resume(partition, records) if turn == self.turn else records.begin
            if turn != self.turn or resume != records.begin or not may_hand_on(partition):
                await self._position.put_back(partition, records, resume)
                continue
            records.batch = self.ledger.opened(partition, records.begin, records.end)
            if records:
                self.room.take(records.size)
                yield partition, records
            else:
                records.batch.is_finished = True

    async def _resume(self, partition: P, records: Records) -> int:
        """Return where the next batch of a partition may begin, and tell what the broker lost."""
        reached = self.ledger.reached(partition)
        expected = self._committed.get(partition) if reached is None else reached
        if records.begin == expected:
            self.ledger.begin(partition, records.begin)
            return records.begin
        turn = self.turn
        known = await self._position.known(partition)
        if turn != self.turn:
            return records.begin
        seam = seam_of(records.begin, known.committed if reached is None else reached, known)
        if seam.is_made_anew or known.committed is None:
            self._committed[partition] = seam.resume  # nothing before it waits
        self._on_seam(partition, seam)
        self.ledger.begin(partition, seam.resume)
        return seam.resume
