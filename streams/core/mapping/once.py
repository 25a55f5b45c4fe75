"""Once: of the events that several rows give, each is said once, and none in two ways."""

from collections.abc import Iterable

from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.outcome import Mapped, Outcome, Rejected
from streams.core.mapping.slot import data_of


class Once:
    """Knows what was said so far, by the ids of events."""

    def __init__(self) -> None:
        self._said: dict[str, MappedEvent] = {}

    def of(self, outcome: Outcome) -> Outcome:
        """Return what becomes of a row with the events left out that were said before as they are.

        A row that says an event otherwise than a row before it is rejected: only one of them can be stored.
        """
        if not isinstance(outcome, Mapped):
            return outcome
        new: list[MappedEvent] = []
        for event in outcome.events:
            before = self._said.get(event.id)
            if before is None:
                new.append(event)
            elif not _is_same(before, event):
                told = f"the event {event.id[:80]!r} is said otherwise further up: other facts need other ids"
                return Rejected(outcome.record, told, outcome.id)
        self._said.update((event.id, event) for event in new)
        return outcome._replace(events=new)


def judged(found: Iterable[Outcome]) -> list[Outcome]:
    """Return what became of rows, without those that no rule reads though another part of the same document is read."""
    outcomes = list(found)
    read = {one.record.row for one in outcomes if not (isinstance(one, Rejected) and one.is_unread)}
    kept: list[Outcome] = []
    told: set[int] = set()
    for one in outcomes:
        if isinstance(one, Rejected) and one.is_unread:
            if one.record.row in read or one.record.row in told:
                continue
            told.add(one.record.row)
        kept.append(one)
    return kept


def _is_same(before: MappedEvent, event: MappedEvent) -> bool:
    if before.raw == event.raw:
        return True
    if (before.name, before.subject, before.at_ms) != (event.name, event.subject, event.at_ms):
        return False
    return data_of(before.raw) == data_of(event.raw)
