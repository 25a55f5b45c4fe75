"""What a budget of false pages would have paged, and how late it would tell a fall."""

from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from schemas.rows import Ms
from streams.core.backtest.fall import Delay, delays
from streams.core.backtest.past import Judged, Page, Past
from streams.core.drop import Thresholds
from streams.core.signal import sentence
from streams.core.signal.segment import DESK, Segment, ThresholdBook
from streams.core.signal.watched import fall_of, touches, usual_of

OTHERS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Budgets to compare with: false pages in 90 days."""


class Told(Struct, frozen=True):
    """A page; with a note it is shown and pages nobody."""

    page: Page
    note: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """What the rule does to one segment at one budget.

    Attributes:
        segment: Which one.
        thresholds: With that budget.
        ratings_per_day: Lately; None while learning, as all that follows.
        usual: The usual share of satisfied ratings, over a whole week.
        mood_points: Standard deviation of days beyond chance, in points.
        told: Its pages in the weeks.
        delays: How late falls would be told from now on; empty where its weeks are too few to say.
    """

    segment: Segment
    thresholds: Thresholds
    ratings_per_day: float | None
    usual: float | None
    mood_points: float | None
    told: Sequence[Told]
    delays: Sequence[Delay]


def budgets(book: ThresholdBook, asked: float | None) -> list[float | None]:
    """Return the budgets to look at: first the one that was asked for, or what is set (None); then the others."""
    first = book.usual.false_pages_per_90_days if asked is None else asked
    return [asked, *(other for other in OTHERS if other != first)]


def by_chance(outcomes: Iterable[Outcome], weeks: int) -> float:
    """Return how many pages without any fall are accepted in so many weeks, of these segments together."""
    return sum(one.thresholds.accepted for one in outcomes if one.usual is not None) * weeks * 7 / 90


def outcomes(
    past: Past, segments: Sequence[Segment], book: ThresholdBook, budget: float | None, since: Ms, trials: int
) -> Iterator[Outcome]:
    """Yield what one budget does to segments, in their order, as soon as it is known.

    A pure function of ratings, thresholds and clock.

    Args:
        past: The ratings.
        segments: To look at.
        book: The thresholds of all.
        budget: False pages in 90 days instead of what they say; None leaves them.
        since: Begin of the weeks whose pages are told.
        trials: Falls of each size; 0 leaves delays out.
    """
    teams: dict[Segment, Judged] = {}
    for segment in segments:
        thresholds = _with_budget(book.of(segment), budget)
        judged = past.judged(segment, thresholds)
        teams[segment] = judged
        if segment == DESK:
            for other in past.segments:
                if other not in teams:
                    teams[other] = past.judged(other, _with_budget(book.of(other), budget))
        told = [
            Told(page, _note(past, segment, page, teams)) for page in judged.pages if page.episode.opened_at >= since
        ]
        yield _outcome(past, segment, judged, told, trials)


def _with_budget(thresholds: Thresholds, budget: float | None) -> Thresholds:
    return thresholds if budget is None else replace(thresholds, false_pages_per_90_days=budget)


def _outcome(past: Past, segment: Segment, judged: Judged, told: Sequence[Told], trials: int) -> Outcome:
    detector = judged.detector
    opened = detector.verdict(past.now).open
    if opened:  # how late would the next one be told?
        detector = past.judged(segment, detector.thresholds, until=opened.since_at - 1).detector
    usual = detector.verdict(past.now).baseline
    return Outcome(
        segment=segment,
        thresholds=detector.thresholds,
        ratings_per_day=usual.per_day if usual else None,
        usual=usual.share if usual else None,
        mood_points=100 * sqrt(usual.profile.mood * usual.share * (1 - usual.share)) if usual else None,
        told=told,
        delays=delays(segment.name, judged, detector, past.now, trials),
    )


def _note(past: Past, segment: Segment, page: Page, teams: dict[Segment, Judged]) -> str:
    """Return why a page of the desk pages nobody: its teams tell it."""
    if segment != DESK:
        return ""
    fall = fall_of(page.episode, page.episode.closed_at or past.now)
    paged = [team for team, judged in teams.items() if any(touches(one.episode, fall) for one in judged.pages)]
    return sentence.told_by(paged, lambda: past.teams(fall, usual_of(page.episode)))
