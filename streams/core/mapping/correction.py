"""Corrections: the events that make of what was said before what the file says now."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from schemas.codec import encode
from schemas.events import ATTRIBUTES, NAME_OF, EventRetracted, RatingRevised, type_of
from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.slot import RETRACTED, REVISED, UPDATED, Standing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CREATED: Final = "ticket.created"
_RATED: Final = "rating.submitted"
_UPDATABLE: Final = frozenset(ATTRIBUTES)
_NO_COUNTER: Final = Decimal()
_REASON: Final = "corrected by a later import"


class Correcting(NamedTuple):
    """How corrections are marked.

    Attributes:
        source: Of every event.
        replay: Whether events are history.
        as_of: When the file said so, as RFC 3339.
    """

    source: str
    replay: bool
    as_of: str


def can_be_taken_back(name: str) -> bool:
    """Tell whether an event of this name can be retracted: those of tickets can."""
    return not name.startswith("order.")


def corrections(by: Correcting, standing: Standing, event: MappedEvent, number: int) -> Iterator[MappedEvent]:
    """Return the events that say what stands as another event says it.

    A changed rating is revised, changed attributes of a ticket are said anew, both from the instant on that the file
    names; whatever else differs is taken back and said again.

    Args:
        by: How they are marked.
        standing: What stands.
        event: What is to stand.
        number: Of the correction.
    """
    said = msgspec.json.decode(event.raw)
    slot = event.id
    if change := _change(standing, event, said["data"]):
        name, data = change
        yield _event(by, event, said, name, f"{slot}~{number}", data, number)
        return
    yield from retractions(by, standing, slot, number, event.row)
    yield _event(by, event, said, event.name, f"{slot}~{number}", said["data"], number)


def retractions(by: Correcting, standing: Standing, slot: str, number: int, row: int) -> Iterator[MappedEvent]:
    """Return the events that take back what stands, each where it stands."""
    for place, target in enumerate(standing.ids, start=1):
        id = f"{slot}~{number}x{place}"
        raw = encode(
            EventRetracted(target_source=by.source, target_id=target, reason=_REASON),
            source=by.source,
            id=id,
            time=_EPOCH + timedelta(milliseconds=standing.at_ms),
            name=NAME_OF[EventRetracted],
            subject=standing.subject,
            replay=by.replay or None,
            recordedtime=by.as_of,
        )
        yield MappedEvent(standing.at_ms, _NO_COUNTER, row, 0, RETRACTED, id, standing.subject, raw)


def again(by: Correcting, event: MappedEvent, number: int) -> MappedEvent:
    """Return an event under the number of a correction: what it says was taken back before."""
    said = msgspec.json.decode(event.raw)
    return _event(by, event, said, event.name, f"{event.id}~{number}", said["data"], number)


def _change(standing: Standing, event: MappedEvent, data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Return name and data of the one event that makes the change; None when there is none for it."""
    if (standing.name, standing.subject, standing.at_ms) != (event.name, event.subject, event.at_ms):
        return None
    changed = {name: data.get(name) for name in {*standing.data, *data} if standing.data.get(name) != data.get(name)}
    if event.name == _RATED and changed.keys() == {"raw"}:
        revised = RatingRevised(ticket_id=data["ticket_id"], rating_id=data["rating_id"], raw=data["raw"])
        return REVISED, msgspec.to_builtins(revised)
    if event.name == _CREATED and changed and changed.keys() <= _UPDATABLE:
        return UPDATED, {"ticket_id": data["ticket_id"], **changed}
    return None


def _event(
    by: Correcting,
    event: MappedEvent,
    said: dict[str, Any],
    name: str,
    id: str,
    data: Mapping[str, Any],
    number: int,
) -> MappedEvent:
    sequence = said.get("subjectseq", 0) + number
    envelope = {**said, "id": id, "type": type_of(name), "subjectseq": sequence, "recordedtime": by.as_of, "data": data}
    return event._replace(name=name, id=id, raw=msgspec.json.encode(envelope))
