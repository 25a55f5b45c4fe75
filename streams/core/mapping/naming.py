"""Names of rows: what tells each apart, whatever stands before it in the file."""

from collections import Counter
from hashlib import blake2b

from streams.core.mapping.plan import Plan
from streams.core.mapping.table import Record
from streams.core.mapping.template import ID


class Naming:
    """Names one row after another; remembers names, as rows that say the same are told apart by counting them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._prefixes = [(f"{len(column)}:{column}", place) for column, place in plan.all_cells]
        self._seen: set[str] = set()
        self._again: Counter[str] = Counter()

    def named(self, record: Record, row: dict[str, str]) -> dict[str, str]:
        """Return the row with its name: of its columns where the mapping says which, else a hash of all its cells.

        The order of columns, blanks around cells and columns that are empty make no difference, so that a column more
        leaves the names of rows without it as they were. Of rows that say the same, which one is the second does not
        matter: they give the same events.
        """
        row[ID] = self._plan.id_of(row) if self._plan.id_of else self._hashed(record)
        return row

    def _hashed(self, record: Record) -> str:
        empty, cells = self._plan.empty, record.cells
        said = "".join(
            f"{prefix}{len(cell)}:{cell}"
            for prefix, place in self._prefixes
            if (cell := cells[place].strip()) and cell not in empty
        )
        name = blake2b(said.encode(), digest_size=10).hexdigest()
        if name not in self._seen:
            self._seen.add(name)
            return name
        self._again[name] += 1
        return f"{name}.{self._again[name] + 1}"
