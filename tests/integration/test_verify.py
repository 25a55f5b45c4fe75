"""`verify` finds what the tables do not say of the stored events, states it anew, and finds nothing after."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import structs

from schemas import events as e
from schemas.codec import decode, encode
from schemas.examples import example
from schemas.rows import Ms
from streams.core.hours.published import open_hours
from streams.core.ticket.batch import Outcome, event_row, fold_batch, read
from streams.core.ticket.difference import Difference
from streams.core.ticket.fold import REVISION_BITS, Ticket
from streams.core.ticket.measures import row_of
from streams.simulation import events as simulated
from streams.sinks import verify
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.refold import refold
from streams.sinks.verify import FILLED, HOURS, ORDERS, SAID, Verified, Verifier
from streams.store_error import StoreRejectedError
from tests.histories import NOW_MS, event
from tests.integration.conftest import Servers
from tests.records import record_of
from tests.space import Space, new_space

pytestmark = pytest.mark.integration

START: Final = datetime(2026, 2, 2, tzinfo=UTC)
LONG_AGO: Final[Ms] = NOW_MS - 86_400_000


@pytest.fixture(scope="module")
def whole(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Return a space with a history of a few days, stored as workers store it."""
    raws = [
        encode(
            one.data,
            source=one.source,
            id=one.id,
            time=one.at,
            name=e.NAME_OF[type(one.data)],
            subject=one.subject,
            subjectseq=one.sequence,
        )
        for one in simulated(3, START, START + timedelta(days=5), 30)
    ]
    with new_space(servers.kafka, servers.clickhouse, tmp_path_factory.mktemp("whole")) as space:
        beside = [json.dumps(example(name)).encode() for name in ("schedule.published", "event.retracted")]
        keep(space, _folded([*raws, *beside]))
        yield space


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "RANGE_EVENTS", 700)


def _folded(raws: list[bytes]) -> Outcome:
    return fold_batch(read([record_of(raw) for raw in raws], LONG_AGO), {}, LONG_AGO)


def keep(space: Space, outcome: Outcome) -> None:
    store = ClickHouseStore(space.client)
    for rows in (outcome.events, outcome.beside, outcome.rows):
        store.insert(rows)
    store.insert(list(open_hours(outcome.schedules, LONG_AGO)))


def verified(space: Space, *, is_dry: bool = False, since: Ms | None = None, settle_seconds: float = 0) -> Verified:
    verifier = Verifier(space.client, since=since, is_dry=is_dry, settle_seconds=settle_seconds)
    return verifier.run(lambda: NOW_MS)


def _lose(space: Space, table: str, condition: str, **named: Any) -> None:
    space.client.command(f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2", parameters=named)


def _some_ticket(space: Space) -> str:
    return str(space.value("SELECT max(ticket_id) FROM tickets FINAL WHERE events > 4 AND notEmpty(ratings.id)"))


def test_what_workers_stored_is_whole(whole: Space) -> None:
    seen = verified(whole)
    assert not seen.found
    assert seen.events == whole.value("SELECT count() FROM events") > 2 * verify.RANGE_EVENTS, "one range proves little"
    assert seen.tickets == whole.value("SELECT count() FROM tickets FINAL")


def _take_facts_out(space: Space) -> str:
    ticket_id = _some_ticket(space)
    ticket = ClickHouseStore(space.client).load_from_events([ticket_id])[ticket_id]
    for table in ("tickets", "ticket_days", "ticket_ratings"):
        _lose(space, table, "ticket_id = {id:String}", id=ticket_id)
    gap = Ticket(ticket_id, ticket.facts[:1] + ticket.facts[3:])
    ClickHouseStore(space.client).insert([row_of(gap, LONG_AGO)])
    return ticket_id


def _lose_row(space: Space) -> str:
    ticket_id = _some_ticket(space)
    _lose(space, "tickets", "ticket_id = {id:String}", id=ticket_id)
    return ticket_id


def _lose_day(space: Space) -> str:
    ticket_id, day = space.query("SELECT ticket_id, min(day) FROM ticket_days GROUP BY ticket_id HAVING count() > 1")[0]
    _lose(space, "ticket_days", "ticket_id = {id:String} AND day = {day:Date}", id=ticket_id, day=day)
    return str(ticket_id)


def _lose_ratings(space: Space) -> str:
    ticket_id = _some_ticket(space)
    _lose(space, "ticket_ratings", "ticket_id = {id:String}", id=ticket_id)
    return ticket_id


def _lose_order(space: Space) -> str:
    customer, order = space.query("SELECT customer_id, order_id FROM orders FINAL ORDER BY cityHash64(id) LIMIT 1")[0]
    for table in ("orders", "order_days"):
        _lose(space, table, "customer_id = {id:String} AND order_id = {order:String}", id=customer, order=order)
    return str(customer)


def _losing(table: str, column: str) -> Callable[[Space], str]:
    """Return what takes all rows of one subject out of a table."""

    def lose(space: Space) -> str:
        key = space.value(f"SELECT max({column}) FROM {table}")
        _lose(space, table, f"{column} = {{id:String}}", id=key)
        return str(key)

    return lose


def _lose_part_of_a_contact(space: Space) -> str:
    contact_id = space.value("SELECT max(contact_id) FROM contact_events")
    _lose(space, "contact_events", "contact_id = {id:String} AND name != 'contact.queued'", id=contact_id)
    return str(contact_id)


def _lose_what_is_said_of_an_order(space: Space) -> str:
    order = space.query("SELECT * FROM orders FINAL WHERE region != '' OR margin IS NOT NULL ORDER BY id LIMIT 1")[0]
    names = [
        name
        for (name,) in space.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'orders' ORDER BY position"
        )
    ]
    less = {**dict(zip(names, order, strict=True)), "region": "", "margin": None}
    space.client.insert("orders", [[*less.values()]], column_names=names)
    return str(less["customer_id"])


def _lose_a_time(space: Space) -> str:
    subject, identity = space.query("SELECT subject, sipHash64(subject, source, id, name) AS i FROM events LIMIT 1")[0]
    _lose(space, "event_times", "identity = {identity:UInt64}", identity=identity)
    return str(subject)


@pytest.mark.parametrize(
    ("hole", "wrong"),
    [
        (_take_facts_out, Difference.FACTS.value),
        (_lose_row, Difference.NO_ROW.value),
        (_lose_day, Difference.DERIVED.value),
        (_lose_ratings, Difference.DERIVED.value),
        (_lose_order, ORDERS),
        pytest.param(_losing("order_days", "customer_id"), ORDERS, id="order day"),
        pytest.param(_losing("open_hours", "schedule"), HOURS, id="hours"),
        pytest.param(_losing("work_events", "ticket_id"), SAID, id="work"),
        (_lose_part_of_a_contact, SAID),
        pytest.param(_losing("messages_out", "ticket_id"), FILLED, id="messages"),
        pytest.param(_losing("templated_messages", "ticket_id"), FILLED, id="templated"),
        pytest.param(_losing("compensation_events", "ticket_id"), FILLED, id="compensation"),
        pytest.param(_losing("retractions", "subject"), FILLED, id="retractions"),
        pytest.param(_lose_what_is_said_of_an_order, FILLED, id="what an order says"),
        pytest.param(_lose_a_time, FILLED, id="times"),
    ],
)
def test_a_hole_is_told_then_mended_and_then_gone(whole: Space, hole: Any, wrong: str) -> None:
    before = whole.checksum()
    key = hole(whole)
    told = verified(whole, is_dry=True)
    assert (told.found, told.named, told.left) == ({wrong: 1}, {wrong: [key]}, {wrong: 1})
    mended = verified(whole)
    assert (mended.found, mended.left[wrong]) == ({wrong: 1}, 0)
    assert not verified(whole).found
    assert whole.checksum() == before


def test_a_row_that_knows_more_than_the_log_is_told_and_left_as_it_is(whole: Space) -> None:
    ticket_id = _some_ticket(whole)
    where = "subject = {id:String} AND name = 'ticket.created'"
    kept = whole.query(f"SELECT * FROM events FINAL WHERE {where}", {"id": ticket_id})
    before = whole.checksum()
    _lose(whole, "events", where, id=ticket_id)
    for _ in range(2):
        told = verified(whole)
        assert told.found == told.left == {Difference.LOG.value: 1}
        assert told.named == {Difference.LOG.value: [ticket_id]}
    assert whole.checksum()["tickets"] == before["tickets"]
    whole.client.insert("events", kept)
    assert not verified(whole).found


def test_only_what_was_stored_since_is_compared_when_that_is_asked(whole: Space) -> None:
    key = _lose_row(whole)
    assert not verified(whole, since=LONG_AGO + 1, is_dry=True).found
    assert verified(whole, since=LONG_AGO).named == {Difference.NO_ROW.value: [key]}
    assert not verified(whole).found


def test_an_event_whose_row_is_on_its_way_is_no_difference(whole: Space) -> None:
    said = encode(
        e.TicketClosed(ticket_id="T-under-way"), source="urn:test", id="1", time=START, name="ticket.closed",
        subject="T-under-way",
    )  # fmt: skip
    outcome = fold_batch(read([record_of(said)], NOW_MS), {}, NOW_MS)
    store = ClickHouseStore(whole.client)
    store.insert(outcome.events)
    assert verified(whole, is_dry=True).named == {Difference.NO_ROW.value: ["T-under-way"]}
    arriving = threading.Timer(0.5, store.insert, [outcome.rows])
    arriving.start()
    assert not verified(whole, settle_seconds=60).found
    arriving.join()


def test_what_is_said_beside_tickets_may_be_on_its_way_as_well(whole: Space) -> None:
    said = encode(
        e.TicketWorked(ticket_id="T-worked", seconds=60), source="urn:test", id="1", time=START, name="ticket.worked",
        subject="T-worked",
    )  # fmt: skip
    outcome = fold_batch(read([record_of(said)], NOW_MS), {}, NOW_MS)
    store = ClickHouseStore(whole.client)
    store.insert(outcome.events)
    assert verified(whole, is_dry=True).named == {SAID: ["T-worked"]}
    arriving = threading.Timer(0.5, store.insert, [outcome.beside])
    arriving.start()
    assert not verified(whole, settle_seconds=60).found
    arriving.join()


def test_what_was_stored_while_its_name_was_only_reserved_lacks_no_row(whole: Space) -> None:
    said = encode(
        e.FaultFixed(fault_id="F-1"), source="urn:test", id="old", time=START, name="fault.fixed", subject="F-old",
    )  # fmt: skip
    before = event_row(decode(said, now_ms=NOW_MS), LONG_AGO)
    old = structs.replace(before, raw=said.replace(b'"fault_id"', b'"fault"'))
    ClickHouseStore(whole.client).insert([old])
    assert not verified(whole).found


def test_the_command_tells_mends_and_says_by_its_exit_code_that_something_differed(whole: Space) -> None:
    key = _lose_day(whole)
    dry = whole.run("verify", "--dry-run", "--settle", "0")
    assert (dry.returncode, key in dry.stdout.decode()) == (1, True), dry.stderr.decode()
    done = whole.run("verify", "--settle", "0")
    assert (done.returncode, "1 mended" in done.stdout.decode()) == (1, True), done.stderr.decode()
    again = whole.run("verify", "--settle", "0")
    assert (again.returncode, "nothing differs" in again.stdout.decode()) == (0, True), again.stderr.decode()
    wrong = whole.run("verify", "--since", "yesterday")
    assert (wrong.returncode, "2026-03-31" in wrong.stderr.decode()) == (2, True)


def test_however_long_ids_are_all_of_them_are_folded_anew_and_compared(servers: Servers, tmp_path: Path) -> None:
    ids = [f"{number:04}-{'long' * 40}" for number in range(1_100)]
    calls = [event(e.ContactQueued(contact_id=id, channel="phone"), LONG_AGO, "q", subject=id) for id in ids]
    begun = e.TicketCreated(ticket_id=ids[0], channel="phone", created_by=e.Party.CUSTOMER)
    tickets = [event(structs.replace(begun, ticket_id=id), LONG_AGO, "c", subject=id) for id in ids]
    with new_space(servers.kafka, servers.clickhouse, tmp_path) as space:
        store = ClickHouseStore(space.client)
        store.insert([event_row(one, LONG_AGO) for one in [*calls, *tickets]])
        assert refold(space.client, NOW_MS) == len(ids)
        assert set(verified(space).named[SAID]) <= set(ids)
        assert not verified(space).found
        assert space.value("SELECT count() FROM contact_events FINAL") == len(ids)
        space.client.command("TRUNCATE TABLE tickets")
        assert verified(space).found
        assert not verified(space).found


def test_what_clickhouse_had_not_filled_from_events_is_filled_when_their_ticket_is_read_back(
    servers: Servers, tmp_path: Path
) -> None:
    said = e.MessageSent(
        ticket_id="T",
        message_id="m",
        direction=e.Direction.OUT,
        visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.AGENT,
    )
    now = time.time_ns() // 1_000_000
    told = [event(said, now - 60_000 + number, str(number), subject="T") for number in range(9)]
    with new_space(servers.kafka, servers.clickhouse, tmp_path) as space:
        store = ClickHouseStore(space.client)
        outcome = fold_batch(read([record_of(one.raw) for one in told[:5]], now), {}, now)
        store.insert(outcome.events)
        [row] = outcome.rows
        store.insert([structs.replace(row, version=row.version - (1 << REVISION_BITS))])  # of the release before
        space.client.command("ALTER TABLE messages_out ADD CONSTRAINT refused CHECK id < '5'")
        with pytest.raises(StoreRejectedError):
            store.insert([event_row(one, now) for one in told[5:]])
        space.client.command("ALTER TABLE messages_out DROP CONSTRAINT refused")
        assert space.value("SELECT count() FROM events FINAL") == 9
        assert space.value("SELECT count() FROM messages_out FINAL") == 5
        before = space.query("SELECT * FROM events FINAL ORDER BY id")
        assert len(store.load_now(["T"])["T"].facts) == 9
        assert space.value("SELECT count() FROM messages_out FINAL") == 9
        assert space.query("SELECT * FROM events FINAL ORDER BY id") == before, "as they were, with the instant of then"
