"""Record batches of Kafka, format 2, read without trusting a byte of them.

What a client library reads in one go or not at all is read here record by record: those that can be read come out as
they are, each of the others as an `UnreadableRecord` that says what is wrong with it. The format is described at
https://kafka.apache.org/documentation/#recordbatch
"""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise, starmap
from operator import attrgetter, eq, lt
from struct import Struct as Layout
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

MOST_UNPACKED_BYTES: Final = 64 * 1024 * 1024
"""What one batch may unpack to."""
MOST_RECORDS: Final = 256 * 1024
"""Of one batch: records of nothing take seven bytes in a batch, but half a kilobyte in memory."""
MOST_HEADERS: Final = 1_000
"""Of one record."""
MOST_KEPT_BYTES: Final = 1024 * 1024
"""What a stand-in keeps of a key, a value or a whole batch."""

HEAD: Final = Layout(">qiibIhiqqqhii")
ATTRIBUTES_BYTE: Final = 22
"""The second of the two that hold them."""
CODEC_MASK: Final = 0x07
_APPEND_TIME: Final = 0x08
_LARGEST: Final = 2**63 - 1

Headers = tuple[tuple[str, bytes | None], ...]


class FormatError(Exception):
    """Bytes are no record. Trying again gives the same."""


class Head(NamedTuple):
    """What a batch says of itself before its records."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @property
    def last_offset(self) -> int:
        """Return the offset of the last record that the batch ever had."""
        return self.base_offset + self.last_delta

    @property
    def is_dense(self) -> bool:
        """Say whether every offset has its record; compaction takes some out."""
        return self.records == self.last_delta + 1


class HasOffset(Protocol):
    """A record of whatever library."""

    @property
    def offset(self) -> int: ...  # noqa: D102 - the word says it


class Place(NamedTuple):
    """Where a batch lies."""

    topic: str
    partition: int


class ReadRecord(Struct, frozen=True):
    """A record that can be read. `timestamp` is in milliseconds since 1970; `checksum` is None, as batches have one."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    checksum: int | None = None


class UnreadableRecord(Struct, frozen=True):
    """Stands for records that cannot be read: for one as a rule, for the rest of a batch where nothing frames them.

    Attributes:
        offset: Of the last of them.
        first_offset: Of the first of them.
        value: What could be read of the value; of several records the whole batch as it came.
        fault: What is wrong, in one sentence.
    """

    topic: str
    partition: int
    offset: int
    first_offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    fault: str

    @property
    def where(self) -> str:
        """Return the offsets in words, when there are several."""
        return f"offsets {self.first_offset} to {self.offset}: " if self.offset > self.first_offset else ""


def head_of(batch: bytes | memoryview) -> Head | None:
    """Return the head of a batch of format 2; None when there are too few bytes for one."""
    return Head._make(HEAD.unpack_from(batch)) if len(batch) >= HEAD.size else None


def are_in_order(records: Sequence[HasOffset], base: int, end: int) -> bool:
    """Say whether records have the offsets that their batch gives them, so that none is taken for one of before.

    Args:
        records: Of a batch.
        base: Its first offset.
        end: The offset after its last.
    """
    if len(records) == end - base:
        return all(map(eq, map(_offset_of, records), count(base)))
    return is_rising(records) and (not records or base <= records[0].offset <= records[-1].offset < end)


def is_rising(records: Sequence[HasOffset]) -> bool:
    """Say whether the offset of each record is larger than that of the one before."""
    return all(starmap(lt, pairwise(map(_offset_of, records))))


_offset_of: Final = attrgetter("offset")


def unreadable(
    place: Place, first: int, last: int, fault: str, *, timestamp: int, batch: bytes | memoryview
) -> UnreadableRecord:
    """Return what stands for some consecutive records of a batch, and keeps it as it came."""
    kept = bytes(batch[:MOST_KEPT_BYTES])
    return UnreadableRecord(place.topic, place.partition, last, first, timestamp, None, kept, (), fault)


def read_records(
    place: Place, head: Head, plain: memoryview, batch: bytes, fault: str
) -> Iterator[ReadRecord | UnreadableRecord]:
    """Yield the records of a batch in the order of their offsets, and stand-ins that cover all others.

    Args:
        place: Where the batch lies.
        head: What it says of itself. Its checksum must have been right.
        plain: The records, unpacked; or the beginning of them.
        batch: The batch as it came.
        fault: Why there is but the beginning; "" when there is all.
    """
    position, expected = 0, head.base_offset
    for _ in range(min(head.records, MOST_RECORDS)):
        try:
            body, position = _framed(plain, position)
        except FormatError as error:
            fault = fault or str(error)
            break
        record = _record(place, head, body, expected)
        if record.offset > head.last_offset:
            break
        yield record
        expected = record.offset + 1
    is_all = position == len(plain) and not fault and head.records <= MOST_RECORDS
    if expected <= head.last_offset and not (is_all and not head.is_dense):
        fault = fault or (_TOO_MANY if head.records > MOST_RECORDS else "there are fewer records than the batch says")
        yield unreadable(place, expected, head.last_offset, fault, timestamp=head.max_timestamp, batch=batch)


_TOO_MANY: Final = f"a batch has at most {MOST_RECORDS:,} records"


def _framed(plain: memoryview, position: int) -> tuple[memoryview, int]:
    """Return the bytes of the next record, and where the one after it begins."""
    length, begin = _varint(plain, position)
    if not 0 <= length <= len(plain) - begin:
        raise FormatError(f"a record of {length:,} bytes does not fit into the batch")
    return plain[begin : begin + length], begin + length


def _record(place: Place, head: Head, body: memoryview, expected: int) -> ReadRecord | UnreadableRecord:
    reading = _Reading(body)
    fault = ""
    try:
        reading.read(head, expected)
    except FormatError as error:
        fault = str(error)
    offset, timestamp, headers = reading.offset, reading.timestamp, tuple(reading.headers)
    if not fault:
        kind = 1 if head.attributes & _APPEND_TIME else 0
        return ReadRecord(offset, timestamp, kind, _whole(reading.key), _whole(reading.value), headers)
    key, value = _kept(reading.key), _kept(reading.value)
    return UnreadableRecord(place.topic, place.partition, offset, offset, timestamp, key, value, headers, fault)


class _Reading:
    """One record while it is read: what is known of it when a fault is met is kept."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._position = 0
        self.offset = 0
        self.timestamp = 0
        self.key: memoryview | None = None
        self.value: memoryview | None = None
        self.headers: list[tuple[str, bytes | None]] = []

    def read(self, head: Head, expected: int) -> None:
        """Read all of it.

        Raises:
            FormatError: With the first fault.
        """
        self.offset, self.timestamp = expected, head.max_timestamp
        self._varint()  # attributes: none are defined
        since_first = self._varint()
        if not head.attributes & _APPEND_TIME:
            self.timestamp = max(-_LARGEST, min(head.first_timestamp + since_first, _LARGEST))
        delta = self._varint()
        self.key, self.value = self._bytes(), self._bytes()
        self._check_offset(head, head.base_offset + delta, expected)
        self._read_headers()
        if self._position != len(self._body):
            raise FormatError(f"{len(self._body) - self._position:,} bytes follow its headers")

    def _check_offset(self, head: Head, said: int, expected: int) -> None:
        """Believe what a record says of its place only where the batch does not: brokers count."""
        if head.is_dense:
            return
        if not expected <= said <= head.last_offset:
            raise FormatError(f"it says that its offset is {said}")
        self.offset = said

    def _read_headers(self) -> None:
        count = self._varint()
        if not 0 <= count <= MOST_HEADERS:
            raise FormatError(f"{count:,} headers; a record has at most {MOST_HEADERS:,}")
        broken = ""
        for _ in range(count):
            name, value = _whole(self._bytes()), _whole(self._bytes())
            if name is None:
                raise FormatError("a header has no name")
            text = name.decode(errors="backslashreplace")
            self.headers.append((text, value))
            broken = broken or (text if text.encode() != name else "")
        if broken:
            raise FormatError(f"the name of a header is not UTF-8: {broken[:_SHOWN]}")

    def _varint(self) -> int:
        value, self._position = _varint(self._body, self._position)
        return value

    def _bytes(self) -> memoryview | None:
        length = self._varint()
        begin = self._position
        if length > len(self._body) - begin:
            raise FormatError(f"{length:,} bytes do not fit into the record")
        self._position = begin + max(length, 0)
        return None if length < 0 else self._body[begin : self._position]


_SHOWN: Final = 100
"""Of a name that is not UTF-8, as characters."""


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the zigzag varint at a position, and where it ends."""
    value = shift = 0
    for byte in data[position : position + 10]:
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
    raise FormatError("a number is longer than 64 bits, or ends in the middle")


def _whole(data: memoryview | None) -> bytes | None:
    return None if data is None else bytes(data)


def _kept(data: memoryview | None) -> bytes | None:
    return None if data is None else bytes(data[:MOST_KEPT_BYTES])
