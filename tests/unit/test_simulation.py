"""What the simulated service desk must show, so that whoever plays it sees what real desks see."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from random import Random
from statistics import mean, median
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from schemas.events import (
    NAME_OF,
    CompensationGranted,
    ContactType,
    Data,
    Direction,
    MessageSent,
    OrderCancelled,
    OrderKind,
    OrderPlaced,
    Party,
    RatingSource,
    RatingSubmitted,
    SurveyOffered,
    TicketAssigned,
    TicketClassified,
    TicketCreated,
    TicketDeleted,
    TicketMarkedSpam,
    TicketMerged,
    TicketResolved,
    TicketUnmarkedSpam,
    Visibility,
)
from schemas.policy import SATISFIED_FROM
from streams.simulation import SOURCES, Simulated, endless, events
from streams.simulation.contact import Contact
from streams.simulation.desk import Desk
from streams.simulation.opening import open_desk
from streams.simulation.play import Player
from streams.simulation.rhythm import HOUR, SECOND, Rhythm, Span, instant, milliseconds
from streams.simulation.timeline import Subject, Timeline
from streams.simulation.world import COMMENTS, HOUR_WEIGHTS, SCALES, TEAMS, WEEKDAY_FACTORS, Scale

pytestmark = pytest.mark.weighty

D = TypeVar("D", bound=Data)
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2025, 10, 22, 19, tzinfo=UTC)
NOW = datetime(2025, 11, 21, 19, tzinfo=UTC)
"""A Friday evening; Berlin's clocks went back on 26 October."""
FAULTY_WEEK = (datetime(2025, 11, 3, tzinfo=BERLIN), datetime(2025, 11, 10, tzinfo=BERLIN))


@dataclass
class Seen:
    """One ticket as an attentive reader of the stream knows it."""

    created_at: datetime
    team: str | None
    contact_type: ContactType | None
    reason: str | None
    customer_id: str | None
    counts: bool
    asked_at: datetime | None = None
    replied_at: datetime | None = None
    resolved_at: datetime | None = None
    strategy: str | None = None
    after_sales: bool | None = None
    scores: list[float] = field(default_factory=list)

    @property
    def is_complaint(self) -> bool:
        return self.contact_type is ContactType.COMPLAINT

    @property
    def first_response_seconds(self) -> float | None:
        if self.asked_at is None or self.replied_at is None or self.replied_at < self.asked_at:
            return None
        return (self.replied_at - self.asked_at).total_seconds()


@dataclass
class Month:
    """A month of the desk."""

    events: list[Simulated]
    tickets: dict[str, Seen]

    @property
    def effective(self) -> list[Seen]:
        return [ticket for ticket in self.tickets.values() if ticket.counts]

    def said(self, kind: type[D]) -> list[tuple[datetime, D]]:
        return [(event.at, event.data) for event in self.events if isinstance(event.data, kind)]


@pytest.fixture(scope="module", params=[1, 2025])
def month(request: pytest.FixtureRequest) -> Month:
    played = list(events(request.param, START, NOW))
    return Month(played, read(played))


def read(played: Iterable[Simulated]) -> dict[str, Seen]:
    tickets: dict[str, Seen] = {}
    for event in played:
        data = event.data
        if isinstance(data, TicketCreated):
            tickets[event.subject] = Seen(
                event.at, data.team, data.contact_type, data.reason, data.customer_id, counts=not data.is_test
            )
        elif event.subject in tickets:
            take_in(tickets[event.subject], event)
    return tickets


def take_in(seen: Seen, event: Simulated) -> None:
    match event.data:
        case TicketClassified(contact_type=contact_type, reason=reason):
            seen.contact_type, seen.reason = contact_type, reason
        case TicketAssigned(team=str(team)):
            seen.team = team
        case TicketMarkedSpam() | TicketMerged() | TicketDeleted():
            seen.counts = False
        case TicketUnmarkedSpam():
            seen.counts = True
        case TicketResolved(strategy=strategy, after_sales=after_sales):
            seen.strategy, seen.after_sales = strategy, after_sales
            seen.resolved_at = seen.resolved_at or event.at
        case MessageSent(direction=Direction.IN):
            seen.asked_at = seen.asked_at or event.at
        case MessageSent(visibility=Visibility.PUBLIC, sender_type=Party.AGENT):
            seen.replied_at = seen.replied_at or event.at
        case RatingSubmitted(source=RatingSource.CUSTOMER, kind=None, raw=raw, scale_min=lowest, scale_max=highest):
            seen.scores.append(100 * (raw - lowest) / (highest - lowest))


def share(items: Iterable[Seen], claim: Callable[[Seen], bool]) -> float:
    judged = [claim(item) for item in items]
    return sum(judged) / len(judged)


def satisfied(tickets: Iterable[Seen]) -> tuple[int, int]:
    scores = [score for ticket in tickets for score in ticket.scores]
    return sum(score >= SATISFIED_FROM for score in scores), len(scores)


def wilson(good: int, n: int, z: float = 1.96) -> tuple[float, float]:
    middle = (good / n + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(good / n * (1 - good / n) / n + z * z / (4 * n * n))
    return middle - reach, middle + reach


def faulty(ticket: Seen) -> bool:
    return FAULTY_WEEK[0] <= ticket.created_at < FAULTY_WEEK[1]


def response(tickets: Iterable[Seen]) -> float:
    return median(seconds for ticket in tickets if (seconds := ticket.first_response_seconds) is not None)


# The whole month ------------------------------------------------------------------------------------------------------


def test_a_month_has_the_asked_number_of_tickets_and_about_140_000_events(month: Month) -> None:
    assert len(month.tickets) == pytest.approx(30 * 400, rel=0.06)
    assert len(month.events) == pytest.approx(140_000, rel=0.12)


@pytest.mark.parametrize("per_day", [50, 1_000])
def test_a_week_has_the_asked_number_of_tickets(per_day: int) -> None:
    now = START + timedelta(days=7)
    tickets = sum(isinstance(event.data, TicketCreated) for event in events(3, START, now, per_day))
    assert abs(tickets - 7 * per_day) < 4 * math.sqrt(7 * per_day)


def test_different_seeds_are_different_worlds() -> None:
    end = START + timedelta(days=1)
    one, other = ({event.at for event in events(seed, START, end)} for seed in (1, 2))
    assert len(one & other) < 0.01 * len(one), "some instants are the same by chance"
    ids = [{event.id for event in events(seed, START, end)} for seed in (1, 2)]
    assert ids[0].isdisjoint(ids[1])


def test_most_contacts_are_inquiries(month: Month) -> None:
    inquiries = share(month.effective, lambda ticket: ticket.contact_type is ContactType.INQUIRY)
    assert 0.70 < inquiries < 0.80


def test_one_question_makes_up_near_thirty_percent(month: Month) -> None:
    (name, most), (_, second) = Counter(ticket.reason for ticket in month.effective).most_common(2)
    assert name == "delivery-date"
    assert 0.26 < most / len(month.effective) < 0.33
    assert second < most / 3


def test_every_event_that_producers_send_about_tickets_and_orders_occurs(month: Month) -> None:
    assert {event.name for event in month.events} == {
        "fault.declared", "fault.updated", "fault.fixed", "ticket.linked", "intervention.recorded",
        "ticket.created", "ticket.classified", "ticket.assigned", "ticket.status_changed", "ticket.resolved",
        "ticket.reopened", "ticket.closed", "ticket.escalated", "ticket.merged", "ticket.marked_spam",
        "ticket.unmarked_spam", "ticket.deleted", "message.sent", "survey.offered", "rating.submitted",
        "rating.revised", "rating.withdrawn", "compensation.granted", "order.placed", "order.cancelled",
        "event.retracted", "promise.made", "promise.moved", "promise.kept", "promise.withdrawn",
        "contact.queued", "contact.answered", "contact.abandoned", "selfservice.session",
        "compensation.requested", "compensation.denied", "ticket.worked", "return.completed",
        "ticket.outcome_set", "context.viewed",
    }  # fmt: skip


def test_identities_are_unique_and_sequences_count_up(month: Month) -> None:
    assert len({(event.source, event.id) for event in month.events}) == len(month.events)
    sequences: dict[str, list[int]] = {}
    for event in month.events:
        if event.sequence is not None:
            sequences.setdefault(event.subject, []).append(event.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values())


def test_about_a_third_of_the_surveys_is_answered_and_some_only_days_later(month: Month) -> None:
    offered = {survey.survey_id: at for at, survey in month.said(SurveyOffered)}
    delays = [at - offered[rating.survey_id] for at, rating in month.said(RatingSubmitted) if rating.survey_id]
    assert 0.30 < len(delays) / len(offered) < 0.38
    assert sum(delay > timedelta(days=3) for delay in delays) > 20
    assert max(delays) < timedelta(days=14)


def test_agents_enter_flattering_ratings_without_a_survey(month: Month) -> None:
    entered = [rating for _, rating in month.said(RatingSubmitted) if rating.source is RatingSource.AGENT]
    assert len(entered) > 200
    assert all(rating.survey_id is None for rating in entered)
    assert sum(rating.raw == rating.scale_max for rating in entered) / len(entered) > 0.9


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_an_answer_counts_as_satisfied_exactly_where_the_customer_was(scale: Scale) -> None:
    def score(raw: float) -> float:
        return 100 * (raw - scale.lowest) / (scale.highest - scale.lowest)

    assert all(score(raw) >= SATISFIED_FROM for raw in scale.satisfied.choices)
    assert all(score(raw) < SATISFIED_FROM for raw in scale.dissatisfied.choices)


def test_comments_fit_the_rating(month: Month) -> None:
    praise, blame = (set(COMMENTS[is_good].choices) for is_good in (True, False))
    rated = [rating for _, rating in month.said(RatingSubmitted) if rating.comment]
    assert rated
    for rating in rated:
        is_good = 100 * (rating.raw - rating.scale_min) / (rating.scale_max - rating.scale_min) >= SATISFIED_FROM
        assert rating.comment in (praise if is_good else blame)


def test_a_backlog_stays_open_and_some_are_never_answered(month: Month) -> None:
    backlog = [ticket for ticket in month.effective if ticket.resolved_at is None]
    assert 100 < len(backlog) < 1_000
    old = [ticket for ticket in backlog if ticket.created_at < NOW - timedelta(days=10)]
    assert any(ticket.replied_at is None for ticket in old)


def test_compensation_stays_within_its_cap_and_sometimes_meets_it(month: Month) -> None:
    granted = [(grant.amount, grant.cap) for _, grant in month.said(CompensationGranted)]
    assert all(cap is not None and 0 <= amount <= cap for amount, cap in granted)
    at_cap = sum(amount == cap for amount, cap in granted) / len(granted)
    assert 0.05 < at_cap < 0.5


def test_orders_come_all_month_and_few_are_called_off(month: Month) -> None:
    placed = {order.order_id: at for at, order in month.said(OrderPlaced)}
    assert len({at.astimezone(BERLIN).date() for at in placed.values()}) == 31
    cancelled = month.said(OrderCancelled)
    assert 0.01 < len(cancelled) / len(placed) < 0.06
    assert all(placed[order.order_id] < at for at, order in cancelled)
    kinds = Counter(order.kind for _, order in month.said(OrderPlaced))
    assert kinds[OrderKind.REPLACEMENT] > kinds[OrderKind.EXCHANGE] > 0


def test_merges_join_tickets_of_one_customer(month: Month) -> None:
    merges = month.said(TicketMerged)
    assert len(merges) > 100
    for _, merge in merges:
        loser, survivor = month.tickets[merge.ticket_id], month.tickets[merge.into_ticket_id]
        assert loser.customer_id == survivor.customer_id
        assert survivor.created_at < loser.created_at


# The faulty delivery week ---------------------------------------------------------------------------------------------


def test_the_faulty_week_triples_complaints_of_the_delivery_team(month: Month) -> None:
    assert 2.5 < complaint_ratio(month, "delivery") < 4.0


def test_the_faulty_week_drops_satisfaction_of_the_delivery_team_and_it_recovers(month: Month) -> None:
    before, during, after = (weekly_satisfaction(month, "delivery", week) for week in (-1, 0, 1))
    assert 0.80 < before < 0.92
    assert 0.53 < during < 0.67
    assert 0.80 < after < 0.92


def test_the_faulty_week_makes_the_delivery_team_slow(month: Month) -> None:
    tickets = [ticket for ticket in month.effective if ticket.team == "delivery"]
    usual = response(ticket for ticket in tickets if not faulty(ticket) and ticket.created_at < FAULTY_WEEK[0])
    assert response(filter(faulty, tickets)) > 2 * usual


def test_the_faulty_week_leaves_the_other_teams_alone(month: Month) -> None:
    assert 0.7 < complaint_ratio(month, None) < 1.4
    others = [ticket for ticket in month.effective if ticket.team != "delivery"]
    inside = wilson(*satisfied(filter(faulty, others)), z=2.6)
    outside = wilson(*satisfied(ticket for ticket in others if not faulty(ticket)), z=2.6)
    assert inside[0] < outside[1]
    assert outside[0] < inside[1]


def complaint_ratio(month: Month, team: str | None) -> float:
    """Return complaint rate in the faulty week over that of the rest, of one team or of all but delivery."""
    tickets = [ticket for ticket in month.effective if (ticket.team == team if team else ticket.team != "delivery")]
    inside = share(filter(faulty, tickets), lambda ticket: ticket.is_complaint)
    return inside / share((ticket for ticket in tickets if not faulty(ticket)), lambda ticket: ticket.is_complaint)


def weekly_satisfaction(month: Month, team: str, week: int) -> float:
    """Return the satisfied share of tickets created in the faulty week (0), or so many weeks later."""
    begins_at, ends_at = (at + timedelta(weeks=week) for at in FAULTY_WEEK)
    good, n = satisfied(
        ticket for ticket in month.effective if ticket.team == team and begins_at <= ticket.created_at < ends_at
    )
    return good / n


# Two ways of handling a case ------------------------------------------------------------------------------------------


def test_solving_beats_judging_in_satisfaction_beyond_noise(month: Month) -> None:
    solve, judge = (
        wilson(*satisfied(ticket for ticket in month.effective if ticket.strategy == strategy))
        for strategy in ("solve", "judge")
    )
    assert solve[0] > judge[1]


def test_judging_makes_more_complaints(month: Month) -> None:
    solve, judge = (
        share((ticket for ticket in month.effective if ticket.strategy == strategy), lambda ticket: ticket.is_complaint)
        for strategy in ("solve", "judge")
    )
    assert judge > 1.25 * solve


def test_customers_of_solved_cases_order_again_more_often(month: Month) -> None:
    ordered: dict[str, list[datetime]] = {}
    for ordered_at, order in month.said(OrderPlaced):
        if order.kind is OrderKind.NORMAL:
            ordered.setdefault(order.customer_id, []).append(ordered_at)

    def came_back(ticket: Seen) -> bool:
        resolved_at = ticket.resolved_at or NOW
        return any(at > resolved_at for at in ordered.get(ticket.customer_id or "", []))

    cases = [ticket for ticket in month.effective if ticket.after_sales and ticket.resolved_at]
    solve, judge = (share([case for case in cases if case.strategy == name], came_back) for name in ("solve", "judge"))
    assert solve > 1.4 * judge


# The clock of the shop ------------------------------------------------------------------------------------------------


def test_mornings_peak_lunch_dips_and_weekends_are_quiet(month: Month) -> None:
    local = [ticket.created_at.astimezone(BERLIN) for ticket in month.tickets.values()]
    hours = Counter(at.hour for at in local if at.weekday() < 5)
    assert max(hours, key=lambda hour: hours[hour]) in (9, 10, 11)
    assert hours[13] < 0.8 * hours[10]
    assert hours[13] < hours[15]
    assert hours[3] < 0.05 * hours[10]
    days = Counter(at.weekday() for at in local)
    assert days[6] < days[5] < min(days[weekday] for weekday in range(5))


def test_agents_answer_in_opening_hours_of_the_local_clock_only(month: Month) -> None:
    replied = [
        at.astimezone(BERLIN)
        for at, message in month.said(MessageSent)
        if message.sender_type is Party.AGENT and message.visibility is Visibility.PUBLIC
    ]
    assert not [at for at in replied if at.weekday() == 6]
    on_weekdays = [at for at in replied if at.weekday() < 5]
    assert min(at.hour for at in on_weekdays) == 8
    assert max((at.hour, at.minute) for at in on_weekdays) < (20, 20)
    # Before and after the clocks changed, somebody is there from eight on, by the clock on the wall.
    days = {at.date() for at in on_weekdays}
    assert {at.date() for at in on_weekdays if at.hour == 8} >= days - {START.date(), NOW.date()}


@pytest.mark.parametrize(("day", "length_hours"), [("2025-10-26", 25), ("2026-03-29", 23), ("2025-10-19", 24)])
def test_demand_follows_the_wall_clock_through_a_change_of_clocks(day: str, length_hours: int) -> None:
    rhythm = Rhythm()
    begins_at = milliseconds(datetime.fromisoformat(day).replace(tzinfo=BERLIN))
    demand = [rhythm.demand(begins_at + hour * HOUR) for hour in range(length_hours)]
    ordinary = milliseconds(datetime(2025, 10, 12, tzinfo=BERLIN))
    of_sunday = [rhythm.demand(ordinary + hour * HOUR) for hour in range(24)]
    walls = [instant(begins_at + hour * HOUR).astimezone(BERLIN).hour for hour in range(length_hours)]
    assert demand == [of_sunday[wall] for wall in walls]
    assert walls[-1] == 23


@pytest.mark.parametrize(("sunday", "two_o_clocks"), [("2025-10-26", 2), ("2026-03-29", 0)])
def test_a_change_of_clocks_leaves_no_hole_and_counts_nothing_twice(sunday: str, two_o_clocks: int) -> None:
    midnight = datetime.fromisoformat(sunday).replace(tzinfo=BERLIN)
    begins_at, ends_at = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
    per_day = 8_000
    arrived = Counter(
        event.at.astimezone(BERLIN).hour
        for event in events(5, begins_at, ends_at, per_day)
        if isinstance(event.data, TicketCreated)
    )
    for hour, weight in enumerate(HOUR_WEIGHTS):
        occurrences = two_o_clocks if hour == 2 else 1
        expected = occurrences * per_day * WEEKDAY_FACTORS[6] * weight / sum(HOUR_WEIGHTS)
        assert abs(arrived[hour] - expected) <= 4.5 * math.sqrt(expected)


def test_everybody_waits_longer_when_more_people_wait() -> None:
    def mean_wait_seconds(waiting: int) -> float:
        desk = Desk(Random(1), Timeline(), Rhythm(live_from=0), Span(0, 0), per_day=400, live_per_day=400)
        crew = desk.crew("delivery")
        with ExitStack() as queue:
            for number in range(waiting):
                queue.enter_context(crew.queue(mail(number)))
            assert crew.waiting == waiting
            agent = crew.agents[0]
            replies = [desk.reply(mail(0), 0, crew, agent, is_first=True).at for _ in range(1_000)]
        assert crew.waiting == 0
        return mean(replies) / SECOND

    assert mean_wait_seconds(60) > 1.3 * mean_wait_seconds(15)


def mail(number: int) -> Contact:
    return Contact(
        ticket=Subject("/desk", f"T{number}", f"T{number}"),
        at=0,
        channel="email",
        team="delivery",
        reason=TEAMS[0].reasons[0],
        contact_type=ContactType.INQUIRY,
        priority="normal",
        product_line="sofas",
        region="north",
        language="de",
        customer_id=None,
        order_id=None,
        is_faulty=False,
    )


# Going on -------------------------------------------------------------------------------------------------------------


def test_the_live_part_is_busy_at_night_too() -> None:
    now = datetime(2025, 11, 21, 2, tzinfo=UTC)
    stream = endless(1, now - timedelta(days=2), now, per_day=200, live_per_day=40_000)
    ends_at = now + timedelta(minutes=10)
    live = [event for event in takewhile(lambda event: event.at < ends_at, stream) if event.at >= now]
    assert len(live) / 600 == pytest.approx(2.5, abs=1.2)
    longest_silence = max(later.at - earlier.at for earlier, later in pairwise(live))
    assert longest_silence < timedelta(seconds=15)
    assert {"ticket.resolved", "rating.submitted"} <= {event.name for event in live}


def test_history_is_the_same_whatever_follows() -> None:
    end = START + timedelta(days=3)
    history = list(events(1, START, end, 100))
    before = list(takewhile(lambda event: event.at < end, endless(1, START, end, 100, live_per_day=10_000)))
    assert before == history


def test_memory_grows_with_what_is_going_on_not_with_the_past() -> None:
    timeline = open_desk(1, milliseconds(START), milliseconds(START), per_day=100, live_per_day=None)
    stream = timeline.events()
    sizes = []
    for days in (30, 90):
        end = START + timedelta(days=days)
        list(takewhile(lambda event, end=end: event.at < end, stream))  # type: ignore[misc]
        sizes.append(len(timeline))
    assert sizes[0] < 30 * 100 / 3
    assert sizes[1] < 1.4 * sizes[0]


class Received:
    """An outlet that keeps what it is given."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.past: list[Simulated] = []
        self.present: list[Simulated] = []
        self.flushed = 0

    def publish(
        self, content: Data, *, time: datetime, id: str, subject: str, subjectseq: int | None, replay: bool
    ) -> None:
        received = self.past if replay else self.present
        received.append(Simulated(time, self.source, id, NAME_OF[type(content)], subject, subjectseq, content))

    def flush(self) -> None:
        self.flushed = len(self.past)


def test_the_past_is_replayed_at_once_and_the_present_as_it_happens() -> None:
    start, ends_at = NOW - timedelta(days=1), NOW + timedelta(minutes=5)
    outlets = [Received(source) for source in SOURCES]
    player = Player(endless(1, start, NOW, 100, 40_000), {outlet.source: outlet for outlet in outlets})
    told: list[datetime] = []
    player.catch_up(NOW, told.append)
    time = SimulatedTime(NOW, ends_at)
    player.keep_up(time.now, time.wait)

    world = list(takewhile(lambda event: event.at <= ends_at, endless(1, start, NOW, 100, 40_000)))
    for outlet in outlets:
        own = [event for event in world if event.source == outlet.source]
        assert outlet.past == [event for event in own if event.at < NOW]
        assert outlet.present == [event for event in own if event.at >= NOW]
        assert outlet.flushed == len(outlet.past)
    assert player.published == len(world)
    assert told == sorted(told)
    assert told[-1] == NOW


class SimulatedTime:
    """A clock that moves only while somebody waits for it."""

    def __init__(self, now: datetime, ends_at: datetime) -> None:
        self._now = now
        self._ends_at = ends_at

    def now(self) -> datetime:
        return self._now

    def wait(self, seconds: float) -> bool:
        self._now += timedelta(seconds=seconds)
        return self._now > self._ends_at


def test_what_happened_while_nobody_played_follows_at_once() -> None:
    outlets = [Received(source) for source in SOURCES]
    player = Player(endless(1, NOW, NOW, 100, 40_000), {outlet.source: outlet for outlet in outlets})
    waited: list[float] = []
    later = NOW + timedelta(minutes=1)

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return seconds > 0

    player.keep_up(lambda: later, wait)
    assert player.published > 20
    assert set(waited[:-1]) == {0.0}
    assert all(event.at <= later for outlet in outlets for event in outlet.present)
    assert not any(outlet.past for outlet in outlets)


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        next(endless(1, datetime(2025, 1, 1), NOW))  # noqa: DTZ001
