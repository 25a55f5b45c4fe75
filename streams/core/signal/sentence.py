"""What signals say to people: sentences of numbers, for pages, tables and messages. All times are UTC."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from schemas.rows import Ms
from streams.core.drop import Cause, Clearing, Thresholds
from streams.core.fault.burst import UNKNOWN_CUSTOMER, Contact, customers_of
from streams.core.signal.segment import DESK, Segment, SegmentKind
from streams.core.signal.slices import EXPLAINED_PART, Contribution, Counted, explained_by
from streams.core.window import DAY_MS, HOUR_MS

UNKNOWN: Final = "(unknown)"
NOTHING_KNOWN: Final = "-"
"""What a page shows where nothing can be said: an empty label would not be there at all."""


_SAID_BY_KIND: Final = (SegmentKind.TEAM, SegmentKind.ASSET, SegmentKind.REASON)


def instant(at: Ms) -> str:
    """Return an instant as people read it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).strftime("%Y-%m-%d %H:%M UTC")


def percent(share: float | None) -> str:
    """Return a share as people read it."""
    return NOTHING_KNOWN if share is None else f"{100 * share:.1f} %"


def usual(cause: Cause, baseline: float | None) -> str:
    """Return what is usual: events of a source, customers about a subject, else a share."""
    if cause is Cause.FAULT_SUSPECTED and baseline is not None:
        return f"{baseline:.2g} customers"
    return f"{baseline:,.0f} events" if cause is Cause.SOURCE_SILENT and baseline else percent(baseline)


def interval(low: float | None, high: float | None) -> str:
    """Return where a share lies."""
    return NOTHING_KNOWN if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"


def of_segment(segment: Segment) -> str:
    """Return whom a sentence is about."""
    return f"{segment.kind} {segment.name}" if segment.kind in _SAID_BY_KIND else segment.name


def slices(leading: Sequence[Contribution]) -> str:
    """Return what contributes most to a fall."""
    said = (
        f"{' x '.join(part or UNKNOWN for part in one.key)} {one.points:+.1f} ({one.bad} of {one.n})" for one in leading
    )
    return ", ".join(said) or NOTHING_KNOWN


def customers(contacts: Iterable[Contact]) -> str:
    """Return who came; those who are not known are counted."""
    names = customers_of(contacts)
    known = [name for name in names if not name.startswith(UNKNOWN_CUSTOMER)]
    unknown = len(names) - len(known)
    return ", ".join([*known, *([f"{unknown} unknown"] if unknown else [])])


def tickets(ids: Sequence[str]) -> str:
    """Return the tickets to read."""
    return ", ".join(ids) or NOTHING_KNOWN


def clearing(of: Clearing, thresholds: Thresholds, cause: Cause = Cause.SATISFACTION_FELL) -> str:
    """Return what would resolve a fall of satisfaction or of a rate."""
    side, needed, value = "least", of.value_needed, of.value
    if cause is Cause.COMPLAINTS_SURGE:
        side, needed, value = "most", 1 - needed, 1 - value
    one, many, many_of, are, bad = _WORDS[cause]
    number = of.satisfied_in_a_row
    return (
        f"Resolved after {instant(of.not_before)}, once at {side} {percent(needed)} of the last "
        f"{thresholds.window_hours:g} h ({thresholds.least_ratings} {many_of} or more) "
        f"are {are}, now {percent(value)} of {of.n}, and the {bad} that added up are outweighed: "
        + (f"one more {one} would do." if number == 1 else f"{number} {many} in a row would do.")
    )


_WORDS: Final = {
    Cause.SATISFACTION_FELL: ("satisfied rating", "satisfied ratings", "ratings", "satisfied", "bad ratings"),
    Cause.COMPLAINTS_SURGE: ("other ticket", "other tickets", "tickets", "complaints", "complaints"),
    Cause.FIRST_RESPONSES_LATE: (
        "first response in time", "first responses in time", "first responses", "in time", "late ones",
    ),
}  # fmt: skip
"""What one more that is good is called, several, those that are counted, what they are to be, and the bad ones."""


DECLINE_CLEARS: Final = (
    "Resolved at the begin of the first week at which the line through the last nine weeks falls by less than "
    "{points:g} points: it went up again, or what it fell to is the usual level by now."
)
SURVEY_CLEARS: Final = "Resolved at the next full hour at which surveys of the last 24 h are answered as usual again."
BURST_CLEARS: Final = "Resolved {minutes:g} minutes after the last time at which too many customers came at once."
REASON_CLEARS: Final = "Resolved at the full hour at which less than {share} of the contacts of a week come for it."
SILENCE_CLEARS: Final = "Resolved by the next event or heartbeat of this source."
REPLAYED: Final = "replayed history pages nobody"
TOLD_BY_TEAMS: Final = "signals of its teams tell this already: {teams}"


_PAGES: Final = {
    Cause.COMPLAINTS_SURGE: "/d/complaints/complaints",
    Cause.FIRST_RESPONSES_LATE: "/d/response-time/response-time",
    Cause.FAULT_SUSPECTED: "/d/faults/faults",
    Cause.REASON_DOMINATES: "/d/prevention/prevention",
}


def link(segment: Segment, since_at: Ms, until_at: Ms | None, cause: Cause = Cause.SATISFACTION_FELL) -> str:
    """Return where Grafana shows it: a path, from a day before it began to its end."""
    span = f"from={since_at - DAY_MS}&to={'now' if until_at is None else until_at + HOUR_MS}"
    if segment.kind is SegmentKind.SOURCE:
        return f"/d/pipeline/pipeline?{span}"
    team = f"&var-team={quote(segment.name, safe='')}" if segment.kind is SegmentKind.TEAM else ""
    return f"{_PAGES.get(cause, '/d/satisfaction/satisfaction')}?{span}{team}"


def told_by(segments: Iterable[Segment], counted: Callable[[], Sequence[Counted]]) -> str:
    """Return that teams tell of a fall of the desk already; empty where they do not account for half of it.

    Args:
        segments: Those with a signal during the fall; the desk itself is none of its teams.
        counted: Returns the ratings of all teams; asked only where there are such teams.
    """
    teams = sorted(segment.name for segment in segments if segment != DESK)
    if teams and explained_by(counted(), teams) >= EXPLAINED_PART:
        return TOLD_BY_TEAMS.format(teams=", ".join(teams))
    return ""
