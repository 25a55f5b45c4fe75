"""How often alert rules page for nothing and how soon they find a fall: simulated ratings, ours beside common rules.

Ratings come as a Poisson process at a constant rate (or in the rhythm of a desk's day) and are satisfied independently
of each other. Every trial starts with `KNOWN_DAYS` of usual ratings, so that rules that compare have something to
compare with. The same plan gives the same trials.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate, islice
from math import inf, isfinite
from random import Random
from statistics import mean, median
from typing import Final, NamedTuple

from msgspec import Struct, field

from schemas.rows import Ms
from streams.core.drop.baseline import Baseline, Usual
from streams.core.drop.detector import Detector
from streams.core.drop.rating import Tape
from streams.core.drop.threshold import Thresholds
from streams.core.window import DAY_MS, HOUR_MS
from streams.simulation.world import HOUR_WEIGHTS

KNOWN_DAYS: Final = 31
COUNTED_DAYS: Final = 90
"""False pages are counted over so many days without any fall."""
FALLEN_DAYS: Final = 30
"""A fall lasts so long; one that no page told of by then was missed."""
LOOKS_EVERY_MS: Final = 5 * 60_000
"""The common rules are evaluated so often, as alert rules usually are; they page when they become true."""


class Rule(StrEnum):
    """Rules that are compared."""

    OURS = "this rule"
    HOUR = "1-hour mean < 80 %"
    HOUR_OF_15 = "1-hour mean < 80 %, n >= 15"
    DAY = "24-hour mean < 80 %"
    WEEK = "24-hour mean 10 points below last week's"


class Plan(Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        seed: Chooses the ratings.
        runs: Trials for each volume and kind.
        volumes: Ratings a day.
        falls: Shares that the usual one falls to.
        level: The usual share of satisfied ratings.
        baseline_error: By how much our rule's baseline is too high in the trials that show what follows.
        thresholds: Of our rule.
        rules: Which to compare.
        has_rhythm: Whether ratings follow the hours of a desk instead of coming evenly.
    """

    seed: int = 1
    runs: int = 20
    volumes: Sequence[int] = (5, 20, 100, 1000)
    falls: Sequence[float] = (0.70, 0.55)
    level: float = 0.85
    baseline_error: float = 0.02
    thresholds: Thresholds = field(default_factory=Thresholds)
    rules: Sequence[Rule] = tuple(Rule)
    has_rhythm: bool = False

    @property
    def trials(self) -> int:
        """How many trials that makes."""
        return self.runs * len(self.volumes) * (1 + len(self.falls))


class Trial(Struct, frozen=True, kw_only=True):
    """What came of one simulated stretch of time.

    Attributes:
        per_day: Ratings a day.
        fallen_to: The share after the fall; None where there was none.
        outcome: By rule. Without a fall the number of pages in `COUNTED_DAYS`; else the hours from the fall to the next
            page, infinite where none came.
        pages_when_wrong: Our pages, without a fall, with the baseline too high; None where there was one.
    """

    per_day: int
    fallen_to: float | None
    outcome: Mapping[Rule, float]
    pages_when_wrong: int | None = None


class Delay(NamedTuple):
    """How soon falls were told: median hours, None when half of them or more never were; and the share never told."""

    median_hours: float | None
    missed: float


class Line(Struct, frozen=True, kw_only=True):
    """What one rule does at one volume.

    Attributes:
        rule: Which one.
        per_day: Ratings a day.
        false_pages: In 90 days, on average.
        false_pages_when_wrong: The same with the baseline too high; None for rules without any.
        delays: By the share that was fallen to.
    """

    rule: Rule
    per_day: int
    false_pages: float
    false_pages_when_wrong: float | None
    delays: Mapping[float, Delay]


def trials(plan: Plan) -> Iterator[Trial]:
    """Yield all trials of a plan, one after the other."""
    for per_day in plan.volumes:
        for run in range(plan.runs):
            yield _without_fall(plan, per_day, Random(f"{plan.seed}/{per_day}/{run}"))
            for share in plan.falls:
                yield _with_fall(plan, per_day, share, Random(f"{plan.seed}/{per_day}/{run}/{share}"))


def summary(done: Iterable[Trial]) -> list[Line]:
    """Return what trials amount to, by volume and rule. Every volume needs some without a fall."""
    by_volume = defaultdict[int, list[Trial]](list)
    for trial in done:
        by_volume[trial.per_day].append(trial)
    return [
        _line(rule, per_day, of_volume) for per_day, of_volume in by_volume.items() for rule in of_volume[0].outcome
    ]


def _line(rule: Rule, per_day: int, of_volume: list[Trial]) -> Line:
    hours = defaultdict[float, list[float]](list)
    for trial in of_volume:
        if trial.fallen_to is not None:
            hours[trial.fallen_to].append(trial.outcome[rule])
    wrong = [trial.pages_when_wrong for trial in of_volume if trial.pages_when_wrong is not None]
    return Line(
        rule=rule,
        per_day=per_day,
        false_pages=mean(trial.outcome[rule] for trial in of_volume if trial.fallen_to is None),
        false_pages_when_wrong=mean(wrong) if wrong and rule is Rule.OURS else None,
        delays={share: _delay(of_share) for share, of_share in hours.items()},
    )


def _delay(hours: list[float]) -> Delay:
    middle = median(hours)
    return Delay(middle if isfinite(middle) else None, mean(hour == inf for hour in hours))


# Trials


def _without_fall(plan: Plan, per_day: int, rng: Random) -> Trial:
    start_at = KNOWN_DAYS * DAY_MS
    end_at = start_at + COUNTED_DAYS * DAY_MS
    told = list(_ratings(rng, plan, per_day, plan.level, 0, end_at))
    pages = _pages_by_rule(plan, told, start_at, end_at)
    return Trial(
        per_day=per_day,
        fallen_to=None,
        outcome={rule: float(len(of_rule)) for rule, of_rule in pages.items()},
        pages_when_wrong=_pages_when_wrong(plan, told, pages, start_at),
    )


def _with_fall(plan: Plan, per_day: int, share: float, rng: Random) -> Trial:
    fallen_at = KNOWN_DAYS * DAY_MS + rng.randrange(DAY_MS)
    end_at = fallen_at + FALLEN_DAYS * DAY_MS
    told = [
        *_ratings(rng, plan, per_day, plan.level, 0, fallen_at),
        *_ratings(rng, plan, per_day, share, fallen_at, end_at),
    ]
    pages = _pages_by_rule(plan, told, fallen_at, end_at, is_one_enough=True)
    return Trial(
        per_day=per_day,
        fallen_to=share,
        outcome={rule: (_first(of_rule) - fallen_at) / HOUR_MS for rule, of_rule in pages.items()},
    )


def _first(pages: Sequence[Ms]) -> float:
    return pages[0] if pages else inf


_Told = tuple[Ms, bool]


def _ratings(rng: Random, plan: Plan, per_day: int, share: float, start_at: Ms, end_at: Ms) -> Iterator[_Told]:
    """Yield (instant, is satisfied) of a stretch of time."""
    # A desk's day is an even one whose hours pass at different speeds: a Poisson process stays one.
    at, end = (_evened(start_at), _evened(end_at)) if plan.has_rhythm else (float(start_at), float(end_at))
    while (at := at + rng.expovariate(per_day / DAY_MS)) < end:
        yield int(_clock(at) if plan.has_rhythm else at), rng.random() < share


_PASSED: Final = [0.0, *accumulate(weight / sum(HOUR_WEIGHTS) for weight in HOUR_WEIGHTS)]
"""The part of a day's ratings that has come by each full hour."""


def _evened(at: Ms) -> float:
    days, rest = divmod(at, DAY_MS)
    hour, within = divmod(rest, HOUR_MS)
    return (days + _PASSED[hour] + (_PASSED[hour + 1] - _PASSED[hour]) * within / HOUR_MS) * DAY_MS


def _clock(evened: float) -> float:
    days, rest = divmod(evened / DAY_MS, 1)
    hour = min(bisect_right(_PASSED, rest) - 1, len(HOUR_WEIGHTS) - 1)
    within = (rest - _PASSED[hour]) / (_PASSED[hour + 1] - _PASSED[hour])
    return days * DAY_MS + (hour + min(within, 1.0)) * HOUR_MS


# Rules


def _pages_by_rule(
    plan: Plan, told: Sequence[_Told], start_at: Ms, end_at: Ms, *, is_one_enough: bool = False
) -> dict[Rule, list[Ms]]:
    tape = _tape(told if set(plan.rules) - {Rule.OURS} else ())  # ours keeps one of its own
    return {
        rule: _our_pages(told, plan.thresholds, 0.0, start_at, is_one_enough=is_one_enough)
        if rule is Rule.OURS
        else list(islice(_pages(rule, tape, start_at, end_at), 1 if is_one_enough else None))
        for rule in plan.rules
    }


def _our_pages(
    told: Iterable[_Told], thresholds: Thresholds, error: float, start_at: Ms, *, is_one_enough: bool = False
) -> list[Ms]:
    """Return when our rule pages, from an instant on; `is_one_enough` when nobody asks what follows the first."""

    class Wrong(Usual):
        def at(
            self, hour_at: Ms, parent: Tape, told: Collection[int] = (), doubted_at: Ms | None = None
        ) -> Baseline | None:
            right = super().at(hour_at, parent, told, doubted_at)
            return right._replace(share=min(right.share + error, thresholds.baseline_highest)) if right else None

    detector = Detector(thresholds, Tape(), Wrong)
    for at, is_satisfied in told:
        detector.take(at, is_satisfied=is_satisfied)
        if is_one_enough and detector.opened and detector.opened[-1].opened_at >= start_at:
            break
    return [episode.opened_at for episode in detector.opened if episode.opened_at >= start_at]


def _pages_when_wrong(plan: Plan, told: Sequence[_Told], pages: Mapping[Rule, Sequence[Ms]], start_at: Ms) -> int:
    if not plan.baseline_error and Rule.OURS in pages:
        return len(pages[Rule.OURS])
    return len(_our_pages(told, plan.thresholds, plan.baseline_error, start_at))


def _pages(rule: Rule, tape: Tape, start_at: Ms, end_at: Ms) -> Iterator[Ms]:
    """Yield when a common rule pages in `[start_at, end_at)`: at looks that find it true after one that did not."""
    was_low = _is_low(rule, tape, start_at - LOOKS_EVERY_MS)
    for now in range(start_at, end_at, LOOKS_EVERY_MS):
        is_low = _is_low(rule, tape, now)
        if is_low and not was_low:
            yield now
        was_low = is_low


def _is_low(rule: Rule, tape: Tape, now: Ms) -> bool:
    n, satisfied = tape.between(now - (HOUR_MS if rule in (Rule.HOUR, Rule.HOUR_OF_15) else DAY_MS), now)
    if rule is Rule.WEEK:
        before_n, before = tape.between(now - 8 * DAY_MS, now - 7 * DAY_MS)
        return n > 0 and before_n > 0 and satisfied / n <= before / before_n - 0.10
    return n >= (15 if rule is Rule.HOUR_OF_15 else 1) and satisfied < 0.80 * n


def _tape(told: Iterable[_Told]) -> Tape:
    tape = Tape()
    for at, is_satisfied in told:
        tape.append(at, 1, int(is_satisfied))
    return tape
