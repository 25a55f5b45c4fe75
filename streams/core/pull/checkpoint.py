"""Checkpoints: how far a pull came, and where it goes on."""

from typing import Final

import msgspec
from msgspec import Struct

from streams.core.pull.paging import Span

_VERSION: Final = 1


class CheckpointError(Exception):
    """A checkpoint is of another pull, or is none. The message says what to do."""


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a pull came: all up to here was published or written.

    Attributes:
        name: The mapping.
        address: Of the API.
        source: Of the events.
        since_ms: What was asked for, as `Span` has it.
        until_ms: Likewise.
        began_ms: When it began, in milliseconds since 1970.
        url: The page to go on with; None at the beginning and at the end.
        from_ms: Since when the pages that `url` belongs to were asked for.
        reached_ms: The latest instant of a record.
        is_done: Whether nothing is left.
        pages: How many were read.
        records: How many of their records lay in the span.
        events: How many were published or written.
        written: How many bytes of the file are theirs.
    """

    name: str
    address: str
    source: str
    since_ms: int
    until_ms: int | None
    began_ms: int
    from_ms: int
    reached_ms: int
    url: str | None = None
    is_done: bool = False
    pages: int = 0
    records: int = 0
    events: int = 0
    written: int = 0
    version: int = _VERSION

    @property
    def span(self) -> Span:
        """What is asked for if it is begun from `from_ms`."""
        return Span(self.from_ms, self.until_ms)


def begun(name: str, address: str, source: str, span: Span, now_ms: int) -> Checkpoint:
    """Return the checkpoint of a pull that has not asked anything yet."""
    return Checkpoint(name, address, source, *span, now_ms, span.since_ms, span.since_ms)


def told(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as the text of its file."""
    return msgspec.json.format(msgspec.json.encode(checkpoint), indent=2) + b"\n"


def resumed(text: bytes, anew: Checkpoint, *, is_sorted: bool) -> Checkpoint:
    """Return where the pull goes on that a checkpoint file speaks of; a finished one begins where it ended.

    Args:
        text: Of the file.
        anew: The pull as it is asked for now.
        is_sorted: Whether records come in the order of time. Else what changed while it was read may lie behind.

    Raises:
        CheckpointError: When the file is of another pull, or is no checkpoint.
    """
    try:
        found = msgspec.json.decode(text, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"it is no checkpoint of a pull ({error})") from None
    for field in ("name", "address", "source", "since_ms", "until_ms"):
        if getattr(found, field) != getattr(anew, field):
            called = field.removesuffix("_ms")
            raise CheckpointError(f"it is of a pull with another {called}: give it another file, or remove it")
    if not found.is_done:
        return found
    from_ms = found.reached_ms if is_sorted else max(found.since_ms, min(found.began_ms, found.reached_ms))
    return msgspec.structs.replace(anew, from_ms=from_ms, reached_ms=from_ms, written=found.written)
