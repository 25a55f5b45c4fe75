"""Notes: what was read although its cell says less, or more, than was read."""

from collections.abc import Iterator
from typing import NamedTuple


class Note(NamedTuple):
    """One kind of reading.

    Attributes:
        kind: What such cells are.
        number: How many there were.
        example: The first of them.
        setting: What decides how they are read.
    """

    kind: str
    number: int
    example: str
    setting: str


class Notes:
    """Counts readings by kind and keeps the first of each."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}

    def add(self, kind: str, example: str, setting: str) -> None:
        """Count one reading."""
        note = self._notes.get(kind) or Note(kind, 0, example[:80], setting)
        self._notes[kind] = note._replace(number=note.number + 1)

    def __iter__(self) -> Iterator[Note]:
        return iter(self._notes.values())
