"""Files as they come: packed or not, a table of a spreadsheet, a Parquet file, JSON or CSV text."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TextIO
from zipfile import BadZipFile

import msgspec

from streams.cli.extra import needing

_TABLES: Final = "tables"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_WORKBOOK: Final = b"PK\x03\x04"
_PARQUET: Final = b"PAR1"
_LONGEST_MAGIC: Final = 4
_ZSTD_MODULE: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
_PLACES: Final = 15
"""Digits that a spreadsheet keeps of a number."""


class BrokenFileError(Exception):
    """A file is packed or laid out as its first bytes say, and broken further on. The message says what it is."""


class Opened(NamedTuple):
    """A file, unpacked as it is read.

    Attributes:
        content: Its bytes.
        begins: The first of them.
        done: How many bytes of the file itself are read.
        size: How many it has.
        files: Closes it.
    """

    content: BinaryIO
    begins: bytes
    done: Callable[[], int]
    size: int
    files: ExitStack

    @property
    def is_workbook(self) -> bool:
        """Whether it is a workbook of a spreadsheet (XLSX)."""
        return self.begins == _WORKBOOK

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return self.begins == _PARQUET

    def text(self, encoding: str) -> TextIO:
        """Return its text; bytes that are none stand for themselves.

        Raises:
            LookupError: When there is no such encoding.
        """
        return self.files.enter_context(io.TextIOWrapper(self.content, encoding, errors="surrogateescape", newline=""))


def opened(path: Path, files: ExitStack) -> Opened:
    """Return a file, unpacked where it is packed with gzip or zstd; its first bytes tell, not its name.

    Raises:
        BrokenFileError: When it is packed and broken from the beginning.
        OSError: When it cannot be read.
        ExtraMissingError: When it is packed with zstd, and that is not installed.
    """
    raw = files.enter_context(path.open("rb"))
    content, size = raw, path.stat().st_size
    begins = _first(raw)
    if begins.startswith(_GZIP):
        content = files.enter_context(io.BufferedReader(gzip.GzipFile(fileobj=raw)))
    elif begins == _ZSTD:
        content = files.enter_context(io.BufferedReader(_unpacked_zstd(raw)))
    with unbroken():
        return Opened(content, _first(content), raw.tell if raw.seekable() else lambda: 0, size, files)


@contextmanager
def unbroken() -> Iterator[None]:
    """Say that a file is broken where what unpacks it finds so.

    Raises:
        BrokenFileError: When it does.
    """
    zstd = sys.modules.get(_ZSTD_MODULE)
    broken = (EOFError, zlib.error, gzip.BadGzipFile, *([zstd.ZstdError] if zstd else []))
    try:
        yield
    except broken as error:
        raise BrokenFileError(f"packed, and broken: {error}") from None


def cells_of(file: Opened, decimal: str) -> Iterator[Sequence[str]]:
    """Return the rows of a workbook's first sheet or of a Parquet file, header first, as text.

    Args:
        file: A workbook or a Parquet file.
        decimal: The decimal mark in which numbers are told.

    Raises:
        BrokenFileError: When it is neither.
        ExtraMissingError: When what reads it is not installed.
    """
    for row in _sheet(file) if file.is_workbook else _columns(file):
        yield [_text(cell, decimal) for cell in row]


def records_in(file: Opened) -> Iterator[dict[str, Any]]:
    """Return the rows of a Parquet file as documents, what is nested included.

    Raises:
        BrokenFileError: When it is none.
        ExtraMissingError: When what reads it is not installed.
    """
    for batch in _parquet(file).iter_batches(10_000):
        yield from msgspec.to_builtins(batch.to_pylist(), builtin_types=(Decimal,))


def _first(raw: io.BufferedReader) -> bytes:
    return raw.peek(_LONGEST_MAGIC)[:_LONGEST_MAGIC]


def _unpacked_zstd(raw: BinaryIO) -> Any:  # noqa: ANN401 - a file of either module
    with needing(_TABLES):
        return import_module(_ZSTD_MODULE).ZstdFile(raw)


def _sheet(file: Opened) -> Iterable[Sequence[object]]:
    with needing(_TABLES):
        from openpyxl import load_workbook
    try:
        book = load_workbook(file.content, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError) as error:
        raise BrokenFileError(f"no workbook that can be read: {error}") from None
    return book.worksheets[0].iter_rows(values_only=True)


def _columns(file: Opened) -> Iterator[Sequence[object]]:
    table = _parquet(file)
    yield table.schema_arrow.names
    for batch in table.iter_batches(10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _parquet(file: Opened) -> Any:  # noqa: ANN401 - untyped
    with needing(_TABLES):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    try:
        return ParquetFile(file.content)
    except (ArrowException, OSError) as error:
        raise BrokenFileError(f"no Parquet file that can be read: {error}") from None


def _text(cell: object, decimal: str) -> str:
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case datetime():
            return cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
        case float():
            # As a spreadsheet shows it: 0.1 + 0.2 is stored with one digit more than was meant.
            return f"{Decimal(f'{cell:.{_PLACES}g}'):f}".replace(".", decimal)
        case int():
            return str(cell)
        case Decimal():
            return f"{cell:f}".replace(".", decimal)
        case bytes():
            return cell.decode(errors="surrogateescape")
    return msgspec.json.encode(cell).decode()
