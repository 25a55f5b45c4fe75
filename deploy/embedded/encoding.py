"""Knows the content encodings in which clients send request bodies."""

import importlib.util
import sys
import zlib
from collections.abc import Callable
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class UnknownEncodingError(ValueError):
    """The client compressed its body in a way that we cannot undo: it must use another encoding."""


class DamagedBodyError(ValueError):
    """The body is not what its encoding promises, or was cut off: the request must be sent again."""


class _Frame(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    @property
    def decompress(self) -> Callable[[bytes], bytes]: ...


_FRAMES: dict[str, Callable[[], _Frame]] = {
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": lambda: zlib.decompressobj(),
}
if importlib.util.find_spec("lz4"):
    # Comes with clickhouse-connect, except on the newest Python; clients there do not send it either.
    from lz4.frame import LZ4FrameDecompressor

    _FRAMES["lz4"] = LZ4FrameDecompressor


class Decoder:
    """Undoes one content encoding, piece by piece; several compressed frames in a row are one body."""

    def __init__(self, encoding: str) -> None:
        """Prepare for `encoding`, a value of the Content-Encoding header; empty and identity change nothing.

        Raises:
            UnknownEncodingError: for an encoding that is not supported.
        """
        name = encoding.strip().lower()
        if name not in ("", "identity") and name not in _FRAMES:
            raise UnknownEncodingError(
                f"Unknown Content-Encoding '{encoding}'; use one of {', '.join(_FRAMES)} or none"
            )
        self._new_frame = _FRAMES.get(name)
        self._frame: _Frame | None = None

    def decode(self, piece: bytes) -> bytes:
        """Return what `piece` adds to the plain body.

        Raises:
            DamagedBodyError: when it does not continue a compressed frame.
        """
        if self._new_frame is None:
            return piece
        plain = []
        while piece:
            self._frame = self._frame or self._new_frame()
            try:
                plain.append(self._frame.decompress(piece))
            except (zlib.error, zstd.ZstdError, RuntimeError) as error:
                raise DamagedBodyError(f"The body cannot be decompressed ({error}); send the request again") from error
            piece = b""
            if self._frame.eof:
                piece = self._frame.unused_data or b""
                self._frame = None
        return b"".join(plain)

    def finish(self) -> None:
        """State that the body has ended.

        Raises:
            DamagedBodyError: when it ended inside a compressed frame.
        """
        if self._frame is not None:
            raise DamagedBodyError("The body ended inside a compressed frame; send the request again")
