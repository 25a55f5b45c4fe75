"""What an import reads and writes: a CSV file and its lookups in, events and rejected rows out."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, TextIO, TypeAlias

from msgspec import Struct

from streams.core.mapping import (
    Document,
    Draft,
    Fault,
    Mapped,
    MappedEvent,
    MappingError,
    Outcome,
    Record,
    Rejected,
    Skipped,
    Table,
    TableError,
    draft_of,
    index_of,
    outcomes,
    plan_of,
    table_of,
)
from streams.core.mapping.document import Dialect, Lookup
from streams.core.mapping.template import Row

REJECTED_COLUMNS: Final = ("rejected_line", "rejected_reason")

Watch: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

_EVERY: Final = 500


class Import(Struct, frozen=True):
    """A file, read and mapped as a whole; nothing of it was sent yet.

    Attributes:
        events: In the order of publication: by time, then by row, then by rule.
        rejected: Rows that became no events, in the order of the file.
        skipped: How many rows were left out on purpose, by reason.
        rows: How many rows there are.
        header: The first line of the file.
        dialect: How the file is written.
    """

    events: list[MappedEvent]
    rejected: list[Rejected]
    skipped: Mapping[str, int]
    rows: int
    header: list[str]
    dialect: Dialect

    @property
    def counts(self) -> Mapping[str, int]:
        """How many events there are of each name."""
        return Counter(event.name for event in self.events)


def read_import(file: Path, mapping: Path, *, now_ms: int, watch: Watch) -> Import:
    """Return the events of a file, all in memory: a log of a million rows takes about 1.3 GB.

    Lookup files are found beside the file unless the mapping names another folder.

    Args:
        file: The CSV file.
        mapping: The mapping file.
        now_ms: The clock, in milliseconds since 1970.
        watch: Told about progress.

    Raises:
        MappingError: With everything that is wrong with the mapping, the header or the lookup files.
        OSError: When a file cannot be read.
    """
    draft = draft_of(_text_of(mapping))
    with ExitStack() as files:
        return _read(draft, file, files, now_ms, watch)


def write_rejected(path: Path, imported: Import) -> None:
    """Write the rejected rows as a CSV file like the imported one, with line and reason in two more columns.

    Raises:
        OSError: When the file cannot be written.
    """
    dialect = imported.dialect
    width = len(imported.header)
    with path.open("w", encoding=dialect.encoding, errors="surrogateescape", newline="") as lines:
        writer = csv.writer(lines, delimiter=dialect.delimiter, quotechar=dialect.quote)
        writer.writerow([*imported.header, *REJECTED_COLUMNS])
        for record, reason in imported.rejected:
            cells = [*record.cells[:width], *[""] * (width - len(record.cells))]
            # A reason quotes cells, and surplus cells follow it: nothing of the row is lost.
            writer.writerow([*cells, record.line, reason, *record.cells[width:]])


def write_lines(output: BinaryIO, events: Iterable[MappedEvent]) -> Iterator[MappedEvent]:
    """Write events as JSON Lines and return each after it is written."""
    for event in events:
        output.write(event.raw + b"\n")
        yield event


def _read(draft: Draft, file: Path, files: ExitStack, now_ms: int, watch: Watch) -> Import:
    document = draft.document
    lines = _open(file, document.csv, "csv", files)
    table = _table(lines, document.csv, file.name)
    faults = [*draft.faults, *_not_rejected_rows(file, table)]
    lookups = _lookup_tables(document, file.parent, files, faults)
    columns = {name: looked_up.columns for name, looked_up in lookups.items()}
    plan = plan_of(draft._replace(faults=tuple(faults)), table.columns, columns, file_name=file.stem)
    indexes = {lookup.name: _index(lookup, lookups[lookup.name], document.csv) for lookup in document.lookup}
    records = _Watched(table.records, lines, file.stat().st_size, watch)
    return _sorted_out(outcomes(plan, records, indexes, now_ms=now_ms), records, table.header, document.csv)


def _sorted_out(found: Iterable[Outcome], records: "_Watched", header: list[str], dialect: Dialect) -> Import:
    events: list[MappedEvent] = []
    rejected: list[Rejected] = []
    skipped: Counter[str] = Counter()
    for outcome in found:
        records.mapped()
        match outcome:
            case Mapped():
                events.extend(outcome.events)
            case Skipped():
                skipped[outcome.reason] += 1
            case Rejected():
                rejected.append(outcome)
    events.sort()
    rejected.sort(key=lambda one: one.record.row)
    return Import(events, rejected, skipped, records.count, header, dialect)


def _index(lookup: Lookup, table: Table, main: Dialect) -> Mapping[str, Row]:
    return index_of(lookup, table.columns, table.records, lookup.csv or main, main.decimal)


def _not_rejected_rows(file: Path, table: Table) -> list[Fault]:
    if tuple(table.header[-2:]) != REJECTED_COLUMNS:
        return []
    advice = "mend them in the original file and import that again: what it gave before changes nothing"
    return [Fault(file.name, f"these are the rejected rows of an import; {advice}")]


class _Watched:
    """Records that report how far into the file they are, then how many of them are mapped."""

    def __init__(self, records: Iterator[Record], lines: TextIO, size: int, watch: Watch) -> None:
        self.count = 0
        self._mapped = 0
        self._ended = False
        self._records = records
        self._bytes = lines.buffer if lines.seekable() else None
        self._size = size
        self._watch = watch

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            if self._bytes and self.count % _EVERY == 0:
                self._watch("Reading bytes", self._bytes.tell(), self._size)
            yield record
        self._ended = True

    def mapped(self) -> None:
        """Count one outcome. Rows that depend on each other are mapped after all of them are read."""
        self._mapped += 1
        if self._ended and self._mapped % _EVERY == 0:
            self._watch("Mapping rows", self._mapped, self.count)


def _lookup_tables(document: Document, folder: Path, files: ExitStack, faults: list[Fault]) -> dict[str, Table]:
    tables = {}
    for place, lookup in enumerate(document.lookup, start=1):
        where = f"lookup[{place}] ({lookup.name})"
        dialect = lookup.csv or document.csv
        try:
            tables[lookup.name] = _table(_open(folder / lookup.file, dialect, f"{where}.csv", files), dialect, where)
        except OSError as error:
            faults.append(Fault(f"{where}.file", f"{folder / lookup.file} cannot be read: {error.strerror}"))
        except MappingError as error:
            faults.extend(error.faults)
    return tables


def _open(path: Path, dialect: Dialect, place: str, files: ExitStack) -> TextIO:
    # With its byte order mark left in, the first column of a file from a spreadsheet would have another name.
    encoding = "utf-8-sig" if dialect.encoding.lower() in {"utf-8", "utf8"} else dialect.encoding
    try:
        return files.enter_context(path.open(encoding=encoding, errors="surrogateescape", newline=""))
    except LookupError:
        raise MappingError([Fault(f"{place}.encoding", f"unknown encoding {dialect.encoding!r}")]) from None


def _table(lines: TextIO, dialect: Dialect, place: str) -> Table:
    try:
        return table_of(lines, dialect)
    except (TableError, UnicodeError) as error:
        raise MappingError([Fault(place, str(error))]) from None


def _text_of(mapping: Path) -> str:
    try:
        return mapping.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MappingError([Fault("", f"{mapping} is not UTF-8, as TOML files are")]) from None
