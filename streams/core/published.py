"""What is published whole, time and again: of several statements about one name the newest counts."""

from collections.abc import Iterable

from schemas.codec import Event
from schemas.events import Data
from streams.core.identity import fact_id


def newest(events: Iterable[Event], kind: type[Data]) -> list[Event]:
    """Return of the events of a kind the newest about each subject."""
    found: dict[str, Event] = {}
    for event in events:
        if isinstance(event.content, kind):
            found[event.subject] = max(found.get(event.subject, event), event, key=version_of)
    return list(found.values())


def version_of(event: Event) -> int:
    """Return the place of a statement among those about the same subject: by time, sequence, hash of the identity."""
    return event.at_ms << 128 | (event.sequence + 1) << 64 | fact_id(event.source, event.id)
