"""Paths: JMESPath expressions that pick texts out of a JSON document, and what each of them is read from."""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, Final, NamedTuple, TypeAlias

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError, JMESPathTypeError

Pick: TypeAlias = Callable[[Any], Any]
"""Gives what lies under a path; None when nothing does."""

PARENT: Final = "$parent."
DOCUMENT: Final = "$document."
HEADER: Final = "$header."
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")

_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")


class PathError(ValueError):
    """A path is no JMESPath expression; the message says where it goes wrong."""


class Scene(NamedTuple):
    """Where a path is read: an element, what it lies in, and what came with the document.

    Attributes:
        within: The document, then each element that holds the next, the current one last.
        headers: Of the delivery, by name in small letters.
    """

    within: tuple[Any, ...]
    headers: dict[str, str]


class Path(NamedTuple):
    """A path as it is written in a template, resolved.

    Attributes:
        up: How many levels up it is read: 0 is the current element.
        is_whole: Whether it is read from the whole document instead.
        header: The header that it names; "" when it names none.
        pick: What it picks.
    """

    up: int
    is_whole: bool
    header: str
    pick: Pick

    def text(self, scene: Scene) -> str:
        """Return the text that lies there; "" when nothing does."""
        if self.header:
            return scene.headers.get(self.header, "")
        if self.is_whole:
            return text_of(self.pick(scene.within[0]))
        return text_of(self.pick(scene.within[-1 - self.up])) if self.up < len(scene.within) else ""


def path_of(written: str) -> Path:
    """Return the path that a template names.

    Raises:
        PathError: When it is none.
    """
    if written.startswith(HEADER):
        return Path(0, False, written.removeprefix(HEADER).lower(), lambda _: None)
    if written.startswith(DOCUMENT):
        return Path(0, True, "", pick_of(written.removeprefix(DOCUMENT)))
    up = 0
    while written.startswith(PARENT):
        written, up = written.removeprefix(PARENT), up + 1
    return Path(up, False, "", pick_of(written))


@cache
def pick_of(expression: str) -> Pick:
    """Return the function that picks what lies under a path.

    What cannot be computed of a document, such as a function of a field that is not there, gives nothing: fields that
    may be absent are the rule.

    Raises:
        PathError: When the expression is none.
    """
    if _PLAIN.fullmatch(expression):
        return _plain(expression.split("."))
    try:
        compiled = jmespath.compile(expression)
        compiled.search({})  # unknown functions and wrong numbers of arguments are told before a document comes
    except JMESPathTypeError:
        pass
    except (JMESPathError, ValueError) as error:
        raise PathError(f"{expression!r} is no path: {' '.join(str(error).split())}") from None

    def pick(document: object) -> object:
        try:
            return compiled.search(document)
        except (JMESPathError, ArithmeticError, TypeError, ValueError):
            return None

    return pick


def elements_of(pick: Pick, within: object) -> Sequence[Any] | None:
    """Return the elements of the list that lies under a path, one thing being a list of one; None when nothing does."""
    found = pick(within)
    if found is None or isinstance(found, list):
        return found
    return [found]


def text_of(value: object) -> str:
    """Return a JSON value as the text of a cell: as it is written, nothing for null and for what is empty."""
    if isinstance(value, str):
        return value
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        return ""
    return _encoder.encode(value).decode()


def said_by(value: object) -> bytes:
    """Return a JSON value as bytes that are the same whatever the order of its keys."""
    return _encoder.encode(value)


def leaves_of(value: object, within: str = "") -> Iterator[tuple[str, object]]:
    """Return every scalar of a document with its path; elements of a list have one path together, `tags[]`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves_of(inner, f"{within}.{named(key)}" if within else named(key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves_of(inner, f"{within}[]")
    elif value is not None:
        yield within, value


def lists_of(value: object, within: str = "") -> Iterator[tuple[str, list[object]]]:
    """Return every list of a document that lies in no other one, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from lists_of(inner, f"{within}.{named(key)}" if within else named(key))
    elif isinstance(value, list):
        yield within, value


def named(key: str) -> str:
    """Return a key as paths write it: in quotes, unless it is a plain name."""
    return key if key.isidentifier() and key.isascii() else f'"{key}"'


def _plain(keys: Sequence[str]) -> Pick:
    if len(keys) == 1:
        key = keys[0]
        return lambda document: document.get(key) if isinstance(document, dict) else None

    def pick(document: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        for key in keys:
            if not isinstance(document, dict):
                return None
            document = document.get(key)
        return document

    return pick
