"""What the event contract asks of each field: its type, its allowed words, whether it is required."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

from schemas.events import CATALOGUE, DERIVED, Data

EVENTS: Final[Mapping[str, type[Data]]] = {
    name: kind for name, kind in CATALOGUE.items() if name not in DERIVED and name != "producer.heartbeat"
}
"""The events that an import may send, by short name: not those that the system derives itself, and no signs of life."""


class Shape(StrEnum):
    """How a field is read from text."""

    TEXT = "text"
    WORD = "word"
    WHOLE = "whole number"
    NUMBER = "number"
    TRUTH = "true or false"
    INSTANT = "time"
    LIST = "list"


class Field(Struct, frozen=True):
    """One field of an event.

    Attributes:
        name: As it travels.
        required: An event without it is none.
        shape: How it is read from text.
        words: All that an enumeration allows; empty for other shapes.
        type: The type that msgspec checks.
    """

    name: str
    required: bool
    shape: Shape
    words: frozenset[str]
    type: Any

    def checked(self, content: object) -> object:
        """Return a value as the contract has it.

        Raises:
            ValueError: When the contract does not allow it.
        """
        if self.words and content not in self.words:
            raise ValueError(f"{str(content)[:80]!r} is none of {', '.join(sorted(self.words))}")
        try:
            return msgspec.convert(content, self.type)
        except msgspec.ValidationError as error:
            raise ValueError(f"{str(content)[:80]!r}: {error}") from None


@cache
def fields_of(kind: type[Data]) -> Mapping[str, Field]:
    """Return the fields of an event by the name under which they travel."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    types = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    return {field.encode_name: _field(field, types[field.encode_name]) for field in described.fields}


_SHAPES: Final[Mapping[type[inspect.Type], Shape]] = {
    inspect.StrType: Shape.TEXT,
    inspect.EnumType: Shape.WORD,
    inspect.IntType: Shape.WHOLE,
    inspect.FloatType: Shape.NUMBER,
    inspect.BoolType: Shape.TRUTH,
    inspect.DateTimeType: Shape.INSTANT,
    inspect.ListType: Shape.LIST,
}


def _field(field: inspect.Field, type_: object) -> Field:
    bare = _bare(field.type)
    words = frozenset(map(str, bare.cls)) if isinstance(bare, inspect.EnumType) else frozenset()
    shape = _SHAPES.get(type(bare), Shape.TEXT)
    return Field(name=field.encode_name, required=field.required, shape=shape, words=words, type=type_)


def _bare(described: inspect.Type) -> inspect.Type:
    """Return a type without its constraints and without None."""
    if isinstance(described, inspect.Metadata):
        return _bare(described.type)
    if isinstance(described, inspect.UnionType):
        return _bare(next(part for part in described.types if not isinstance(part, inspect.NoneType)))
    return described
