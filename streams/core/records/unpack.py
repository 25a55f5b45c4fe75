"""Decompresses what producers packed, and never to more than a bound.

A batch says nothing reliable of its size: gzip shrinks zeros a thousandfold, zstd thirty times as much again. So each
codec stops as soon as the bound is passed, instead of trusting what a producer declares or finding out in memory.
"""

import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import cramjam
import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4
"""The codecs by the numbers that Kafka gives them."""

_PIECE_BYTES: Final = 64 * 1024
_GZIP_WINDOW: Final = 31
"""zlib's word for: the largest window, in gzip's frame."""
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEAD_BYTES: Final = 16


class UnpackError(Exception):
    """Something cannot be unpacked, or not within its bound. Trying again gives the same."""


class _Stream(Protocol):
    """A decompressor of one frame, as the standard library shapes it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decompressor in the shape of the others: what it did not consume it keeps for the next call."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


def unpack(codec: int, packed: bytes, plain: bytearray, most_bytes: int) -> None:
    """Append to `plain` what was packed.

    After an error it holds what came before the fault, so that records at the beginning of a batch are not lost.

    Args:
        codec: Its number in Kafka's record batches.
        packed: As it came.
        plain: Where to put it.
        most_bytes: The bound of what is appended. What is appended after an error is not longer either.

    Raises:
        UnpackError: When the bytes are not what the codec writes, or unpack to more than the bound.
    """
    frames = _FRAMES.get(codec)
    end = len(plain) + most_bytes
    try:
        if codec == SNAPPY:
            _unpack_snappy(packed, plain, end)
        elif frames is not None:
            _unpack_frames(frames, packed, plain, end)
        else:
            raise UnpackError(f"there is no codec {codec}")
    except (zlib.error, cramjam.DecompressionError, zstd.ZstdError, RuntimeError, EOFError, ValueError) as error:
        raise UnpackError(f"{_NAMES[codec]} cannot unpack it: {error}") from None


_NAMES: Final = {GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}
_FRAMES: Final[dict[int, Callable[[], _Stream]]] = {
    GZIP: _Gzip,
    LZ4: lz4.frame.LZ4FrameDecompressor,
    ZSTD: zstd.ZstdDecompressor,
}


def _unpack_frames(new_stream: Callable[[], _Stream], packed: bytes, plain: bytearray, end: int) -> None:
    """Unpack frame after frame: a producer may write several."""
    while packed:
        stream = new_stream()
        piece = stream.decompress(packed, max_length=_PIECE_BYTES)
        _append(plain, piece, end)
        while not stream.eof:
            # A full piece may have left more inside the codec, also where it has consumed all that it was given.
            if stream.needs_input and len(piece) < _PIECE_BYTES:
                raise EOFError("it ends in the middle")
            piece = stream.decompress(b"", max_length=_PIECE_BYTES)
            _append(plain, piece, end)
        packed = stream.unused_data or b""


def _unpack_snappy(packed: bytes, plain: bytearray, end: int) -> None:
    """Unpack one block, or the blocks of Java's client. Each declares its size, and is held to it by the codec."""
    if not packed.startswith(_XERIAL):
        _append_block(plain, packed, end)
        return
    place = _XERIAL_HEAD_BYTES
    if len(packed) < place:
        raise EOFError("its head ends in the middle")
    while place < len(packed):
        size = int.from_bytes(packed[place : place + 4], "big", signed=True)
        place += 4
        if not 0 < size <= len(packed) - place:
            raise EOFError("a block ends in the middle")
        _append_block(plain, packed[place : place + size], end)
        place += size


def _append_block(plain: bytearray, block: bytes, end: int) -> None:
    if cramjam.snappy.decompress_raw_len(block) > end - len(plain):
        raise _beyond()
    plain += bytes(cramjam.snappy.decompress_raw(block))


def _append(plain: bytearray, piece: bytes, end: int) -> None:
    room = end - len(plain)
    plain += piece[:room]
    if len(piece) > room:
        raise _beyond()


def _beyond() -> UnpackError:
    return UnpackError("it unpacks to more than a batch may hold")
