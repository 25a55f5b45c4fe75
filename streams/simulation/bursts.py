"""Whether faults are suspected at the rate that was chosen: false ones of quiet months, and how soon true ones are."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, sqrt
from statistics import median
from typing import Final
from zlib import crc32

import numpy as np
from msgspec import Struct, field

from streams.core.fault.burst import DAYS, BurstRule, Contact, bursts
from streams.core.fault.usual import HOURS, Counts, Usual, cap
from streams.core.window import DAY_MS, HOUR_MS

SUBJECTS: Final = 500
"""In one trial: two of them are the thousand that false bursts are counted for."""
MONDAY_MS: Final = 4 * DAY_MS
LEVELS: Final = (0.5, 2.0, 10.0, 50.0)
"""Contacts about a subject a week, on average; levels differ as those of an exponential distribution do."""
MOODS: Final[Mapping[str, float]] = {"days alike": 0.0, "moody days": 0.5, "very moody days": 0.8}
"""Standard deviation of a day's factor, of each subject by itself; all of them share another one, of 0.15."""
FACTORS: Final = (10, 30, 100)
"""So many times the contacts come while something is broken."""
FAULT_HOURS: Final = 12
_DESK_MOOD: Final = 0.15
_DAY: Final = np.array([0.15] * 7 + [1, 1.6, 1.8, 1.7, 1.4, 1.2, 1.3, 1.4, 1.4, 1.2, 1.0, 0.8, 0.6] + [0.15] * 4)
_WEEK: Final = np.repeat([1.15, 1.05, 1.0, 1.0, 1.0, 0.45, 0.35], 24) * np.tile(_DAY, 7)
SHARES: Final = _WEEK / _WEEK.sum()
"""A week's contacts by its hours: offices, quiet nights and weekends."""


class Plan(Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        levels: Contacts about a subject a week.
        runs: Trials of each level and mood, of 500 subjects and 30 days each.
        seed: Chooses the contacts.
        rule: What is tried.
    """

    levels: Sequence[float] = LEVELS
    runs: int = 20
    seed: int = 1
    rule: BurstRule = field(default_factory=BurstRule)

    @property
    def trials(self) -> int:
        """How many there are."""
        return len(self.levels) * len(MOODS) * self.runs


class Trial(Struct, frozen=True):
    """A quiet month of many subjects, and one fault of each size after it.

    Attributes:
        false_bursts: Of that month.
        further: By factor, how many contacts came behind the third within half an hour until it was found; infinite
            when it never was, None where no three came within half an hour.
    """

    level: float
    mood: str
    false_bursts: int
    further: Mapping[int, float | None]


class Cell(Struct, frozen=True, kw_only=True):
    """What the trials of a level and a mood amount to.

    Attributes:
        false_bursts: For each 1,000 subjects and 30 days.
        error: Its standard error, as far as counts tell.
        further: Median by factor; infinite where half of the faults were not found, None where hardly any brought three
            customers within half an hour.
    """

    level: float
    mood: str
    false_bursts: float
    error: float
    further: Mapping[int, float | None]


def trials(plan: Plan) -> Iterator[Trial]:
    """Yield all trials of a plan, one after the other."""
    for level in plan.levels:
        for mood in MOODS:
            for run in range(plan.runs):
                seed = crc32(f"{plan.seed}/{level}/{mood}/{run}".encode())
                yield trial(level, mood, seed, plan.rule)


def trial(level: float, mood: str, seed: int, rule: BurstRule) -> Trial:
    """Simulate weeks that are known, a month that is quiet, and then faults of a subject of the average level."""
    known_days = round(rule.usual_weeks * 7)
    random = np.random.default_rng(seed)
    subject, at = _contacts(level, MOODS[mood], known_days + DAYS, random)
    start = MONDAY_MS + known_days * DAY_MS
    usual = Usual(counts_of(subject[at < start], at[at < start], MONDAY_MS, start))
    quiet = _by_subject(subject[at >= start], at[at >= start])
    end = start + (DAYS + 1) * DAY_MS
    false = sum(len(bursts(contacts, name, usual, rule, end)) for name, contacts in quiet.items())
    average = Usual(
        counts_of(
            np.append(subject[at < start], np.full(round(level * rule.usual_weeks), SUBJECTS)),
            np.append(at[at < start], _spread_over(round(level * rule.usual_weeks), known_days, random)),
            MONDAY_MS,
            start,
        )
    )
    further = {factor: _further(level * factor, average, start, rule, random) for factor in FACTORS}
    return Trial(level, mood, false, further)


def counts_of(subject: np.ndarray, at: np.ndarray, since: int, until: int) -> Counts:
    """Return what is counted of contacts, as ClickHouse counts it: numbers of subjects, instants in milliseconds."""
    totals = Counter(subject.tolist())
    hours = np.bincount(((at - MONDAY_MS) // HOUR_MS % HOURS).astype(int), minlength=HOURS)
    cells = Counter(zip(subject.tolist(), (2 * at // HOUR_MS).tolist(), strict=True))
    weeks = (until - since) / (7 * DAY_MS)
    capped = (min(n, cap(totals[one], weeks)) for (one, _), n in cells.items())
    pairs = sum(n * (n - 1) for n in capped)
    return Counts({str(one): n for one, n in totals.items()}, hours.tolist(), pairs, weeks)


def cells(done: Iterable[Trial]) -> list[Cell]:
    """Return what trials amount to, by level and mood."""
    groups = defaultdict[tuple[float, str], list[Trial]](list)
    for one in done:
        groups[one.level, one.mood].append(one)
    return [_cell(*key, group) for key, group in groups.items()]


def _cell(level: float, mood: str, group: Sequence[Trial]) -> Cell:
    thousands = len(group) * SUBJECTS / 1000
    false = sum(one.false_bursts for one in group)
    return Cell(
        level=level,
        mood=mood,
        false_bursts=false / thousands,
        error=sqrt(max(1, false)) / thousands,
        further={factor: _median([one.further[factor] for one in group]) for factor in FACTORS},
    )


def _median(further: Sequence[float | None]) -> float | None:
    known = [one for one in further if one is not None]
    return median(known) if 2 * len(known) > len(further) else None


def _contacts(level: float, mood: float, days: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return contacts in order of time: the number of each one's subject, and when it came."""
    levels = random.exponential(level, SUBJECTS)
    daily = SHARES.reshape(7, 24).sum(axis=1)[np.arange(days) % 7]
    moods = _gamma(_DESK_MOOD, (1, days), random) * _gamma(mood, (SUBJECTS, days), random)
    n = random.poisson(levels[:, None] * daily[None, :] * moods)
    subject, day = (np.repeat(index.ravel(), n.ravel()) for index in np.indices(n.shape))
    at = MONDAY_MS + day * DAY_MS + _within_days(day % 7, random)
    order = np.argsort(at, kind="stable")
    return subject[order], at[order]


def _gamma(deviation: float, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    return np.asarray(random.gamma(deviation**-2, deviation**2, shape) if deviation else np.ones(shape))


def _within_days(weekday: np.ndarray, random: np.random.Generator) -> np.ndarray:
    by_day = SHARES.reshape(7, 24)
    until = np.cumsum(by_day / by_day.sum(axis=1, keepdims=True), axis=1)
    hour = (random.random(len(weekday))[:, None] > until[weekday]).sum(axis=1).clip(max=23)
    return np.asarray(hour * HOUR_MS + random.integers(0, HOUR_MS, len(weekday)))


def _spread_over(n: int, days: int, random: np.random.Generator) -> np.ndarray:
    day = random.integers(0, days, n)
    return np.asarray(MONDAY_MS + day * DAY_MS + _within_days(day % 7, random))


def _further(per_week: float, usual: Usual, start: int, rule: BurstRule, random: np.random.Generator) -> float | None:
    """Return how many contacts of a fault came behind the third within half an hour until it was found."""
    hours = 8 + np.arange(FAULT_HOURS)
    n = random.poisson(per_week * SHARES[hours])
    at = np.sort(start + np.repeat(hours, n) * HOUR_MS + random.integers(0, HOUR_MS, n.sum()))
    third = np.flatnonzero(at[2:] - at[:-2] < rule.minutes * 60_000)
    if not len(third):
        return None
    contacts = [Contact(int(one), str(i), str(i)) for i, one in enumerate(at)]
    found = bursts(contacts, str(SUBJECTS), usual, rule, int(at[-1]))
    return float(np.searchsorted(at, found[0].opened_at) - third[0] - 2) if found else inf


def _by_subject(subject: np.ndarray, at: np.ndarray) -> dict[str, list[Contact]]:
    groups = defaultdict[str, list[Contact]](list)
    for i, (name, when) in enumerate(zip(subject.tolist(), at.tolist(), strict=True)):
        groups[str(name)].append(Contact(when, str(i), str(i)))
    return groups
