"""Knows enough SQL to tell where a statement ends and the data of an INSERT begins."""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_FORMAT_NAME = re.compile(rb"\s*([A-Za-z]\w*)[ \t\f]*;?[ \t\f]*\r?\n?")
_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+([A-Za-z]\w*)\s*(?:\bSETTINGS\b[^;]*)?[;\s]*\Z", re.IGNORECASE)


class Kind(enum.Enum):
    """What the engine must be asked to do with a statement."""

    SELECT = enum.auto()
    INSERT_DATA = enum.auto()
    OTHER = enum.auto()


@dataclass(frozen=True)
class Statement:
    """A statement without the data that followed it.

    `format` is the one the statement names, for its data or for its result; `data` is what stood behind an INSERT.
    """

    kind: Kind
    sql: bytes
    format: str | None = None
    data: bytes = b""


def split(text: bytes) -> Statement:
    """Return the statement at the start of `text`, its format and, for an INSERT, the data behind it.

    Data begins behind `FORMAT <name>` and at most one line end, or behind `VALUES`, as in ClickHouse's own parser.
    """
    first = next((word.upper() for word, _, _ in _words(text)), b"")
    if first == b"INSERT":
        return _split_insert(text)
    trailing = _TRAILING_FORMAT.search(text)
    return Statement(
        kind=Kind.SELECT if first in (b"SELECT", b"WITH") else Kind.OTHER,
        sql=text,
        format=trailing[1].decode() if trailing else None,
    )


def _split_insert(text: bytes) -> Statement:
    before = b""
    for word, start, end in _words(text):
        keyword = b"" if before in (b"INTO", b"TABLE", b".") else word.upper()
        if keyword == b"FORMAT" and (name := _FORMAT_NAME.match(text, end)):
            return Statement(Kind.INSERT_DATA, text[:start], name[1].decode(), text[name.end() :])
        if keyword == b"VALUES":
            return Statement(Kind.INSERT_DATA, text[:start], "Values", text[end:])
        if keyword in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
            break
        before = word.upper()
    return Statement(Kind.OTHER, text)


def from_file(head: bytes, path: bytes, format: bytes) -> bytes:
    """Return the INSERT that reads its data from a file; `head` is one without FORMAT and data."""
    before = b""
    end = len(head)
    for word, start, _ in _words(head):
        if word.upper() == b"SETTINGS" and before not in (b"INTO", b"TABLE", b"."):
            end = start
        before = word.upper()
    return b"%b FROM INFILE '%b' %b FORMAT %b" % (head[:end].rstrip(), path, head[end:], format)


def _words(text: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each word, quoted name and dot outside comments and a list in parentheses, with its start and end.

    A parenthesis that opens a subquery is entered, for `INSERT INTO t (SELECT ...)`.
    """
    depth = 0
    opened = False
    for token in _TOKEN.finditer(text):
        piece = token[0]
        if token.lastgroup == "skip":
            continue
        if piece in (b"(", b"[", b"{"):
            depth += 1
        elif piece in (b")", b"]", b"}"):
            depth -= 1
        elif (depth == 0 and (token["word"] or token["quoted"] or piece == b".")) or (
            opened and piece.upper() in (b"SELECT", b"WITH")
        ):
            yield piece, token.start(), token.end()
        opened = piece == b"("
