"""Picking: the rows of a JSON document, each as the texts that a mapping asks for."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas.nesting import is_deeper
from streams.core.mapping.path import Path, Pick, Scene, elements_of, said_by
from streams.core.mapping.table import Record

EACH: Final = "$each"
"""The list that a row is an element of; "" for the row itself."""
SAID: Final = "$said"
"""A hash of all that a row says."""
_MOST_LEVELS: Final = 64
_HEADERS: Final = "$headers"
_BODY: Final = "$body"

_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Given(NamedTuple):
    """A document as it was delivered.

    Attributes:
        line: Where it begins in its file, from 1.
        body: What it says, decoded.
        headers: What came with it, by name in small letters.
        fault: Why it cannot be read; "" when it can.
    """

    line: int
    body: Any
    headers: Mapping[str, str] = MappingProxyType({})
    fault: str = ""


class Column(NamedTuple):
    """A column of documents: the list that it lies in, "" for the row itself, and its path there, as it is written."""

    each: str
    path: Path
    written: str


class Picking(Struct, frozen=True):
    """How rows are picked from a document.

    Attributes:
        named: The lists, one in the other, whose elements are the rows, as the mapping writes them.
        levels: The same, compiled.
        lists: The lists in a row that rules look at, by how the mapping writes them.
        columns: What of a row is asked for. Two more cells follow these, `EACH` and `SAID`.
        is_hashed: Whether what a row says tells it apart.
    """

    named: tuple[str, ...]
    levels: tuple[Pick, ...]
    lists: Mapping[str, Pick]
    columns: tuple[Column, ...]
    is_hashed: bool


def decoded(raw: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what JSON says; numbers with a point are decimals, so that amounts stay exact.

    Raises:
        ValueError: When it is none; the message says where.
    """
    if is_deeper(raw, _MOST_LEVELS):
        raise ValueError(f"not JSON that is read: nested more than {_MOST_LEVELS} levels deep")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not JSON: {error}") from None
    except InvalidOperation:
        raise ValueError("not JSON that is read: a number beyond all bounds") from None


def given(line: int, body: object) -> Given:
    """Return a document that was read; one kept with its headers, `{"$headers": ..., "$body": ...}`, has both."""
    if isinstance(body, dict) and body.keys() == {_HEADERS, _BODY} and isinstance(body[_HEADERS], dict):
        return Given(line, body[_BODY], headers_of(body[_HEADERS]))
    return Given(line, body)


def headers_of(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return headers by their names in small letters."""
    return {name.lower(): str(value) for name, value in headers.items()}


def records_of(picking: Picking, documents: Iterable[Given]) -> Iterator[Record]:
    """Return the rows of documents, each followed by the elements of the lists in it that rules look at.

    A row and its elements have one number. A document in which the rows' list is not found is a row with a fault.
    """
    number = 0
    for document in documents:
        if document.fault:
            number += 1
            yield Record(number, document.line, (), document.fault)
            continue
        headers = dict(document.headers)
        for row in _rows(picking, document.body):
            number += 1
            if isinstance(row, str):
                yield Record(number, document.line, (), row)
            else:
                yield from _of_row(picking, Scene(row, headers), number, document.line)


def _rows(picking: Picking, body: object) -> Iterable[tuple[Any, ...] | str]:
    """Return each row within what it lies in, or why there is none."""
    found: list[tuple[Any, ...] | str] = [(body,)]
    for name, pick in zip(picking.named, picking.levels, strict=True):
        found = [row for within in found for row in _inside(name, pick, within)]
    return found


def _inside(name: str, pick: Pick, within: tuple[Any, ...] | str) -> list[tuple[Any, ...] | str]:
    if isinstance(within, str):
        return [within]
    elements = elements_of(pick, within[-1])
    if elements is None:
        return [f"`for_each` {name}: nothing is there, not even an empty list"]
    return [(*within, element) for element in elements]


def _of_row(picking: Picking, scene: Scene, number: int, line: int) -> Iterator[Record]:
    row = scene.within[-1]
    said = blake2b(said_by(row), digest_size=10).hexdigest() if picking.is_hashed else ""
    cells = ["" if column.each else column.path.text(scene) for column in picking.columns]
    yield Record(number, line, [*cells, "", said])
    for name, pick in picking.lists.items():
        for element in elements_of(pick, row) or ():
            inner = scene._replace(within=(*scene.within, element))
            own = [
                column.path.text(inner) if column.each == name else cell
                for column, cell in zip(picking.columns, cells, strict=True)
            ]
            yield Record(number, line, [*own, name, said])
