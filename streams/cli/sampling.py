"""Samples: the beginning of a file that has no mapping yet, as columns and rows."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Final

from streams.cli.importing import documents_in, table_in
from streams.cli.opened import Opened, opened, unbroken
from streams.core.mapping.document import Dialect
from streams.core.mapping.path import leaves_of, lists_of, text_of
from streams.core.mapping.picking import Given
from streams.core.mapping.sketch import Sample
from streams.core.mapping.sketch_messages import Listed

_MOST_ROWS: Final = 50_000
_MOST_DOCUMENTS: Final = 5_000
_DELIMITERS: Final = ",;\t|"
_JSON: Final = (b"{", b"[", b"\xef")
_BEGINNING: Final = 64 * 1024


def sample_of(path: Path) -> Sample:
    """Return the beginning of a file; what it is, its first bytes tell.

    Raises:
        MappingError: When it is neither a table nor JSON.
        BrokenFileError: When it is packed and broken.
        OSError: When it cannot be read.
    """
    with ExitStack() as files, unbroken():
        content = opened(path, files)
        if content.begins.lstrip()[:1] in _JSON and not (content.is_workbook or content.is_parquet):
            return _of_documents(path, documents_in(content, path))
        return _of_table(path, content)


def _of_table(path: Path, content: Opened) -> Sample:
    dialect, lines = _dialect(content)
    table = table_in(content, dialect, path)
    width = len(table.columns)
    rows = [[cell.strip() for cell in one.cells] for one in islice(table.records, _MOST_ROWS) if not one.fault]
    return Sample(path.name, table.columns, [row for row in rows if len(row) == width], dialect=lines)


def _dialect(content: Opened) -> tuple[Dialect, list[str]]:
    """Return how a CSV file is written, as far as its header shows, and the lines that say so."""
    if content.is_workbook or content.is_parquet:
        return Dialect(), []
    begins = content.content.peek(_BEGINNING)  # type: ignore[attr-defined]
    said: dict[str, str] = {}
    if begins.startswith((b"\xff\xfe", b"\xfe\xff")):
        said["encoding"] = "utf-16"
    elif not _is_utf8(begins):
        said["encoding"] = "cp1252"
    header = begins.decode(said.get("encoding", "utf-8"), errors="replace").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    if delimiter != "," and header.count(delimiter):
        said["delimiter"] = delimiter
    shown = {name: value.replace("\t", "\\t") for name, value in said.items()}
    return Dialect.model_validate(said), [f'{name} = "{value}"' for name, value in shown.items()]


def _is_utf8(begins: bytes) -> bool:
    try:
        begins.decode()
    except UnicodeDecodeError as error:
        return error.start > len(begins) - 4  # a letter that the beginning cuts in two
    return True


def _of_documents(path: Path, documents: Iterable[Given]) -> Sample:
    bodies = [one.body for one in islice(documents, _MOST_DOCUMENTS) if not one.fault]
    each = _list_of_rows(bodies)
    rows = [row for body in bodies for row in (body.get(each) or [] if each and isinstance(body, dict) else [body])]
    columns: dict[str, None] = {}
    lists: dict[str, None] = {}
    for row in rows:
        for field, _ in leaves_of(row):
            (lists if "[]" in field else columns)[field] = None
    cells = [_cells(row, columns) for row in rows]
    settings = ['format = "json"', *([f'for_each = "{each}"'] if each else [])]
    notes = [f"Lists, for rules with `for_each`: {', '.join(lists)}."] if lists else []
    return Sample(path.name, list(columns), cells, settings=settings, notes=notes, lists=_lists(rows))


def _lists(rows: Sequence[object]) -> dict[str, Listed]:
    """Return the lists of objects that every row has, by their paths, each as a table of their elements."""
    found = [dict(lists_of(row)) for row in rows]
    names = [name for name in found[0] if all(name in one for one in found)] if found else []
    tables = {}
    for name in names:
        elements = [element for one in found for element in one[name]]
        columns = list(dict.fromkeys(field for element in elements for field, _ in leaves_of(element)))
        plain = [column for column in columns if "[]" not in column]
        tables[name] = Listed(plain, [_cells(element, plain) for element in elements])
    return {name: table for name, table in tables.items() if table.rows}


def _list_of_rows(bodies: Sequence[Any]) -> str:
    """Return the list whose elements are the rows: the only one of objects that lies at the top; "" for none."""
    found = {
        name
        for body in bodies
        if isinstance(body, dict)
        for name, value in body.items()
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    }
    scalars = [value for body in bodies if isinstance(body, dict) for value in body.values() if isinstance(value, dict)]
    return found.pop() if len(found) == 1 and not scalars else ""


def _cells(row: object, columns: Iterable[str]) -> list[str]:
    said = {field: text_of(value).strip() for field, value in leaves_of(row) if "[]" not in field}
    return [said.get(column, "") for column in columns]
