"""By the desk's own definitions: what a policy makes of ratings, answers and resolutions, late, changed, withdrawn."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from schemas import events as e
from schemas.codec import Event
from schemas.policy import SUBJECT, Policy
from schemas.schedule import Version, Week
from streams.core.ask.question import Question, observed
from streams.core.hours.published import open_hours
from streams.core.metrics import METRICS, Dimension, Observations
from streams.core.metrics.in_target import FIRST_RESPONSES_DUE, RESPONSES_DUE
from streams.core.metrics.policy import in_force
from streams.core.policy.published import policies
from streams.core.said import said_rows
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import Window
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.figures import answer
from streams.sinks.policy import standing
from streams.sinks.refold import refold_published
from streams.sinks.verify import POLICY, Verifier
from streams.sinks.watch import ClickHouseWatchStore
from tests.databases import new_database
from tests.histories import NOW_MS, event, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

MINUTE_MS = 60_000
NOTHING = {None: (0, None)}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


YEAR = Window(ms("2026-01-01"), ms("2027-01-01"))
JULY = ms("2026-07-01")


@pytest.fixture(scope="module")
def whole(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as client:
        yield client


@pytest.fixture
def client(whole: Client) -> Client:
    for table in ("events", "tickets", "ticket_days", "ticket_ratings", "open_hours", "policies", "contact_events"):
        whole.command(f"TRUNCATE TABLE {table}")
    return whole


def ticket(
    id: str, at: str, minutes: Sequence[int] = (), *, raw: float | None = None, solved: int | None = None, **said: str
) -> list[Event]:
    """Return a ticket that a customer opens, answers after so many minutes, a rating of 1 to 5, and its resolution."""
    opened = e.TicketCreated(ticket_id=id, channel="email", created_by=e.Party.CUSTOMER, **said)  # type: ignore[arg-type]
    told: list[tuple[int, e.Data]] = [(0, opened)]
    for number, minute in enumerate(minutes):
        told.append((minute, _answer(id) if number % 2 == 0 else _question(id)))
    if solved is not None:
        told.append((solved, e.TicketResolved(ticket_id=id)))
    if raw is not None:
        told.append(
            (
                1,
                e.RatingSubmitted(
                    ticket_id=id, rating_id="r", raw=raw, scale_min=1, scale_max=5, source=e.RatingSource.CUSTOMER
                ),
            )
        )
    return [event(one, ms(at) + minute * MINUTE_MS, f"{id}-{n}", n, subject=id) for n, (minute, one) in enumerate(told)]


def _answer(id: str) -> e.MessageSent:
    return _message(id, e.Direction.OUT, e.Party.AGENT)


def _question(id: str) -> e.MessageSent:
    return _message(id, e.Direction.IN, e.Party.CUSTOMER)


def _message(id: str, direction: e.Direction, party: e.Party) -> e.MessageSent:
    return e.MessageSent(
        ticket_id=id, message_id="m", direction=direction, visibility=e.Visibility.PUBLIC, sender_type=party
    )


def version(from_at: str = "2026-01-01", **said: object) -> Policy:
    return msgspec.convert({"from": f"{from_at}T00:00:00", "zone": "UTC", **said}, Policy)


def published(at: str, *versions: Policy) -> Event:
    return event(e.PolicyPublished(versions=versions), ms(at), f"policy-{at}", subject=SUBJECT)


def store(client: Client, *events: Event) -> None:
    sink = ClickHouseStore(client)
    sink.insert([event_row(one, NOW_MS) for one in events])
    sink.insert(list(open_hours(events, NOW_MS)))
    sink.insert(policies(events, NOW_MS))
    sink.insert(said_rows(events))
    sink.insert([row_of(one, NOW_MS) for one in settled(one for one in events if one.ticket_id).values()])


def shown(client: Client, name: str, by: Dimension | None = None) -> dict[str | None, tuple[int, int | None]]:
    """Return n and hits of a share, as a whole and by part."""
    found = answer(client, Question(metrics=[METRICS[name]], windows=[YEAR], by=by), YEAR)
    return {part: (figure.n, figure.hits) for (_, part, _), figure in found.items()}


def test_a_policy_published_late_measures_ratings_by_the_version_in_force_then(client: Client) -> None:
    store(client, *(one for n, raw in enumerate((2, 3, 4, 5)) for one in ticket(f"A{n}", "2026-03-01", raw=raw)))
    store(client, *(one for n, raw in enumerate((2, 3, 4, 5)) for one in ticket(f"B{n}", "2026-08-01", raw=raw)))
    assert shown(client, "csat_share") == {None: (8, 4)}
    said = [version(satisfied_from=50), version("2026-07-01", satisfied_from=100)]
    store(client, published("2026-09-01", *said))
    assert shown(client, "csat_share") == {None: (8, 3 + 1)}
    store(client, published("2026-09-02", said[0]))
    assert shown(client, "csat_share") == {None: (8, 3 + 3)}
    store(client, published("2026-08-31", version(satisfied_from=1)))
    assert shown(client, "csat_share") == {None: (8, 3 + 3)}, "an older statement that comes later counts nothing"
    store(client, published("2026-09-03"))
    assert shown(client, "csat_share") == {None: (8, 4)}
    assert standing(client) is not None


def test_of_a_scale_with_a_word_of_its_own_the_answer_decides_and_not_the_score(client: Client) -> None:
    store(client, *(one for n, raw in enumerate((2, 3, 4, 5)) for one in ticket(f"A{n}", "2026-03-01", raw=raw)))
    store(client, *(one for n, raw in enumerate((2, 3, 4, 5)) for one in ticket(f"B{n}", "2026-08-01", raw=raw)))
    five = {"scale_min": 1, "scale_max": 5, "satisfied_from": 3}
    ten = {"scale_min": 0, "scale_max": 10, "satisfied_from": 10}
    store(client, published("2026-09-01", version(scales=[five, ten]), version("2026-07-01", scales=[ten])))
    assert shown(client, "csat_share") == {None: (8, 3 + 2)}
    assert shown(client, "reassigned_after_bad_rating") == {None: (3, 0)}
    watched = ClickHouseWatchStore(client).ratings(YEAR.start_at, None).tickets
    assert Counter(rating.is_satisfied for one in watched for rating in one.ratings) == {True: 5, False: 3}
    store(client, published("2026-09-02"))
    assert shown(client, "csat_share") == {None: (8, 4)}


def test_a_row_of_the_release_before_says_what_was_built_in_then(client: Client) -> None:
    said = published("2026-01-01", version(satisfied_from=80))
    (row,) = policies([said], NOW_MS)
    names = {"subject": "String", "version": "UInt256", "published_at": "DateTime64(3, 'UTC')", "stated": "String"}
    values = f"'{row.subject}', {row.version}, fromUnixTimestamp64Milli({row.published_at}), '[]'"
    client.command(
        f"INSERT INTO policies ({', '.join(names)}, versions.in_force_at, versions.satisfied_from,"
        " versions.first_response, versions.response, versions.resolution)"
        f" SELECT {values}, [fromUnixTimestamp64Milli({row.in_force_at[0]})], [80], [[]], [[]], [[]]"
    )
    asked = ["important", "least_n", "reason_share", "settled_after_days"]
    (told,) = client.query(f"SELECT {', '.join(map(in_force, asked))}").result_rows
    days = {"surveys": 7, "ratings": 14, "reopenings": 7, "reassignments": 7}
    assert told == ({"priorities": ["high", "urgent"], "seconds": 120}, 20, 0.3, days)
    store(client, *ticket("A", "2026-03-01", raw=4))
    assert shown(client, "csat_share") == {None: (1, 0)}


def test_which_contacts_nobody_should_miss_says_the_version_of_when_they_began_to_wait(client: Client) -> None:
    def call(id: str, at: str, priority: str | None, minutes: int) -> list[Event]:
        queued = e.ContactQueued(contact_id=id, channel="phone", priority=priority)
        answered = e.ContactAnswered(contact_id=id)
        begun = ms(at)
        return [
            event(queued, begun, f"{id}-0", subject=id),
            event(answered, begun + minutes * MINUTE_MS, f"{id}-1", subject=id),
        ]

    for day in ("2026-06-30", "2026-07-01"):
        for priority, minutes in (("high", 3), ("high", 1), ("vip", 1), (None, 9)):
            store(client, *call(f"{day}-{priority}-{minutes}", f"{day}T12:00", priority, minutes))
    assert shown(client, "important_missed") == {None: (2, None)}, "both that waited for more than two minutes"
    late = version("2026-07-01", important={"priorities": ["vip"], "within": "45s"})
    store(client, published("2026-07-02", late))
    assert shown(client, "important_missed", Dimension.PRIORITY) == {
        None: (2, None),
        "": (0, None),
        "high": (1, None),
        "vip": (1, None),
    }
    store(client, published("2026-07-03", version("2026-01-01", important={"priorities": []})))
    assert shown(client, "important_missed") == {None: (0, None)}, "none is important"


def test_nothing_is_measured_by_a_version_before_it_is_in_force(client: Client) -> None:
    store(client, *ticket("A", "2026-06-30T23:58", raw=4), *ticket("B", "2026-06-30T23:59", raw=4))
    store(client, published("2026-01-01", version("2026-07-01", satisfied_from=80)))
    assert shown(client, "csat_share") == {None: (2, 1)}, "B's was given at midnight, the first instant of the version"


def test_each_ticket_has_the_target_of_the_first_rule_that_it_meets(client: Client) -> None:
    rules = [
        {"within": "15m", "priority": ["urgent"], "team": ["repairs"]},
        {"within": "1h", "priority": ["urgent", "high"]},
        {"within": "2h", "team": [""]},
    ]
    store(
        client,
        *ticket("both", "2026-03-01", [20], priority="urgent", team="repairs"),
        *ticket("urgent", "2026-03-01", [60], priority="urgent", team="sales"),
        *ticket("high", "2026-03-01", [61], priority="high", team="repairs"),
        *ticket("nobody's", "2026-03-01", [119]),
        *ticket("no rule", "2026-03-01", [1], team="sales"),
    )
    assert shown(client, "first_response_in_target") == {None: (5, 3)}, "an hour for all without a policy"
    store(client, published("2026-09-01", version(first_response=rules)))
    assert shown(client, "first_response_in_target", Dimension.TEAM) == {
        None: (4, 2),
        "repairs": (2, 0),
        "sales": (1, 1),
        "": (1, 1),
    }


def test_a_target_is_that_of_the_day_on_which_the_ticket_was_created(client: Client) -> None:
    slow = [version(response=[{"within": "1h"}]), version("2026-03-01", response=[{"within": "10m"}])]
    store(client, published("2026-01-01", *slow))
    store(client, *ticket("A", "2026-02-28T23:30", [1, 60, 90]))
    assert shown(client, "response_in_target") == {None: (2, 2)}, "the second wait began in March, its ticket did not"
    store(client, *ticket("B", "2026-03-01T00:00", [1, 60, 90]))
    assert shown(client, "response_in_target") == {None: (4, 3)}


def test_open_hours_count_by_the_schedule_of_the_ticket_s_desk(client: Client) -> None:
    week = Week(*[("09:00-17:00",)] * 7)
    desk = e.SchedulePublished(
        name="repairs",
        versions=(Version(from_at=datetime(2026, 1, 1), zone="Europe/Berlin", weekly=week),),  # noqa: DTZ001
    )
    store(client, event(desk, ms("2026-01-01"), "hours", subject="repairs"))
    store(client, published("2026-01-01", version(first_response=[{"within": "1h", "hours": "open"}])))
    night, morning = "2026-03-28T22:00", [10 * 60 - 1]  # clocks go forward in that night: 9:00 is 7:00 UTC
    store(client, *ticket("in time", night, morning, team="repairs"))
    store(client, *ticket("late", night, [10 * 60 + 1], team="repairs"))
    store(client, *ticket("no schedule", night, [1], team="sales"))
    assert shown(client, "first_response_in_target") == {None: (2, 1)}
    assert shown(client, "first_response_within") == {None: (3, 1)}


def test_a_resolution_has_a_target_only_where_the_policy_states_one(client: Client) -> None:
    store(client, *ticket("fast", "2026-03-01", solved=30), *ticket("slow", "2026-03-01", solved=3_000))
    store(client, *ticket("open", "2026-03-01"))
    assert shown(client, "resolution_in_target") == NOTHING
    store(client, published("2026-09-01", version(resolution=[{"within": "1d"}])))
    assert shown(client, "resolution_in_target") == {None: (3, 1)}


def halted(id: str, at: str, *moves: tuple[int, e.Status]) -> list[Event]:
    """Return a ticket that comes to stand as it is told after so many minutes."""
    opened = e.TicketCreated(ticket_id=id, channel="email", created_by=e.Party.CUSTOMER)
    told = [(0, opened), *((minute, e.TicketStatusChanged(ticket_id=id, to=to)) for minute, to in moves)]
    return [event(one, ms(at) + minute * MINUTE_MS, f"{id}-{n}", n, subject=id) for n, (minute, one) in enumerate(told)]


@pytest.mark.parametrize(
    ("paused", "shares"),
    [((), (5, 0)), (("customer",), (4, 2)), (("hold",), (5, 1)), (("customer", "hold"), (4, 3))],
)
def test_the_clock_of_a_resolution_stands_still_where_its_rule_says_so(
    client: Client, paused: tuple[str, ...], shares: tuple[int, int]
) -> None:
    week = msgspec.convert(dict.fromkeys(("monday", "tuesday"), ("09:00-17:00",)), Week)
    desk = Version(from_at=datetime(2026, 1, 1, tzinfo=UTC), zone="UTC", weekly=week)
    waits, held, done, on = e.Status.PENDING_CUSTOMER, e.Status.ON_HOLD, e.Status.RESOLVED, e.Status.OPEN
    store(
        client,
        event(e.SchedulePublished(name="default", versions=(desk,)), ms("2026-01-01"), "s", subject="default"),
        *halted("in the last instant", "2026-03-02T09:00", (30, waits), (90, on), (120, done)),
        *halted("a minute late", "2026-03-02T09:00", (30, waits), (90, on), (121, done)),
        *halted("over night", "2026-03-02T16:00", (30, waits), (17 * 60 + 30, on), (18 * 60, done)),
        *halted("on hold", "2026-03-02T09:00", (10, held), (20, waits), (20, held), (100, on), (140, done)),
        *halted("the customer is silent", "2026-03-02T09:00", (59, waits)),
        published("2026-09-01", version(resolution=[{"within": "1h", "hours": "open", "paused": paused}])),
    )
    assert shown(client, "resolution_in_target") == {None: shares}


def test_a_clock_that_stands_still_does_so_by_the_calendar_as_well(client: Client) -> None:
    waits, done, on = e.Status.PENDING_CUSTOMER, e.Status.RESOLVED, e.Status.OPEN
    store(
        client,
        *halted("kept", "2026-03-02T09:00", (60, waits), (600, on), (600, done)),
        *halted("missed before it", "2026-03-02T09:00", (61, waits), (600, on), (600, done)),
        *halted("twice", "2026-03-02T09:00", (10, waits), (20, on), (30, waits), (90, on), (130, done)),
        *halted("the customer is silent", "2026-03-02T09:00", (59, waits)),
        published("2026-09-01", version(resolution=[{"within": "1h", "paused": ["customer"]}])),
    )
    assert shown(client, "resolution_in_target") == {None: (3, 2)}


def test_who_still_waits_is_due_when_the_target_passes_until_somebody_answers(client: Client) -> None:
    store(client, published("2026-01-01", version(first_response=[{"within": "2h"}], response=[{"within": "3h"}])))
    store(client, *ticket("new", "2026-03-01"), *ticket("answered", "2026-03-01", [5]))
    store(client, *ticket("back", "2026-03-01", [5, 60]), *ticket("resolved", "2026-03-01", solved=5))
    assert due(client, FIRST_RESPONSES_DUE) == {"new": "02:00"}
    assert due(client, RESPONSES_DUE) == {"new": "03:00", "back": "04:00"}


def due(client: Client, waits: Observations) -> dict[str, str]:
    inner = observed(waits, "day >= '2026-01-01'")
    rows = client.query(f"SELECT ticket_id, formatDateTime(at, '%H:%i') FROM ({inner})").result_rows
    return {str(id): str(at) for id, at in rows}


def test_the_watch_reads_all_ratings_again_when_another_policy_counts(client: Client) -> None:
    store(client, *(one for n in range(5) for one in ticket(f"A{n}", "2026-03-01", raw=4)))
    watch = ClickHouseWatchStore(client)
    before = watch.ratings(YEAR.start_at, None)
    assert [rating.is_satisfied for one in before.tickets for rating in one.ratings] == [True] * 5
    much_later = before.mark + 3_600_000
    assert watch.ratings(YEAR.start_at, much_later).tickets == []
    store(client, published("2026-01-01", version(satisfied_from=80)))
    after = watch.ratings(YEAR.start_at, before.mark)
    assert [rating.is_satisfied for one in after.tickets for rating in one.ratings] == [False] * 5


def test_a_policy_that_was_not_worked_out_is_found_and_mended(client: Client) -> None:
    said = published("2026-01-01", version(satisfied_from=80))
    ClickHouseStore(client).insert([event_row(said, NOW_MS)])
    assert Verifier(client, settle_seconds=0).run(lambda: NOW_MS).named == {POLICY: [SUBJECT]}
    assert shown(client, "csat_share") == NOTHING
    stands = standing(client)
    assert stands is not None
    assert stands.versions == (version(satisfied_from=80),)
    assert Verifier(client, settle_seconds=0, is_dry=True).run(lambda: NOW_MS).found == Counter()
    client.command("TRUNCATE TABLE policies")
    assert refold_published(client, NOW_MS) == (0, 1)
    assert standing(client) == stands
