"""A month of a simulated desk in a database of its own, beside the same month counted by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from dashboards.macro import Value, expand, interpolate
from dashboards.style import Json
from schemas import events as e
from schemas.codec import Event, decode, encode
from schemas.rows import BacktestRow, DeadLetterRow, SignalRow
from streams.core.drop import Response
from streams.core.fault.burst import Burst, BurstRule, Contact
from streams.core.hours.published import open_hours
from streams.core.policy.published import policies
from streams.core.prevention.dominant import Dominance, Seen
from streams.core.said import said_rows
from streams.core.signal.segment import Segment, SegmentKind
from streams.core.signal.statement import fault_suspected, reason_dominates, resolved, survey_broken
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, Window
from streams.settings import Settings
from streams.simulation import events as simulated
from streams.simulation.hours import opening_hours, shifts
from streams.simulation.policy import policy
from streams.simulation.timeline import Simulated
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from tests.databases import given_back, lent
from tests.histories import SOURCE, public_answer, settled
from tests.integration.conftest import Servers
from tests.ledger import Ledger

END: Final = datetime(2026, 4, 2, 9, tzinfo=UTC)
"""Three days after the clocks went forward in Berlin."""
START: Final = END - timedelta(days=70)
END_MS: Final = int(END.timestamp() * 1000)
_POLICY: Final = policy(7, START, START + (END - START) / 2)
IN_FORCE: Final = cast("e.PolicyPublished", _POLICY.data).versions[-1]
"""The version of the policy that says how figures are told."""
PER_DAY: Final = 40
LATE_MS: Final = 4_000
"""By which every event comes later than it happened."""


@dataclass
class Month:
    """A database and what is in it."""

    settings: Settings
    client: Client
    events: Sequence[Event]

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.events)

    def ask(self, target: Json, variables: dict[str, Value], window: Window, interval_seconds: float = 3_600) -> Any:
        """Return the answer to a target as the plugin asks it."""
        sql = expand(
            interpolate(target["rawSql"], variables),
            from_ms=window.start_at,
            to_ms=window.end_at,
            interval_seconds=interval_seconds,
        )
        return self.client.query(sql)

    def remove(self) -> None:
        given_back(self.client)


def lately(days: float) -> Window:
    """Return the range that a dashboard shows when it is opened as the month ends."""
    return Window(END_MS - int(days * DAY_MS), END_MS)


def new_database(servers: Servers, folder: Path, events: Sequence[Event]) -> Month:
    settings = Settings(clickhouse=servers.clickhouse, database=lent(servers.clickhouse), folder=folder)
    client = connect(settings)
    return Month(settings, client, events)


def told(servers: Servers, folder: Path, per_day: float = PER_DAY) -> Month:
    """Return a database with the whole month, each ticket in an older version as well, and a few dead letters."""
    month = new_database(servers, folder, _events(per_day))
    store = ClickHouseStore(month.client)
    store.insert([*(event_row(one, one.at_ms + LATE_MS) for one in month.events), *said_rows(month.events)])
    store.insert(list(open_hours(month.events, END_MS)))
    store.insert(policies(month.events, END_MS))
    for part in (month.events[: len(month.events) // 2], month.events):
        tickets = settled([one for one in part if one.ticket_id is not None]).values()
        store.insert([row_of(ticket, END_MS) for ticket in tickets])
    store.insert(list(_letters()))
    store.insert(list(_signals()))
    store.insert(list(_backtest()))
    return month


def _published() -> list[Simulated]:
    return [opening_hours(7, START, END), *shifts(7, START, END), _POLICY]


def _events(per_day: float) -> list[Event]:
    said = [
        *(
            (one.source, one.id, one.at, one.subject, one.sequence, one.data)
            for one in [
                *_published(),
                *simulated(7, START, END, per_day),
            ]
        ),
        *((SOURCE, f"odd-{n}", at, _subject(data), n, data) for n, (at, data) in enumerate(_odd())),
    ]
    return [
        decode(
            encode(data, source=source, id=id, time=at, name=e.NAME_OF[type(data)], subject=subject, subjectseq=number),
            now_ms=END_MS + DAY_MS,
        )
        for source, id, at, subject, number, data in sorted(said, key=lambda one: one[2])
    ]


def _odd() -> Iterator[tuple[datetime, Any]]:
    """Yield what could break out of its place: a team with quotes, one with a backslash, one that looks like SQL.

    And a ticket that was answered before it was created.
    """
    for n, team in enumerate(ODD_TEAMS):
        at = END - timedelta(days=2, minutes=n)
        yield (
            at,
            e.TicketCreated(
                ticket_id=f"odd-{n}", channel="chat", created_by=e.Party.CUSTOMER, team=team, customer_id=f"C{n}"
            ),
        )
    for n in range(5):
        yield END - timedelta(minutes=10 * n), e.ProducerHeartbeat()
    yield (
        END - timedelta(minutes=20),
        e.InterventionRecorded(intervention_id="odd", kind=e.InterventionKind.NOTICE, title="it's a 'notice'"),
    )
    yield from _leaflet()
    at = END - timedelta(days=2)
    yield at, e.TicketCreated(ticket_id="early", channel="chat", created_by=e.Party.CUSTOMER, team="delivery")
    yield at - timedelta(minutes=1), public_answer("early")


def _leaflet() -> Iterator[tuple[datetime, Any]]:
    """Yield a known issue with a name that could break out of its place, the tickets linked to it, and who acts."""
    at = END - timedelta(days=3)
    issue, about = ODD_TEAMS[0], {"reason": "leaflet", "product_line": "wardrobes"}
    yield at, e.KnownIssueAnnounced(issue_id=issue, **about, cause="a 'wrong' page", eta_at=at + timedelta(days=1))
    yield at + timedelta(hours=2), e.KnownIssueUpdated(issue_id=issue, eta_at=at + timedelta(days=2), workaround="mail")
    yield at + timedelta(hours=60), e.KnownIssueResolved(issue_id=issue)
    yield at, e.RootCauseReported(reason="leaflet", department=ODD_TEAMS[1])
    yield at + timedelta(hours=5), e.RootCauseAcknowledged(reason="leaflet", department=ODD_TEAMS[1], action="it's new")
    yield at + timedelta(hours=50), e.RootCauseFixed(reason="leaflet", department=ODD_TEAMS[1])
    asked = e.TicketCreated(ticket_id="", channel="chat", created_by=e.Party.CUSTOMER, team="assembly")
    for n in range(40):
        id, asked_at = f"leaf-{n}", at + timedelta(minutes=100 * n - 30)
        yield asked_at, replace(asked, ticket_id=id, **about)
        yield asked_at + timedelta(minutes=5), e.TicketLinked(ticket_id=id, issue_id=issue)
        outcome = "workaround" if n % 4 else "answered"
        yield asked_at + timedelta(minutes=9), e.TicketResolved(ticket_id=id, outcome=outcome)


ODD_TEAMS: Final = (
    "it's",
    'the "best"',
    "') OR 1=1 --",
    "'; DROP TABLE tickets; --",
    "\\",
    "\\') OR 1=1 --",
    "$__toTime",
    "$team",
    "${team:raw}",
    "客服",
    "a,b",
)


def _signals() -> Iterator[SignalRow]:
    """Yield signals that are open and one that is over, of names that could break out of their place."""
    calls = [Contact(END_MS - (9 - n) * 60_000, f"odd-{n}", f"C{n}", ODD_TEAMS[0]) for n in range(3)]
    burst = Burst(since_at=calls[0].at, opened_at=calls[2].at, closed_at=None, contacts=calls, found_with=3, usual=0.01)
    yield replace(fault_suspected(Segment(SegmentKind.ASSET, ODD_TEAMS[2]), burst, BurstRule(), None), version=END_MS)
    dominance = Dominance(
        opened_at=END_MS - 2 * 3_600_000, closed_at=None, first=Seen(hits=31, n=100), last=Seen(hits=32, n=99)
    )
    reason = Segment(SegmentKind.REASON, ODD_TEAMS[3])
    yield replace(reason_dominates(reason, dominance, 0.3, ODD_TEAMS[1], None, note=""), version=END_MS)
    for n, team in enumerate(ODD_TEAMS[:2]):
        opened_at = END_MS - (n + 1) * 3_600_000
        segment = Segment(SegmentKind.TEAM, team)
        row = survey_broken(segment, opened_at, opened_at - DAY_MS, Response(100, 1), Response(3_000, 900))
        yield replace(resolved(row, END_MS - 60_000) if n else row, version=END_MS)


def _backtest() -> Iterator[BacktestRow]:
    """Yield what two budgets would have done to such a team; the second has an open page, and falls that it misses."""
    for budget in (0.3, 1.0):
        yield BacktestRow(
            segment_kind="team",
            segment=ODD_TEAMS[0],
            false_pages=budget,
            made_at=END_MS,
            weeks=4,
            is_chosen=budget == 0.3,
            accepted=budget * 28 / 90,
            ratings_per_day=12.5,
            usual=0.85,
            mood_points=2.5,
            pages_opened_at=[END_MS - DAY_MS],
            pages_resolved_at=[END_MS - 3_600_000 if budget == 0.3 else None],
            pages_told=["60.0 % (n 20), usual 85.0 %, by cusum"],
            pages_slices=["defect x beds +2.0 (5 of 9)"],
            pages_note=[""],
            falls_points=[15, 5],
            falls_hours=[70.0, 300.0 if budget == 0.3 else None],
            falls_missed=[0.0, 0.6],
        )


def _subject(data: Any) -> str:
    return str(getattr(data, data.subject_field) if data.subject_field else SOURCE)


def _letters() -> Iterator[DeadLetterRow]:
    for n in range(7):
        letter = DeadLetterRow(
            id=f"letter-{n}",
            reason="invalid_event",
            pointer="/data/raw",
            message="raw must be a number",
            topic="tickets",
            partition=0,
            offset=n,
            recorded_at=END_MS - n * 3_600_000,
            key=b"k",
            value=b"{}",
            headers_name=[],
            headers_value=[],
            received_at=END_MS - n * 3_600_000,
            replays=0,
            replayed_at=None,
        )
        yield replace(letter, replays=1, replayed_at=END_MS) if n == 0 else letter
