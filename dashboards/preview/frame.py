"""What a query returned, in the shape that panels draw: as the plugin makes it, with the plugin's own refusals."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, Literal

from dashboards.preview.fault import PreviewError

Kind = Literal["time", "number", "text", "bool", "other"]
Cell = float | str | bool | None
"""Instants are milliseconds since 1970."""


@dataclass(frozen=True)
class Answer:
    """What the database says to a query: names and types of its columns, as ClickHouse writes them, and its rows."""

    names: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[object]]


Ask = Callable[[str], Answer]
"""Runs a query; raises `QueryError` when the database refuses it or does not answer."""


class QueryError(PreviewError):
    """The database did not answer a query; the message is its own."""


@dataclass(frozen=True)
class Field:
    """A column, with the labels that tell it from others of the same name."""

    name: str
    kind: Kind
    cells: Sequence[Cell]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """Columns of one length."""

    fields: Sequence[Field]
    ref_id: str = ""

    @property
    def length(self) -> int:
        """How many rows."""
        return len(self.fields[0].cells) if self.fields else 0

    @property
    def time(self) -> Field | None:
        """The axis: the first column of instants."""
        return next((each for each in self.fields if each.kind == "time"), None)

    @property
    def numbers(self) -> list[Field]:
        """The columns of numbers."""
        return [each for each in self.fields if each.kind == "number"]


_WRAPPED: Final = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
_NUMBER: Final = re.compile(r"(U?Int\d+|B?Float\d+|Decimal.*)")


def frame_of(answer: Answer, *, is_table: bool, ref_id: str = "A") -> Frame:
    """Return the frame of an answer: a table as it is, a series with a column for each set of labels.

    Raises:
        PreviewError: When a series is not in ascending order of time, as the plugin refuses it.
    """
    fields = [
        Field(name, _kind(type_), [_cell(row[index]) for row in answer.rows])
        for index, (name, type_) in enumerate(zip(answer.names, answer.types, strict=True))
    ]
    frame = Frame(fields, ref_id)
    if is_table or frame.time is None:
        return frame
    if not frame.length:
        return Frame([], ref_id)
    labels = [each for each in fields if each.kind in {"text", "bool"}]
    return _wide(frame, frame.time, labels) if labels else frame


def _wide(frame: Frame, time: Field, labels: Sequence[Field]) -> Frame:
    instants = _ascending(time)
    places = {at: index for index, at in enumerate(dict.fromkeys(instants))}
    made: dict[tuple[str, tuple[str, ...]], list[Cell]] = {}
    values = [each for each in frame.fields if each is not time and each not in labels]
    for row, at in enumerate(instants):
        key = tuple(_label(label.cells[row]) for label in labels)
        for value in values:
            made.setdefault((value.name, key), [None] * len(places))[places[at]] = value.cells[row]
    names = [label.name for label in labels]
    kinds = {value.name: value.kind for value in values}
    columns = [
        Field(name, kinds[name], cells, dict(zip(names, key, strict=True))) for (name, key), cells in made.items()
    ]
    return Frame([replace(time, cells=list(places)), *columns], frame.ref_id)


def _ascending(time: Field) -> list[float]:
    instants: list[float] = []
    for cell in time.cells:
        if not isinstance(cell, int | float):
            raise PreviewError("a row of the series has no time; the plugin refuses the whole panel")
        if instants and cell < instants[-1]:
            raise PreviewError("the series is not in ascending order of time; the plugin refuses the whole panel")
        instants.append(cell)
    return instants


def _label(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def _kind(type_: str) -> Kind:
    while wrapped := _WRAPPED.fullmatch(type_):
        type_ = wrapped[1]
    if type_.startswith("Date"):
        return "time"
    if _NUMBER.fullmatch(type_):
        return "number"
    if type_ == "Bool":
        return "bool"
    return "text" if type_.startswith(("String", "FixedString", "Enum", "IPv", "UUID")) else "other"


def _cell(value: object) -> Cell:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)
