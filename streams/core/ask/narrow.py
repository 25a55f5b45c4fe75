"""What is read of a list within a row: only the columns that a question names."""

import re
from typing import Final

_NESTED: Final = re.compile(r"ARRAY JOIN (\w+) AS (\w+)\b")


def narrowed(sql: str) -> str:
    """Return a SELECT that takes out of each list, such as `waits AS wait`, only what it names, `wait.answered_at`.

    Where the whole list is named, ClickHouse reads all of its columns and copies them for each row: of the waits of a
    million tickets five times as long as the one column that is asked for.
    """
    return _NESTED.sub(lambda found: f"ARRAY JOIN {_columns(sql, *found.groups())}", sql)


def _columns(sql: str, list_name: str, one: str) -> str:
    names = sorted(set(re.findall(rf"\b{one}\.([a-z]\w*)", sql)))
    return ", ".join(f"{list_name}.{name} AS `{one}.{name}`" for name in names) or f"{list_name} AS {one}"
