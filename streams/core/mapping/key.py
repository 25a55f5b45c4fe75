"""Keys: the columns that tell the rows of a table apart."""

from collections.abc import Sequence
from itertools import combinations, islice
from typing import Final

_MOST_COLUMNS: Final = 8
"""Of so many columns, those with the most distinct texts, combinations are tried."""
_MOST_TOGETHER: Final = 3
_MOST_NAMED: Final = 5


def keys_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the smallest sets of columns that are distinct on every row and empty on none, at most five.

    Args:
        columns: Of the table.
        rows: Their cells; all of them are held.
    """
    filled = [place for place in range(len(columns)) if rows and all(row[place] for row in rows)]
    distinct = {place: len({row[place] for row in rows}) for place in filled}
    likely = sorted(sorted(filled, key=lambda place: -distinct[place])[:_MOST_COLUMNS])
    for size in range(1, _MOST_TOGETHER + 1):
        found = (places for places in combinations(likely, size) if _tells_apart(places, rows))
        if keys := list(islice(found, _MOST_NAMED)):
            return [tuple(columns[place] for place in places) for places in keys]
    return []


def _tells_apart(places: Sequence[int], rows: Sequence[Sequence[str]]) -> bool:
    seen = set()
    for row in rows:
        seen.add(tuple(row[place] for place in places))
    return len(seen) == len(rows)
