"""Who is told that a target is about to pass: when, of whom, and until when; on the real engine."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from dashboards.alert.breach import WAIT_MINUTES, will_breach
from dashboards.alert.rule import Rule
from dashboards.alert.rules import GROUPS, groups
from dashboards.alert.soonest import NAMED
from schemas import events as e
from schemas.codec import Event
from schemas.policy import SUBJECT, Policy
from schemas.schedule import Version, Week
from streams.clock import SystemClock
from streams.core.hours.published import open_hours
from streams.core.policy.published import policies
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS
from streams.sinks.clickhouse import ClickHouseStore
from tests.dashboards.alerting import RULES, asked, firing, numbers, texts
from tests.dashboards.states import INTERVAL, Evaluated, Said
from tests.databases import new_database
from tests.histories import NOW_MS, event, public_answer, settled
from tests.integration.conftest import Servers

UID: Final = "will-breach"
MINUTE: Final = 60_000
A_THURSDAY: Final = datetime(2026, 4, 2, tzinfo=UTC)


def at(clock: str, day: datetime = A_THURSDAY) -> int:
    """Return an instant of a day."""
    hours, minutes = map(int, clock.split(":"))
    return int((day + timedelta(hours=hours, minutes=minutes)).timestamp() * 1000)


@pytest.fixture(scope="module")
def whole(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


@pytest.fixture
def client(whole: Client) -> Client:
    for table in ("tickets", "ticket_days", "open_hours", "policies"):
        whole.command(f"TRUNCATE TABLE {table}")
    return whole


def store(client: Client, *events: Event) -> None:
    sink = ClickHouseStore(client)
    sink.insert(list(open_hours(events, NOW_MS)))
    sink.insert(policies(events, NOW_MS))
    sink.insert([row_of(one, NOW_MS) for one in settled(one for one in events if one.ticket_id).values()])


def ticket(
    id: str, asked_at: int, *then: tuple[int, e.Data], team: str | None = "delivery", priority: str | None = None
) -> list[Event]:
    """Return a ticket of a customer who asks at an instant, and what happens then."""
    asked = e.TicketCreated(ticket_id=id, channel="email", created_by=e.Party.CUSTOMER, team=team, priority=priority)
    return [event(said, when, f"{id}-{n}", n, subject=id) for n, (when, said) in enumerate([(asked_at, asked), *then])]


def policy(**targets: Sequence[dict[str, object]]) -> Event:
    version = msgspec.convert({"from": "2026-01-01T00:00:00", "zone": "UTC", **targets}, Policy)
    return event(e.PolicyPublished(versions=(version,)), at("00:00"), "policy", subject=SUBJECT)


def hours(*weekly: Sequence[str]) -> Event:
    version = Version(from_at=datetime(2026, 1, 1), zone="UTC", weekly=Week(*map(tuple, weekly)))  # noqa: DTZ001
    said = e.SchedulePublished(name="default", versions=(version,))
    return event(said, at("00:00"), "hours", subject="default")


def holds(client: Client, now: int) -> dict[str, bool]:
    """Return whether the condition holds at an instant, by team."""
    found = asked(client, RULES[UID]["data"][0], now)
    return {dict(labels)["team"]: bool(number) for labels, number in found.items()}


def fires(client: Client, *clocks: str) -> list[bool]:
    return [any(holds(client, at(clock)).values()) for clock in clocks]


# How it is written ----------------------------------------------------------------------------------------------------


def test_the_lead_time_is_what_a_desk_says_it_is() -> None:
    usual, wanted = (
        next(rule for rule in made["service quality"] if rule.uid == UID) for made in (groups(), groups(30))
    )
    assert usual == will_breach() != wanted == will_breach(30)
    assert "when 30 minutes are left" in wanted.description
    assert {name: [rule.uid for rule in rules] for name, rules in groups(30).items()} == {
        name: [rule.uid for rule in rules] for name, rules in GROUPS.items()
    }


def _rule(made: Mapping[str, Sequence[Rule]]) -> Rule:
    (found,) = [rule for rules in made.values() for rule in rules if rule.uid == UID]
    return found


def test_it_is_told_to_the_team_and_wakes_nobody() -> None:
    assert RULES[UID]["labels"] == {"severity": "warning"}, "whom it is told says the team of each alert"


def test_an_answer_that_is_stored_a_minute_after_its_question_leaves_no_word() -> None:
    rule, team = Evaluated(RULES[UID]), (("team", "delivery"),)
    held = [True, True, False, True, True, True]
    said = [[notice.said for notice in rule.look(n * INTERVAL, {team: one})] for n, one in enumerate(held)]
    assert said == [[], [], [], [], [], [Said.FIRES]]
    assert RULES[UID]["for"] == f"{WAIT_MINUTES}m"


# When -----------------------------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_team_is_told_a_quarter_of_an_hour_before_each_target_passes_and_no_more_when_it_has(client: Client) -> None:
    store(client, *ticket("A", at("12:00")))
    rule = Evaluated(RULES[UID])
    told = []
    for clock in ("12:42", "12:43", "12:44", "12:45", "13:00", "15:43", "15:45", "16:00"):
        one = holds(client, at(clock))["delivery"]
        told += [(clock, notice.said) for notice in rule.look(at(clock) // 1000, {(("team", "delivery"),): one})]
    first, any_one = (
        [("12:45", Said.FIRES), ("13:00", Said.RESOLVED)],
        [("15:45", Said.FIRES), ("16:00", Said.RESOLVED)],
    )
    assert told == first + any_one, "an hour for the first response, four for any, as built in"


@pytest.mark.integration
def test_a_target_shorter_than_the_lead_time_is_told_when_half_of_it_is_left(client: Client) -> None:
    store(client, policy(first_response=[{"within": "10m"}]), *ticket("A", at("12:00")))
    assert fires(client, "12:00", "12:02", "12:03", "12:09", "12:10") == [False, False, True, True, False]


@pytest.mark.integration
def test_open_hours_are_counted_so_that_it_is_told_while_somebody_can_answer(client: Client) -> None:
    open_days = [("09:00-17:00",)] * 5
    store(client, hours(*open_days), policy(response=[{"within": "2h", "hours": "open"}]))
    store(client, *ticket("over night", at("15:05")), *ticket("at night", at("18:00"), team="night"))
    assert fires(client, "16:47", "16:48") == [False, True], "17 minutes of open hours are left"
    assert texts(client, UID, "T", at("16:50"))["delivery"]["first"] == "2026-04-03 09:05 UTC"
    friday = A_THURSDAY + timedelta(days=1)
    assert holds(client, at("09:04", friday)) == {"delivery": True, "night": False}
    assert holds(client, at("09:05", friday)) == {"delivery": False, "night": False}
    assert holds(client, at("10:43", friday)) == {"delivery": False, "night": True}


@pytest.mark.integration
def test_what_falls_due_behind_a_weekend_is_told_before_it(client: Client) -> None:
    today = datetime.fromtimestamp(SystemClock().now_ms() // DAY_MS * DAY_MS / 1000, UTC)
    weekly = [("00:00-24:00",) if day in (today.weekday(), (today.weekday() + 3) % 7) else () for day in range(7)]
    store(client, hours(*weekly), policy(response=[{"within": "1h", "hours": "open"}]))
    store(client, *ticket("A", at("23:05", today)))
    assert [holds(client, at(clock, today))["delivery"] for clock in ("23:47", "23:49")] == [False, True]
    due_at = today + timedelta(days=3, minutes=5)
    assert texts(client, UID, "T", at("23:49", today))["delivery"]["first"] == f"{due_at:%Y-%m-%d %H:%M} UTC"


@pytest.mark.integration
def test_the_longest_target_of_all_is_told_too(client: Client) -> None:
    store(client, policy(first_response=[{"within": "10m", "priority": ["urgent"]}], response=[{"within": "30d"}]))
    store(client, *ticket("A", at("12:00", A_THURSDAY - timedelta(days=30))))
    assert fires(client, "11:42", "11:43", "12:00") == [False, True, False]


@pytest.mark.integration
@pytest.mark.parametrize("hours_of", ["calendar", "open"])
def test_who_writes_again_after_a_missed_target_is_told_of_again(client: Client, hours_of: str) -> None:
    store(client, hours(*[("00:00-24:00",)] * 7), policy(response=[{"within": "1h", "hours": hours_of}]))
    again = e.MessageSent(
        ticket_id="A",
        message_id="again",
        direction=e.Direction.IN,
        visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.CUSTOMER,
    )
    store(client, *ticket("A", at("09:00"), (at("12:00"), again)))
    assert fires(client, "09:50", "10:00", "12:42", "12:50", "13:00") == [True, False, False, True, False]


# Of whom --------------------------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_team_has_one_alert_that_names_a_few_tickets_the_soonest_first(client: Client) -> None:
    for n in range(7):
        store(client, *ticket(f"T{n}", at("12:00") + n * MINUTE))
    store(client, *ticket("other", at("12:05"), team="it's"), *ticket("nobody's", at("12:04"), team=None))
    assert firing(client, UID, at("12:50")) == [{"team": team} for team in ("delivery", "desk", "it's")]
    assert texts(client, UID, "T", at("12:50")) == {
        "delivery": {"first": "2026-04-02 13:00 UTC", "tickets": "T0, T1, T2, T3, T4 and 2 more"},
        "desk": {"first": "2026-04-02 13:04 UTC", "tickets": "nobody's"},
        "it's": {"first": "2026-04-02 13:05 UTC", "tickets": "other"},
    }
    assert NAMED == 5
    found = numbers(client, UID, at("12:50"))
    assert list(found["A"].values()) == [7, 1, 1]
    assert list(found["T"].values()) == [600, 840, 900], "seconds until the first one falls due"


@pytest.mark.integration
def test_of_a_ticket_with_two_targets_the_sooner_counts(client: Client) -> None:
    store(client, policy(first_response=[{"within": "1h"}], response=[{"within": "62m"}]), *ticket("A", at("12:00")))
    assert list(numbers(client, UID, at("12:50"))["A"].values()) == [1]
    assert texts(client, UID, "T", at("12:50"))["delivery"] == {"first": "2026-04-02 13:00 UTC", "tickets": "A"}


@pytest.mark.integration
@pytest.mark.parametrize(
    "then",
    [
        public_answer("A"),
        e.TicketResolved(ticket_id="A"),
        e.TicketMarkedSpam(ticket_id="A"),
        e.TicketDeleted(ticket_id="A"),
    ],
    ids=lambda said: e.NAME_OF[type(said)],
)
def test_it_is_over_with_the_answer_and_with_what_takes_the_ticket_away(client: Client, then: e.Data) -> None:
    store(client, *ticket("A", at("12:00")))
    assert holds(client, at("12:50")) == {"delivery": True}
    store(client, *ticket("A", at("12:00"), (at("12:51"), then)))
    assert holds(client, at("12:52")) == {"delivery": False}, "resolved, rather than gone"


@pytest.mark.integration
def test_the_team_that_has_the_ticket_now_is_told_and_the_other_one_no_more(client: Client) -> None:
    moved = e.TicketAssigned(ticket_id="A", team="billing")
    store(client, *ticket("A", at("12:00"), (at("12:46"), moved)))
    assert holds(client, at("12:50")) == {"billing": True, "delivery": False}


@pytest.mark.integration
def test_of_who_has_no_target_or_missed_it_long_ago_nothing_is_told(client: Client) -> None:
    store(client, policy(first_response=[{"within": "1h", "priority": ["urgent"]}]))
    store(client, *ticket("no target", at("12:00")), *ticket("missed", at("08:00"), priority="urgent"))
    assert fires(client, "12:50") == [False]
