"""Record batches of Kafka, made byte by byte: also such as no client library makes."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from aiokafka import codec
from aiokafka.record.util import calc_crc32c, encode_varint
from msgspec import Struct

from streams.core.records.record_batch import HEAD, Head

CODECS: Final[dict[int, Any]] = {
    0: bytes,
    1: codec.gzip_encode,
    2: codec.snappy_encode,
    3: codec.lz4_encode,
    4: codec.zstd_encode,
}
"""How each codec packs, by its number in a batch."""
TIME_MS: Final = 1_700_000_000_000
_CRC_BYTE: Final = 17
_ATTRIBUTES_BYTE: Final = 21


class Raw(Struct, frozen=True):
    """A record to be, with names of headers as bytes.

    Attributes:
        lie: Put in the place of the key's length, so that nothing behind it can be read.
    """

    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[bytes, bytes | None], ...] = ()
    lie: int | None = None


def varint(number: int) -> bytes:
    """Return a zigzag varint."""
    out = bytearray()
    encode_varint(number, out.append)
    return bytes(out)


def _with_length(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def body_of(record: Raw, delta: int) -> bytes:
    """Return a record as it lies in a batch, without its length."""
    key = _with_length(record.key) if record.lie is None else varint(record.lie)
    headers = b"".join(_with_length(name) + _with_length(value) for name, value in record.headers)
    return (
        b"\0" + varint(delta) + varint(delta) + key + _with_length(record.value) + varint(len(record.headers)) + headers
    )


def packed_of(records: Iterable[Raw]) -> bytes:
    """Return records as they lie in a batch."""
    return b"".join(_with_length(body_of(record, delta)) for delta, record in enumerate(records))


def batch_of(
    records: Sequence[Raw], base: int = 0, *, codec: int = 0, attributes: int = 0, producer: int = -1
) -> bytes:
    """Return a batch whose record n has the offset base + n and came n milliseconds after the first."""
    packed = bytes(CODECS[codec](packed_of(records)))
    return around(packed, len(records), base, attributes=attributes | codec, producer=producer)


def around(packed: bytes, records: int, base: int = 0, *, attributes: int = 0, producer: int = -1) -> bytes:
    """Return a batch of bytes that are said to be so many records."""
    length = HEAD.size - 12 + len(packed)
    last = records - 1
    head = Head(base, length, 0, 2, 0, attributes, last, TIME_MS, TIME_MS + last, producer, 0, 0, records)
    return sealed(HEAD.pack(*head) + packed)


def sealed(batch: bytes) -> bytes:
    """Return a batch with the checksum that its bytes have."""
    crc: int = calc_crc32c(batch[_ATTRIBUTES_BYTE:])
    return batch[:_CRC_BYTE] + crc.to_bytes(4, "big") + batch[_ATTRIBUTES_BYTE:]
