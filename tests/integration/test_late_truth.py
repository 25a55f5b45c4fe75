"""What becomes known weeks later moves exactly the windows that it is about, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isclose
from typing import Any, Final

import pytest

from schemas import events as e
from schemas.codec import Event, decode, encode
from streams.core.ask.question import Question
from streams.core.metrics import METRICS
from streams.core.window import Bucket, Window
from streams.simulation import events as simulated
from streams.sinks.figures import answer
from tests.histories import NOW_MS
from tests.integration.conftest import Servers
from tests.ledger import COUNTED_APART, Ledger
from tests.space import Space, new_space, wait_until

pytestmark = pytest.mark.integration

SOURCE: Final = "urn:test:late"
START: Final = datetime(2026, 2, 2, tzinfo=UTC)
END: Final = START + timedelta(days=5)
LATE: Final = END + timedelta(days=16)
ALL: Final = tuple(metric for metric in METRICS.values() if metric.topic not in COUNTED_APART)
Days = dict[tuple[str, Window], tuple[int, float | None]]
Rows = dict[tuple[Any, str], tuple[Any, ...]]


class Desk:
    """A desk with a history, a worker that reads on, and the same history counted by hand."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._counted: tuple[object, Days] | None = None
        self._said: tuple[Days, Rows] | None = None
        self.events = [
            _event(one.data, one.at, one.id, one.source, one.subject, one.sequence)
            for one in simulated(3, START, END, 30)
        ]
        space.start_worker()
        space.publish([one.raw for one in self.events])
        space.wait_for_events(len(self.events))

    def ticket(self, condition: str) -> str:
        """Return some ticket of the history."""
        sql = f"SELECT ticket_id FROM tickets FINAL WHERE is_effective AND {condition} ORDER BY ticket_id LIMIT 1"
        return str(self.space.value(sql))

    def tell(self, said: e.Data, subject: str) -> None:
        """Have something become known, weeks later."""
        late = _event(said, LATE, f"late-{len(self.events)}", SOURCE, subject, len(self.events))
        self.events.append(late)
        self.space.publish([late.raw])
        self.space.wait_for_events(len(self.events))

    def said(self) -> tuple[Days, Rows]:
        """Return figures and rows as they were when they were last looked at: nothing but `tell` moves them."""
        if self._said is None:
            self._said = self.days(), self.rows()
        return self._said

    def agrees(self, counted: Days) -> bool:
        """Look whether ClickHouse says what was counted, and keep what it says."""
        self._said = self.days(), self.rows()
        return not _differences(self._said[0], counted)

    def days(self) -> Days:
        """Return n and value of every metric on every day, as ClickHouse says them."""
        window = Window(_ms(START), _ms(LATE) + 1)
        figures = answer(self.space.client, Question(metrics=ALL, windows=[window], bucket=Bucket.DAY), window)
        return {(name, day): (figure.n, figure.value) for (name, _, day), figure in figures.items()}

    def counted(self, days: Days) -> Days:
        """Return the same, counted by hand; nothing is counted twice of which nothing more was told."""
        if self._counted is None or self._counted[0] != (len(self.events), days.keys()):
            self._counted = (len(self.events), days.keys()), self._count(days)
        return self._counted[1]

    def _count(self, days: Days) -> Days:
        ledger = Ledger(self.events)
        end = _ms(LATE) + 1
        cut = {day: Window(day.start_at, min(day.end_at, end)) for _, day in days}
        return {
            (name, day): (
                ledger.n(METRICS[name], day if METRICS[name].observations.lasts else cut[day]),
                ledger.value(METRICS[name], day if METRICS[name].observations.lasts else cut[day]),
            )
            for name, day in days
        }

    def rows(self) -> Rows:
        """Return every row of the settled days without its version."""
        rows = self.space.query("SELECT day, ticket_id, * EXCEPT (day, ticket_id, version) FROM ticket_days FINAL")
        return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def _event(said: e.Data, at: datetime, id: str, source: str, subject: str, sequence: int | None) -> Event:
    name = e.NAME_OF[type(said)]
    raw = encode(said, source=source, id=id, time=at, name=name, subject=subject, subjectseq=sequence)
    return decode(raw, now_ms=NOW_MS)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with new_space(servers.kafka, servers.clickhouse, tmp_path_factory.mktemp("late")) as space:
        yield Desk(space)


def _changed(before: dict[Any, Any], after: dict[Any, Any]) -> set[Any]:
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def _told(desk: Desk, subject: str, said: e.Data, *touched: str) -> set[tuple[str, datetime]]:
    """Tell something of a ticket and return which metrics moved on which days.

    Every figure of every day is compared with the count by hand, and every row of other tickets with what it was.
    """
    days, rows = desk.said()
    assert _differences(days, desk.counted(days)) == {}
    desk.tell(said, subject)
    counted = desk.counted(days)
    wait_until(lambda: desk.agrees(counted), "it is told")
    after, rows_after = desk.said()
    assert {ticket_id for _, ticket_id in _changed(rows, rows_after)} <= {subject, *touched}
    moved = _differences(after, days)
    return {(name, datetime.fromtimestamp(day.start_at / 1000, UTC)) for name, day in moved}


def _differences(days: Days, counted: Days) -> Days:
    return {key: counted[key] for key, found in days.items() if not _is_same(found, counted[key])}


def _is_same(found: tuple[int, float | None], counted: tuple[int, float | None]) -> bool:
    (n, value), (wanted_n, wanted) = found, counted
    return n == wanted_n and (
        value == wanted or (value is not None and wanted is not None and isclose(value, wanted, rel_tol=1e-12))
    )


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)


def test_a_late_rating_moves_its_own_day_and_the_days_of_its_case(desk: Desk) -> None:
    id = desk.ticket(
        "notEmpty(surveys.id) AND empty(ratings.id) AND length(cycles.resolved_at) = 1 AND status = 'resolved'"
    )
    created, resolved, survey, offered = desk.space.query(
        """
        SELECT created_at, last_resolved_at, surveys.id[1], surveys.offered_at[1]
        FROM tickets FINAL WHERE ticket_id = {id:String}
        """,
        {"id": id},
    )[0]
    said = e.RatingSubmitted(
        ticket_id=id,
        rating_id="late",
        raw=1,
        scale_min=1,
        scale_max=5,
        source=e.RatingSource.CUSTOMER,
        survey_id=survey,
    )
    assert _told(desk, id, said) == {
        ("csat_mean", _day(LATE)),
        ("csat_share", _day(LATE)),
        ("self_rating_share", _day(LATE)),
        ("reassigned_after_bad_rating", _day(LATE)),
        ("csat_mean_by_creation", _day(created)),
        ("csat_share_by_creation", _day(created)),
        ("csat_mean_by_resolution", _day(resolved)),
        ("csat_share_by_resolution", _day(resolved)),
        ("response_rate", _day(offered)),
    }


def test_a_late_merge_moves_the_days_of_both_tickets(desk: Desk) -> None:
    loser = desk.ticket("contact_type = 'complaint' AND empty(ratings.id) AND customer_messages > 1")
    survivor = desk.ticket(f"contact_type = 'inquiry' AND ticket_id != '{loser}'")
    moved = _told(desk, loser, e.TicketMerged(ticket_id=loser, into_ticket_id=survivor), survivor)
    created = desk.space.value("SELECT created_at FROM tickets FINAL WHERE ticket_id = {id:String}", {"id": loser})
    assert {("tickets", _day(created)), ("complaint_rate", _day(created))} <= moved
    assert all(day < END for _, day in moved)


def test_a_late_mark_of_spam_moves_the_days_of_the_ticket(desk: Desk) -> None:
    id = desk.ticket(
        "ratings.source[1] = 'customer' AND ratings.is_valid[1] AND status = 'resolved' "
        "AND last_event_at < '2026-02-07 00:00:00'"
    )
    created, rated = desk.space.query(
        "SELECT created_at, ratings.rated_at[1] FROM tickets FINAL WHERE ticket_id = {id:String}", {"id": id}
    )[0]
    moved = _told(desk, id, e.TicketMarkedSpam(ticket_id=id))
    assert {("tickets", _day(created)), ("csat_mean", _day(rated))} <= moved
    assert all(day < END for _, day in moved)
    again = _told(desk, id, e.TicketUnmarkedSpam(ticket_id=id))
    assert again == moved, "taking it back moves the same days back"


def test_a_late_retraction_moves_what_the_event_had_moved(desk: Desk) -> None:
    rated = next(one for one in desk.events if isinstance(one.content, e.RatingSubmitted) and one.source != SOURCE)
    said = e.EventRetracted(target_source=rated.source, target_id=rated.id)
    moved = _told(desk, rated.subject, said)
    on = _day(datetime.fromtimestamp(rated.at_ms / 1000, UTC))
    assert {("csat_mean", on), ("self_rating_share", on)} <= moved | {("self_rating_share", on)}
    assert {name for name, _ in moved} <= {
        "csat_mean", "csat_share", "csat_mean_by_creation", "csat_share_by_creation", "csat_mean_by_resolution",
        "csat_share_by_resolution", "response_rate", "self_rating_share",
    }  # fmt: skip
