"""What every store promises, run on memory and on ClickHouse alike."""

import asyncio
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas.codec import decode, encode
from schemas.events import Direction, MessageSent, OrderPlaced, Party, TicketCreated, Visibility
from streams.core.ticket.batch import Kept, event_row
from streams.core.ticket.fact import fact_of
from streams.core.ticket.fold import Ticket, fold
from streams.core.ticket.measures import row_of
from streams.ports import Store
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.memory import MemoryStore
from tests.databases import emptied, new_database
from tests.servers import Servers
from tests.strategies import NOW

NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Client]:
    with new_database(servers.clickhouse) as made:
        yield made


@pytest.fixture(params=["memory", pytest.param("clickhouse", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest) -> Store:
    """Return a store in which nothing is."""
    if request.param == "memory":
        return MemoryStore()
    client = request.getfixturevalue("client")
    emptied(client)
    return ClickHouseStore(client)


def test_what_was_never_written_is_not_known(store: Store) -> None:
    assert asyncio.run(store.load(["T-1", "T-2"])) == {}
    assert asyncio.run(store.load([])) == {}


def test_a_ticket_comes_back_as_it_was_written(store: Store) -> None:
    tickets = [_ticket(f"T-{number}", number) for number in range(1, 6)]
    _write(store, *tickets)
    assert asyncio.run(store.load(["T-1", "T-3", "T-5", "T-9"])) == {t.ticket_id: t for t in tickets[::2]}


def test_an_older_version_written_later_hides_nothing(store: Store) -> None:
    older, newer = _ticket("T-1", 3), _ticket("T-1", 7)
    _write(store, newer)
    _write(store, older)
    assert asyncio.run(store.load(["T-1"])) == {"T-1": newer}


def test_writing_twice_changes_nothing(store: Store) -> None:
    ticket = _ticket("T-1", 4)
    _write(store, ticket)
    _write(store, ticket)
    assert asyncio.run(store.load(["T-1"])) == {"T-1": ticket}


def test_a_long_ticket_comes_back_from_its_events(store: Store) -> None:
    ticket = _ticket("T-1", 3_000)
    assert row_of(ticket, NOW_MS).state == b"", "too short to be left out of its row"
    _write(store, ticket, _ticket("T-2", 2))
    loaded = asyncio.run(store.load(["T-1", "T-2"]))
    assert loaded["T-1"] == ticket
    assert loaded["T-1"].version == ticket.version


@pytest.mark.parametrize(
    "state", [b"\xff", b"\x91\x95\x04\x01\x05\x06\xa4open" * 2, b"\x91\x95\x04\xff\x05\x06\xa4open"]
)
def test_a_ticket_whose_state_is_damaged_comes_back_from_its_events(store: Store, state: bytes) -> None:
    ticket = _ticket("T-1", 3)
    _write(store, ticket, _ticket("T-2", 2))
    asyncio.run(store.write([], [replace(row_of(ticket, NOW_MS), state=state)], []))
    assert asyncio.run(store.load(["T-1", "T-2"])) == {"T-1": ticket, "T-2": _ticket("T-2", 2)}


@pytest.mark.parametrize(
    "ticket_id", ["quote ' and \\ back", "new\nline", "nul \0 byte", "票号", "a" * 512, "'); DROP"]
)
def test_any_id_is_only_an_id(store: Store, ticket_id: str) -> None:
    _write(store, _ticket(ticket_id, 2), _ticket("other", 1))
    assert set(asyncio.run(store.load([ticket_id]))) == {ticket_id}


def test_nothing_to_write_is_fine(store: Store) -> None:
    asyncio.run(store.write([], [], []))


def test_identities_that_were_never_used_are_not_known(store: Store) -> None:
    _keep(store, _order("C-1", "urn:a", "1"))
    assert asyncio.run(store.stored([])) == {}
    assert asyncio.run(store.stored([("C-1", "urn:a", "2"), ("C-1", "urn:b", "1"), ("C-2", "urn:a", "1")])) == {}


def test_what_is_stored_under_an_identity_is_found_however_often_it_was_written(store: Store) -> None:
    for _ in range(3):
        _keep(store, *(_order(f"C-{number}", "urn:a", "1") for number in range(1, 4)))
    found = asyncio.run(store.stored({("C-1", "urn:a", "1"), ("C-3", "urn:a", "1"), ("C-9", "urn:a", "1")}))
    assert found == {(f"C-{number}", "urn:a", "1"): [_kept(f"C-{number}", "urn:a", "1")] for number in (1, 3)}


def test_events_of_a_ticket_of_the_same_name_are_another_matter(store: Store) -> None:
    _write(store, _ticket("C-1", 1))
    assert asyncio.run(store.stored([("C-1", "urn:test", "created"), ("C-1", "urn:test", "M-0")])) == {}


def test_any_identity_is_only_an_identity(store: Store) -> None:
    odd = ["quote ' and \\ back", "new\nline\tand tab", "nul \0 byte", "票号", "'), ('a", "%27", "\\" * 512]
    identities = [(subject, source, id) for subject in odd for source in odd for id in odd]
    _keep(store, *(_order(*identity) for identity in identities))
    assert asyncio.run(store.stored(identities)) == {identity: [_kept(*identity)] for identity in identities}


def _order(customer_id: str, source: str, id: str) -> bytes:
    said = OrderPlaced(order_id="O-1", customer_id=customer_id, amount=100, currency="EUR")
    return encode(said, source=source, id=id, time=NOW, name="order.placed", subject=customer_id)


def _kept(customer_id: str, source: str, id: str) -> Kept:
    return Kept(_order(customer_id, source, id), NOW_MS)


def _keep(store: Store, *raws: bytes) -> None:
    asyncio.run(store.write([event_row(decode(raw, now_ms=NOW_MS), NOW_MS) for raw in raws], [], []))


def _ticket(ticket_id: str, messages: int) -> Ticket:
    events = [decode(raw, now_ms=NOW_MS) for raw in _events(ticket_id, messages)]
    return fold(Ticket(ticket_id), [fact_of(event) for event in events])[0]


def _write(store: Store, *tickets: Ticket) -> None:
    for ticket in tickets:
        raws = _events(ticket.ticket_id, len(ticket.facts) - 1)
        rows = [event_row(decode(raw, now_ms=NOW_MS), NOW_MS) for raw in raws]
        asyncio.run(store.write(rows, [row_of(ticket, NOW_MS)], []))


def _events(ticket_id: str, messages: int) -> list[bytes]:
    created = TicketCreated(ticket_id=ticket_id, channel="chat", created_by=Party.CUSTOMER)
    said = [
        MessageSent(
            ticket_id=ticket_id,
            message_id=f"M-{number}",
            direction=Direction.OUT if number % 2 else Direction.IN,
            visibility=Visibility.PUBLIC,
            sender_type=Party.AGENT if number % 2 else Party.CUSTOMER,
        )
        for number in range(messages)
    ]
    first = encode(created, source="urn:test", id="created", time=NOW, name="ticket.created", subject=ticket_id)
    return [first] + [
        encode(m, source="urn:test", id=m.message_id, time=NOW, name="message.sent", subject=ticket_id, subjectseq=n)
        for n, m in enumerate(said)
    ]
