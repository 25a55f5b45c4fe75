"""Threads: rows that answer each other, followed to the row that began it all."""

from collections.abc import Iterable

from streams.core.mapping.fault import RowError
from streams.core.mapping.plan import Chain
from streams.core.mapping.template import Row


class Threads:
    """Knows what every row answers, and so where each thread begins."""

    def __init__(self, chain: Chain, rows: Iterable[Row]) -> None:
        self._chain = chain
        self._parents: dict[str, str] = {}
        self._roots: dict[str, str] = {}
        for row in rows:
            id, parent = chain.id(row), chain.parent(row)
            self._parents[id] = self._parents.get(id) or parent

    def root_of(self, row: Row) -> str:
        """Return the name of the row with which the thread of a row began.

        When the file lacks a row of the thread, that is where it begins: all that answers it belongs together.

        Raises:
            RowError: When the row has no name, or its thread runs in a circle.
        """
        id = self._chain.id(row)
        if not id:
            raise RowError("the columns of `thread.id` are empty")
        path = [id]
        while (last := path[-1]) not in self._roots and (parent := self._parents.get(last, "")):
            if parent in path[-1:] or len(path) > len(self._parents):
                raise RowError(f"its thread runs in a circle, through {last[:80]!r}")
            path.append(parent)
        root = self._roots.get(path[-1], path[-1])
        self._roots.update(dict.fromkeys(path, root))
        return root
