"""Findings as rows of signals: which stored signal a finding is, and what is to be stated of it now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.rows import Ms, SignalRow
from streams.core.drop import Cause, Decline, Episode, Response, Thresholds, Verdict
from streams.core.drop.trend import Standing
from streams.core.fault.burst import Burst, BurstRule, customers_of, team_of
from streams.core.interval import wilson
from streams.core.prevention.dominant import CLEARS_AT, HOURS, Dominance, Seen
from streams.core.signal import sentence
from streams.core.signal.segment import Segment, SegmentKind, SignalState, signal_id
from streams.core.signal.slices import Contribution
from streams.core.window import DAY_MS, HOUR_MS

REMEMBERED_DAYS: Final = 60
"""Resolved signals of so long are compared with what is known now; what is older stays as it was told."""
_TRENDS_REMEMBERED_DAYS: Final = 49
"""A trend takes nine weeks of those that are read: it is known for less long."""
MOST_TICKETS: Final = 50
"""Tickets that the signal of a fault names."""
_MOST_NAMED: Final = 10
"""Of them those that a page tells, and of whom they are."""
OF_RATINGS: Final = frozenset({Cause.SATISFACTION_FELL, Cause.SATISFACTION_DECLINES})
"""What follows from the ratings of a segment alone."""
OF_BAD: Final = frozenset({Cause.COMPLAINTS_SURGE})
"""What tells the share of those that the rule counts as bad."""


class Where(Struct, frozen=True):
    """Where a fall comes from, over some stretch of it: the slices that lead, and tickets that show it."""

    leading: Sequence[Contribution] = ()
    tickets: Sequence[str] = ()


NOWHERE: Final = Where()


def segment_of(row: SignalRow) -> Segment:
    """Return whom a signal is about."""
    return Segment(SegmentKind(row.segment_kind), row.segment)


def matched(
    episodes: Sequence[Episode | Decline | Burst | Dominance],
    known: Iterable[SignalRow],
    segment: Segment,
    now: Ms,
    kind: Cause = Cause.SATISFACTION_FELL,
) -> tuple[list[SignalRow | None], list[SignalRow]]:
    """Return which stored signal each episode is, and the stored ones that are none of them.

    An episode is the signal that was open at the same time: when a late rating moves its begin by a minute, it stays
    the same signal with the same id. Of several the earliest is it. Without any it is the one with its own id, or new.
    """
    left = sorted(
        (row for row in known if row.kind == kind and segment_of(row) == segment),
        key=lambda row: (row.opened_at, row.signal_id),
    )
    found: list[SignalRow | None] = []
    for episode in episodes:
        own_id = signal_id(kind, segment, episode.opened_at)
        same = next((row for row in left if _is_same(row, episode)), None)
        same = same or next((row for row in left if row.signal_id == own_id), None)
        if same:
            left.remove(same)
        found.append(same)
    return found, [row for row in left if is_gone(row, now)]


def _is_same(row: SignalRow, episode: Episode | Decline | Burst | Dominance) -> bool:
    if row.state == SignalState.WITHDRAWN:
        return False
    begins_in_time = episode.closed_at is None or row.opened_at < episode.closed_at
    return begins_in_time and (row.resolved_at is None or episode.opened_at < row.resolved_at)


def is_gone(row: SignalRow, now: Ms) -> bool:
    """Say whether a signal that is none of the falls known now is to be taken back, or given up."""
    if row.state == SignalState.RESOLVED:
        return _is_remembered(row, now)
    return row.state == SignalState.OPEN


def _is_remembered(row: SignalRow, now: Ms) -> bool:
    days = _TRENDS_REMEMBERED_DAYS if row.kind == Cause.SATISFACTION_DECLINES else REMEMBERED_DAYS
    return row.opened_at > now - days * DAY_MS


def withdrawn(row: SignalRow, now: Ms) -> SignalRow:
    """Return the statement that a signal never was, or, of one that lasted for months, that it is given up."""
    state = SignalState.WITHDRAWN if _is_remembered(row, now) else SignalState.RESOLVED
    return replace(row, state=state, resolved_at=row.resolved_at or max(now, row.opened_at))


def opening(
    segment: Segment,
    episode: Episode,
    verdict: Verdict,
    where: Where,
    thresholds: Thresholds,
    *,
    note: str,
    cause: Cause = Cause.SATISFACTION_FELL,
) -> SignalRow:
    """Return the first statement of a fall: how it stood when it was opened.

    Args:
        segment: Whose satisfaction fell, or which rate.
        episode: The fall.
        verdict: How the segment stood at the opening.
        where: From where it came up to then.
        thresholds: Of the segment.
        note: Why nobody is told; empty when somebody is.
        cause: What fell: satisfaction, or a rate.
    """
    usual = episode.baseline.share if verdict.window.usual is None else verdict.window.usual
    return _first(
        cause,
        segment,
        episode.opened_at,
        episode.since_at,
        where,
        is_page=not note,
        note=note,
        seen_at=verdict.window.end_at or episode.opened_at,
        found_by=episode.found_by,
        baseline=1 - usual if cause in OF_BAD else usual,
        baseline_n=episode.baseline.n,
        clears=sentence.clearing(verdict.clearing, thresholds, cause) if verdict.clearing else sentence.NOTHING_KNOWN,
        **_evidence(verdict, cause),
    )


def standing(
    row: SignalRow, episode: Episode, verdict: Verdict, where: Where | None, thresholds: Thresholds, *, note: str
) -> SignalRow:
    """Return how a fall stands now: its numbers of now while it is open, those of its opening once it is over.

    Args:
        row: The first statement of it; what it told stays as it is.
        episode: The fall.
        verdict: How the segment stands now.
        where: From where it comes up to now; None when it is over.
        thresholds: Of the segment.
        note: Why nobody is told; empty when somebody is.
    """
    segment, cause = segment_of(row), Cause(row.kind)
    row = replace(row, is_page=not note, note=note)
    if episode.closed_at is not None:
        link = sentence.link(segment, row.since_at, episode.closed_at, cause)
        return replace(
            row, state=SignalState.RESOLVED, resolved_at=episode.closed_at, seen_at=episode.closed_at, link=link
        )
    clears = sentence.clearing(verdict.clearing, thresholds, cause) if verdict.clearing else row.clears
    return replace(
        row,
        state=SignalState.OPEN,
        resolved_at=None,
        seen_at=verdict.window.end_at or row.seen_at,
        clears=clears,
        link=sentence.link(segment, row.since_at, None, cause),
        **_evidence(verdict, cause),
        **(_where(where) if where else {}),
    )


def declining(segment: Segment, decline: Decline, where: Where, thresholds: Thresholds, *, note: str) -> SignalRow:
    """Return the first statement of a slow decline: how it stood when it was found.

    Args:
        segment: Whose satisfaction declines.
        decline: How.
        where: From where it came up to then.
        thresholds: Of the segment.
        note: Why nobody is told; empty when somebody is.
    """
    return _first(
        Cause.SATISFACTION_DECLINES,
        segment,
        decline.opened_at,
        decline.since_at,
        where,
        is_page=not note,
        note=note,
        seen_at=decline.first.at,
        found_by="trend",
        baseline=decline.usual,
        baseline_n=decline.usual_n,
        clears=sentence.DECLINE_CLEARS.format(points=thresholds.trend_points / 2),
        **_shares(decline.first),
    )


def still_declining(row: SignalRow, decline: Decline, where: Where | None, *, note: str) -> SignalRow:
    """Return how a decline stands now: by the last week that was judged, or over.

    Args:
        row: The first statement of it; what it told stays as it is.
        decline: How it stands.
        where: From where it comes up to now; None when it is over.
        note: Why nobody is told; empty when somebody is.
    """
    row = replace(row, is_page=not note, note=note)
    if decline.closed_at is not None:
        return resolved(row, decline.closed_at)
    numbers = _shares(decline.last) | (_where(where) if where else {})
    return replace(row, state=SignalState.OPEN, resolved_at=None, seen_at=decline.last.at, **numbers)


def survey_broken(segment: Segment, opened_at: Ms, since_at: Ms, recent: Response, usual: Response) -> SignalRow:
    """Return the statement that surveys go out and answers have stopped."""
    share = wilson(min(recent.answered, recent.offered), recent.offered)
    return _first(
        Cause.SURVEY_BROKEN,
        segment,
        opened_at,
        since_at,
        found_by="fisher",
        n=recent.offered,
        value=recent.answered / recent.offered,
        low=share.low,
        high=share.high,
        baseline=usual.answered / usual.offered,
        baseline_n=usual.offered,
        clears=sentence.SURVEY_CLEARS,
    )


def source_silent(segment: Segment, opened_at: Ms, since_at: Ms, usual_events: int, usual_spans: int) -> SignalRow:
    """Return the statement that a source sends nothing although it usually would."""
    return _first(
        Cause.SOURCE_SILENT,
        segment,
        opened_at,
        since_at,
        found_by="silence",
        baseline=usual_events / usual_spans,
        baseline_n=usual_spans,
        clears=sentence.SILENCE_CLEARS,
    )


def fault_suspected(segment: Segment, burst: Burst, rule: BurstRule, known: SignalRow | None) -> SignalRow:
    """Return the statement that many customers come at once: told as it was found, counted as it stands now.

    Args:
        segment: An asset, or a topic.
        burst: As it stands now.
        rule: By which it was found.
        known: What was stated of it before; None for the first time.
    """
    first = burst.contacts[: burst.found_with]
    tickets = [contact.ticket_id for contact in first][:MOST_TICKETS]
    row = known or _first(
        Cause.FAULT_SUSPECTED,
        segment,
        burst.opened_at,
        burst.since_at,
        Where(tickets=tickets),
        found_by="burst",
        n=len(customers_of(first)),
        baseline=burst.usual,
        clears=sentence.BURST_CLEARS.format(minutes=rule.calm_minutes),
        more={
            "customers": sentence.customers(first[:_MOST_NAMED]),
            "tickets": sentence.tickets(tickets[:_MOST_NAMED]),
            "team": team_of(first),
        },
    )
    if burst.closed_at is not None:
        row = resolved(row, burst.closed_at)
    newest = burst.contacts[-1].at
    return replace(
        row,
        n=len(customers_of(burst.contacts)),
        seen_at=max(newest, row.opened_at) if burst.closed_at is None else row.seen_at,
        ticket_ids=[contact.ticket_id for contact in burst.contacts][:MOST_TICKETS],
    )


def reason_dominates(
    segment: Segment, dominance: Dominance, line: float, department: str, known: SignalRow | None, *, note: str
) -> SignalRow:
    """Return the statement that too many come for one reason: told as it was found, counted as it stands now.

    Args:
        segment: The reason.
        dominance: As it stands now.
        line: Above this share it is told.
        department: Who can remove the cause; "" where the policy does not say.
        known: What was stated of it before; None for the first time.
        note: Why nobody is told; empty when somebody is.
    """
    row = known or _first(
        Cause.REASON_DOMINATES,
        segment,
        dominance.opened_at,
        dominance.opened_at - HOURS * HOUR_MS,
        is_page=not note,
        note=note,
        found_by="share",
        baseline=line,
        clears=sentence.REASON_CLEARS.format(share=sentence.percent(CLEARS_AT * line)),
        more={"department": department},
        **_part(dominance.first),
    )
    if dominance.closed_at is not None:
        return replace(resolved(row, dominance.closed_at), **_part(dominance.last))
    return replace(row, state=SignalState.OPEN, resolved_at=None, **_part(dominance.last))


def _part(seen: Seen) -> dict[str, Any]:
    share = wilson(seen.hits, seen.n)
    return {"n": seen.n, "value": seen.hits / seen.n if seen.n else None, "low": share.low, "high": share.high}


def resolved(row: SignalRow, at: Ms) -> SignalRow:
    """Return the statement that what was found is over."""
    segment = segment_of(row)
    return replace(
        row,
        state=SignalState.RESOLVED,
        resolved_at=max(at, row.opened_at),
        seen_at=max(at, row.opened_at),
        link=sentence.link(segment, row.since_at, at, Cause(row.kind)),
    )


def news(rows: Iterable[SignalRow], known: Mapping[str, SignalRow], now: Ms) -> Iterator[SignalRow]:
    """Yield the statements that say anything new, each with a version above all that were stated before."""
    for row in rows:
        before = known.get(row.signal_id)
        if before is None or replace(row, version=before.version) != before:
            yield replace(row, version=max(now, before.version + 1 if before else 0))


def _first(
    cause: Cause,
    segment: Segment,
    opened_at: Ms,
    since_at: Ms,
    where: Where = NOWHERE,
    more: Mapping[str, str] | None = None,
    **known: Any,  # noqa: ANN401 - further columns of the row
) -> SignalRow:
    """Return the first statement of a signal: open, and told as it stands now, with `more` that only its kind tells."""
    usual: dict[str, Any] = {
        "is_page": True,
        "note": "",
        "seen_at": opened_at,
        "n": 0,
        "value": None,
        "low": None,
        "high": None,
        "baseline_n": 0,
    }
    row = SignalRow(
        signal_id=signal_id(cause, segment, since_at if cause is Cause.SOURCE_SILENT else opened_at),
        kind=cause,
        segment_kind=segment.kind,
        segment=segment.name,
        version=0,
        state=SignalState.OPEN,
        opened_at=opened_at,
        resolved_at=None,
        since_at=since_at,
        told={},
        link=sentence.link(segment, since_at, None, cause),
        **_where(where),
        **(usual | known),
    )
    return replace(row, told=_told(row, sentence.slices(where.leading)) | dict(more or {}))


def _evidence(verdict: Verdict, cause: Cause) -> dict[str, Any]:
    """Return the numbers of the window: the share of complaints where these are what is told of, else that without."""
    window = verdict.window
    value, low, high = window.value, window.interval.low, window.interval.high
    if cause in OF_BAD and value is not None and low is not None and high is not None:
        value, low, high = 1 - value, 1 - high, 1 - low
    return {"n": window.n, "value": value, "low": low, "high": high}


def _shares(standing: Standing) -> dict[str, Any]:
    low, high = wilson(standing.satisfied, standing.n)
    value = standing.satisfied / standing.n if standing.n else None
    return {"n": standing.n, "value": value, "low": low, "high": high}


def _where(where: Where) -> dict[str, Any]:
    return {
        "slices_reason": [one.key[0] for one in where.leading],
        "slices_product_line": [one.key[1] for one in where.leading],
        "slices_n": [one.n for one in where.leading],
        "slices_bad": [one.bad for one in where.leading],
        "slices_points": [round(one.points, 3) for one in where.leading],
        "ticket_ids": list(where.tickets),
    }


def _told(row: SignalRow, slices: str) -> dict[str, str]:
    """Return what a page says and never changes: Grafana takes an alert with other labels for another alert."""
    return {
        "opened": sentence.instant(row.opened_at),
        "since": sentence.instant(row.since_at),
        "n": f"{row.n:,}",
        "value": sentence.percent(row.value),
        "interval": sentence.interval(row.low, row.high),
        "baseline": sentence.usual(Cause(row.kind), row.baseline),
        "slices": slices,
        "tickets": sentence.tickets(row.ticket_ids),
        "clears": row.clears,
        "found_by": row.found_by,
    }
