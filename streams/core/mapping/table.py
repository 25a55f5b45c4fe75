"""CSV text as numbered rows: which line a row begins on, and what is wrong with it as a row."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from streams.core.mapping.document import Dialect

_MOST_SHARED_CELLS: Final = 100_000
_LONGEST_CELL: Final = 64 * 1024 * 1024


class Record(NamedTuple):
    """One row of a CSV file below its header.

    Attributes:
        row: The first row below the header is 1; blank lines do not count.
        line: The line of the file on which it begins; the header's first line is 1.
        cells: As they stand in the file.
        fault: Why it cannot be read as a row; "" when it can.
    """

    row: int
    line: int
    cells: Sequence[str]
    fault: str = ""


class TableError(Exception):
    """A file is no table: it has no header. The message says so."""


class Table(NamedTuple):
    """A CSV file: the names of its columns, and its rows as they are read."""

    header: list[str]
    columns: list[str]
    records: Iterator[Record]


def table_of(lines: Iterable[str], dialect: Dialect) -> Table:
    """Return the table that the lines of a file hold; rows are read when they are asked for.

    A column without a name is called by its number, `#3`; the second of two of one name gets a number, `Variant#2`.

    Raises:
        TableError: When there is no header.
    """
    csv.field_size_limit(_LONGEST_CELL)
    source = _Remembered(lines)
    reader = csv.reader(source, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    try:
        header = next((cells for cells in reader if cells), [])
    except csv.Error as error:
        raise TableError(f"the header cannot be read: {error}") from None
    if not any(name.strip() for name in header):
        raise TableError("the file is empty: its first line must name the columns")
    return Table(header, _named(header), _records(source, dialect, reader.line_num, len(header)))


class _Remembered:
    """Lines, with those of the current row kept, so that a row that cannot be read can still be shown."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.kept.append(line)
        return line


def _records(source: _Remembered, dialect: Dialect, header_lines: int, width: int) -> Iterator[Record]:
    reader = csv.reader(source, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    row = 0
    known: dict[str, str] = {}
    while True:
        line = header_lines + reader.line_num + 1
        source.kept.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row += 1
            last = header_lines + reader.line_num
            yield Record(row, line, _as_read(source.kept, dialect), _csv_fault(str(error), line, last))
            continue
        if cells:
            row += 1
            # Most cells occur on many rows: kept once, a held file takes a third of the memory.
            shared = [known.setdefault(cell, cell) for cell in cells]
            if len(known) > _MOST_SHARED_CELLS:
                known.clear()
            yield Record(row, line, shared, _fault_of(cells, width, dialect))


def _fault_of(cells: Sequence[str], width: int, dialect: Dialect) -> str:
    if len(cells) != width:
        return f"{len(cells)} cells instead of {width}"
    text = "".join(cells)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return f"bytes that are not {dialect.encoding}; give the file's encoding in [csv]"
    return ""


def _csv_fault(message: str, first: int, last: int) -> str:
    if "unexpected end" in message:
        return f"a quote that opens here never closes: lines {first} to {last} were read as one row"
    return f"not CSV: {message}" + (f"; lines {first} to {last} were read as one row" if last > first else "")


def _as_read(lines: Sequence[str], dialect: Dialect) -> list[str]:
    return next(csv.reader(["".join(lines)], delimiter=dialect.delimiter, quotechar=dialect.quote), [])


def _named(header: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(header, start=1):
        name = cell.strip() or f"#{number}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names
