"""Templates: text with columns in braces, `{Case ID}` or `{Email|lower}`, filled in from a row."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from streams.core.mapping.spelling import SPELLINGS, Spelling

Row: TypeAlias = Mapping[str, str]
"""A row's cells by column; columns of lookups and those that begin with `$` are among them."""
Text: TypeAlias = Callable[[Row], str]
Spellings: TypeAlias = Mapping[str, Spelling]

ROW: Final = "$row"
"""The number of the row: it changes when a row is put before it."""
FILE: Final = "$file"
ID: Final = "$id"
"""What tells the row apart: the row's part of the ids of its events."""
ROOT: Final = "$root"
"""The first row of the thread that the row belongs to."""
_PLACE: Final = re.compile(r"\{([^{}]+)\}")


def columns_of(template: str) -> list[str]:
    """Return the columns that a template names, in order."""
    return [_column_of(place)[0] for place in _PLACE.findall(template)]


def with_file(template: str, file_name: str) -> str:
    """Return the template with `{$file}` filled in."""
    return template.replace(f"{{{FILE}}}", file_name)


def filled_by(template: str, spellings: Spellings = SPELLINGS) -> Text:
    """Return the function that fills in a template; its result is "" when one of the columns is empty."""
    parts = _PLACE.split(template)
    cells = [_cell_of(place, spellings) for place in parts[1::2]]
    if not cells:
        return lambda _: template
    if len(cells) == 1 and parts[0] == parts[2] == "":
        return cells[0]
    return lambda row: _filled(parts, cells, row)


def first_of(templates: Sequence[str], spellings: Spellings = SPELLINGS) -> Text:
    """Return the function that gives the first result of the templates that is not empty."""
    fillings = [filled_by(template, spellings) for template in templates]
    if len(fillings) == 1:
        return fillings[0]
    return lambda row: next((text for fill in fillings if (text := fill(row))), "")


def _column_of(place: str) -> tuple[str, Sequence[str]]:
    """Return a column and what is done to its cell; a bar behind which other than known words follow is of its name."""
    column, *words = place.split("|")
    known: list[str] = []
    while words and words[-1].strip() in SPELLINGS:
        known.insert(0, words.pop().strip())
    return ("|".join([column, *words]).strip(), known) if known else (place, ())


def _cell_of(place: str, spellings: Spellings) -> Text:
    column, words = _column_of(place)
    if not words:
        return lambda row: row[column]
    steps = [spellings[word] for word in words]

    def spelled(row: Row) -> str:
        cell = row[column]
        for step in steps:
            cell = cell and step(cell)
        return cell

    return spelled


def _filled(parts: Sequence[str], cells: Sequence[Text], row: Row) -> str:
    pieces = list(parts)
    for place, cell_of in enumerate(cells):
        cell = cell_of(row)
        if not cell:
            return ""
        pieces[2 * place + 1] = cell
    return "".join(pieces)
