"""From records to rows: what is stored, what is refused, and what a crash between two writes leaves behind."""

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event, InvalidEventError
from schemas.rows import TicketRow, column_names, columns_of
from schemas.schedule import Version, Week
from streams.core.ticket import merge
from streams.core.ticket.batch import Kept, Outcome, Stored, fold_batch, identity_of, lost_letter, read, refolded
from streams.core.ticket.fact import Absorbed, Merged, Revised, pack
from streams.core.ticket.fold import Ticket
from streams.core.ticket.measures import row_of
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, SOURCE, event, folded
from tests.records import record_of

BEFORE_MS = NOW_MS - 3_600_000


def closed(id: str = "1", *, ticket_id: str = "T", at: int = 5) -> bytes:
    return event(e.TicketClosed(ticket_id=ticket_id), at, id, subject=ticket_id).raw


def resolved(id: str) -> bytes:
    return event(e.TicketResolved(ticket_id="T"), 5, id).raw


def message(number: int) -> bytes:
    said = e.MessageSent(
        ticket_id="T",
        message_id="m",
        direction=e.Direction.IN,
        visibility=e.Visibility.PUBLIC,
        sender_type=e.Party.CUSTOMER,
    )
    return event(said, 1_700_000_000_000 + number, str(number)).raw


def order(id: str = "1", *, at: int = 5, amount: int = 100, sequence: int | None = None) -> Event:
    said = e.OrderPlaced(order_id="O", customer_id="C", amount=amount, currency="EUR")
    return event(said, at, id, sequence, subject="C")


def of_unknown_type(data: str, id: str = "1") -> bytes:
    return (
        f'{{"specversion":"1.0","id":"{id}","source":"urn:x","type":"com.example.other","subject":"C",'
        f'"time":"2026-01-01T00:00:00Z","data":{data}}}'
    ).encode()


def outcome_of(
    values: Sequence[bytes | None], known: dict[str, Ticket] | None = None, stored: Stored | None = None
) -> Outcome:
    reading = read([record_of(value, offset) for offset, value in enumerate(values)], NOW_MS)
    return fold_batch(reading, known or {}, NOW_MS, stored or {})


def judged(first: bytes, second: bytes) -> Sequence[tuple[list[bytes], list[str]]]:
    """Return what stands and what is dead: when both come in one batch, and when the first one is stored already."""
    [identity] = read([record_of(first)], NOW_MS).identities
    outcomes = outcome_of([first, second]), outcome_of([second], stored={identity: [Kept(first, BEFORE_MS)]})
    return [([row.raw for row in one.events], [letter.reason for letter in one.dead]) for one in outcomes]


def test_every_record_becomes_an_event_or_a_dead_letter() -> None:
    heartbeat = event(e.ProducerHeartbeat(), 5, "1", subject="desk").raw
    outcome = outcome_of([closed("1"), b"{", heartbeat, None, closed("2", ticket_id="U")])
    assert {(row.subject, row.id) for row in outcome.events} == {("T", "1"), ("desk", "1"), ("U", "2")}
    assert [letter.reason for letter in outcome.dead] == ["not-json", "empty"]
    assert [row.ticket_id for row in outcome.rows] == ["T", "U"]
    assert outcome.tickets.keys() == {"T", "U"}


def test_an_empty_batch_has_no_outcome() -> None:
    assert outcome_of([]) == Outcome([], [], [], {})


def test_an_event_that_comes_twice_is_stored_once() -> None:
    outcome = outcome_of([closed(), closed()])
    assert len(outcome.events) == 1
    assert outcome.rows[0].events == 1


def test_a_ticket_is_stated_again_when_all_its_events_were_known() -> None:
    known = outcome_of([closed()]).tickets
    outcome = outcome_of([closed()], known)
    assert outcome.events == []
    assert outcome.rows == [row_of(known["T"], NOW_MS)]


def test_an_identity_reused_for_other_content_is_a_dead_letter_and_the_first_event_stands() -> None:
    outcome = outcome_of([closed("1"), resolved("1")])
    [letter] = outcome.dead
    assert (letter.reason, letter.pointer, letter.offset) == ("identity-reused", "/id", 1)
    assert SOURCE in letter.message
    assert letter.value == resolved("1")
    assert outcome.rows[0].status == "closed"
    assert [row.name for row in outcome.events] == ["ticket.closed"]


def test_an_order_that_comes_again_at_another_place_of_its_instant_is_known_and_the_first_one_stands() -> None:
    other = order(sequence=1).raw
    assert judged(order().raw, other) == [([order().raw], []), ([order().raw], [])]


@pytest.mark.parametrize(
    "other",
    [
        order(at=6),
        order(amount=101),
        event(e.OrderCancelled(order_id="O", customer_id="C"), 5, "1", subject="C"),
    ],
    ids=["time", "content", "type"],
)
def test_an_order_under_an_identity_used_before_is_a_dead_letter_and_the_first_one_stands(other: Event) -> None:
    assert judged(order().raw, other.raw) == [([order().raw], ["identity-reused"]), ([], ["identity-reused"])]
    [letter] = outcome_of([order().raw, other.raw]).dead
    assert (letter.pointer, letter.offset, letter.value) == ("/id", 1, other.raw)
    assert SOURCE in letter.message


@pytest.mark.parametrize(
    "again",
    [
        order().raw,
        order().raw.replace(b",", b",\n "),
        order().raw.replace(b'"specversion":"1.0",', b"").replace(b"{", b'{"specversion":"1.0","replay":true,', 1),
        order().raw.replace(b"00.005Z", b"00.0050Z"),
        order().raw.replace(b'"amount":', b'"kind":null,"amount":'),
    ],
    ids=["same bytes", "whitespace", "order and replay", "time", "null"],
)
def test_an_order_that_says_the_same_again_is_stated_as_it_came_first(again: bytes) -> None:
    assert judged(order().raw, again) == [([order().raw], []), ([order().raw], [])]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ('{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }', True),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":1}', '{"a":2}', False),
        ("[" * 60 + "]" * 60, "[ " + "[" * 59 + "]" * 60, True),
    ],
    ids=["written otherwise", "another type", "another value", "nested deep"],
)
def test_events_that_nobody_reads_are_compared_by_what_they_say(first: str, second: str, is_same: bool) -> None:
    in_one_batch, stored_before = judged(of_unknown_type(first), of_unknown_type(second))
    assert in_one_batch[1] == stored_before[1]
    assert in_one_batch[0] == [of_unknown_type(first)]
    assert in_one_batch[1] == ([] if is_same else ["identity-reused"])


@pytest.mark.parametrize(
    "said", ["[" * 200 + "]" * 200, "[" * 100_000 + "]" * 100_000, "1e999"], ids=["deep", "deeper", "endless"]
)
def test_what_was_stored_before_there_was_a_bound_stands(said: str) -> None:
    stored = of_unknown_type(said)
    outcome = outcome_of([of_unknown_type("[]")], stored={("C", "urn:x", "1"): [Kept(stored, BEFORE_MS)]})
    assert [letter.reason for letter in outcome.dead] == ["identity-reused"]


def test_what_is_repeated_is_stored_again_as_it_was_with_the_instant_of_then() -> None:
    first = of_unknown_type("1")
    identity = ("C", "urn:x", "1")
    new, repeated = outcome_of([first, first]), outcome_of([first], stored={identity: [Kept(first, BEFORE_MS)]})
    assert [row.ingested_at for row in new.events] == [NOW_MS]
    assert [(row.raw, row.ingested_at) for row in repeated.events] == [(first, BEFORE_MS)]
    assert repeated.kept == {identity: Kept(first, BEFORE_MS)}


def test_heartbeats_may_all_bear_one_identity() -> None:
    heartbeats = [event(e.ProducerHeartbeat(), at, "alive", subject="desk").raw for at in (5, 6)]
    assert read([record_of(value) for value in heartbeats], NOW_MS).identities == set()
    outcome = outcome_of(heartbeats)
    assert [row.at for row in outcome.events] == [5, 6]
    assert outcome.dead == []


def test_hours_follow_from_the_schedule_that_stands() -> None:
    first, other = (event(_schedule(opens), 5, "1", subject="desk") for opens in ("08:00", "09:00"))
    identity = identity_of(first)
    for outcome in (
        outcome_of([first.raw, other.raw]),
        outcome_of([first.raw], stored={identity: [Kept(first.raw, BEFORE_MS)]}),
    ):
        [stands] = outcome.schedules
        assert stands.raw == first.raw
        assert outcome.beside == []
    assert outcome_of([other.raw], stored={identity: [Kept(first.raw, BEFORE_MS)]}).schedules == []


def test_a_stored_schedule_that_this_worker_cannot_read_stands_all_the_same() -> None:
    said = event(_schedule("08:00"), 5, "1", subject="desk")
    unreadable = said.raw.replace(b'"UTC"', b'"Mars/Phobos"')
    outcome = outcome_of([said.raw], stored={identity_of(said): [Kept(unreadable, BEFORE_MS)]})
    assert [letter.reason for letter in outcome.dead] == ["identity-reused"]
    assert outcome.events == []


def _schedule(opens: str) -> e.SchedulePublished:
    week = Week(monday=(f"{opens}-17:00",))
    return e.SchedulePublished(
        name="desk", versions=(Version(from_at=datetime(2026, 1, 1, tzinfo=UTC), zone="UTC", weekly=week),)
    )


def test_a_record_read_again_is_the_same_dead_letter_but_after_a_new_topic_another_one() -> None:
    broken = record_of(b"{", 7, key=b"T")
    [first] = read([broken], NOW_MS).dead
    [again] = read([broken], NOW_MS + 1).dead
    [other] = read([replace(broken, timestamp=1)], NOW_MS).dead
    assert first.id == again.id != other.id


def test_a_dead_letter_keeps_all_that_is_needed_to_send_it_again() -> None:
    broken = replace(
        record_of(b"\xff", 7, key=b"\x00"), headers=[("content-type", b"application/json"), ("empty", b"")]
    )
    [letter] = read([broken], NOW_MS).dead
    assert (letter.topic, letter.partition, letter.offset) == ("tickets", 0, 7)
    assert (letter.key, letter.value) == (b"\x00", b"\xff")
    assert (letter.headers_name, letter.headers_value) == (["content-type", "empty"], [b"application/json", b""])


def test_what_is_known_of_a_ticket_is_not_changed_by_a_batch() -> None:
    known = outcome_of([closed("1")]).tickets
    before = known["T"]
    outcome_of([resolved("2")], known)
    assert known == {"T": before}
    assert len(before.facts) == 1


def test_a_renewed_statement_bears_its_revision_as_a_row() -> None:
    merging = event(e.TicketMerged(ticket_id="U", into_ticket_id="T"), 5, "1", subject="U")
    merged = folded(
        [merging, *(event(e.TicketClosed(ticket_id="U"), 6, f"{n}", subject="U") for n in range(2, 8))], "U"
    )
    [(_, statement)] = merge.statements_of(merged, merged.facts)
    reading = read([record_of(statement)], NOW_MS)
    assert reading.witnesses == {"U"}
    [row] = fold_batch(reading, {}, NOW_MS, witnesses={"U": merged}).events
    assert (row.revision, row.raw) == (7, statement)


@pytest.mark.parametrize(
    ("source", "facts", "pointer"),
    [
        (SOURCE, pack([]), "/source"),
        (merge.SOURCE, b"\xff", "/data/facts"),
        (merge.SOURCE, pack([Merged(1, 5, -1, "V")]), "/data/facts"),
        (merge.SOURCE, pack([Absorbed(1, 5, -1, ("V",), 1, b"")]), "/data/facts"),
        (merge.SOURCE, pack([Revised(1, 5, -1, "r", math.nan)]), "/data/facts"),
        (merge.SOURCE, pack([Revised(1, 2**62, -1, "r", 1.0)]), "/data/facts"),
        (merge.SOURCE, b"\x91\x9a\x0d\x01\x05\xff\xa1r\xa0\x03\x03\x03\xa8customer", "/data/facts"),
    ],
    ids=["another source", "no facts", "a merge", "a statement", "no number", "no instant", "no scale"],
)
def test_a_statement_that_is_not_ours_does_not_stop_the_fold(source: str, facts: bytes, pointer: str) -> None:
    said = e.TicketAbsorbed(ticket_id="T", from_ticket_id="U", revision=7, facts=facts)
    outcome = outcome_of([event(said, 5, "1", source=source).raw, closed("2")])
    assert [(letter.reason, letter.pointer) for letter in outcome.dead] == [("bad-value", pointer)]
    assert [row.events for row in outcome.rows] == [1]


def test_a_ticket_that_cannot_be_stated_is_a_dead_letter_and_stops_no_other() -> None:
    damaged = Ticket("T", (Absorbed(7, 1, -1, ("U",), 3, b"no facts"),))
    outcome = outcome_of([closed("1"), closed("2", ticket_id="V"), closed("3")], {"T": damaged})
    [letter] = outcome.dead
    assert (letter.reason, letter.offset, letter.value) == ("ticket-unfoldable", 2, closed("3"))
    assert "'T'" in letter.message
    assert "ValidationError" in letter.message
    assert [row.ticket_id for row in outcome.rows] == ["V"]
    assert {(row.subject, row.id) for row in outcome.events} == {("T", "1"), ("V", "2"), ("T", "3")}
    assert len(outcome.tickets["T"].facts) == 3


def test_a_ticket_set_aside_is_mended_by_folding_it_anew_from_its_stored_events() -> None:
    damaged = Ticket("T", (Absorbed(7, 1, -1, ("U",), 3, b"no facts"),))
    kept = [row.raw for row in outcome_of([closed("1"), resolved("2")], {"T": damaged}).events]
    assert row_of(refolded("T", kept), NOW_MS) == outcome_of([closed("1"), resolved("2")]).rows[0]


def test_rows_turn_into_columns_in_the_order_of_their_names() -> None:
    rows = outcome_of([closed("1"), closed("2", ticket_id="U")]).rows
    columns = dict(zip(column_names(TicketRow), columns_of(rows), strict=True))
    assert columns["ticket_id"] == ("T", "U")
    assert columns["cycles.resolved_at"] == ([None], [None])
    assert columns["ingested_at"] == (NOW_MS, NOW_MS)


def test_a_worker_that_dies_between_events_and_tickets_loses_nothing() -> None:
    async def story() -> TicketRow:
        store = MemoryStore()
        lost = outcome_of([closed("1"), resolved("2")])
        await store.write(lost.events, [], lost.dead)
        again = outcome_of([closed("1"), resolved("2")], await store.load(["T"]))
        await store.write(again.events, again.rows, again.dead)
        assert len(store.events) == 2
        return store.tickets["T"]

    assert asyncio.run(story()) == outcome_of([closed("1"), resolved("2")]).rows[0]


def test_a_store_gives_a_long_ticket_back_although_its_row_leaves_the_state_out() -> None:
    async def story() -> tuple[MemoryStore, Ticket]:
        store = MemoryStore()
        outcome = outcome_of([message(number) for number in range(3_000)])
        await store.write(outcome.events, outcome.rows, outcome.dead)
        assert outcome.rows[0].state == b""
        return store, outcome.tickets["T"]

    store, ticket = asyncio.run(story())
    assert asyncio.run(store.load(["T", "unknown"])) == {"T": ticket}


def test_an_older_version_written_later_changes_nothing() -> None:
    async def story() -> TicketRow:
        store = MemoryStore()
        first = outcome_of([closed("1")])
        second = outcome_of([resolved("2")], first.tickets)
        await store.write([], second.rows, [])
        await store.write([], first.rows, [])
        return store.tickets["T"]

    assert asyncio.run(story()).events == 2


def test_a_ticket_folds_anew_from_its_stored_events_in_any_order() -> None:
    raws = [closed("1"), resolved("2"), message(3)]
    foreign = closed("9", ticket_id="U")
    assert refolded("T", [*reversed(raws), foreign]) == outcome_of(raws).tickets["T"]


def test_folding_anew_refuses_bytes_that_are_no_event() -> None:
    with pytest.raises(InvalidEventError):
        refolded("T", [b"{"])


def test_what_was_stored_while_its_name_was_only_reserved_is_no_fact_where_it_says_something_else() -> None:
    kept = event(e.PromiseKept(ticket_id="T", promise_id="p"), 5, "2").raw
    other = kept.replace(b'"promise_id":"p"', b'"number":7')
    assert other != kept
    assert refolded("T", [closed("1"), other]) == refolded("T", [closed("1")])
    assert len(refolded("T", [closed("1"), kept]).facts) == 2
    with pytest.raises(InvalidEventError):
        refolded("T", [closed("1").replace(b'"ticket_id":"T"', b'"number":7')])


def test_a_retraction_finds_its_ticket_by_the_subject() -> None:
    said = event(e.TicketResolved(ticket_id="T"), 5, "1")
    retraction = event(e.EventRetracted(target_source=SOURCE, target_id="1"), 6, "2", subject="T")
    assert folded([said, retraction]) == outcome_of([said.raw, retraction.raw]).tickets["T"]
    assert outcome_of([said.raw, retraction.raw]).rows[0].status == "new"


def test_a_stored_event_is_structured_json_whatever_form_it_came_in() -> None:
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": SOURCE.encode(),
        "ce_type": e.type_of("ticket.closed").encode(),
        "ce_time": b"2026-03-02T09:00:00Z",
        "content-type": b"application/json",
    }
    binary = replace(record_of(b'{"ticket_id":"T"}'), headers=list(headers.items()))
    outcome = fold_batch(read([binary], NOW_MS), {}, NOW_MS)
    assert refolded("T", [outcome.events[0].raw]) == outcome.tickets["T"]


def test_reading_a_batch_keeps_the_order_of_each_ticket() -> None:
    reading = read([record_of(closed(str(number), at=9 - number), number) for number in range(5)], NOW_MS)
    assert [event.id for event, _ in reading.of_tickets["T"]] == ["0", "1", "2", "3", "4"]
    assert [record.offset for _, record in reading.of_tickets["T"]] == [0, 1, 2, 3, 4]


def test_what_kafka_lost_is_one_letter_however_often_it_is_noticed() -> None:
    first, again = (lost_letter("tickets", 3, 10, 25, now_ms) for now_ms in (1_000, 2_000))
    assert first.id == again.id != lost_letter("tickets", 3, 10, 26, 1_000).id
    assert (first.reason, first.offset) == ("records-lost", 10)
    assert "from 10 up to 25, 15 of them" in first.message
