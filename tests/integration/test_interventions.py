"""What interventions changed, on the real engine: what the core makes of the same counts, and no more."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client

from dashboards import text
from dashboards.macro import expand, interpolate
from dashboards.page.interventions import DASHBOARD
from schemas import events as e
from schemas.codec import Event
from streams.core.effect import drop_of, effect_of, of_count, of_share
from streams.core.said import said_rows
from streams.core.ticket.batch import event_row
from streams.core.window import DAY_MS, HOUR_MS
from streams.sinks.clickhouse import ClickHouseStore
from tests.databases import new_database
from tests.histories import event
from tests.integration.conftest import Servers
from tests.integration.test_oracle import store

pytestmark = pytest.mark.integration

AT: Final = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp() * 1000)
TEAMS: Final = [f"team {n}" for n in range(6)]
REASONS: Final = [f"reason {n}" for n in range(7)]


def recorded(id: str, day: float, **said: Any) -> Event:
    done = e.InterventionRecorded(intervention_id=id, kind=e.InterventionKind.TRAINING, title="solve", **said)
    return event(done, AT + round(day * DAY_MS), f"i-{id}-{day}", subject=id)


def tickets() -> list[Event]:
    """Return eight weeks of rated tickets: of the first team satisfaction rises, of one reason most stay away."""
    random, told = Random(5), []
    for number in range(2_400):
        day = random.uniform(-28, 28)
        team, reason = random.choice(TEAMS), random.choice(REASONS)
        if reason == REASONS[0] and day >= 0 and random.random() < 0.6:
            continue
        when, id = AT + round(day * DAY_MS), f"T{number}"
        kind = e.ContactType.COMPLAINT if random.random() < 0.1 else e.ContactType.INQUIRY
        created = e.TicketCreated(
            ticket_id=id, channel="email", created_by=e.Party.CUSTOMER, team=team, reason=reason, contact_type=kind
        )
        level = 0.97 if team == TEAMS[0] and day >= 0 else 0.55
        rated = e.RatingSubmitted(
            ticket_id=id, rating_id="r", raw=5 if random.random() < level else 1, scale_min=1, scale_max=5,
            source=e.RatingSource.CUSTOMER,
        )  # fmt: skip
        told += [event(created, when, f"c{id}", subject=id), event(rated, when + 1, f"r{id}", subject=id)]
    return told


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return tickets()


@pytest.fixture
def client(servers: Servers, told: list[Event]) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        client.command("TRUNCATE TABLE intervention_events")
        store(client, [told])
        yield client


def rows(client: Client, days_after: float = 40) -> list[dict[str, Any]]:
    (panel,) = [panel for row in DASHBOARD.rows for panel in row if panel.title == text.EFFECTS_TITLE]
    every = {"zone": "UTC", "team": "$__all", "channel": "$__all", "product_line": "$__all", "contact_type": "$__all"}
    sql = expand(
        interpolate(panel.sql, every),
        from_ms=AT - 60 * DAY_MS, to_ms=AT + round(days_after * DAY_MS), interval_seconds=3_600,
    )  # fmt: skip
    answer = client.query(sql)
    return [dict(zip(answer.column_names, row, strict=True)) for row in answer.result_rows]


def by_part(told: list[Event], column: str) -> dict[str, Counter[str]]:
    """Return of each part the tickets, ratings and so on before and after."""
    counts: dict[str, Counter[str]] = {}
    part_of = {one.subject: getattr(one.content, column) for one in told if isinstance(one.content, e.TicketCreated)}
    for one in told:
        side = "before" if one.at_ms < AT else "after"
        own = counts.setdefault(part_of[one.subject], Counter())
        if isinstance(one.content, e.RatingSubmitted):
            own[f"rated {side}"] += 1
            own[f"satisfied {side}"] += one.content.raw == 5
        elif isinstance(one.content, e.TicketCreated):
            own[f"tickets {side}"] += 1
            own[f"complaints {side}"] += one.content.contact_type is e.ContactType.COMPLAINT
    return counts


def test_effects_are_those_of_the_core_over_the_same_counts(client: Client, told: list[Event]) -> None:
    done = [recorded("I-1", 0, team=TEAMS[0]), recorded("I-2", 0, reason=REASONS[0]), recorded("I-3", 1)]
    tell(client, done)
    shown = {(row[text.FOR], row[text.MEASURED]): row for row in rows(client)}
    assert {measured for _, measured in shown} == {
        text.SATISFIED_MEASURED, text.COMPLAINTS_MEASURED, text.CONTACTS_MEASURED, "",
    }  # fmt: skip

    teams = by_part(told, "team")
    for title, hits, n in (
        (text.SATISFIED_MEASURED, "satisfied", "rated"),
        (text.COMPLAINTS_MEASURED, "complaints", "tickets"),
    ):
        moved = {
            team: of_share((c[f"{hits} before"], c[f"{n} before"]), (c[f"{hits} after"], c[f"{n} after"]))
            for team, c in teams.items()
        }
        wanted = effect_of(moved[TEAMS[0]], [moved[team] for team in TEAMS[1:]])
        _agrees(shown[f"{text.FOR_TEAM} {TEAMS[0]}", title], wanted)
    reasons = by_part(told, "reason")
    gone = {reason: of_count(c["tickets before"], c["tickets after"]) for reason, c in reasons.items()}
    wanted = effect_of(gone[REASONS[0]], [gone[reason] for reason in REASONS[1:]])
    assert wanted is not None
    row = shown[f"{text.FOR_REASON} {REASONS[0]}", text.CONTACTS_MEASURED]
    _agrees(row, drop_of(wanted))
    assert (row[text.VERDICT], row[text.BESIDE]) == (text.BETTER, 6)
    satisfied = shown[f"{text.FOR_TEAM} {TEAMS[0]}", text.SATISFIED_MEASURED]
    assert (satisfied[text.VERDICT], satisfied[text.BESIDE]) == (text.BETTER, 5)
    assert shown[text.FOR_ALL, ""][text.VERDICT] == text.CANNOT_BE_TOLD


def _agrees(row: dict[str, Any], effect: Any) -> None:
    said = (row[text.EFFECT], row[text.LOW], row[text.HIGH], row[text.BESIDE])
    assert said == pytest.approx((100 * effect.value, 100 * effect.low, 100 * effect.high, effect.untouched))


def tell(client: Client, said: list[Event]) -> None:
    ClickHouseStore(client).insert([*(event_row(one, AT + 90 * DAY_MS) for one in said), *said_rows(said)])


def test_who_was_touched_as_well_is_no_comparison_and_what_was_taken_back_is_none(client: Client) -> None:
    done = [recorded("I-1", 0, team=TEAMS[0]), recorded("I-2", 5, team=TEAMS[1]), recorded("I-3", 6, team=TEAMS[2])]
    tell(client, done)
    (row,) = [
        one for one in rows(client) if TEAMS[0] in one[text.FOR] and one[text.MEASURED] == text.SATISFIED_MEASURED
    ]
    assert (row[text.EFFECT], row[text.VERDICT], row[text.BESIDE]) == (None, text.CANNOT_BE_TOLD, 3)
    back = e.EventRetracted(target_source=done[1].source, target_id=done[1].id)
    tell(client, [event(back, AT + 7 * DAY_MS, "back", subject="I-2")])
    shown = rows(client)
    assert {one[text.FOR] for one in shown} == {f"{text.FOR_TEAM} {team}" for team in (TEAMS[0], TEAMS[2])}
    assert {one[text.BESIDE] for one in shown} == {4}


def test_recorded_again_the_latest_word_counts_and_before_four_weeks_it_is_so_far(client: Client) -> None:
    tell(client, [recorded("I-1", -3, team="nobody"), recorded("I-1", 0, team=TEAMS[0])])
    shown = rows(client, days_after=10 + HOUR_MS / DAY_MS)
    assert {(one[text.FOR], one[text.DAYS_AFTER]) for one in shown} == {(f"{text.FOR_TEAM} {TEAMS[0]}", 10)}
