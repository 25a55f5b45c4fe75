"""CSV text as numbered rows: which line a row begins on, and what is wrong with it as a row."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from streams.core.mapping.document import Dialect
from streams.core.mapping.note import Notes

_MOST_SHARED_CELLS: Final = 100_000
_SEPARATOR: Final = re.compile(r"sep=(.)", re.IGNORECASE)
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
    """A CSV file: the names of its columns, and its rows as they are read.

    Attributes:
        preamble: What stands before the header, as it stands in the file.
    """

    header: list[str]
    columns: list[str]
    records: Iterator[Record]
    preamble: str = ""


def table_of(lines: Iterable[str], dialect: Dialect, notes: Notes | None = None) -> Table:
    """Return the table that the lines of a file hold; rows are read when they are asked for.

    A column without a name is called by its number, `#3`; the second of two of one name gets a number, `Variant#2`.

    Args:
        lines: Of the file.
        dialect: How it is written.
        notes: Where it is counted what was filled in, or left out.

    Raises:
        TableError: When there is no header.
    """
    csv.field_size_limit(_LONGEST_CELL)
    source = _Remembered(lines)
    preamble = "".join(islice(source, dialect.preamble))
    reader = csv.reader(source, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    try:
        header = next((cells for cells in reader if cells), [])
    except csv.Error as error:
        raise TableError(f"the header cannot be read: {error}") from None
    if not any(name.strip() for name in header):
        raise TableError("the file is empty: its first line must name the columns")
    if not dialect.preamble and (found := _SEPARATOR.fullmatch(dialect.delimiter.join(header).strip(" "))):
        raise TableError(f"the first line names the delimiter: say `delimiter = {found[1]!r}`, `preamble = 1` in [csv]")
    shape = _Shape(dialect, len(header), Notes() if notes is None else notes)
    return Table(header, _named(header), _records(source, shape, dialect.preamble + reader.line_num), preamble)


def table_of_cells(rows: Iterable[Sequence[str]], dialect: Dialect, notes: Notes | None = None) -> Table:
    """Return the table that rows of cells are, the first of them the header; the number of a row is its line.

    Args:
        rows: Cells as text.
        dialect: Of which how many cells a row may lack counts.
        notes: Where it is counted what was filled in.

    Raises:
        TableError: When there is no header.
    """
    source = iter(rows)
    skipped = ["\t".join(row) for row in islice(source, dialect.preamble)]
    header = list(next(source, ()))
    if not any(name.strip() for name in header):
        raise TableError("the table is empty: its first row must name the columns")
    shape = _Shape(dialect, len(header), Notes() if notes is None else notes)
    begin = dialect.preamble + 2
    return Table(header, _named(header), _of_cells(source, shape, begin), "\n".join(skipped))


def _of_cells(rows: Iterator[Sequence[str]], shape: "_Shape", begin: int) -> Iterator[Record]:
    number = 0
    for line, row in enumerate(rows, start=begin):
        if any(row):
            number += 1
            cells = shape.mended(list(row))
            yield Record(number, line, cells, shape.fault(cells))


class _Shape(NamedTuple):
    """How many cells a row has, and what may be done about it."""

    dialect: Dialect
    width: int
    notes: Notes

    def mended(self, cells: list[str]) -> list[str]:
        """Return a row with the cells that the header names, as far as the dialect says how."""
        missing = self.width - len(cells)
        if missing == -1 and self.dialect.trailing_delimiter and not cells[-1].strip():
            return cells[:-1]
        if missing > 0 and self.dialect.missing_cells == "empty":
            self.notes.add("rows that end early, their last cells empty", ",".join(cells), "`missing_cells` in [csv]")
            return cells + [""] * missing
        return cells

    def fault(self, cells: Sequence[str]) -> str:
        """Return what is wrong with a row; "" when nothing is."""
        if len(cells) != self.width:
            return f"{len(cells)} cells instead of {self.width}{self._hint(cells)}"
        text = "".join(cells)
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return f"bytes that are not {self.dialect.encoding}; give the file's encoding in [csv]"
        return ""

    def _hint(self, cells: Sequence[str]) -> str:
        if len(cells) == self.width + 1 and not cells[-1].strip():
            return "; if every row ends in a delimiter, say `trailing_delimiter = true` in [csv]"
        return ""


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


def _records(source: _Remembered, shape: _Shape, header_lines: int) -> Iterator[Record]:
    dialect = shape.dialect
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
            shared = [known.setdefault(cell, cell) for cell in shape.mended(cells)]
            if len(known) > _MOST_SHARED_CELLS:
                known.clear()
            yield Record(row, line, shared, shape.fault(shared))


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
