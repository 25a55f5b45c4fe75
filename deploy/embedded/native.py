"""Rewrites results in ClickHouse's Native format for clients that speak a later revision of the protocol.

The engine writes revision 0 only. Later ones put an info header before each block and a flag byte before the values of
each column; the values are the same, so the rewriting only has to find where each column ends.
Layout: ClickHouse's NativeWriter and its data types' binary bulk serialization.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

# From here on each column says in a byte whether its serialization is a special one (sparse and the like).
REVISION_WITH_FLAG = 54454
# Field 1: not an overflow block; field 2: no bucket; 0 ends the fields.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_PLAIN = b"\x00"
_DICTIONARY_KEYS = 1 << 9

_WIDTHS = {
    "Nothing": 1, "Bool": 1, "Int8": 1, "UInt8": 1, "Enum8": 1, "Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2,
    "BFloat16": 2, "Int32": 4, "UInt32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "Time": 4, "IPv4": 4,
    "Decimal32": 4, "Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8, "Decimal64": 8, "Int128": 16,
    "UInt128": 16, "UUID": 16, "IPv6": 16, "Decimal128": 16, "Int256": 32, "UInt256": 32, "Decimal256": 32,
}  # fmt: skip
_GEOMETRY = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}
_DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))
_TYPE = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*\Z", re.DOTALL)
_ELEMENT_NAME = re.compile(r"\s*(?:\w+|`(?:[^`\\]|\\.)*`)\s+(?=\w)")


class UnsupportedTypeError(ValueError):
    """A column type whose end cannot be found: select it as something simpler, for example `toString(column)`."""


@dataclass(frozen=True)
class _Shape:
    """How the values of a type lie in a block: what comes first, and how far some rows reach."""

    skip_prefix: Callable[[memoryview, int], int]
    skip_rows: Callable[[memoryview, int, int], int]


def for_revision(blocks: bytes, revision: int) -> bytes:
    """Return whole blocks of revision 0 as blocks of `revision`.

    Revisions before the flag byte are answered with revision 0: clients that ask for one check what they get.

    Raises:
        UnsupportedTypeError: for a column of a type without a fixed layout: Variant, Dynamic, JSON, AggregateFunction.
    """
    if revision < REVISION_WITH_FLAG:
        return blocks
    view = memoryview(blocks)
    parts: list[bytes | memoryview] = []
    position = 0
    while position < len(view):
        position = _rewrite_block(view, position, parts)
    return b"".join(parts)


def _rewrite_block(view: memoryview, position: int, parts: list[bytes | memoryview]) -> int:
    begin = position
    columns, position = _number(view, position)
    rows, position = _number(view, position)
    parts += [_BLOCK_INFO, view[begin:position]]
    for _ in range(columns):
        begin = position
        position = _skip_text(view, position)
        type_begin = position
        position = _skip_text(view, position)
        parts += [view[begin:position], _PLAIN]
        begin = position
        if rows:
            shape = _shape(_text(view, type_begin))
            position = shape.skip_rows(view, shape.skip_prefix(view, position), rows)
        parts.append(view[begin:position])
    return position


def _shape(type_name: str) -> _Shape:
    matched = _TYPE.match(type_name)
    name, inside = (matched[1], matched[2] or "") if matched else (type_name, "")
    if name in _GEOMETRY:
        return _shape(_GEOMETRY[name])
    if name == "Decimal":
        precision = int(inside.split(",")[0])
        return _fixed(next(width for digits, width in _DECIMAL_WIDTHS if precision <= digits))
    if name == "FixedString":
        return _fixed(int(inside))
    if name in _WIDTHS or name.startswith("Interval"):
        return _fixed(_WIDTHS.get(name, 8))
    if name in _COMPOSED:
        return _COMPOSED[name](_arguments(inside))
    raise UnsupportedTypeError(
        f"A column of type {type_name} cannot be sent with client_protocol_version; select toString() of it instead"
    )


def _fixed(width: int) -> _Shape:
    return _Shape(_no_prefix, lambda _, position, rows: position + width * rows)


def _string(_: list[str]) -> _Shape:
    return _Shape(_no_prefix, _skip_texts)


def _nullable(inside: list[str]) -> _Shape:
    inner = _shape(inside[0])
    return _Shape(inner.skip_prefix, lambda view, position, rows: inner.skip_rows(view, position + rows, rows))


def _array(inside: list[str]) -> _Shape:
    inner = _shape(inside[0])

    def skip_rows(view: memoryview, position: int, rows: int) -> int:
        end = position + 8 * rows
        total = _unsigned(view, end - 8, 8) if rows else 0
        return inner.skip_rows(view, end, total)

    return _Shape(inner.skip_prefix, skip_rows)


def _tuple(inside: list[str]) -> _Shape:
    if not inside:
        return _fixed(1)
    elements = [_shape(_ELEMENT_NAME.sub("", element, count=1)) for element in inside]

    def skip_prefix(view: memoryview, position: int) -> int:
        for element in elements:
            position = element.skip_prefix(view, position)
        return position

    def skip_rows(view: memoryview, position: int, rows: int) -> int:
        for element in elements:
            position = element.skip_rows(view, position, rows)
        return position

    return _Shape(skip_prefix, skip_rows)


def _low_cardinality(inside: list[str]) -> _Shape:
    wrapped = re.match(r"\s*Nullable\((.*)\)\s*\Z", inside[0], re.DOTALL)
    keys = _shape(wrapped[1] if wrapped else inside[0])

    def skip_rows(view: memoryview, position: int, rows: int) -> int:
        while rows > 0:
            layout = _unsigned(view, position, 8)
            position += 8
            if layout & _DICTIONARY_KEYS:
                position = keys.skip_rows(view, position + 8, _unsigned(view, position, 8))
            count = _unsigned(view, position, 8)
            position += 8 + count * (1 << (layout & 0xFF))
            rows -= count
        return position

    return _Shape(lambda _, position: position + 8, skip_rows)


_COMPOSED: dict[str, Callable[[list[str]], _Shape]] = {
    "String": _string,
    "Nullable": _nullable,
    "Array": _array,
    "Tuple": _tuple,
    "Nested": lambda inside: _array([f"Tuple({', '.join(inside)})"]),
    "Map": lambda inside: _array([f"Tuple({', '.join(inside)})"]),
    "LowCardinality": _low_cardinality,
    "SimpleAggregateFunction": lambda inside: _shape(inside[-1]),
}


def _arguments(inside: str) -> list[str]:
    """Split a list at its outermost commas."""
    found: list[str] = []
    depth = 0
    begin = 0
    for token in re.finditer(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]", inside, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "," and depth == 0:
            found.append(inside[begin : token.start()].strip())
            begin = token.end()
    return [*found, inside[begin:].strip()] if inside.strip() else []


def _no_prefix(_: memoryview, position: int) -> int:
    return position


def _skip_texts(view: memoryview, position: int, rows: int) -> int:
    for _ in range(rows):
        # The hot loop: nearly all texts are shorter than 128 bytes.
        length = view[position]
        if length < 0x80:
            position += 1 + length
        else:
            position = _skip_text(view, position)
    return position


def _skip_text(view: memoryview, position: int) -> int:
    length, position = _number(view, position)
    return position + length


def _text(view: memoryview, position: int) -> str:
    length, position = _number(view, position)
    return bytes(view[position : position + length]).decode()


def _number(view: memoryview, position: int) -> tuple[int, int]:
    """Return a number of seven bits a byte and where it ends."""
    value = shift = 0
    while True:
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _unsigned(view: memoryview, position: int, width: int) -> int:
    return int.from_bytes(view[position : position + width], "little")
