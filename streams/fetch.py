"""Unpacks what aiokafka fetched, so that no record can stop a partition: all that replaces code of aiokafka's.

aiokafka raises at the first batch or record that it cannot read, and fetches the same bytes again for ever. And it
unpacks a batch to whatever size it has. Here its parser works where it can, on what was unpacked within a bound; where
it raises, `streams.core.records.record_batch` reads the same bytes record by record. Transactions stay aiokafka's.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from struct import Struct as Layout
from typing import Any, Final, TypeAlias

import structlog
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.structs import ConsumerRecord

from streams.core.records.record_batch import (
    ATTRIBUTES_BYTE,
    CODEC_MASK,
    HEAD,
    MOST_KEPT_BYTES,
    MOST_RECORDS,
    MOST_UNPACKED_BYTES,
    Head,
    Place,
    UnreadableRecord,
    are_in_order,
    head_of,
    is_rising,
    read_records,
    unreadable,
)
from streams.core.records.unpack import UnpackError, unpack

log = structlog.get_logger()

ENOUGH_UNPACKED_BYTES: Final = 16 * 1024 * 1024
"""Of one fetch of one partition: when so much is unpacked, the rest is fetched again later."""
_TRUSTED_BYTES: Final = 4 * 1024 * 1024
"""Larger batches are read record by record at once: so many headers of nothing would take 128 MiB, a tenth of it do no
harm."""
_FRAME_BYTES: Final = 12
"""Offset and length, with which batches and messages of every format begin."""
_LENGTH_BYTE: Final = 8
_MAGIC_BYTE: Final = 16
_NEWEST: Final = 2
_OLDEST_BYTES: Final = 26
"""A message of format 0 without key and value."""
_OLD_ATTRIBUTES_BYTE: Final = 17
_OLD_KEY_BYTE: Final = (18, 26)
"""Where the key begins in formats 0 and 1."""
_COUNT_BYTE: Final = HEAD.size - 4
_LENGTH = _COUNT = Layout(">i")
_REMEMBERED: Final = 1_000

Looks: TypeAlias = deque[tuple[Place, int]]
"""Where damage was met once."""
AnyRecord: TypeAlias = Any
"""A record of aiokafka's or of ours."""
AnyBatch: TypeAlias = Any
"""A batch of aiokafka's."""


def read_every_record() -> None:
    """Have every consumer of aiokafka in this process read like this."""
    fetcher.MemoryRecords = FetchedRecords
    fetcher.PartitionRecords = partial(ReadablePartition, deque(maxlen=_REMEMBERED))


class FetchedBatch:
    """A batch as aiokafka expects it. `next_offset` is never before what was asked for, nor before an earlier batch."""

    __slots__ = ("_read", "base_offset", "is_control_batch", "is_transactional", "next_offset", "producer_id")

    def __init__(self, base_offset: int, next_offset: int, read: Callable[[], Iterable[AnyRecord]] = tuple) -> None:
        self.base_offset = base_offset
        self.next_offset = next_offset
        self.producer_id: int | None = None
        self.is_control_batch = False
        self.is_transactional = False
        self._read = read

    def validate_crc(self) -> bool:
        """Return True: what is damaged was found out before."""
        return True

    def __iter__(self) -> Iterator[AnyRecord]:
        return iter(self._read())

    def __next__(self) -> AnyRecord:
        """Return the first record, which is all that marks of transactions have."""
        return next(iter(self))


class FetchedRecords:
    """The batches that one fetch brought of one partition, in the place of aiokafka's `MemoryRecords`."""

    def __init__(self, fetched: bytes | None) -> None:
        self._fetched = memoryview(fetched or b"")
        self._position = 0
        self._is_over = False
        self._unpacked = 0
        self._asked = self._reached = 0
        self._place = Place("", 0)
        self._looks: Looks = deque()

    def begin(self, place: Place, offset: int, looks: Looks) -> None:
        """Say which offset was asked for, and where damage was met before."""
        self._place, self._looks = place, looks
        self._asked = self._reached = offset

    def size_in_bytes(self) -> int:
        """Return how much came."""
        return len(self._fetched)

    def has_next(self) -> bool:
        """Tell whether there is another batch: a whole one, or one whose frame is broken, or the only one in part."""
        left = len(self._fetched) - self._position
        if self._is_over or self._unpacked >= ENOUGH_UNPACKED_BYTES or left == 0:
            return False
        return self._position == 0 or (left >= _FRAME_BYTES and self._size() <= left)

    def next_batch(self) -> FetchedBatch:
        """Return the next batch, as whole as it can be read."""
        left = len(self._fetched) - self._position
        size = self._size() if left >= _FRAME_BYTES else _FRAME_BYTES
        if not _OLDEST_BYTES <= size <= left:
            return self._damaged(self._fetched[self._position :], f"{left:,} bytes came of a batch of {size:,}")
        batch = self._fetched[self._position : self._position + size]
        self._position += size
        magic = batch[_MAGIC_BYTE]
        if magic == _NEWEST:
            return self._of_newest_format(batch)
        return self._of_old_format(batch, magic) if magic < _NEWEST else self._damaged(batch, f"its format is {magic}")

    def _size(self) -> int:
        length: int = _LENGTH.unpack_from(self._fetched, self._position + _LENGTH_BYTE)[0]
        return _FRAME_BYTES + length

    def _of_newest_format(self, batch: memoryview) -> FetchedBatch:
        if len(batch) < HEAD.size:
            return self._damaged(batch, "it is shorter than its head")
        native = DefaultRecordBatch(batch)
        if not native.validate_crc():
            return self._damaged(batch, "its checksum is wrong")
        if native.last_offset_delta < 0:
            return self._damaged(batch, "it ends before it begins")
        end = native.next_offset
        if end <= self._reached:
            return self._passed_over(batch)
        self._reached = end
        fetched = FetchedBatch(native.base_offset, end, partial(self._read, native, batch))
        fetched.producer_id = native.producer_id
        fetched.is_control_batch = native.is_control_batch
        fetched.is_transactional = native.is_transactional
        return fetched

    def _read(self, native: AnyBatch, batch: memoryview) -> Iterable[AnyRecord]:
        """Return the records of a batch, once somebody asks: those of aborted transactions are not unpacked."""
        plain: bytearray | memoryview = batch
        fault = ""
        if codec := native.compression_type:
            plain = bytearray(batch[: HEAD.size])
            plain[ATTRIBUTES_BYTE] &= ~CODEC_MASK & 0xFF
            fault = _fault_of(codec, batch[HEAD.size :], plain)
            native = DefaultRecordBatch(plain)
        self._unpacked += len(plain)
        if not fault and len(plain) <= _TRUSTED_BYTES and _COUNT.unpack_from(batch, _COUNT_BYTE)[0] <= MOST_RECORDS:
            records = _natively(native)
            if records is not None and are_in_order(records, native.base_offset, native.next_offset):
                return records
        head = Head._make(HEAD.unpack_from(batch))
        return read_records(self._place, head, memoryview(plain)[HEAD.size :], bytes(batch[:MOST_KEPT_BYTES]), fault)

    def _of_old_format(self, batch: memoryview, magic: int) -> FetchedBatch:
        last = int.from_bytes(batch[:8], "big", signed=True)
        try:
            native = LegacyRecordBatch(batch, magic)
            if not native.validate_crc():
                return self._damaged(batch, "its checksum is wrong")
        except Exception as error:  # noqa: BLE001 - aiokafka tells nobody what it may raise
            return self._damaged(batch, repr(error))
        if last < self._reached:
            return self._passed_over(batch)
        first = self._reached
        return FetchedBatch(last, self._reach(last), partial(self._read_old, first, last, native, batch, magic))

    def _read_old(self, first: int, last: int, native: AnyBatch, batch: memoryview, magic: int) -> Iterable[AnyRecord]:
        """Return the records of a compressed message of before 2017, or the one of any other: all of them or none."""
        plain = bytearray()
        fault = _fault_of_old(batch, magic, plain)
        self._unpacked += len(plain) or len(batch)
        records = None if fault else _natively(native)
        if records and records[-1].offset == last and is_rising(records):
            return records
        fault = fault or "its messages cannot be read"
        return [unreadable(self._place, first, last, fault, timestamp=0, batch=batch)]

    def _reach(self, last: int) -> int:
        self._reached = last + 1
        return self._reached

    def _passed_over(self, batch: memoryview) -> FetchedBatch:
        """Leave a batch out that lies before what was asked for, as long as something else comes."""
        if self._reached == self._asked and not self.has_next():
            return self._damaged(batch, "it lies before what was asked for, and nothing else comes")
        return FetchedBatch(self._reached, self._reached)

    def _damaged(self, batch: memoryview, fault: str) -> FetchedBatch:
        """Return a batch of nothing the first time, so that it is fetched again; then one of a single stand-in.

        What follows is not read: damage may have moved it. It is fetched again from where the stand-in ends.
        """
        self._is_over = True
        first, look = self._reached, (self._place, self._reached)
        if look not in self._looks:
            self._looks.append(look)
            log.warning(
                "a damaged batch: fetching it again",
                place=f"{self._place.topic}/{self._place.partition}/{first}",
                why=fault,
            )
            return FetchedBatch(first, first)
        self._looks.remove(look)
        head = head_of(batch)
        is_believed = head is not None and head.is_dense and head.base_offset <= first <= head.last_offset
        last = head.last_offset if head and is_believed else first
        timestamp = head.max_timestamp if head and is_believed else 0
        stand_in = unreadable(self._place, first, last, fault, timestamp=timestamp, batch=batch)
        return FetchedBatch(first, self._reach(last), lambda: iter((stand_in,)))


class ReadablePartition(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka says nothing of its types
    """What one fetch brought of one partition, with stand-ins for what cannot be read."""

    def __init__(self, looks: Looks, tp: Any, records: FetchedRecords, aborted: Any, offset: int, *rest: Any) -> None:  # noqa: ANN401
        records.begin(Place(*tp), offset, looks)
        super().__init__(tp, records, aborted, offset, *rest)

    def _consumer_record(self, tp: Any, record: AnyRecord) -> AnyRecord:  # noqa: ANN401
        """Return a record as aiokafka does, without what nobody asks for here: that would be another call a record."""
        if type(record) is UnreadableRecord:
            return record
        key, value = record.key, record.value
        return ConsumerRecord(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            key,
            value,
            record.checksum,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tuple(record.headers),
        )

    def _contains_abort_marker(self, next_batch: FetchedBatch) -> bool:
        """Take a mark that cannot be read for what it must be: the end of a transaction that is known as aborted."""
        try:
            return bool(super()._contains_abort_marker(next_batch))
        except Exception as error:  # noqa: BLE001 - whatever it is, the partition must go on
            log.warning("the mark of a transaction cannot be read", offset=next_batch.base_offset, error=repr(error))
            return True


def _natively(batch: AnyBatch) -> list[AnyRecord] | None:
    """Return the records as aiokafka reads them; None when it cannot."""
    try:
        return list(batch)
    except Exception:  # noqa: BLE001 - aiokafka tells nobody what it may raise; what is wrong is found out by reading
        return None


def _fault_of(codec: int, packed: memoryview, plain: bytearray) -> str:
    """Unpack, and return what is wrong; "" when nothing is."""
    try:
        unpack(codec, bytes(packed), plain, MOST_UNPACKED_BYTES)
    except UnpackError as error:
        return str(error)
    return ""


def _fault_of_old(batch: memoryview, magic: int, plain: bytearray) -> str:
    """Return what would be wrong if aiokafka unpacked a message of an old format; "" when nothing is."""
    codec = batch[_OLD_ATTRIBUTES_BYTE] & CODEC_MASK
    if not codec:
        return ""
    (key_length,) = _LENGTH.unpack_from(batch, _OLD_KEY_BYTE[magic])
    begin = _OLD_KEY_BYTE[magic] + 2 * _LENGTH.size + max(key_length, 0)
    return _fault_of(codec, batch[begin:], plain)
