"""How far behind the present a worker folds: the age of what it folded last, however many records wait."""

from collections.abc import Iterator
from typing import Final

from schemas.codec import Event
from schemas.rows import Ms
from streams.core.ticket.batch import Reading, Record

_FORGOTTEN_MS: Final = 300_000
"""A partition of which nothing was folded for so long has nothing to fold, or is another worker's by now."""


class Delay:
    """The age of the newest live record of each partition, at the time when its batch was folded.

    Records are no measure of it: those that were folded wait for their commit, a marker of a transaction at the end of
    a partition is never committed, and a thousand are much for one desk and half a second for another. Replayed history
    has no age that matters: whatever is said of now does not wait for it.
    """

    def __init__(self) -> None:
        self._folded: dict[tuple[str, int], tuple[Ms, Ms]] = {}

    def folded(self, reading: Reading, now: Ms) -> None:
        """Note what a batch held."""
        newest: dict[tuple[str, int], Ms] = {}
        for event, record in _events(reading):
            if not event.replay and record.timestamp is not None:
                place = (record.topic, record.partition)
                newest[place] = max(record.timestamp, newest.get(place, 0))
        self._folded.update({place: (now, max(0, now - at)) for place, at in newest.items()})

    def seconds(self, now: Ms) -> float:
        """Return the delay of the partition that is furthest behind; 0 when nothing live came lately."""
        lately = (age for at, age in self._folded.values() if now - at < _FORGOTTEN_MS)
        return max(lately, default=0) / 1000


def _events(reading: Reading) -> Iterator[tuple[Event, Record]]:
    for pairs in reading.of_tickets.values():
        yield from pairs
    yield from reading.others
