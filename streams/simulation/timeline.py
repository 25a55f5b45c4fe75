"""How the tales of many tickets become one stream of events in the order of time."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from schemas.events import NAME_OF, Data, EventRetracted
from streams.simulation.rhythm import instant


class Simulated(NamedTuple):
    """One event with everything that its envelope needs.

    Attributes:
        at: When it happened, in UTC.
        source: The system that publishes it.
        id: Its identity within the source; the same world gives the same ids.
        name: Short name of the contract, such as `ticket.created`.
        subject: Whom it is about: ticket or customer; the record key.
        sequence: Its number within the subject; None where the source does not count.
        data: What it says.
    """

    at: datetime
    source: str
    id: str
    name: str
    subject: str
    sequence: int | None
    data: Data


@dataclass(slots=True)
class Subject:
    """Whom events are about, and how many there were.

    Attributes:
        stem: What the ids of its events begin with.
        counts: Whether its source numbers the events of a subject.
        told: Events so far.
        last_id: Identity of the latest event.
        is_over: Nothing more is heard of it, whatever was still to come; only a retraction comes through.
    """

    source: str
    key: str
    stem: str
    counts: bool = True
    told: int = 0
    last_id: str = ""
    is_over: bool = False

    def tell(self, at: int, data: Data) -> Simulated:
        """Return its next event."""
        self.told += 1
        self.last_id = f"{self.stem}.{self.told}"
        sequence = self.told if self.counts else None
        return Simulated(instant(at), self.source, self.last_id, NAME_OF[type(data)], self.key, sequence, data)


Moment: TypeAlias = tuple[int, Data | None]
"""An instant and what is said then; None wakes its tale up silently."""
Tale: TypeAlias = Generator[Moment, None, None]
"""What happens to one subject, in order. A tale goes on only after its latest moment has come, and so may look at the
world as it is then, but never ahead."""


class Timeline:
    """Merges tales by time. Holds one moment of each tale, so memory grows with what is going on, not with the past."""

    def __init__(self) -> None:
        self._moments: list[tuple[int, int, Data | None, Tale, Subject]] = []
        self._pushed = 0
        self.now = 0

    def __len__(self) -> int:
        """Return how many tales are going on."""
        return len(self._moments)

    def start(self, tale: Tale, subject: Subject) -> None:
        """Let a tale begin; it may begin later than now."""
        moment = next(tale, None)
        if moment is None:
            return
        self._pushed += 1
        # The number keeps moments of the same instant in the order in which they became known.
        heappush(self._moments, (max(moment[0], self.now), self._pushed, moment[1], tale, subject))

    def events(self) -> Iterator[Simulated]:
        """Yield events in order of time for as long as tales go on."""
        while self._moments:
            self.now, _, data, tale, subject = heappop(self._moments)
            if subject.is_over and not isinstance(data, EventRetracted):
                tale.close()  # so that it leaves the queues it stands in
                continue
            if data is not None:
                yield subject.tell(self.now, data)
            self.start(tale, subject)
