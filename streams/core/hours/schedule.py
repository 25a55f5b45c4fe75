"""Business time: when a desk is open, and how much of a wait lies in its open hours.

The rule for every zone and every day: a desk is open at an instant when the clock on its wall, at that instant, shows a
day and a time within the hours of that day. Where clocks are put forward, hours that nobody's clock shows do not pass:
02:00-04:00 lasts one hour. Where they are put back, what the clock shows twice counts twice: 02:00-04:00 lasts three
hours, and a pause of 02:10-02:50 is taken twice. An end that is skipped is thus the instant of the skip; an end that
is repeated counts both times.

Hours belong to the day whose date the clock shows, so a holiday closes exactly that date. A night shift is written as
two intervals: 22:00-24:00 on one day, 00:00-06:00 on the next.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cached_property, lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.events import Label
from schemas.instant import zone_of
from schemas.rows import Ms
from schemas.schedule import ScheduleError, Span, Version
from schemas.version import refuse_disorder
from streams.core.window import DAY_MS, local_of

_PAGE_MS: Final = 364 * DAY_MS


class Page(NamedTuple):
    """Open time within 52 weeks: intervals, and the open milliseconds of the page before each of them.

    Columns of machine integers take a fraction of the memory of tuples, and bisect searches them as well.
    """

    starts: "array[int]"
    ends: "array[int]"
    before: "array[int]"
    open_ms: int

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Self:
        """Return the page of ordered spans that do not touch."""
        kept = list(spans)
        columns = ([start for start, _ in kept], [end for _, end in kept], _before(kept))
        starts, ends, before = (array("q", column) for column in columns)
        return cls(starts, ends, before, sum(end - start for start, end in kept))

    def spans(self) -> Iterator[Span]:
        """Yield the open intervals in order."""
        return zip(self.starts, self.ends, strict=True)

    def open_ms_until(self, at: Ms) -> int:
        """Return how long it was open from the beginning of the page until an instant on it."""
        row = bisect_right(self.starts, at) - 1
        return 0 if row < 0 else self.before[row] + min(at, self.ends[row]) - self.starts[row]


class Schedule(Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """When the desk of one name is open: all of it, past and future. A new statement takes the place of the whole.

    Attributes:
        name: The team, or `default` for the teams without a schedule of their own.
        versions: At least one, in the order in which they come into force.
    """

    name: Label
    versions: tuple[Version, ...]

    def __post_init__(self) -> None:
        """Require versions in order.

        Raises:
            ScheduleError: When there is none, or one begins before its predecessor or with it.
        """
        if not self.versions:
            raise ScheduleError(f"the schedule {self.name!r} has no versions: add one with `from`, `zone` and `weekly`")
        refuse_disorder(self.versions, ScheduleError)

    @property
    def in_force_at(self) -> Ms:
        """The first instant of which it says anything."""
        return self.versions[0].in_force_at

    @cached_property
    def _pages(self) -> dict[int, Page]:
        return {}

    def page(self, number: int) -> Page:
        """Return a page of the table of open time, made when it is first asked for.

        Args:
            number: How many times 52 weeks after 1970 it begins.
        """
        found = self._pages.get(number)
        if found is None:
            start = number * _PAGE_MS
            found = self._pages[number] = Page.of(_merged(_open_spans(self.versions, start, start + _PAGE_MS)))
        return found


class Breakpoint(NamedTuple):
    """A row of the cumulative function B, which says how many milliseconds were open since the first row.

    `B(t) = open_ms_before + min(t, end_ms) - start_ms`, taken from the last row with `start_ms <= t`.
    """

    start_ms: Ms
    end_ms: Ms
    open_ms_before: int


def business_seconds(schedule: Schedule, started_at_ms: Ms, ended_at_ms: Ms) -> float | None:
    """Return how many seconds of a wait lie in open hours, exact to the millisecond.

    Each instant counts by the version in force then. 0.0 when nothing was open, or when the wait ends before it starts.
    None when it starts before the first version: of that part nothing is known, and what is known of the rest would
    look like a shorter wait.

    ClickHouse measures by `breakpoints`; this is the reference that tests hold them and the metrics against.
    """
    if started_at_ms < schedule.in_force_at:
        return None
    if ended_at_ms <= started_at_ms:
        return 0.0
    first, last = started_at_ms // _PAGE_MS, ended_at_ms // _PAGE_MS
    whole_pages = sum(schedule.page(number).open_ms for number in range(first, last))
    until_end = schedule.page(last).open_ms_until(ended_at_ms)
    return (whole_pages + until_end - schedule.page(first).open_ms_until(started_at_ms)) / 1000


def open_intervals(schedule: Schedule, from_ms: Ms, to_ms: Ms) -> Iterator[Span]:
    """Yield when it is open from one instant until before another: in order, each as long as it can be.

    Intervals neither overlap nor touch. Before the first version there are none.
    """
    spans: list[Span] = []
    for number in range(max(from_ms, schedule.in_force_at) // _PAGE_MS, to_ms // _PAGE_MS + 1):
        following = list(schedule.page(number).spans())
        if spans and following and spans[-1][1] == following[0][0]:
            following[0] = (spans.pop()[0], following[0][1])
        spans += following
    return iter(_cut(spans, from_ms, to_ms))


def breakpoints(schedule: Schedule, from_ms: Ms, to_ms: Ms) -> list[Breakpoint]:
    """Return the cumulative function of open time, from one instant up to and including another.

    `(B(b) - B(a)) / 1000` is `business_seconds(schedule, a, b)` for all a <= b within. The first row stands at
    `from_ms`, or at the first version when that is later, also when it is closed then; for an instant before it there
    is no row, which is the None of `business_seconds`. After `to_ms` nothing is said: the last row would read as closed
    for ever. A later `to_ms` adds rows and changes no earlier one, except where the last of them ends.
    """
    return list(map(Breakpoint, *columns_of(schedule, from_ms, to_ms)))


def columns_of(schedule: Schedule, from_ms: Ms, to_ms: Ms) -> tuple[list[Ms], list[Ms], list[int]]:
    """Return the rows of `breakpoints` as its columns: eighty years have tens of thousands of them."""
    start_ms = max(from_ms, schedule.in_force_at)
    if start_ms > to_ms:
        return [], [], []
    spans = list(open_intervals(schedule, start_ms, to_ms))
    if not spans or spans[0][0] > start_ms:
        spans.insert(0, (start_ms, start_ms))
    return [start for start, _ in spans], [end for _, end in spans], _before(spans)


def _open_spans(versions: Sequence[Version], from_ms: Ms, to_ms: Ms) -> Iterator[Span]:
    """Yield open intervals in order; neighbours may touch."""
    ends = [*(version.in_force_at for version in versions[1:]), to_ms]
    for version, end in zip(versions, ends, strict=True):
        start_ms, end_ms = max(from_ms, version.in_force_at), min(to_ms, end)
        if start_ms < end_ms:
            for stretch in _offsets(zone_of(version.zone), start_ms, end_ms):
                yield from _open_by_offset(version, *stretch)


def _open_by_offset(version: Version, from_ms: Ms, to_ms: Ms, offset: int) -> list[Span]:
    """Return the open intervals of a stretch in which the clocks are `offset` milliseconds ahead of UTC."""
    days = range((from_ms + offset) // DAY_MS, (to_ms + offset - 1) // DAY_MS + 1)
    spans_on = version.spans_on
    spans = [
        (opens + at, closes + at) for day in days for at in (day * DAY_MS - offset,) for opens, closes in spans_on(day)
    ]
    return _cut(spans, from_ms, to_ms)


def _cut(spans: Sequence[Span], from_ms: Ms, to_ms: Ms) -> list[Span]:
    """Return what of ordered spans lies between two instants."""
    begin, end = bisect_right(spans, from_ms, key=itemgetter(1)), bisect_left(spans, to_ms, key=itemgetter(0))
    inside = list(spans[begin:end]) if from_ms < to_ms else []
    if inside:
        inside[0] = max(inside[0][0], from_ms), inside[0][1]
        inside[-1] = inside[-1][0], min(inside[-1][1], to_ms)
    return inside


@lru_cache(maxsize=2_048)  # all years of 25 zones: schedules share their zones, and to look each day up takes long
def _offsets(zone: ZoneInfo, from_ms: Ms, to_ms: Ms) -> tuple[tuple[Ms, Ms, int], ...]:
    """Return stretches (start, end, milliseconds ahead of UTC) within which nobody puts the clocks of a zone.

    They are looked at once a day: no zone ever put its clocks and put them back sooner than after four days.
    """
    found = []
    start = at = from_ms
    offset = _offset(zone, from_ms)
    while at < to_ms:
        following = min(at + DAY_MS, to_ms)
        if _offset(zone, following) != offset:
            following = _put_at(zone, at, following)
            found.append((start, following, offset))
            start, offset = following, _offset(zone, following)
        at = following
    if start < to_ms:
        found.append((start, to_ms, offset))
    return tuple(found)


def _put_at(zone: ZoneInfo, before: Ms, after: Ms) -> Ms:
    """Return the first instant with another offset than `before` has, at the latest `after`."""
    offset = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: Ms) -> int:
    return (local_of(at, zone).utcoffset() or timedelta()) // timedelta(milliseconds=1)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield ordered spans, those that touch as one."""
    kept: Span | None = None
    for start, end in spans:
        if kept is not None and start == kept[1]:
            start = kept[0]
        elif kept is not None:
            yield kept
        kept = (start, end)
    if kept is not None:
        yield kept


def _before(spans: Iterable[Span]) -> list[int]:
    """Return for each span how long the ones before it are, together."""
    return [0, *accumulate(end - start for start, end in spans)][:-1]
