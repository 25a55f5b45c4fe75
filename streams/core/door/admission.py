"""Decides which of the events of a body are taken, and says of each other one what is wrong with it."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from schemas.codec import Event, InvalidEventError, accept
from schemas.rows import Ms
from streams.core.door.body import Piece

FOREIGN_SOURCE: Final = "foreign-source"
"""The one fault that is not of the contract: a token speaks for its own source only."""


class Fault(Struct, frozen=True, omit_defaults=True):
    """What is wrong with one event of a body.

    Attributes:
        index: Its place in the body, from 0.
        pointer: RFC 6901 pointer to the faulty field, "" for the whole event.
        reason: The kind of fault, as of dead letters.
        message: One sentence for the producer.
    """

    index: int
    pointer: str
    reason: str
    message: str


class Admission(Struct, frozen=True):
    """What is made of a body.

    Attributes:
        events: Those that are taken.
        indexes: Their places in the body.
        faults: Of the others.
    """

    events: list[Event]
    indexes: list[int]
    faults: list[Fault]


def admit(pieces: Iterable[Piece], source: str, now_ms: Ms) -> Admission:
    """Return which events are taken from somebody who may speak for one source, by the checks of every producer."""
    admission = Admission([], [], [])
    for piece in pieces:
        try:
            event = accept(piece.value, piece.headers, now_ms=now_ms)
        except InvalidEventError as error:
            admission.faults.append(Fault(piece.index, error.pointer, error.reason.value, error.message))
            continue
        if event.source != source:
            message = f"this token speaks for {source} only, not for {event.source[:200]}"
            admission.faults.append(Fault(piece.index, "/source", FOREIGN_SOURCE, message))
            continue
        admission.events.append(event)
        admission.indexes.append(piece.index)
    return admission
