"""Templates: text with columns in braces, `{Case ID}`, filled in from a row."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

Row: TypeAlias = Mapping[str, str]
"""A row's cells by column; columns of lookups and `$row`, its number, are among them."""
Text: TypeAlias = Callable[[Row], str]

ROW: Final = "$row"
FILE: Final = "$file"
_COLUMN: Final = re.compile(r"\{([^{}]+)\}")


def columns_of(template: str) -> list[str]:
    """Return the columns that a template names, in order."""
    return _COLUMN.findall(template)


def with_file(template: str, file_name: str) -> str:
    """Return the template with `{$file}` filled in."""
    return template.replace(f"{{{FILE}}}", file_name)


def filled_by(template: str) -> Text:
    """Return the function that fills in a template; its result is "" when one of the columns is empty."""
    parts = _COLUMN.split(template)
    columns = parts[1::2]
    if not columns:
        return lambda _: template
    if len(columns) == 1 and parts[0] == parts[2] == "":
        column = columns[0]
        return lambda row: row[column]
    return lambda row: _filled(parts, row)


def first_of(templates: Sequence[str]) -> Text:
    """Return the function that gives the first result of the templates that is not empty."""
    fillings = [filled_by(template) for template in templates]
    if len(fillings) == 1:
        return fillings[0]
    return lambda row: next((text for fill in fillings if (text := fill(row))), "")


def _filled(parts: Sequence[str], row: Row) -> str:
    pieces = list(parts)
    for place in range(1, len(parts), 2):
        cell = row[parts[place]]
        if not cell:
            return ""
        pieces[place] = cell
    return "".join(pieces)
