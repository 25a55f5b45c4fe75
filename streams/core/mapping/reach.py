"""Reach: which fields of a document the paths of a mapping read, and which fields nobody reads."""

from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import chain
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from streams.core.mapping.path import DOCUMENT, HEADER, PARENT, leaves_of, named
from streams.core.mapping.picking import Given, Picking

_HERE: Final = frozenset({""})
_PASSING: Final = frozenset(
    {"or_expression", "and_expression", "multi_select_list", "multi_select_dict", "key_val_pair"}
)
"""What only hands on what it finds; functions and comparisons have read it."""
_Bases = Set[str]
"""Fields of the whole document in which a path is read; `tags[]` is each element of a list."""


class Reach:
    """What a mapping reads of documents."""

    def __init__(self, picking: Picking) -> None:
        """Take in how rows are picked."""
        self._read: set[str] = set()
        levels: list[_Bases] = [_HERE]
        for path in picking.named:
            levels.append(_elements(self._reached(path, levels[-1])))
        inner = {path: [*levels, _elements(self._reached(path, levels[-1]))] for path in picking.lists}
        for column in picking.columns:
            self._note(column.written, inner[column.each] if column.each else levels)

    def reads(self, field: str) -> bool:
        """Return whether a field is read, by itself or as a part of what is."""
        return any(field == one or field.startswith((f"{one}.", f"{one}[")) for one in self._read)

    def _note(self, path: str, levels: list[_Bases]) -> None:
        if path.startswith(HEADER):
            return
        if path.startswith(DOCUMENT):
            path, levels = path.removeprefix(DOCUMENT), levels[:1]
        while path.startswith(PARENT) and len(levels) > 1:
            path, levels = path.removeprefix(PARENT), levels[:-1]
        self._read |= {one.removesuffix("[]") or one for one in self._reached(path, levels[-1])}

    def _reached(self, path: str, bases: _Bases) -> _Bases:
        try:
            parsed = jmespath.compile(path).parsed
        except JMESPathError:
            return frozenset()
        return self._walked(parsed, bases)

    def _walked(self, node: Mapping[str, Any], bases: _Bases) -> _Bases:
        """Return where an expression leads from some fields; what it reads on the way is noted."""
        children: list[Mapping[str, Any]] = node.get("children") or []
        match node["type"]:
            case "field":
                return {f"{base}.{named(node['value'])}" if base else named(node["value"]) for base in bases}
            case "identity" | "current":
                return bases
            case "index" | "slice":
                return _elements(bases)
            case "subexpression" | "index_expression" | "pipe":
                for child in children:
                    bases = self._walked(child, bases)
                return bases
            case "flatten":
                return self._walked(children[0], bases)
            case "projection" | "value_projection" | "filter_projection":
                left = _elements(self._walked(children[0], bases))
                for condition in children[2:]:
                    self._read |= self._walked(condition, left)
                return self._walked(children[1], left)
        found = frozenset(chain.from_iterable(self._walked(child, bases) for child in children))
        if node["type"] not in _PASSING:
            self._read |= found
        return found


def unread(reach: Reach, documents: Iterable[Given]) -> Iterator[tuple[str, object]]:
    """Return each field of documents that nobody reads, once, with the first thing that stands there."""
    told: set[str] = set()
    for document in documents:
        for field, value in leaves_of(document.body):
            if field not in told and not reach.reads(field):
                told.add(field)
                yield field, value


def _elements(bases: _Bases) -> _Bases:
    """Return the elements of lists; where one thing stands in place of a list, that thing."""
    return {*bases, *(f"{base}[]" for base in bases)}
