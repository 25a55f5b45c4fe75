"""A partition of a log, read by aiokafka's own code as a consumer reads it, without a broker."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.structs import TopicPartition

from streams.core.records.record_batch import UnreadableRecord
from streams.fetch import FetchedRecords, Looks, ReadablePartition
from tests.records import record_of

TP: Final = TopicPartition("tickets", 3)


class Log:
    """Batches in the order of their offsets. It knows where each lies, whatever their bytes say."""

    def __init__(self, *batches: tuple[int, bytes]) -> None:
        """Take pairs of the number of offsets and the bytes of each batch."""
        self.batches = batches
        self.end = sum(offsets for offsets, _ in batches)

    def fetched(self, offset: int) -> bytes:
        """Return the batch that holds an offset, and all after it."""
        first = 0
        for number, (offsets, _) in enumerate(self.batches):
            if offset < first + offsets:
                return b"".join(batch for _, batch in self.batches[number:])
            first += offsets
        return b""


class Answering(Log):
    """A log whose broker answers one thing after the other, whatever it is asked."""

    def __init__(self, end: int, answers: Iterable[bytes]) -> None:
        super().__init__()
        self.end = end
        self._answers = iter(answers)

    def fetched(self, offset: int) -> bytes:  # noqa: ARG002 - whatever it is asked
        return next(self._answers)


def drained(log: Log, *, aborted: list[tuple[int, int]] | None = None, most_fetches: int = 1_000) -> list[Any]:
    """Return all records of a log, fetched as often as needed.

    Raises:
        AssertionError: When the position goes back, or so many fetches were not enough.
    """
    looks: Looks = deque(maxlen=100)
    position = 0
    records: list[Any] = []
    for _ in range(most_fetches):
        if position >= log.end:
            return records
        fetched = FetchedRecords(log.fetched(position))
        assert fetched.has_next(), "aiokafka would skip an offset and raise"
        reading = ReadablePartition(looks, TP, fetched, aborted, position, None, None, True, READ_COMMITTED)
        records += list(reading)
        assert reading.next_fetch_offset >= position
        position = reading.next_fetch_offset
    raise AssertionError(f"after {most_fetches} fetches still at offset {position}")


def covered(records: list[Any]) -> list[int]:
    """Return the offsets that records stand for."""
    return [offset for record in records for offset in range(_first(record), record.offset + 1)]


def _first(record: Any) -> int:
    return record.first_offset if isinstance(record, UnreadableRecord) else record.offset


class Unread:
    """What aiokafka's fetcher holds: one record of some size in each partition, fetched and not taken yet."""

    def __init__(self, sizes: Mapping[int, int]) -> None:
        self._records = {TopicPartition("tickets", number): _OneRecord(size) for number, size in sizes.items()}
        self._wait_consume_future = None

    def _notify(self, _: object) -> None:
        pass


class _OneRecord:
    next_fetch_offset = 0

    def __init__(self, size: int) -> None:
        self._size = size
        self._partition_records = self

    def check_assignment(self, _: TopicPartition) -> bool:
        return True

    def getall(self) -> list[Any]:
        self.next_fetch_offset = 1
        return [record_of(b"x" * self._size)]
