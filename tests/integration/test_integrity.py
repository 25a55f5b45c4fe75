"""Whether numbers come about as they should, and what customers remember: what can be counted by hand."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from statistics import fmean
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from schemas.policy import Policy, Rule
from schemas.schedule import Version, Week
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.histories import INSTANTS, NOW_MS, event, public_answer
from tests.integration.conftest import Servers
from tests.integration.test_oracle import store

pytestmark = pytest.mark.integration

MINUTE_MS: Final = 60_000
WINDOW: Final = Window(INSTANTS[0] + 60 * DAY_MS, INSTANTS[0] + 160 * DAY_MS)
TEAMS: Final = ("north", "south")
AGENTS: Final = ("A-1", "A-2", "A-3")
REASONS: Final = (None, "delivery", "damage")
SEEDS: Final = range(2)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


class Told:
    """Events, each under an id of its own."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.events: list[Event] = []

    def say(self, ticket: str, content: e.Data, at: int) -> str:
        """Tell of something; return the id of the event."""
        id = f"e{len(self.events)}"
        self.events.append(event(content, at, id, subject=ticket))
        return id

    def retract(self, ticket: str, id: str, at: int) -> None:
        self.say(ticket, e.EventRetracted(target_source="urn:test:desk", target_id=id), at)

    def begin(self, ticket: str, at: int, **said: Any) -> Mapping[str, Any]:
        """Tell of a new ticket, which is spam now and then; return what is known of it."""
        known = {
            "team": self.rng.choice(TEAMS),
            "agent_id": self.rng.choice(AGENTS),
            "customer_id": self.rng.choice([None, *(f"C-{n}" for n in range(9))]),
            "reason": self.rng.choice(REASONS),
            **said,
        }
        begun = e.TicketCreated(ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, **known)
        self.say(ticket, begun, at)
        is_spam = self.rng.random() < 0.1
        if is_spam:
            self.say(ticket, e.TicketMarkedSpam(ticket_id=ticket), at + 1)
        return {**known, "at": at, "counts": not is_spam}

    def stored(self, client: Client) -> None:
        self.events.sort(key=lambda one: one.at_ms)
        store(client, [self.events[1::2], self.events[::2]])

    def some_time(self) -> int:
        return INSTANTS[0] + self.rng.randrange(200 * 24) * HOUR_MS + self.rng.randrange(HOUR_MS)


def agrees(client: Client, name: str, seen: Sequence[tuple[int, str, float]], by: Dimension = Dimension.TEAM) -> None:
    """Assert that a metric is the mean of what was seen in the window: when, whose, and what it measures."""
    figures = answer(client, Question(metrics=[METRICS[name]], windows=[WINDOW], by=by), Window(0, NOW_MS))
    inside = [one for one in seen if WINDOW.start_at <= one[0] < WINDOW.end_at]
    assert len({value for _, _, value in inside}) > 1, "nothing is told apart"
    assert {key[1] for key in figures} == {None, *(whose for _, whose, _ in inside)}
    for key, figure in figures.items():
        values = [value for _, whose, value in inside if key[1] in (None, whose)]
        assert (key[1], figure.n) == (key[1], len(values))
        assert figure.value == pytest.approx(fmean(values))


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_asked_whether_they_were_satisfied(client: Client, seed: int) -> None:
    told = Told(seed)
    rng, asked, slow = told.rng, list[tuple[int, str, float]](), list[tuple[int, str, float]]()
    for number in range(150):
        ticket, at = f"T-{number}", told.some_time()
        known = told.begin(ticket, at)
        answered = rng.choice([None, 10, 59, 60, 61, 300, 2000])
        if answered is not None:
            told.say(ticket, public_answer(ticket), at + answered * MINUTE_MS)
        resolved_at = at + rng.choice([2, 5, 30, 40]) * DAY_MS
        told.say(ticket, e.TicketResolved(ticket_id=ticket), resolved_at)
        offers = [
            resolved_at + rng.choice([-2 * HOUR_MS, -HOUR_MS, 5000, 6 * DAY_MS, 7 * DAY_MS, 7 * DAY_MS + 1])
            for _ in range(rng.randrange(3))
        ]
        for place, offered_at in enumerate(offers):
            told.say(ticket, e.SurveyOffered(ticket_id=ticket, survey_id=f"s{place}"), offered_at)
        if not known["counts"]:
            continue
        is_asked = any(resolved_at - HOUR_MS <= one <= resolved_at + 7 * DAY_MS for one in offers)
        asked.append((resolved_at, known["team"], is_asked))
        if (answered is None or answered > 60) and at > resolved_at - 31 * DAY_MS:
            slow.append((resolved_at, known["team"], is_asked))
    told.stored(client)
    agrees(client, "surveyed_share", asked)
    agrees(client, "surveyed_after_slow_share", slow)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_rates_in_bulk_and_who_remembers_a_bad_experience(client: Client, seed: int) -> None:
    told = Told(seed)
    rng, given = told.rng, list[tuple[int, str, str, float, bool]]()
    for number in range(200):
        ticket, at = f"T-{number}", told.some_time()
        known = told.begin(ticket, at, customer_id=rng.choice([None, *(f"C-{n}" for n in range(40))]))
        rated_at = at + HOUR_MS
        if others := [one[0] for one in given if one[1] == known["customer_id"]]:
            rated_at = rng.choice(others) + rng.choice([-1, 0, 1]) * 10 * MINUTE_MS + rng.randrange(-1, 2)
        rated_at = max(at + 2, rated_at)
        raw, kind = float(rng.choice([1, 3, 4, 5, 5, 5])), rng.choice([None, None, e.SurveyKind.CES])
        source = rng.choice([e.RatingSource.CUSTOMER] * 5 + [e.RatingSource.AGENT])
        rating = e.RatingSubmitted(
            ticket_id=ticket, rating_id="r", raw=raw, scale_min=1, scale_max=5, source=source, kind=kind
        )
        told.say(ticket, rating, rated_at)
        if known["counts"] and known["customer_id"] and source is e.RatingSource.CUSTOMER:
            given.append((rated_at, known["customer_id"], known["team"], raw, kind is None))
    told.stored(client)
    bursts = [
        (at, team, sum(who == other and abs(when - at) <= 10 * MINUTE_MS for when, other, *_ in given) >= 3)
        for at, who, team, *_ in given
    ]
    agrees(client, "ratings_in_bursts", [(at, team, float(is_one)) for at, team, is_one in bursts])
    hurt = defaultdict[tuple[str | None, str], list[bool]](list)
    for at, who, team, _, is_csat in given:
        if is_csat and WINDOW.start_at <= at < WINDOW.end_at:
            is_hurt = any(
                other == who and raw < 4 and at - 30 * DAY_MS < when <= at and counts
                for when, other, _, raw, counts in given
            )
            hurt[None, who].append(is_hurt)
            hurt[team, who].append(is_hurt)
    question = Question(metrics=[METRICS["hurt_customers"]], windows=[WINDOW], by=Dimension.TEAM)
    figures = answer(client, question, Window(0, NOW_MS))
    assert len(figures) == 1 + len(TEAMS)
    for key, figure in figures.items():
        each = [any(those) for (team, _), those in hurt.items() if team == key[1]]
        assert figure.n == len(each)
        assert figure.value == pytest.approx(fmean(each))


@pytest.mark.parametrize("seed", SEEDS)
def test_clocks_that_are_stopped_just_in_time(client: Client, seed: int) -> None:
    told = Told(seed)
    rng, seen = told.rng, list[tuple[int, str, float]]()
    policy = Policy(from_at=datetime(2020, 1, 1), zone="UTC", resolution=(Rule(within="1d"),))  # noqa: DTZ001 - by its zone
    told.say("policy", e.PolicyPublished(versions=(policy,)), INSTANTS[0])
    for number in range(150):
        ticket, at = f"T-{number}", told.some_time()
        known = told.begin(ticket, at)
        cycles = list[tuple[int, int]]()
        for _ in range(rng.randrange(1, 4)):
            ended_at = at + DAY_MS - rng.choice([-1, 0, 1, HOUR_MS, 144 * MINUTE_MS - 1, 144 * MINUTE_MS, 20 * HOUR_MS])
            cycles.append((at, ended_at))
            told.say(ticket, e.TicketResolved(ticket_id=ticket), ended_at)
            at = ended_at + rng.choice([1, HOUR_MS, DAY_MS, DAY_MS + 1, 3 * DAY_MS])
            told.say(ticket, e.TicketReopened(ticket_id=ticket), at)
        for place, (began_at, ended_at) in enumerate(cycles):
            again = cycles[place + 1][0] if place + 1 < len(cycles) else at
            if known["counts"] and 0 <= began_at + DAY_MS - ended_at < DAY_MS / 10:
                seen.append((ended_at, known["team"], float(again - ended_at <= DAY_MS)))
    told.stored(client)
    agrees(client, "reopened_after_target", seen)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_told_the_same_again(client: Client, seed: int) -> None:
    told = Told(seed)
    rng, tickets, sent = told.rng, list[Mapping[str, Any]](), list[tuple[int, Mapping[str, Any], str | None]]()
    answers = list[tuple[int, Mapping[str, Any], str, str | None]]()
    for number in range(150):
        ticket, at = f"T-{number}", told.some_time()
        known = told.begin(ticket, at)
        counts = known["counts"] and known["customer_id"]
        if counts:
            tickets.append(known)
        is_waiting = True
        for place, hour in enumerate(sorted(rng.sample(range(1, 40 * 24), rng.randrange(6)))):
            message = e.MessageSent(
                ticket_id=ticket,
                message_id=f"m{place}",
                direction=rng.choice([e.Direction.OUT] * 5 + [e.Direction.IN] * 2),
                visibility=rng.choice([e.Visibility.PUBLIC] * 6 + [e.Visibility.PRIVATE]),
                sender_type=rng.choice([e.Party.AGENT] * 5 + [e.Party.BOT] + [e.Party.CUSTOMER] * 2),
                sender_id=rng.choice([None, *AGENTS]),
                template_id=rng.choice([None, "wait", "sorry"]),
            )
            written_at = at + hour * HOUR_MS + number
            id = told.say(ticket, message, written_at)
            if rng.random() < 0.1:
                told.retract(ticket, id, written_at + 1)
                continue
            way = message.visibility, message.direction, message.sender_type
            if way == (e.Visibility.PUBLIC, e.Direction.IN, e.Party.CUSTOMER):
                is_waiting = True
            if way == (e.Visibility.PUBLIC, e.Direction.OUT, e.Party.AGENT) and counts:
                sent.append((written_at, known, message.template_id))
                if is_waiting:
                    answers.append((written_at, known, message.sender_id or known["agent_id"], message.template_id))
                is_waiting = False
    told.stored(client)
    seen = list[tuple[int, str, float]]()
    for at, known, who, template in answers:
        same = [one for one in tickets if all(one[key] == known[key] for key in ("customer_id", "reason"))]
        if any(at - 90 * DAY_MS <= one["at"] < known["at"] for one in same):
            before = [
                text for when, of, text in sent if any(of is one for one in same) and at - 90 * DAY_MS <= when < at
            ]
            seen.append((at, who, float(template is not None and template in before)))
    agrees(client, "canned_repeats", seen, Dimension.AGENT)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_customers_wanted_and_what_they_got(client: Client, seed: int) -> None:
    told = Told(seed)
    rng, seen = told.rng, list[tuple[int, str, str, str]]()
    for number in range(150):
        ticket, at = f"T-{number}", told.some_time()
        known = told.begin(ticket, at)
        said = list[tuple[int, str, str]]()
        for place in range(rng.randrange(4)):
            told_at = at + rng.choice([-DAY_MS, 0, DAY_MS, 91 * DAY_MS, 92 * DAY_MS, 120 * DAY_MS]) + place
            wanted, got = rng.choice(["repair", "return", "refund"]), rng.choice(["repair", "return"])
            id = told.say(ticket, e.TicketOutcomeSet(ticket_id=ticket, requested=wanted, granted=got), told_at)
            if rng.random() < 0.15:
                told.retract(ticket, id, told_at + 1)
            else:
                said.append((told_at, wanted, got))
        if said and known["counts"]:
            told_at, wanted, got = max(said)
            if told_at < at + 92 * DAY_MS:
                seen.append((max(told_at, at), known["team"], wanted, got))
    told.stored(client)
    agrees(client, "settled_as_requested", [(at, team, float(wanted == got)) for at, team, wanted, got in seen])
    agrees(
        client,
        "pushed_to_return",
        [(at, team, float(got == "return")) for at, team, wanted, got in seen if wanted != "return"],
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_who_had_read_the_story_and_who_answers_while_the_desk_is_closed(client: Client, seed: int) -> None:
    told = Told(seed)
    rng = told.rng
    prepared, outside, off_shift = (list[tuple[int, str, float]]() for _ in range(3))
    office = Week(*[("09:00-17:00",)] * 5)
    hours = Version(from_at=datetime(2020, 1, 1), zone="UTC", weekly=office)  # noqa: DTZ001 - by the clocks of its zone
    told.say("default", e.SchedulePublished(name="default", versions=(hours,)), INSTANTS[0])
    late = Version(from_at=datetime(2020, 1, 1), zone="UTC", weekly=Week(*[("14:00-22:00",)] * 3))  # noqa: DTZ001
    agent = AGENTS[0]
    told.say(f"agent:{agent}", e.SchedulePublished(name=f"agent:{agent}", versions=(late,)), INSTANTS[0])
    for number in range(150):
        ticket, at = f"T-{number}", told.some_time()
        known = told.begin(ticket, at)
        answered_at = at + rng.randrange(1, 100) * HOUR_MS
        sender = rng.choice([None, *AGENTS])
        looks = [(rng.choice(AGENTS), answered_at + rng.choice([-1000, 0, 1000])) for _ in range(rng.randrange(3))]
        counting = list[tuple[str, int]]()
        for agent, looked_at in looks:
            id = told.say(ticket, e.ContextViewed(ticket_id=ticket, agent_id=agent), looked_at)
            if rng.random() < 0.1:
                told.retract(ticket, id, looked_at + 1)
            else:
                counting.append((agent, looked_at))
        answering = e.MessageSent(
            ticket_id=ticket,
            message_id="m",
            direction=e.Direction.OUT,
            visibility=e.Visibility.PUBLIC,
            sender_type=e.Party.AGENT,
            sender_id=sender,
        )
        told.say(ticket, answering, answered_at)
        if known["counts"]:
            is_ready = any(looked_at <= answered_at and sender in (None, agent) for agent, looked_at in counting)
            clock = datetime.fromtimestamp(answered_at / 1000, UTC)
            prepared.append((answered_at, known["team"], float(is_ready)))
            outside.append((answered_at, known["team"], float(not (clock.weekday() < 5 and 9 <= clock.hour < 17))))
            if (sender or known["agent_id"]) == AGENTS[0]:
                is_off = not (clock.weekday() < 3 and 14 <= clock.hour < 22)
                off_shift.append((answered_at, AGENTS[0], float(is_off)))
    told.stored(client)
    agrees(client, "prepared_share", prepared)
    agrees(client, "answers_outside_hours", outside)
    agrees(client, "answers_off_shift", off_shift, Dimension.AGENT)


def test_a_desk_that_does_not_tell_who_read_has_no_number(client: Client) -> None:
    told = Told(0)
    told.begin("T", WINDOW.start_at, customer_id="C")
    told.say("T", public_answer("T"), WINDOW.start_at + HOUR_MS)
    store(client, [told.events])
    question = Question(metrics=[METRICS["prepared_share"], METRICS["first_response_n"]], windows=[WINDOW])
    counted = {figure.metric.name: figure.n for figure in answer(client, question, Window(0, NOW_MS)).values()}
    assert counted["prepared_share"] == 0
    assert counted["first_response_n"] == 1
