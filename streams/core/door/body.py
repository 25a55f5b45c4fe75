"""Knows the forms of events over HTTP: one alone, a list, lines, or attributes in headers beside the data."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Raw, Struct

from schemas.codec import CONTENT_TYPE

STRUCTURED: Final = CONTENT_TYPE
BATCH: Final = "application/cloudevents-batch+json"
LINES: Final = ("application/jsonl", "application/x-ndjson")
JSON: Final = "application/json"
MAX_BODY_BYTES: Final = 1024 * 1024
"""Of a body, also once it is unpacked."""
MOST_EVENTS: Final = 10_000
"""In one body: each may have a fault, and all faults are told."""

_ENCODINGS: Final = {"gzip": 31, "deflate": 15}
"""What bodies may be packed by, with zlib's number of the format."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Piece(Struct, frozen=True):
    """One event as it was sent, not looked at yet.

    Attributes:
        index: Its place in the body, from 0; of lines the number of the line.
        value: Its bytes.
        headers: As a Kafka record of the same form would have them.
    """

    index: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class UnreadableBodyError(Exception):
    """Nothing of a body can be taken. Sending it again gives the same.

    Attributes:
        status: Of HTTP.
        message: One sentence for the sender.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was packed. What would grow too large is not unpacked any further.

    Raises:
        UnreadableBodyError: When it is packed by something else, is broken, or too large.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _ENCODINGS:
        raise UnreadableBodyError(415, f"bodies may be packed by {' or '.join(_ENCODINGS)}, not {name[:40]!r}")
    unpacking = zlib.decompressobj(_ENCODINGS[name])
    try:
        whole = unpacking.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise UnreadableBodyError(400, f"the body is no {name}") from None
    if len(whole) > MAX_BODY_BYTES:
        raise UnreadableBodyError(413, f"the body unpacks to more than {MAX_BODY_BYTES // 1024} KiB: send fewer events")
    if not unpacking.eof or unpacking.unused_data:
        raise UnreadableBodyError(400, f"the body is no whole {name}")
    return whole


def pieces(body: bytes, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> list[Piece]:
    """Return the events in a body, in their order, none of them looked at.

    Args:
        body: Unpacked.
        content_type: As in the header.
        headers: Of the request; those that begin with `ce-` are attributes of an event in binary form.

    Raises:
        UnreadableBodyError: When the form is none of ours, or a list is none.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == STRUCTURED:
        return [Piece(0, body)]
    if media_type == BATCH:
        return _counted([Piece(index, bytes(raw)) for index, raw in enumerate(_listed(body))])
    if media_type in LINES:
        return _counted(_lines(body))
    attributes = [(name.lower(), value) for name, value in headers if name.lower().startswith("ce-")]
    if any(name == "ce-specversion" for name, _ in attributes):
        return [Piece(0, body, [("content-type", _as_sent(content_type)), *map(_attribute, attributes)])]
    if media_type == JSON:
        return [Piece(0, body)]
    known = ", ".join([STRUCTURED, BATCH, *LINES, JSON])
    raise UnreadableBodyError(415, f"no form of events: {media_type[:80]!r}; say content-type {known}, or ce- headers")


def _attribute(pair: tuple[str, str]) -> tuple[str, bytes]:
    """Return an attribute as Kafka has it: HTTP writes what is not ASCII with percent signs, Kafka as it is."""
    name, value = pair
    return f"ce_{name.removeprefix('ce-')}", unquote_to_bytes(_as_sent(value))


def _as_sent(header: str) -> bytes:
    """Return the bytes of a header, which need not be UTF-8."""
    return header.encode(errors="surrogateescape")


def _listed(body: bytes) -> list[Raw]:
    try:
        return _list_decoder.decode(body)
    except msgspec.ValidationError:
        raise UnreadableBodyError(400, "a batch is a JSON array of events") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableBodyError(400, f"not JSON in UTF-8: {error}") from None
    except RecursionError:
        raise UnreadableBodyError(400, "nested too deeply") from None


def _lines(body: bytes) -> list[Piece]:
    lines = enumerate(body.removeprefix(_BYTE_ORDER_MARK).split(b"\n"))
    return [Piece(number, event) for number, line in lines if (event := line.strip())]


def _counted(found: list[Piece]) -> list[Piece]:
    if not found:
        raise UnreadableBodyError(400, "there is no event in the body")
    if len(found) > MOST_EVENTS:
        raise UnreadableBodyError(413, f"{len(found):,} events; a body has at most {MOST_EVENTS:,}")
    return found


_list_decoder: Final = msgspec.json.Decoder(list[Raw])
