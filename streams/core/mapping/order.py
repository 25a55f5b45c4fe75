"""The order of publication, and the numbers that keep events of one instant in the order of the file."""

from collections.abc import Iterable
from itertools import groupby

from streams.core.mapping.compose import SEQUENCES_PER_ROW, MappedEvent
from streams.core.mapping.plan import Plan


def in_order(plan: Plan, events: Iterable[MappedEvent]) -> list[MappedEvent]:
    """Return events by time, then by row, then by rule; those of one subject and instant are numbered in this order."""
    ordered = sorted(events)
    if not plan.numbered or plan.by_number or plan.picking:
        return ordered
    found = []
    for _, tied in groupby(ordered, key=lambda event: event.at_ms):
        rows: dict[str, dict[int, int]] = {}
        for event in tied:
            mine = rows.setdefault(event.subject, {})
            found.append(_moved(event, mine.setdefault(event.row, len(mine))))
    return found


def _moved(event: MappedEvent, rank: int) -> MappedEvent:
    """Return an event of a row before which other rows of its subject share its instant."""
    if not rank:
        return event
    # Quotes within an id are escaped, so that this is the attribute itself.
    before, behind = event.raw.split(b'"subjectseq":', 1)
    number, rest = behind.split(b",", 1)
    return event._replace(raw=b'%b"subjectseq":%d,%b' % (before, rank * SEQUENCES_PER_ROW + int(number), rest))
