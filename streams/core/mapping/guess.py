"""Guesses: what the columns of a file may be, from their names and what stands in them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from streams.core.mapping.document import Time
from streams.core.mapping.fault import RowError
from streams.core.mapping.note import Notes
from streams.core.mapping.time_text import COUNTED, reading_of

_DAYS: Final = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d.%m.%y", "%m/%d/%y")
_CLOCKS: Final = (" %H:%M:%S", " %H:%M", " %I:%M %p", "")
_FORMATS: Final = (
    *("iso", "%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"),
    *(f"{day}{clock}" for day in _DAYS for clock in _CLOCKS),
    *("%d %b %Y %H:%M", "%b %d, %Y %I:%M %p", "%a, %d %b %Y %H:%M:%S %z", "%Y-%m-%d %H:%M:%S %Z"),
)
_TRIED: Final = 200
_UNIX: Final = re.compile(r"1[0-9]{9}(?:\.[0-9]+)?")
_UNIX_MS: Final = re.compile(r"1[0-9]{12}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_OFFSET: Final = re.compile(r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})$")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


class Guess(NamedTuple):
    """A column, and what it may be.

    Attributes:
        name: Of the column.
        words: Of its name, in small letters.
        rows: How many rows were looked at.
        values: What stands in it, how often; without the empty cells.
        format: How its times are written; "" when it holds none.
        has_offset: Whether each of its times names its offset.
    """

    name: str
    words: frozenset[str]
    rows: int
    values: Counter[str]
    format: str
    has_offset: bool

    @property
    def filled(self) -> int:
        """How many rows have something in it."""
        return self.values.total()

    @property
    def is_full(self) -> bool:
        """Whether every row has."""
        return self.filled == self.rows > 0

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers and nothing else."""
        return bool(self.values) and all(_NUMBER.fullmatch(value) for value in self.values)

    @property
    def decimals(self) -> int:
        """How many decimals its numbers have at most."""
        return max((len(value.partition(".")[2]) for value in self.values), default=0)


def guesses_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Guess]:
    """Return what each column may be.

    Args:
        columns: Their names.
        rows: Their cells, stripped; a few thousand say enough.
    """
    return [_guess(name, [row[place] for row in rows]) for place, name in enumerate(columns)]


def _guess(name: str, cells: Sequence[str]) -> Guess:
    values = Counter(cell for cell in cells if cell)
    words = frozenset(word.lower() for word in _WORDS.findall(name))
    some = list(values)[:_TRIED]
    format = _format_of(some)
    return Guess(name, words, len(cells), values, format, bool(format) and _has_offset(format, some))


def _format_of(values: Sequence[str]) -> str:
    if not values:
        return ""
    if all(_UNIX.fullmatch(value) for value in values):
        return "unix"
    if all(_UNIX_MS.fullmatch(value) for value in values):
        return "unix_ms"
    if not all(re.search(r"[0-9].*[-/. :].*[0-9]", value) for value in values):
        return ""
    return next((format for format in _FORMATS if _reads(format, values)), "")


def _reads(format: str, values: Iterable[str]) -> bool:
    read = reading_of(Time.model_validate({"from": "{x}", "format": format}), Notes())
    try:
        for value in values:
            read(value)
    except RowError:
        return False
    return True


def _has_offset(format: str, values: Iterable[str]) -> bool:
    if format == "iso":
        return all(_OFFSET.search(value.partition("T")[2] or value.partition(" ")[2]) for value in values)
    return format in COUNTED or "%z" in format.lower()
