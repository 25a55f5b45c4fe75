"""Lookups: columns that a second table adds to each row of the first, found by a key."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from streams.core.mapping.document import Dialect, Lookup
from streams.core.mapping.fault import RowError
from streams.core.mapping.number import number_of, text_of
from streams.core.mapping.outcome import Rejected
from streams.core.mapping.spelling import SPELLINGS
from streams.core.mapping.table import Record
from streams.core.mapping.template import Row, Spellings, columns_of, filled_by

_Cells = dict[str, str]


class Index(NamedTuple):
    """The second table, by key.

    Attributes:
        rows: The columns that each key adds.
        spoilt: Why nothing can be added for a key: one of its rows is rejected.
        rejected: Rows that cannot be read, or that contradict an earlier one.
    """

    rows: Mapping[str, Row]
    spoilt: Mapping[str, str]
    rejected: list[Rejected]


def added_columns(lookup: Lookup) -> list[str]:
    """Return the names of the columns that a lookup adds."""
    count = [f"{lookup.name}.count"] if lookup.count else []
    return [f"{lookup.name}.{column}" for column in [*lookup.columns, *lookup.sum]] + count


def index_of(
    lookup: Lookup,
    columns: Sequence[str],
    records: Iterable[Record],
    dialect: Dialect,
    decimal: str,
    spellings: Spellings = SPELLINGS,
) -> Index:
    """Return, by key, the columns that a lookup adds: read as they stand, summed exactly, or counted.

    A row that cannot be read is rejected and stops nothing. Where its key can be read, nothing is added for that key:
    a sum that lacks a part would be a wrong sum.

    Args:
        lookup: What is looked up.
        columns: All columns of the second table.
        records: Its rows.
        dialect: How it is written.
        decimal: The decimal mark in which sums are given.
        spellings: What templates do to cells.
    """
    building = _Index(lookup, columns, dialect, spellings)
    rejected = []
    for record in records:
        try:
            building.add(record)
        except RowError as error:
            rejected.append(Rejected(record, str(error)))
    return Index(building.finished(decimal), building.spoilt, rejected)


def stripped(cells: Iterable[str], empty: frozenset[str]) -> list[str]:
    """Return cells without surrounding blanks; those that stand for nothing become ""."""
    return ["" if (text := cell.strip()) in empty else text for cell in cells]


class _Index:
    def __init__(self, lookup: Lookup, columns: Sequence[str], dialect: Dialect, spellings: Spellings) -> None:
        self.spoilt: dict[str, str] = {}
        self._lookup = lookup
        self._columns = columns
        self._dialect = dialect
        self._empty = frozenset(dialect.empty)
        self._key_of = filled_by(lookup.key, spellings)
        self._rows: dict[str, _Cells] = {}
        self._sums: dict[str, list[Decimal]] = {}
        self._counts: dict[str, int] = {}

    def add(self, record: Record) -> None:
        if record.fault:
            raise RowError(record.fault)
        row = dict(zip(self._columns, stripped(record.cells, self._empty), strict=True))
        key = self._key_of(row)
        if not key:
            raise RowError(f"the key {self._lookup.key} is empty")
        try:
            self._add(key, row)
        except RowError as error:
            self.spoilt.setdefault(key, f"line {record.line} of {self._lookup.file} is rejected: {error}")
            raise

    def _add(self, key: str, row: Row) -> None:
        self._keep(key, {f"{self._lookup.name}.{column}": row[column] for column in self._lookup.columns})
        self._counts[key] = self._counts.get(key, 0) + 1
        sums = self._sums.setdefault(key, [Decimal()] * len(self._lookup.sum))
        for place, column in enumerate(self._lookup.sum):
            sums[place] += self._number(row[column]) if row[column] else 0

    def _number(self, cell: str) -> Decimal:
        return number_of(cell, self._dialect.decimal, self._dialect.thousands)

    def _keep(self, key: str, cells: _Cells) -> None:
        known = self._rows.get(key)
        if known is None or self._lookup.repeated == "last":
            self._rows[key] = cells
        elif self._lookup.repeated == "reject" and known != cells:
            raise RowError(f'the key {key!r} has other values further up; say `repeated = "first"` or "last"')

    def finished(self, decimal: str) -> Mapping[str, Row]:
        for key, cells in self._rows.items():
            for column, total in zip(self._lookup.sum, self._sums.get(key, []), strict=key in self._sums):
                cells[f"{self._lookup.name}.{column}"] = text_of(total, decimal)
            if self._lookup.count:
                cells[f"{self._lookup.name}.count"] = str(self._counts.get(key, 0))
        return self._rows


def unfound(lookup: Lookup) -> Row:
    """Return what a lookup adds to a row whose key the second table does not have: nothing, and a count of 0."""
    return dict.fromkeys(added_columns(lookup), "") | ({f"{lookup.name}.count": "0"} if lookup.count else {})


def columns_needed(lookup: Lookup) -> list[str]:
    """Return the columns that the second table must have."""
    return [*columns_of(lookup.key), *lookup.columns, *lookup.sum]
