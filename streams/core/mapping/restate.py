"""Restating: a file that was imported before says what is new, what changed, and which of its rows are gone."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.correction import Correcting, again, can_be_taken_back, corrections, retractions
from streams.core.mapping.plan import Plan
from streams.core.mapping.record import Known, records_of
from streams.core.mapping.slot import Said, Slot, Standing, data_of

_MOST_DIGITS: Final = 12
"""Of a row's number. A hash can happen to be all digits, but is longer."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Snapshot(Struct, frozen=True):
    """What a file says of its rows.

    Attributes:
        plan: By which rows became events.
        events: In the order of publication.
        stated: The ids of rows that became events or were skipped: what they do not say any more does not hold.
        seen: Those of rejected rows as well.
        as_of_ms: When the file says so, in milliseconds since 1970; None when that is not known, and what is imported
            last counts.
        is_whole: Whether the file holds all rows that there are.
    """

    plan: Plan
    events: Sequence[MappedEvent]
    stated: frozenset[str]
    seen: frozenset[str]
    as_of_ms: int | None
    is_whole: bool


class Restated(Struct):
    """What is to be sent, and what became of the rest.

    Attributes:
        events: To be sent: new ones, and corrections.
        new: How many were never said before.
        known: How many were said before as they are.
        corrected: How many corrections there are of each name.
        rows: The ids of rows that are corrected.
        older: The ids of rows of which something newer is known: they are left as they are.
        vanished: The ids of rows that were there before and are not in the file: nothing is taken back of them.
        fixed: The ids of events that differ from what was said before and cannot be corrected.
    """

    events: list[MappedEvent] = field(default_factory=list)
    new: int = 0
    known: int = 0
    corrected: Counter[str] = field(default_factory=Counter)
    rows: set[str] = field(default_factory=set)
    older: set[str] = field(default_factory=set)
    vanished: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)


class OtherIdsError(Exception):
    """Ids do not say which row is which: what was imported before would count twice. Nothing was sent."""


def restated(snapshot: Snapshot, said: Iterable[Said], now_ms: int) -> Restated:
    """Return what must be sent so that what stands is what the file says.

    What a row said before and does not say any more is taken back; a row that is not there is left alone. The order in
    which files of known ages are restated makes no difference to what stands in the end.

    Args:
        snapshot: What the file says.
        said: All stored events of the source.
        now_ms: The clock, in milliseconds since 1970.

    Raises:
        OtherIdsError: When the source was imported by row numbers before, and is not now; or it is, and its rows have
            moved.
    """
    known = Known(snapshot.plan, said)
    _refuse_other_ids(snapshot.plan, known.slots)
    result = _Restating(snapshot, known, now_ms).done()
    if snapshot.plan.by_number and result.fixed:
        raise OtherIdsError(
            f"{len(result.fixed):,} events, such as {result.fixed[0]!r}, differ from those that were imported under "
            "the same row numbers: rows have moved or changed, and which is which nobody can tell"
        )
    return result


def _refuse_other_ids(plan: Plan, slots: Mapping[str, Slot]) -> None:
    if plan.by_number or plan.has_key:
        return
    names = "|".join(step.name for step in plan.steps)
    by_number = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}-(?:{names})")
    numbered = [id for id in slots if by_number.fullmatch(id)]
    if numbered:
        raise OtherIdsError(
            f"{plan.source} was imported before by row numbers ({len(numbered):,} events, such as {numbered[0]!r}): "
            'all of it would count twice. Say `id = "{$row}"` at the top of the mapping to go on as before, or give '
            "another source"
        )


class _Restating:
    def __init__(self, snapshot: Snapshot, known: Known, now_ms: int) -> None:
        self._snapshot = snapshot
        self._known = known
        self._as_of_ms = now_ms if snapshot.as_of_ms is None else snapshot.as_of_ms
        as_of = f"{_EPOCH + timedelta(milliseconds=self._as_of_ms):%Y-%m-%dT%H:%M:%S.%fZ}"
        self._by = Correcting(snapshot.plan.source, snapshot.plan.replay, as_of)
        self._standing = {id: slot.standing() for id, slot in known.slots.items()}
        self._rules = {step.place: step.name for step in snapshot.plan.steps}
        self._result = Restated()

    def done(self) -> Restated:
        displaced = self._displaced()
        said = set()
        for event in self._snapshot.events:
            said.add(event.id)
            if self._is_older(self._row_of(event)):
                self._result.older.add(self._row_of(event))
            else:
                self._state(event, event.id in displaced)
        for id, standing in self._standing.items():
            if standing and id not in said:
                self._take_back(id, standing)
        self._note_missing()
        return self._result

    def _state(self, event: MappedEvent, is_displaced: bool) -> None:
        slot = self._known.slots.get(event.id)
        if slot is None:
            self._result.new += 1
            self._result.events.append(self._dated(event))
            return
        standing = self._standing[event.id]
        if standing and not is_displaced and _is_same(standing, event):
            self._result.known += 1
        elif self._snapshot.plan.by_number or not can_be_taken_back(event.name):
            self._result.fixed.append(event.id)
        elif standing is None:
            self._correct(self._row_of(event), [again(self._by, event, slot.last + 1)])
        else:
            self._correct(self._row_of(event), corrections(self._by, standing, event, slot.last + 1))

    def _take_back(self, id: str, standing: Standing) -> None:
        """Take back what a row of the file does not say any more; what a row that is not there said stays."""
        row = self._known.row_of(id)
        if row not in self._snapshot.stated or self._is_older(row):
            return
        if self._snapshot.plan.by_number or not can_be_taken_back(standing.name):
            self._result.fixed.append(id)
            return
        self._correct(row, retractions(self._by, standing, id, self._known.slots[id].last + 1, 0))

    def _note_missing(self) -> None:
        """Note rows that are not in the file; keep of those that are as they were that they still were."""
        standing = {self._known.row_of(id) for id, one in self._standing.items() if one}
        if self._snapshot.is_whole:
            self._result.vanished = sorted(row for row in standing - self._snapshot.seen if not self._is_older(row))
        if self._snapshot.as_of_ms is not None:
            rows = {self._known.row_of(id) for id in self._known.slots} & self._snapshot.stated
            same = {row for row in rows - self._result.rows if self._known.as_of_ms(row) != self._as_of_ms}
            confirmed = [row for row in same if not self._is_older(row)]
            self._result.events.extend(records_of(self._by, self._as_of_ms, confirmed))

    def _correct(self, row: str, events: Iterable[MappedEvent]) -> None:
        for event in events:
            self._result.events.append(event)
            self._result.corrected[event.name] += 1
        self._result.rows.add(row)

    def _is_older(self, row: str) -> bool:
        known_ms = self._known.as_of_ms(row)
        return known_ms is not None and self._as_of_ms < known_ms

    def _row_of(self, event: MappedEvent) -> str:
        return event.id.removesuffix(f"-{self._rules[event.place]}")

    def _dated(self, event: MappedEvent) -> MappedEvent:
        if self._snapshot.as_of_ms is None:
            return event
        envelope: dict[str, Any] = msgspec.json.decode(event.raw)
        data = envelope.pop("data")
        return event._replace(raw=msgspec.json.encode({**envelope, "recordedtime": self._by.as_of, "data": data}))

    def _displaced(self) -> set[str]:
        """Return the ids of known events that stand in another order within their instant than the file has them in."""
        plan = self._snapshot.plan
        if plan.by_number or plan.picking or not plan.numbered:
            return set()
        displaced: set[str] = set()
        for _, tied in groupby(self._snapshot.events, key=lambda event: event.at_ms):
            by_subject: dict[str, list[MappedEvent]] = {}
            for event in tied:
                by_subject.setdefault(event.subject, []).append(event)
            for events in by_subject.values():
                if len(events) > 1:
                    displaced |= self._moved(events)
        return displaced

    def _moved(self, events: Sequence[MappedEvent]) -> set[str]:
        standing = [self._standing.get(event.id) for event in events]
        now = [sequence_of(event) for event in events]
        then = [one.sequence if one else here for one, here in zip(standing, now, strict=True)]
        if all(one < other for one, other in pairwise(then)):
            return set()
        return {
            event.id
            for event, one, here in zip(events, standing, now, strict=True)
            if one and not 0 <= one.sequence - here < 1000
        }


def sequence_of(event: MappedEvent) -> int:
    """Return the place of an event within its instant."""
    found: int = msgspec.json.decode(event.raw)["subjectseq"]
    return found


def _is_same(standing: Standing, event: MappedEvent) -> bool:
    if (standing.name, standing.subject, standing.at_ms) != (event.name, event.subject, event.at_ms):
        return False
    return standing.data == data_of(event.raw)
