"""Whom returning customers meet, and how agents see their own work: what can be counted by hand."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from statistics import fmean
from typing import Final

import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from streams.core.ask.question import Question
from streams.core.metrics import METRICS, Dimension
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.figures import answer
from tests.databases import new_database
from tests.histories import INSTANTS, NOW_MS, event
from tests.integration.conftest import Servers
from tests.integration.test_oracle import store

pytestmark = pytest.mark.integration

WINDOW: Final = Window(INSTANTS[0] + 60 * DAY_MS, INSTANTS[0] + 160 * DAY_MS)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


@pytest.mark.parametrize("seed", range(3))
def test_whom_returning_customers_meet_can_be_counted_by_hand(client: Client, seed: int) -> None:
    rng, told = Random(seed), list[Event]()
    tickets = list[tuple[int, str, str | None, str | None, str]]()
    for number in range(260):
        ticket, who = f"T-{number:03}", rng.choice([None, *(f"C-{n}" for n in range(30))])
        at = INSTANTS[0] + rng.randrange(200) * DAY_MS + number
        agent, team = rng.choice([None, "A-1", "A-2", "A-3"]), rng.choice(["north", "south"])
        begun = e.TicketCreated(
            ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, customer_id=who, agent_id="A-9", team=team
        )
        told.append(event(begun, at, f"b{number}", subject=ticket))
        told.append(
            event(e.TicketAssigned(ticket_id=ticket, agent_id=agent), at + HOUR_MS, f"a{number}", subject=ticket)
        )
        if rng.random() < 0.1:
            told.append(event(e.TicketMarkedSpam(ticket_id=ticket), at + 2 * HOUR_MS, f"s{number}", subject=ticket))
        else:
            tickets.append((at, ticket, who, agent, team))
    store(client, [told[::2], told[1::2]])
    usual, met = list[tuple[str, bool]](), list[tuple[str, int]]()
    for at, _, who, agent, team in tickets:
        if not who or not agent or not WINDOW.start_at <= at < WINDOW.end_at:
            continue
        others = [one for one in tickets if one[2] == who and one[3] and at - 90 * DAY_MS <= one[0] < at]
        if others:
            counts = Counter(one[3] for one in others)
            best = max(others, key=lambda one: (counts[one[3]], one[0]))
            usual.append((team, best[3] == agent))
            met.append((team, len({one[3] for one in others} | {agent})))
    metrics = [METRICS["usual_agent_share"], METRICS["agents_met"]]
    question = Question(metrics=metrics, windows=[WINDOW], by=Dimension.TEAM)
    for (_, part, name), figure in _figures(client, question).items():
        seen = [float(value) for team, value in (usual if name == "usual_agent_share" else met) if part in (None, team)]
        assert figure[0] == len(seen)
        assert figure[1] == pytest.approx(fmean(seen))


def _figures(client: Client, question: Question) -> dict[tuple[int, str | None, str], tuple[int, float | None]]:
    figures = answer(client, question, Window(0, NOW_MS))
    return {
        (number, key[1], figure.metric.name): (figure.n, figure.value)
        for number, (key, figure) in enumerate(figures.items())
    }


@pytest.mark.parametrize("seed", range(3))
def test_by_how_much_agents_flatter_themselves_can_be_counted_by_hand(client: Client, seed: int) -> None:
    rng, told, seen = Random(seed), list[Event](), list[float]()
    for number in range(80):
        ticket = f"T-{number}"
        begun = e.TicketCreated(
            ticket_id=ticket, channel="mail", created_by=e.Party.CUSTOMER, customer_id=f"C-{number}"
        )
        created = WINDOW.start_at + rng.randrange(90) * DAY_MS
        told.append(event(begun, created, f"b{number}", subject=ticket))
        scores: dict[e.RatingSource, list[float]] = {e.RatingSource.AGENT: [], e.RatingSource.CUSTOMER: []}
        for place in range(rng.randrange(4)):
            source, raw = rng.choice(list(scores)), rng.choice([1.0, 2.0, 4.0, 5.0])
            kind = rng.choice([None, None, e.SurveyKind.CSAT, e.SurveyKind.CES])
            rating = e.RatingSubmitted(
                ticket_id=ticket, rating_id=f"r{place}", raw=raw, scale_min=1, scale_max=5, source=source, kind=kind
            )
            told.append(event(rating, created + (place + 1) * 5 * HOUR_MS, f"r{number}-{place}", subject=ticket))
            if kind is not e.SurveyKind.CES:
                scores[source].append(25 * (raw - 1))
        own = scores[e.RatingSource.AGENT]
        seen += [fmean(own) - score for score in scores[e.RatingSource.CUSTOMER] if own]
    store(client, [told])
    question = Question(metrics=[METRICS["self_rating_bias"]], windows=[WINDOW])
    (figure,) = _figures(client, question).values()
    assert figure[0] == len(seen)
    assert figure[1] == pytest.approx(fmean(seen))
