"""The paths that a mapping over documents names, each of them a column, and the lists that its rules look into."""

from collections.abc import Iterator, Mapping

from streams.core.mapping.document import Document, place_of
from streams.core.mapping.fault import Fault
from streams.core.mapping.path import PARENT, PathError, Pick, path_of, pick_of
from streams.core.mapping.picking import EACH, SAID, Column, Picking
from streams.core.mapping.scope import Names


class Paths:
    """Collects paths while a mapping is compiled: of which of them leads anywhere, only documents can tell."""

    def __init__(self, document: Document, inner: Names) -> None:
        """Begin with none.

        Args:
            document: The mapping, its rules renamed.
            inner: What the names of columns stand for that lie in lists.
        """
        self._document = document
        self._inner = inner
        self._columns: dict[str, Column] = {}

    def add(self, name: str) -> str:
        """Take a column in, and return what is wrong with it; "" when nothing is."""
        if name in self._columns:
            return ""
        each, written = self._inner.get(name, ("", name))
        try:
            column = Column(each, path_of(written), written)
        except PathError as error:
            return str(error)
        self._columns[name] = column
        if column.path.up > len(self._document.for_each or ()):
            return f"{name!r}: there is no {PARENT.rstrip('.')} so far up; the whole is {{$document.}}"
        return ""

    @property
    def places(self) -> Mapping[str, int]:
        """Where the cell of each column stands in a row; two of their own stand behind those of the mapping."""
        return {name: place for place, name in enumerate((*self._columns, EACH, SAID))}

    def picking(self, *, is_hashed: bool) -> Picking:
        """Return how rows are picked from documents, with all columns that were taken in."""
        named = self._document.for_each or ()
        lists = {rule.for_each: _found(rule.for_each) for rule in self._document.rule if rule.for_each}
        levels = [level for path in named if (level := _found(path))]
        found = {path: pick for path, pick in lists.items() if pick}
        return Picking(tuple(named), tuple(levels), found, tuple(self._columns.values()), is_hashed)

    def faults(self) -> Iterator[Fault]:
        """Return what is wrong with the lists that the mapping names."""
        named = [("for_each", path) for path in self._document.for_each or ()]
        for place, rule in enumerate(self._document.rule):
            if rule.for_each:
                named.append((f"{place_of('rule', place, rule.name)}.for_each", rule.for_each))
        for where, path in named:
            try:
                pick_of(path)
            except PathError as error:
                yield Fault(where, str(error))


def _found(path: str) -> Pick | None:
    try:
        return pick_of(path)
    except PathError:
        return None
