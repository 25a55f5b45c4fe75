"""From records to rows: what is stored, what is refused, and what a crash between two writes leaves behind."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import InvalidEventError
from schemas.rows import TicketRow, column_names, columns_of
from streams.core import merge
from streams.core.batch import Outcome, fold_batch, read, refolded
from streams.core.fact import pack
from streams.core.measures import row_of
from streams.core.ticket import Ticket
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, SOURCE, event, folded
from tests.records import record_of


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


def outcome_of(values: Sequence[bytes | None], known: dict[str, Ticket] | None = None) -> Outcome:
    reading = read([record_of(value, offset) for offset, value in enumerate(values)], NOW_MS)
    return fold_batch(reading, known or {}, NOW_MS)


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
    said = e.TicketAbsorbed(ticket_id="T", from_ticket_id="U", revision=7, facts=b"")
    [row] = outcome_of([event(said, 5, "1", source=merge.SOURCE).raw]).events
    assert row.revision == 7


@pytest.mark.parametrize(
    ("source", "facts", "pointer"), [(SOURCE, pack([]), "/source"), (merge.SOURCE, b"\xff", "/data/facts")]
)
def test_a_statement_that_is_not_ours_does_not_stop_the_fold(source: str, facts: bytes, pointer: str) -> None:
    said = e.TicketAbsorbed(ticket_id="T", from_ticket_id="U", revision=7, facts=facts)
    outcome = outcome_of([event(said, 5, "1", source=source).raw, closed("2")])
    assert [(letter.reason, letter.pointer) for letter in outcome.dead] == [("bad-value", pointer)]
    assert [row.events for row in outcome.rows] == [1]


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
