"""Listings: a file of documents as a table, for lookups: of each document, the fields that are asked for."""

from collections.abc import Iterable, Iterator

from streams.core.mapping.document import Lookup
from streams.core.mapping.lookup import columns_needed
from streams.core.mapping.path import PathError, path_of, pick_of
from streams.core.mapping.picking import Column, Given, Picking, records_of
from streams.core.mapping.table import Record, Table, TableError

_OWN_CELLS = 2
"""Cells that stand behind those of the columns."""


def listing_of(lookup: Lookup, documents: Iterable[Given]) -> Table:
    """Return the table that documents are to a lookup; its columns are paths.

    Raises:
        TableError: When one of the paths is none.
    """
    columns = list(dict.fromkeys(columns_needed(lookup)))
    named = tuple(lookup.for_each or ())
    try:
        levels = tuple(map(pick_of, named))
        picking = Picking(named, levels, {}, tuple(Column("", path_of(path), path) for path in columns), False)
    except PathError as error:
        raise TableError(str(error)) from None
    return Table(columns, columns, _bare(records_of(picking, documents)))


def _bare(records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        yield record if record.fault else record._replace(cells=record.cells[:-_OWN_CELLS])
