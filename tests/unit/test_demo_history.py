"""The history that the demo plays unless told otherwise: what it must hold for the pages to have something to show."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from schemas.events import (
    OrderKind,
    OrderPlaced,
    RatingRevised,
    RatingSource,
    RatingSubmitted,
    RatingWithdrawn,
    TicketAssigned,
    TicketCreated,
    TicketDeleted,
    TicketMarkedSpam,
    TicketMerged,
    TicketResolved,
    TicketUnmarkedSpam,
)
from schemas.policy import SATISFIED_FROM
from streams.cli.demo import ALERT, HISTORY_DAYS, PER_DAY, REPORTED_DAYS
from streams.core.drop import Rating, Tally, Thresholds, Verdict, verdict_of
from streams.core.metrics.repurchase import REPURCHASE_30D
from streams.simulation import Simulated, events
from streams.simulation.rhythm import DAY, HOUR, faulty_week, milliseconds
from streams.simulation.world import FAULTY_TEAM, TEAMS

pytestmark = pytest.mark.weighty

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
NOW_MS = milliseconds(NOW)


@dataclass
class History:
    """What the demo plays, read as its pages read it."""

    played: int = 0
    teams: dict[str, str] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)
    ratings: dict[str, tuple[str, Rating]] = field(default_factory=dict)
    scales: dict[str, tuple[float, float]] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)
    orders: list[tuple[str, int]] = field(default_factory=list)
    customers: dict[str, str | None] = field(default_factory=dict)

    def take(self, event: Simulated) -> None:
        self.played += 1
        at = milliseconds(event.at)
        match event.data:
            case TicketCreated(team=team, customer_id=customer_id):
                self.teams[event.subject] = team or ""
                self.customers[event.subject] = customer_id
            case TicketAssigned(team=str(team)):
                self.teams[event.subject] = team
            case TicketResolved(after_sales=True) if customer_id := self.customers[event.subject]:
                self.cases.setdefault(customer_id, at)
            case RatingSubmitted(
                source=RatingSource.CUSTOMER, kind=None, rating_id=id, raw=raw, scale_min=low, scale_max=high
            ):
                self.scales[id] = low, high
                self.ratings[id] = event.subject, Rating(at, id, self._is_satisfied(id, raw))
            case RatingRevised(rating_id=id, raw=raw) if id in self.ratings:
                ticket_id, rating = self.ratings[id]
                self.ratings[id] = ticket_id, Rating(rating.at, id, self._is_satisfied(id, raw))
            case RatingWithdrawn(rating_id=id):
                self.ratings.pop(id, None)
            case TicketMarkedSpam() | TicketMerged() | TicketDeleted():
                self.uncounted.add(event.subject)
            case TicketUnmarkedSpam():
                self.uncounted.discard(event.subject)
            case OrderPlaced(kind=OrderKind.NORMAL, customer_id=customer_id):
                self.orders.append((customer_id, at))

    def ratings_of(self, team: str | None = None) -> list[Rating]:
        counted = [(self.teams[id], rating) for id, rating in self.ratings.values() if id not in self.uncounted]
        return [rating for own, rating in counted if team in (None, own)]

    def _is_satisfied(self, rating_id: str, raw: float) -> bool:
        low, high = self.scales[rating_id]
        return 100 * (raw - low) / (high - low) >= SATISFIED_FROM

    def verdict(self, team: str, now: int) -> Verdict:
        every = [(rating.at // HOUR * HOUR, rating.is_satisfied) for rating in self.ratings_of()]
        n, satisfied = Counter(at for at, _ in every), Counter(at for at, is_satisfied in every if is_satisfied)
        tallies = [Tally(at, n[at], satisfied[at]) for at in sorted(n)]
        return verdict_of(self.ratings_of(team), tallies, Thresholds().overridden(ALERT), now)


@pytest.fixture(scope="module", params=[1, 2025])
def history(request: pytest.FixtureRequest) -> History:
    read = History()
    for event in events(request.param, NOW - timedelta(days=HISTORY_DAYS), NOW, PER_DAY):
        read.take(event)
    return read


def test_it_has_no_more_events_than_a_minute_takes(history: History) -> None:
    assert 100_000 < history.played < 150_000


@pytest.mark.parametrize("weekday", range(7))
def test_the_faulty_week_lies_within_the_range_that_is_shown_first(weekday: int) -> None:
    now = NOW_MS + weekday * DAY
    week = faulty_week(now)
    assert now - REPORTED_DAYS * DAY < week.start < week.end < now - 6 * DAY


def test_the_fall_of_the_faulty_team_is_told_and_resolved(history: History) -> None:
    week = faulty_week(NOW_MS)
    told = history.verdict(FAULTY_TEAM, week.end).open
    assert told is not None
    assert week.start < told.opened_at
    assert history.verdict(FAULTY_TEAM, week.end + 7 * DAY).open is None


def test_nothing_falls_but_the_faulty_team_and_it_does_once(history: History) -> None:
    week = faulty_week(NOW_MS)
    for team in TEAMS:
        verdict = history.verdict(team.name, NOW_MS)
        told = [episode.opened_at for episode in (verdict.open, verdict.previous) if episode]
        assert [week.start < at < week.end for at in told] == ([True] if team.name == FAULTY_TEAM else [])


def test_enough_cases_are_old_enough_to_tell_who_bought_again(history: History) -> None:
    for begin, end in ((60, 30), (37, 30)):  # what ranges of 30 and of 7 days tell of
        cases = {
            customer: at for customer, at in history.cases.items() if NOW_MS - begin * DAY <= at < NOW_MS - end * DAY
        }
        assert len(cases) > 3 * REPURCHASE_30D.n_min
        again = {one for one, at in history.orders if one in cases and cases[one] < at < cases[one] + 30 * DAY}
        assert 0.05 < len(again) / len(cases) < 0.4
