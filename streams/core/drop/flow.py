"""Whether ratings can be missed at all: a source that fell silent and surveys that stay unanswered are no fall."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from math import exp, lgamma
from typing import Final

from msgspec import Struct

from schemas.rows import Ms
from streams.core.drop.threshold import Thresholds
from streams.core.drop.verdict import Verdict
from streams.core.window import DAY_MS

_MINUTE_MS: Final = 60_000


class Cause(StrEnum):
    """What is wrong with a segment, if anything."""

    SATISFACTION_FELL = "satisfaction_fell"
    SATISFACTION_DECLINES = "satisfaction_declines"
    """Slowly, over weeks: a ticket, never a page."""
    COMPLAINTS_SURGE = "complaints_surge"
    FIRST_RESPONSES_LATE = "first_responses_late"
    SURVEY_BROKEN = "survey_broken"
    SOURCE_SILENT = "source_silent"
    FAULT_SUSPECTED = "fault_suspected"
    """Of an asset, or of a product with a reason: many customers at once."""
    REASON_DOMINATES = "reason_dominates"
    """More of all contacts come for one reason than the policy's line: a matter for who can remove its cause."""


class Response(Struct, frozen=True):
    """Surveys and answers of one stretch of time.

    Attributes:
        offered: Surveys that went out.
        answered: Ratings that customers gave. Count both over the same span, of whole days, so that the rhythm of the
            day and the hours until an answer weigh the same on both.
    """

    offered: int
    answered: int


class Silence(Struct, frozen=True):
    """How long nothing came, and what usually comes then.

    Attributes:
        newest_at: When the newest event of the source happened; None when there never was one.
        usual_events: Events in as many earlier spans as `usual_spans` says, each as long as the silence and at the
            same time of the week.
        usual_spans: How many; four weeks back make four.
    """

    newest_at: Ms | None
    usual_events: int
    usual_spans: int


class Rhythm(Struct, frozen=True):
    """How the events of a source come, around the same time of the weeks before.

    Attributes:
        counts: By week, the newest first: events in spans as long as the silence, span by span.
        gaps: Silences that were nearly as long.
    """

    counts: Sequence[Sequence[int]]
    gaps: int

    @property
    def clumps(self) -> float:
        """How many events come at once, on average: 1 where each comes by itself.

        Half the mean square of what the same span differs by from week to week, over the mean: the Allan factor, with
        a week between spans, so that the rhythm of days and weeks is none. Of one week alone neighbours are compared.
        Allan, D. W. (1966): Statistics of atomic frequency standards. Proceedings of the IEEE 54, 221-230; for counts
        of events: Lowen, S. B. and Teich, M. C. (2005): Fractal-based point processes, chapter 3.
        """
        spans = [span for week, before in pairwise(self.counts) for span in zip(week, before, strict=True)]
        if len(self.counts) == 1:
            spans = list(pairwise(self.counts[0]))
        events = sum(one + other for one, other in spans)
        return max(1.0, sum((one - other) ** 2 for one, other in spans) / events) if events else 1.0


NEARLY_AS_LONG: Final = 2 / 3
"""Of a silence."""
_FEW: Final = 1
"""So many silences that were nearly as long may be outages of before; more are how the source works."""


def span_and_window(lasted: Ms) -> tuple[Ms, Ms]:
    """Return the length of spans in which a source's rhythm is counted, and of each week's part that is looked at."""
    span = min(lasted, DAY_MS)
    return span, min(7 * DAY_MS, max(DAY_MS, 24 * span))


def silent_since(silence: Silence, thresholds: Thresholds, now: Ms, rhythm: Rhythm | None = None) -> Ms | None:
    """Return since when a source has sent nothing although it usually would; None when nothing is wrong.

    Each event begins a silence, and all those of 90 days have a chance to last so long: together they may do so no more
    often than false pages are accepted. Without its rhythm events are taken to come independently; with it, n of them
    that come in clumps say as much as n / clumps, and a source that was silent for nearly as long before is not.

    Events of one span are, given those of all spans, binomial when nothing has changed; none at all then has the
    chance `(spans / (spans + 1)) ** events`. It needs no estimate of the rate, so it holds for few events.
    Przyborowski, J. and Wilenski, H. (1940): Homogeneity of results in testing samples from Poisson series. Biometrika
    31, 313-323.
    """
    if silence.newest_at is None or silence.usual_spans == 0:
        return None
    lasted = now - silence.newest_at
    if lasted < thresholds.silence_minutes * _MINUTE_MS:
        return None
    if rhythm and rhythm.gaps > _FEW:
        return None
    events = silence.usual_events / (rhythm.clumps if rhythm else 1)
    chance = (silence.usual_spans / (silence.usual_spans + 1)) ** events
    begins = events / silence.usual_spans * 90 * DAY_MS / lasted
    is_rare = chance < thresholds.silence_chance and chance * begins < thresholds.accepted
    return silence.newest_at if is_rare else None


def is_survey_broken(recent: Response, usual: Response, thresholds: Thresholds) -> bool:
    """Say whether surveys go out and answers have stopped.

    Fisher's exact test, one-sided: Fisher, R. A. (1935): The logic of inductive inference. Journal of the Royal
    Statistical Society 98, 39-82. It is exact for few surveys, and knows that the usual rate itself rests on a sample.
    Answers that exceed the surveys, as after a night without surveys, are no fault.
    """
    if not recent.offered or not usual.offered or not usual.answered:
        return False
    rate, usual_rate = recent.answered / recent.offered, usual.answered / usual.offered
    if rate > thresholds.survey_part * usual_rate:
        return False
    return chance_of_so_few(recent, usual) < thresholds.survey_chance


def chance_of_so_few(recent: Response, usual: Response) -> float:
    """Return the chance of at most so many recent answers when the response rate is what it was."""
    offered = recent.offered + usual.offered
    answers = min(recent.answered, recent.offered) + min(usual.answered, usual.offered)
    at_least = max(0, answers - usual.offered)
    whole = _log_choices(offered, answers)
    return min(1.0, sum(exp(term - whole) for term in _log_terms(recent, usual, answers, at_least)))


def causes_of(verdict: Verdict, silent_from: Ms | None, *, is_survey_broken: bool) -> frozenset[Cause]:
    """Return all that is to be said about a segment.

    Of a silent source nothing else can be told: neither that surveys stay unanswered, nor a fall whose minutes ran out
    when nothing came any more. A fall that was told before stays told.

    Args:
        verdict: How the segment stands.
        silent_from: What `silent_since` says of its source.
        is_survey_broken: What `is_survey_broken` says of its surveys.
    """
    causes = set[Cause]()
    if verdict.open and (silent_from is None or verdict.open.opened_at <= silent_from):
        causes.add(Cause.SATISFACTION_FELL)
    if silent_from is not None:
        causes.add(Cause.SOURCE_SILENT)
    elif is_survey_broken:
        causes.add(Cause.SURVEY_BROKEN)
    return frozenset(causes)


def _log_terms(recent: Response, usual: Response, answers: int, at_least: int) -> Iterator[float]:
    for k in range(at_least, min(recent.answered, recent.offered) + 1):
        yield _log_choices(recent.offered, k) + _log_choices(usual.offered, answers - k)


def _log_choices(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
