"""What a pull has said lately: pages repeat, and lists move while they are read."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from streams.core.mapping import MappedEvent
from streams.core.mapping.slot import data_of

_REMEMBERED: Final = 200_000
"""Events; about 40 MB. What comes again later goes out again, and counts once all the same."""


class Lately:
    """Knows the last events by their ids, and what they said."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._said: dict[str, bytes] = {}
        self._remembered = remembered

    def new(self, events: Iterable[MappedEvent]) -> tuple[list[MappedEvent], list[str]]:
        """Return the events that were not said lately, and the ids of those that were said otherwise.

        Of an event that is said in two ways the first stands, here as in the store.
        """
        new: list[MappedEvent] = []
        otherwise: list[str] = []
        for event in events:
            told = _told(event)
            before = self._said.setdefault(event.id, told)
            if before is told:
                new.append(event)
            elif before != told:
                otherwise.append(event.id)
        while len(self._said) > self._remembered:
            del self._said[next(iter(self._said))]
        return new, otherwise


def _told(event: MappedEvent) -> bytes:
    said = repr((event.name, event.subject, event.at_ms, sorted(data_of(event.raw).items())))
    return blake2b(said.encode(), digest_size=16).digest()
