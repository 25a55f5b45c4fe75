"""Faults under watch: whether more customers come at once than chance brings, about an asset or about one topic."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from schemas.rows import Ms, SignalRow
from streams.core.drop import Cause
from streams.core.drop.baseline import hour_of
from streams.core.fault.burst import Burst, Contact, bursts
from streams.core.fault.usual import Rush, Usual
from streams.core.signal import statement
from streams.core.signal.segment import Called, Segment, SegmentKind, SignalState, ThresholdBook
from streams.core.window import DAY_MS, HOUR_MS
from streams.ports import WatchStore

EVERY_SECONDS: Final = 10
"""Tickets are read anew so often at most."""
READ_HOURS: Final = 24
"""A burst is judged on the tickets of so long."""
NEWS_HOURS: Final = 6
"""What was found to have begun longer ago is history, and told to nobody."""
_KINDS: Final = (SegmentKind.ASSET, SegmentKind.TOPIC)
_WEEK_MS: Final = 7 * DAY_MS


class Bursts:
    """All that the watch remembers of faults; it can be made anew from what is stored at any time."""

    def __init__(self, store: WatchStore, book: ThresholdBook) -> None:
        self._store = store
        self._rule = book.bursts
        self._hour: Ms = 0
        self._looked_at: Ms = 0
        self._usual: dict[SegmentKind, Usual] = {}
        self._called: Sequence[Called] = ()

    def look(self, known: Mapping[str, SignalRow], now: Ms) -> Iterator[SignalRow]:
        """Yield what is to be stated of faults that are suspected; nothing most of the time."""
        if now - self._looked_at < EVERY_SECONDS * 1000:
            return
        self._looked_at = now
        self._learn(now)
        if not self._usual:
            return
        self._called = self._store.contacts(now - READ_HOURS * HOUR_MS)
        told: set[str] = set()
        for kind in _KINDS:
            found = self._found(kind, [one for one in self._called if one.contact.ticket_id not in told], now)
            yield from self._stated(kind, found, known, now)
            told |= {one.ticket_id for each in found.values() for burst in each for one in burst.contacts}

    def _learn(self, now: Ms) -> None:
        """Learn once an hour what is usual, from weeks that ended a day ago: what comes now must not hide itself."""
        hour = hour_of(now)
        if hour == self._hour:
            return
        self._hour = hour
        until = hour - DAY_MS
        since = until - round(self._rule.usual_weeks * _WEEK_MS)
        self._usual = {}
        for kind in _KINDS:
            counts = self._store.usual_contacts(kind, since, until)
            if counts.weeks * 7 >= self._rule.least_days:
                self._usual[kind] = Usual(counts)

    def _found(self, kind: SegmentKind, called: Collection[Called], now: Ms) -> dict[Segment, list[Burst]]:
        if kind not in self._usual:
            return {}
        by_subject: defaultdict[str, list[Contact]] = defaultdict(list)
        for one in called:
            if subject := one.subjects[kind]:
                by_subject[subject].append(one.contact)
        rush = Rush(self._usual[kind], [one.contact.at for one in called if one.subjects[kind]])
        found = {
            Segment(kind, subject): bursts(contacts, subject, self._usual[kind], self._rule, now, rush)
            for subject, contacts in by_subject.items()
            if len(contacts) >= self._rule.customers
        }
        return {segment: each for segment, each in found.items() if each}

    def _stated(
        self, kind: SegmentKind, found: Mapping[Segment, Sequence[Burst]], known: Mapping[str, SignalRow], now: Ms
    ) -> Iterator[SignalRow]:
        recent = now - (READ_HOURS - NEWS_HOURS) * HOUR_MS
        told = [row for row in known.values() if row.kind == Cause.FAULT_SUSPECTED and row.segment_kind == kind]
        old = [row for row in told if row.opened_at <= recent]
        fresh = [row for row in told if row.opened_at > recent]
        for segment in sorted({*found, *map(statement.segment_of, fresh)}):
            own = [burst for burst in found.get(segment, ()) if burst.opened_at > recent]
            same, gone = statement.matched(own, fresh, segment, now, Cause.FAULT_SUSPECTED)
            yield from (self._without_burst(row, now) for row in gone)
            for burst, row in zip(own, same, strict=True):
                if row or burst.opened_at > now - NEWS_HOURS * HOUR_MS:
                    yield statement.fault_suspected(segment, burst, self._rule, row)
        for row in old:
            bursts_now = found.get(statement.segment_of(row), ())
            if row.state == SignalState.OPEN and all(burst.closed_at is not None for burst in bursts_now):
                yield statement.resolved(row, now)

    def _without_burst(self, row: SignalRow, now: Ms) -> SignalRow:
        """Return a signal that is no burst by what is known now.

        It never was one where its tickets are no longer those of enough customers: they were merged, or are about
        something else. It stays told where only what is usual is known better.
        """
        customers = {
            one.contact.customer
            for one in self._called
            if one.subjects[SegmentKind(row.segment_kind)] == row.segment
            and row.since_at <= one.contact.at <= row.opened_at
        }
        if len(customers) < self._rule.customers:
            return statement.withdrawn(row, now)
        return statement.resolved(row, now) if row.state == SignalState.OPEN else row
