"""JSON text as documents: one of them, an array of them, or JSON Lines."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from streams.core.mapping.picking import Given, decoded, given

_MARK: Final = b"\xef\xbb\xbf"


class NoDocumentError(Exception):
    """A file holds no JSON. The message says where it stops being any."""


def documents_of(lines: Iterable[bytes]) -> Iterator[Given]:
    """Return the documents of a file.

    A file whose first line is JSON by itself holds a document a line; a line that is none is a document with a fault.
    Any other file is one JSON text. An array at the top holds the documents; then they are counted instead of lines.

    Args:
        lines: Of the file, as bytes, with their ends.

    Raises:
        NoDocumentError: When the file is neither.
    """
    numbered = enumerate(lines, start=1)
    first = next(((number, line) for number, line in numbered if line.removeprefix(_MARK).strip()), None)
    if first is None:
        raise NoDocumentError("the file is empty")
    begin, line = first[0], first[1].removeprefix(_MARK)
    try:
        body = decoded(line)
    except ValueError:
        rest = [following for _, following in numbered]
        return _of_text(begin, line, rest)
    return chain(_of_body(begin, body), _of_lines(numbered))


def _of_body(line: int, body: object) -> Iterator[Given]:
    if isinstance(body, list):
        return (given(number, one) for number, one in enumerate(body, start=1))
    return iter([given(line, body)])


def _of_lines(numbered: Iterable[tuple[int, bytes]]) -> Iterator[Given]:
    for number, line in numbered:
        if line.strip():
            yield _of_line(number, line)


def _of_line(number: int, line: bytes) -> Given:
    try:
        return given(number, decoded(line))
    except ValueError as error:
        return Given(number, None, fault=str(error))


def _of_text(begin: int, line: bytes, rest: list[bytes]) -> Iterator[Given]:
    """Return the document that a whole text is, or the lines of a file whose first one is spoilt."""
    try:
        return _of_body(begin, decoded(line + b"".join(rest)))
    except ValueError as error:
        following = next((one for one in rest if one.strip()), b"")
        if _of_line(begin, following).fault:
            raise NoDocumentError(str(error)) from None
        return chain([_of_line(begin, line)], _of_lines(enumerate(rest, start=begin + 1)))
