"""What an import reads and writes: a CSV file and its lookups in, events and rejected rows out."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from msgspec import Struct

from schemas.connectors import connector, connectors
from streams.cli.opened import BrokenFileError, Opened, cells_of, opened, records_in, unbroken
from streams.core.mapping import (
    Document,
    Draft,
    Fault,
    Index,
    Mapped,
    MappedEvent,
    MappingError,
    Notes,
    Outcome,
    Plan,
    Record,
    Rejected,
    Skipped,
    Table,
    TableError,
    draft_of,
    in_order,
    index_of,
    outcomes,
    plan_of,
    table_of,
)
from streams.core.mapping.delivery import with_source
from streams.core.mapping.document import Dialect, Lookup
from streams.core.mapping.json_text import NoDocumentError, documents_of
from streams.core.mapping.key import keys_of
from streams.core.mapping.listing import listing_of
from streams.core.mapping.lookup import stripped
from streams.core.mapping.once import Once, judged
from streams.core.mapping.picking import Given, records_of
from streams.core.mapping.reach import Reach, unread
from streams.core.mapping.spelling import SPELLINGS, hashing
from streams.core.mapping.table import table_of_cells
from streams.core.mapping.template import Spellings
from streams.settings import Settings

REJECTED_COLUMNS: Final = ("rejected_line", "rejected_reason")

Watch: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

_EVERY: Final = 500
_LOOKED_AT: Final = 1_000
_SHOWN_COLUMNS: Final = 20
_SHOWN_BYTES: Final = 40
_MARKS: Final = {
    b"\xff\xfe": 'UTF-16: say `encoding = "utf-16"` in [csv]',
    b"PK\x03\x04": "a workbook of a spreadsheet: save it as CSV",
    b"\xfe\xff": 'UTF-16: say `encoding = "utf-16"` in [csv]',
}


class Sheet(NamedTuple):
    """A file as far as its rejected rows are concerned.

    Attributes:
        name: Of the file.
        header: Its first line.
        dialect: How it is written.
        rejected: Rows that cannot be used, in the order of the file.
    """

    name: str
    header: list[str]
    dialect: Dialect
    rejected: list[Rejected]


class Import(Struct, frozen=True):
    """A file, read and mapped as a whole; nothing of it was sent yet.

    Attributes:
        plan: By which rows became events.
        events: In the order of publication: by time, then by row, then by rule.
        skipped: How many rows were left out on purpose, by reason.
        rows: How many rows there are.
        ids: What tells those rows apart that say it, whatever became of them.
        stated: What tells those apart that became events or were skipped.
        sheet: The file itself, and its rejected rows.
        lookups: The files of the lookups, and theirs.
        notes: What was read although its cell says less.
    """

    plan: Plan
    events: list[MappedEvent]
    skipped: Mapping[str, int]
    rows: int
    ids: frozenset[str]
    stated: frozenset[str]
    sheet: Sheet
    lookups: list[Sheet]
    notes: Notes

    @property
    def is_snapshot(self) -> bool:
        """Whether the file holds all rows that there are."""
        return self.plan.is_snapshot

    @property
    def rejected(self) -> list[Rejected]:
        """Rows of the file that became no events, in its order."""
        return self.sheet.rejected

    @property
    def is_whole(self) -> bool:
        """Whether no row of any file was rejected."""
        return not any(sheet.rejected for sheet in (self.sheet, *self.lookups))

    @property
    def counts(self) -> Mapping[str, int]:
        """How many events there are of each name."""
        return Counter(event.name for event in self.events)


def read_import(
    file: Path,
    mapping: Path,
    *,
    now_ms: int,
    watch: Watch,
    spellings: Spellings = SPELLINGS,
    source: str | None = None,
) -> Import:
    """Return the events of a file, all in memory: a log of a million rows takes about 1.5 GB.

    Lookup files are found beside the file unless the mapping names another folder.

    Args:
        file: A CSV file, a workbook, a Parquet file; for a mapping over documents a JSON file, JSON Lines or Parquet.
        mapping: The mapping file, or the name of a connector.
        source: Of the events, in place of the one in the mapping.
        now_ms: The clock, in milliseconds since 1970.
        watch: Told about progress.
        spellings: What templates do to cells.

    Raises:
        MappingError: With everything that is wrong with the mapping or the header.
        ExtraMissingError: When what reads such a file is not installed.
        OSError: When a file cannot be read.
    """
    draft = with_source(draft_of(mapping_text(mapping)), source)
    read = _read_documents if draft.document.reads_documents else _read
    try:
        with ExitStack() as files, unbroken():
            return read(draft, file, files, now_ms, watch, spellings)
    except BrokenFileError as error:
        raise MappingError([Fault(file.name, f"{error}; {_beginning(file)}")]) from None


def keys_in(file: Path, sheet: Sheet) -> list[tuple[str, ...]]:
    """Return the columns that tell the rows of a file apart, the smallest sets of them.

    Raises:
        OSError: When the file cannot be read any more.
    """
    with ExitStack() as files, unbroken():
        table = _table(_open(file, files), sheet.dialect, "csv", file, Notes())
        rows = [stripped(record.cells, frozenset(sheet.dialect.empty)) for record in table.records if not record.fault]
    return keys_of(table.columns, rows)


def unread_in(file: Path, imported: Import) -> list[tuple[str, object]]:
    """Return each column or field of a file that nobody reads, with the first thing that stands there.

    Raises:
        OSError: When the file cannot be read any more.
    """
    with ExitStack() as files, unbroken():
        content = _open(file, files)
        if imported.plan.picking is not None:
            return list(unread(Reach(imported.plan.picking), documents_in(content, file)))
        table = _table(content, imported.sheet.dialect, "csv", file, Notes())
        read = {name for name, _ in imported.plan.cells}
        wanted = {place: name for place, name in enumerate(table.columns) if name not in read}
        found = dict.fromkeys(wanted, "")
        for record in islice(table.records, _LOOKED_AT):
            for place in [place for place, cell in found.items() if not cell and place < len(record.cells)]:
                found[place] = record.cells[place].strip()
        return [(name, found[place]) for place, name in wanted.items()]


def spellings_of(settings: Settings) -> Spellings:
    """Return what templates do to cells; if a key is set, nobody without it can try out what a hash stands for."""
    key = settings.identifier_key
    return SPELLINGS if key is None else {**SPELLINGS, "hash": hashing(key.get_secret_value().encode())}


def write_rejected(path: Path, sheet: Sheet) -> None:
    """Write the rejected rows as a CSV file like the imported one, with line and reason in two more columns.

    Raises:
        OSError: When the file cannot be written.
    """
    dialect = sheet.dialect
    width = len(sheet.header)
    with path.open("w", encoding=dialect.encoding, errors="surrogateescape", newline="") as lines:
        writer = csv.writer(lines, delimiter=dialect.delimiter, quotechar=dialect.quote)
        writer.writerow([*sheet.header, *REJECTED_COLUMNS])
        for record, reason, *_ in sheet.rejected:
            cells = [*record.cells[:width], *[""] * (width - len(record.cells))]
            # A reason quotes cells, and surplus cells follow it: nothing of the row is lost.
            writer.writerow([*cells, record.line, reason, *record.cells[width:]])


def write_lines(output: BinaryIO, events: Iterable[MappedEvent]) -> Iterator[MappedEvent]:
    """Write events as JSON Lines and return each after it is written."""
    for event in events:
        output.write(event.raw + b"\n")
        yield event


def _read(draft: Draft, file: Path, files: ExitStack, now_ms: int, watch: Watch, spellings: Spellings) -> Import:
    document, notes = draft.document, Notes()
    content = _open(file, files)
    table = _table(content, document.csv, "csv", file, notes)
    faults = [*draft.faults, *_not_rejected_rows(file, table)]
    lookups = _lookup_tables(document, file.parent, files, faults, notes)
    columns = {name: looked_up.columns for name, looked_up in lookups.items()}
    whole = draft._replace(faults=tuple(faults))
    try:
        plan = plan_of(whole, table.columns, columns, file_name=file.stem, notes=notes, spellings=spellings)
    except MappingError as error:
        raise MappingError([*error.faults, *_shown(error, file, table)]) from None
    indexes, sheets = _looked_up(document, lookups, spellings)
    records = _Watched(table.records, content, watch)
    sheet = Sheet(file.name, table.header, document.csv, [])
    return _sorted_out(plan, outcomes(plan, records, indexes, now_ms=now_ms), records, sheet, sheets)


def _read_documents(
    draft: Draft, file: Path, files: ExitStack, now_ms: int, watch: Watch, spellings: Spellings
) -> Import:
    """Return the events of a file of documents. Facts that several of them tell are events once."""
    document, notes = draft.document, Notes()
    content = _open(file, files)
    faults = list(draft.faults)
    lookups = _lookup_tables(document, file.parent, files, faults, notes)
    columns = {name: looked_up.columns for name, looked_up in lookups.items()}
    whole = draft._replace(faults=tuple(faults))
    plan = plan_of(whole, (), columns, file_name=file.name.partition(".")[0], notes=notes, spellings=spellings)
    assert plan.picking is not None, "this mapping reads documents"
    indexes, sheets = _looked_up(document, lookups, spellings)
    records = _Watched(records_of(plan.picking, documents_in(content, file)), content, watch)
    sheet = Sheet(file.name, [name for name, _ in plan.cells][:-2], Dialect(), [])
    once = Once()
    found = judged(once.of(outcome) for outcome in outcomes(plan, records, indexes, now_ms=now_ms))
    return _sorted_out(plan, found, records, sheet, sheets)


def documents_in(content: Opened, file: Path) -> Iterator[Given]:
    """Return the documents of a file.

    Raises:
        MappingError: When it holds none.
    """
    if content.is_parquet:
        return (Given(number, row) for number, row in enumerate(records_in(content), start=1))
    try:
        return documents_of(content.content)
    except NoDocumentError as error:
        raise MappingError([Fault(file.name, f"{error}; it begins with the bytes {content.begins!r}")]) from None


def _sorted_out(
    plan: Plan, found: Iterable[Outcome], records: "_Watched", sheet: Sheet, lookups: list[Sheet]
) -> Import:
    events: list[MappedEvent] = []
    skipped: Counter[str] = Counter()
    ids, stated = set[str](), set[str]()
    for outcome in found:
        records.mapped()
        (ids if isinstance(outcome, Rejected) else stated).add(outcome.id)
        match outcome:
            case Mapped():
                events.extend(outcome.events)
            case Skipped():
                skipped[outcome.reason] += 1
            case Rejected():
                sheet.rejected.append(outcome)
    sheet.rejected.sort(key=lambda one: one.record.row)
    ordered = in_order(plan, events)
    seen = frozenset(ids | stated) - {""}
    return Import(plan, ordered, skipped, records.count, seen, frozenset(stated), sheet, lookups, plan.notes)


def _looked_up(
    document: Document, tables: Mapping[str, Table], spellings: Spellings
) -> tuple[dict[str, Index], list[Sheet]]:
    """Return what rows look up, by the name of the lookup, and the lookups' files with their rejected rows."""
    indexes, sheets = dict[str, Index](), list[Sheet]()
    for one in document.lookup:
        table, dialect = tables[one.name], one.csv or document.csv
        indexes[one.name] = index_of(one, table.columns, table.records, dialect, document.csv.decimal, spellings)
        sheets.append(Sheet(Path(one.file).name, table.header, dialect, indexes[one.name].rejected))
    return indexes, sheets


def _shown(error: MappingError, file: Path, table: Table) -> list[Fault]:
    """Return what the file looks like, when the mapping asks for columns that it has not."""
    if not any("the file has no column" in fault.message for fault in error.faults):
        return []
    columns = ", ".join(map(repr, table.columns[:_SHOWN_COLUMNS]))
    more = f" and {len(table.columns) - _SHOWN_COLUMNS} more" if len(table.columns) > _SHOWN_COLUMNS else ""
    return [Fault(file.name, f"its columns are {columns}{more}; {_beginning(file)}")]


def _beginning(file: Path) -> str:
    """Return how a file begins, byte by byte: a wrong encoding or delimiter shows there."""
    with file.open("rb") as content:
        begun = content.read(_SHOWN_BYTES)
    mark = next((f" ({name})" for bytes_, name in _MARKS.items() if begun.startswith(bytes_)), "")
    return f"it begins with the bytes {begun!r}{mark}"


def _not_rejected_rows(file: Path, table: Table) -> list[Fault]:
    if tuple(table.header[-2:]) != REJECTED_COLUMNS:
        return []
    advice = "mend them in the original file and import that again: what it gave before changes nothing"
    return [Fault(file.name, f"these are the rejected rows of an import; {advice}")]


class _Watched:
    """Records that report how far into the file they are, then how many of them are mapped."""

    def __init__(self, records: Iterator[Record], content: Opened, watch: Watch) -> None:
        self.count = 0
        self._mapped = 0
        self._ended = False
        self._records = records
        self._content = content
        self._watch = watch

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count = record.row
            if self.count % _EVERY == 0:
                self._watch("Reading bytes", self._content.done(), self._content.size)
            yield record
        self._ended = True

    def mapped(self) -> None:
        """Count one outcome. Rows that depend on each other are mapped after all of them are read."""
        self._mapped += 1
        if self._ended and self._mapped % _EVERY == 0:
            self._watch("Mapping rows", self._mapped, self.count)


def _lookup_tables(
    document: Document, folder: Path, files: ExitStack, faults: list[Fault], notes: Notes
) -> dict[str, Table]:
    tables = {}
    for place, lookup in enumerate(document.lookup, start=1):
        where = f"lookup[{place}] ({lookup.name})"
        dialect = lookup.csv or document.csv
        try:
            path = folder / lookup.file
            content = _open(path, files)
            tables[lookup.name] = (
                _listing(lookup, content, path, where)
                if lookup.format == "json"
                else _table(content, dialect, f"{where}.csv", path, notes, where)
            )
        except OSError as error:
            faults.append(Fault(f"{where}.file", f"{folder / lookup.file} cannot be read: {error.strerror}"))
        except MappingError as error:
            faults.extend(error.faults)
    return tables


def _listing(lookup: Lookup, content: Opened, path: Path, place: str) -> Table:
    try:
        return listing_of(lookup, documents_in(content, path))
    except TableError as error:
        raise MappingError([Fault(place, str(error))]) from None


def _open(path: Path, files: ExitStack) -> Opened:
    try:
        return opened(path, files)
    except BrokenFileError as error:
        raise MappingError([Fault(path.name, f"{error}; {_beginning(path)}")]) from None


def _table(content: Opened, dialect: Dialect, setting: str, file: Path, notes: Notes, place: str = "") -> Table:
    if content.is_workbook or content.is_parquet:
        return _table_of(lambda: table_of_cells(cells_of(content, dialect.decimal), dialect, notes), file, place)
    # With its byte order mark left in, the first column of a file from a spreadsheet would have another name.
    encoding = "utf-8-sig" if dialect.encoding.lower() in {"utf-8", "utf8"} else dialect.encoding
    try:
        lines = content.text(encoding)
    except LookupError:
        raise MappingError([Fault(f"{setting}.encoding", f"unknown encoding {dialect.encoding!r}")]) from None
    return _table_of(lambda: table_of(lines, dialect, notes), file, place)


def table_in(content: Opened, dialect: Dialect, file: Path) -> Table:
    """Return the table of a file.

    Raises:
        MappingError: When it holds none.
    """
    return _table(content, dialect, "csv", file, Notes())


def _table_of(read: Callable[[], Table], file: Path, place: str) -> Table:
    try:
        return read()
    except (TableError, BrokenFileError, UnicodeError) as error:
        raise MappingError([Fault(place or file.name, f"{error}; {_beginning(file)}")]) from None


def mapping_text(mapping: Path) -> str:
    """Return the text of a mapping file, or of the connector of that name.

    Raises:
        MappingError: When it is no text, or there is neither.
        OSError: When it cannot be read.
    """
    if not mapping.exists() and (text := connector(str(mapping))) is not None:
        return text
    try:
        return mapping.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MappingError([Fault("", f"{mapping} is not UTF-8, as TOML files are")]) from None
    except FileNotFoundError:
        known = ", ".join(connectors())
        raise MappingError([Fault("", f"there is no file {mapping}, and no connector of that name; {known}")]) from None
