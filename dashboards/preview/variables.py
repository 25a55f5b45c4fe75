"""Which values the variables of a dashboard have: what the browser may choose, and what stands for it in a query."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.macro import ALL, Value
from dashboards.preview.fault import UnknownError
from dashboards.preview.frame import Frame
from dashboards.preview.library import Dashboard, Variable

_LONGEST: Final = 500
_MOST: Final = 200


@dataclass(frozen=True)
class Option:
    """A value that can be chosen."""

    value: str
    text: str


def chosen_values(dashboard: Dashboard, wanted: Mapping[str, Sequence[str]]) -> dict[str, Value]:
    """Return the value of every variable: as wanted where the dashboard lets people choose, else its own.

    Raises:
        UnknownError: When a value is wanted that the dashboard does not offer.
    """
    return {variable.name: _value(variable, wanted.get(variable.name)) for variable in dashboard.variables}


def options_of(variable: Variable, ask: Callable[[str], Frame]) -> list[Option]:
    """Return what can be chosen; `ask` runs the query of a variable that has one.

    Raises:
        PreviewError: When the query fails.
    """
    all_of_it = [Option(ALL, "All")] if variable.has_all else []
    if variable.kind == "query":
        return all_of_it + _queried(ask(variable.sql))
    return all_of_it + [Option(value, text) for value, text in variable.listed]


def text_of(variable: Variable, value: Value) -> str:
    """Return how people call what is chosen."""
    texts = dict(variable.listed) if variable.kind in {"custom", "interval"} else {}
    values = [value] if isinstance(value, str) else value
    return ", ".join("All" if each == ALL else texts.get(each, each) for each in values)


def _queried(frame: Frame) -> list[Option]:
    """Of two columns the first is the value and the second its text."""
    if not frame.length:
        return []
    columns = [["" if cell is None else str(cell) for cell in each.cells] for each in frame.fields]
    return [Option(row[0], row[1] if len(row) > 1 else row[0]) for row in zip(*columns, strict=True)]


def _value(variable: Variable, wanted: Sequence[str] | None) -> Value:
    values = list(wanted) if wanted and variable.kind != "constant" else variable.current
    if len(values) > _MOST or any(len(value) > _LONGEST for value in values):
        raise UnknownError(f"too much is chosen of {variable.label}")
    if ALL in values:
        return _everything(variable)
    _require_offered(variable, values)
    if variable.is_multi:
        return values
    return values[0] if values else ""


def _everything(variable: Variable) -> Value:
    if not variable.has_all:
        raise UnknownError(f"{variable.label} cannot be everything at once")
    return str(variable.json.get("allValue") or ALL)


def _require_offered(variable: Variable, values: Sequence[str]) -> None:
    if variable.kind not in {"custom", "interval"} or variable.json.get("allowCustomValue", False):
        return
    offered = {value for value, _ in variable.listed}
    for value in values:
        if value not in offered:
            raise UnknownError(f"{variable.label} offers no {value[:40]!r}")
