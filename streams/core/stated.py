"""What a file states, read part by part, so that everything that is wrong with it is told at once."""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def read(stated: object, kind: type[T]) -> T:
    """Return a part of a TOML document as what it should be.

    Raises:
        ValidationError: When it is none.
    """
    return msgspec.convert(stated, kind, builtin_types=(datetime, date, time))


def faults_of(place: str, stated: object, kind: type[object]) -> Iterator[str]:
    """Yield what is wrong with a part, with its place."""
    try:
        read(stated, kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        yield f"{sentence} - at `{place}{path.rstrip('`')}`"


def listed(stated: object, name: str, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of a list by their places; nothing where there is no such list."""
    found = stated.get(name) if isinstance(stated, dict) else None
    for number, part in enumerate(found if isinstance(found, list) else []):
        if isinstance(part, dict):
            yield f"{place}.{name}[{number}]", part
