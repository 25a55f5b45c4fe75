"""Reasons under watch: whether so many customers come for one that somebody else should remove its cause."""

from collections.abc import Iterator, Mapping
from typing import Final

from schemas.rows import Ms, SignalRow
from streams.core.drop import Cause
from streams.core.drop.baseline import hour_of
from streams.core.prevention.dominant import HOURS, dominances
from streams.core.signal import statement
from streams.core.signal.segment import Segment, SegmentKind
from streams.core.signal.sentence import REPLAYED
from streams.core.window import DAY_MS, HOUR_MS
from streams.ports import WatchStore

READ_DAYS: Final = statement.REMEMBERED_DAYS + 8
"""Contacts of so long are read: of the signals that are remembered, and of the week before them."""
EVERY_SECONDS: Final = 60
"""Contacts are read anew so often at most: late ones move what earlier hours showed."""


class Dominant:
    """Judges every reason at full hours, by nothing but what is stored."""

    def __init__(self, store: WatchStore) -> None:
        self._store = store
        self._looked_at: Ms = 0

    def look(self, known: Mapping[str, SignalRow], now: Ms) -> Iterator[SignalRow]:
        """Yield what is to be stated of reasons; nothing most of the time."""
        if now - self._looked_at < EVERY_SECONDS * 1000:
            return
        self._looked_at = now
        until = hour_of(now)
        policy = self._store.policy(now)
        since = until - READ_DAYS * DAY_MS
        counts = self._store.reasons(since, until)
        dominant = dominances(counts, since // HOUR_MS, until // HOUR_MS, policy.reason_share)
        found = {Segment(SegmentKind.REASON, reason): each for reason, each in dominant.items()}
        known_from = since + HOURS * HOUR_MS
        told = [row for row in known.values() if row.kind == Cause.REASON_DOMINATES]
        for segment in sorted({*found, *map(statement.segment_of, told)}):
            own = found.get(segment, [])
            same, gone = statement.matched(own, told, segment, now, Cause.REASON_DOMINATES)
            yield from (statement.withdrawn(row, now) for row in gone)
            for one, row in zip(own, same, strict=True):
                is_over = row is None and one.closed_at is not None
                if is_over and one.opened_at <= known_from:
                    continue  # of the first week only a part is known: it may never have been
                department = policy.departments.get(segment.name, "")
                yield statement.reason_dominates(
                    segment, one, policy.reason_share, department, row, note=REPLAYED if is_over else ""
                )
