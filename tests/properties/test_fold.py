"""What holds for every history of a ticket, in whatever order and how often its events arrive."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, astuple, replace

from schemas import events as e
from schemas.codec import Event, decode
from schemas.rows import TicketRow, column_names
from streams.core.identity import fact_id
from streams.core.ticket.batch import fold_batch, identity_of, read
from streams.core.ticket.fact import Absorbed, fact_of, pack, unpack
from streams.core.ticket.fold import Ticket, Verdict, active_facts, fold, ticket_of
from streams.core.ticket.measures import row_of
from streams.core.ticket.merge import statements_of
from streams.core.ticket.merge_evidence import Witnesses
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, SOURCE, TICKET, TICKETS, event, folded, histories, settled, worlds
from tests.oracle import expected_row
from tests.records import record_of
from tests.strategies import encoded_events, tampered_events

NO_TICKET = (e.OrderPlaced, e.OrderCancelled, e.SchedulePublished)
ABOUT_THE_SET = {"version", "events", "state"}
"""Columns that say which events are known, not what they amount to."""


def columns(row: TicketRow) -> dict[str, Any]:
    return dict(zip(column_names(TicketRow), astuple(row), strict=True))


def tie(one: Event) -> int:
    return fact_id(one.source, one.id)


def arrivals(history: Sequence[Event]) -> st.SearchStrategy[list[Event]]:
    """Return the same events in another order, some of them more than once."""
    again = st.lists(st.sampled_from(history), max_size=4)
    return again.flatmap(lambda more: st.permutations([*history, *more]))


any_arrival = histories().flatmap(lambda history: st.tuples(st.just(history), arrivals(history)))


@given(any_arrival)
def test_any_order_with_repetitions_gives_the_same_row(both: tuple[list[Event], list[Event]]) -> None:
    history, arrival = both
    assert row_of(folded(arrival), NOW_MS) == row_of(folded(history), NOW_MS)


@given(histories())
def test_folding_twice_changes_nothing(history: list[Event]) -> None:
    once = folded(history)
    twice, verdicts = fold(once, [fact_of(one) for one in history])
    assert twice is once
    assert set(verdicts) == {Verdict.KNOWN}


@given(any_arrival)
def test_the_version_grows_with_each_new_event_and_with_no_other(both: tuple[list[Event], list[Event]]) -> None:
    ticket = Ticket(TICKET)
    for one in both[1]:
        before = ticket
        ticket, [verdict] = fold(before, [fact_of(one)])
        assert (ticket.version > before.version) == (verdict is Verdict.NEW)
    assert ticket.revision == len(both[0])


@given(histories())
def test_a_row_gives_back_the_ticket_that_it_states(history: list[Event]) -> None:
    ticket = folded(history)
    row = row_of(ticket, NOW_MS)
    again = ticket_of(row.ticket_id, row.state)
    assert again == ticket
    assert row_of(again, NOW_MS) == row


@given(histories())
def test_facts_are_packed_without_loss(history: list[Event]) -> None:
    facts = [fact_of(one) for one in history]
    assert unpack(pack(facts)) == facts


@given(any_arrival)
def test_a_row_says_what_the_definitions_say(both: tuple[list[Event], list[Event]]) -> None:
    history, arrival = both
    row = columns(row_of(folded(arrival), NOW_MS))
    expected = expected_row(history, TICKET, tie)
    assert {name: row[name] for name in expected} == expected
    assert expected.keys() | {"ticket_id", "version", "state", "ingested_at"} == row.keys()


@given(histories(), st.data())
def test_retracting_an_event_gives_the_row_without_it(history: list[Event], data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(history))
    at = data.draw(st.integers(0, 50))
    retraction = event(e.EventRetracted(target_source=target.source, target_id=target.id), at, "the retraction")
    arrival = data.draw(st.permutations([*history, retraction]))
    without = [one for one in history if one is not target]
    _assert_same_amount(folded(arrival), folded([*without, retraction]))


@given(histories(), st.data())
def test_retracting_a_retraction_gives_the_row_from_before(history: list[Event], data: st.DataObject) -> None:
    targets = [fact_of(one) for one in history]
    target = data.draw(st.sampled_from(history))
    first = event(e.EventRetracted(target_source=target.source, target_id=target.id), 7, "first")
    at = data.draw(st.integers(0, 14), label="the second one may bear an earlier time than the first")
    second = event(e.EventRetracted(target_source=SOURCE, target_id="first"), at, "second")
    arrival = data.draw(st.permutations([*history, first, second]))
    assert active_facts(folded(arrival).facts) == active_facts(fold(Ticket(TICKET), targets)[0].facts)


@given(histories(), st.data())
def test_an_identity_that_is_reused_leaves_the_ticket_as_it_was(history: list[Event], data: st.DataObject) -> None:
    ticket = folded(history)
    known = data.draw(st.sampled_from(history))
    other = replace(fact_of(known), at=known.at_ms + 1)
    same, verdicts = fold(ticket, [other])
    assert verdicts == [Verdict.REUSED]
    assert same is ticket


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["a", "b"])), min_size=1), st.data())
def test_of_renewed_statements_the_highest_revision_counts(said: list[tuple[int, str]], data: st.DataObject) -> None:
    statements = [_absorbed(revision) for revision, _ in said]
    ticket, verdicts = fold(Ticket("B"), data.draw(st.permutations(statements)))
    assert Verdict.REUSED not in verdicts
    assert list(ticket.facts) == [max(statements, key=lambda one: one.revision)]
    assert ticket.revision == 1 + max(revision for revision, _ in said)


@given(histories(max_size=30), st.data())
def test_batches_over_a_store_give_the_row_of_one_go(history: list[Event], data: st.DataObject) -> None:
    arrival = data.draw(arrivals(history))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(arrival)))))
    store = asyncio.run(_stored(arrival, cuts))
    assert store.tickets == {TICKET: row_of(folded(history), NOW_MS)}
    assert {(row.source, row.id) for row in store.events.values()} == {(one.source, one.id) for one in history}
    assert not store.dead_letters


@given(st.lists(encoded_events() | tampered_events() | st.binary(max_size=20), max_size=12))
def test_nothing_that_arrives_stops_a_batch(values: list[bytes]) -> None:
    reading = read([record_of(value, offset) for offset, value in enumerate(values)], NOW_MS)
    outcome = fold_batch(reading, {}, NOW_MS)
    letters = {letter.offset for letter in outcome.dead}
    folded_events = sum(len(ticket.facts) for ticket in outcome.tickets.values())
    heartbeats = sum(isinstance(one.content, e.ProducerHeartbeat) for one, _ in reading.others)
    assert len(outcome.events) == folded_events + len(reading.identities) + heartbeats
    assert len(letters) == len(outcome.dead)
    assert len(outcome.events) + len(outcome.dead) <= len(values)
    assert {row.ticket_id for row in outcome.rows} == reading.of_tickets.keys()
    assert all(len(set(map(len, group))) == 1 for row in outcome.rows for group in _groups(columns(row)))


@pytest.mark.weighty
@settings(max_examples=25)  # each schedule is worked out up to 2050
@given(st.lists(encoded_events(*NO_TICKET), max_size=6), st.data())
def test_repetitions_and_redelivery_of_what_no_ticket_folds_change_nothing(
    values: list[bytes], data: st.DataObject
) -> None:
    alone = list({identity_of(one): value for value in values for one in [decode(value, now_ms=NOW_MS)]}.values())
    again = data.draw(st.lists(st.sampled_from(alone), max_size=4) if alone else st.just([]))
    arrival = data.draw(st.permutations([*alone, *map(_written_otherwise, again)]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(arrival)))))
    once, store = (asyncio.run(_kept(some, at)) for some, at in ((alone, []), (arrival, cuts)))
    assert store.events.keys() == once.events.keys()
    assert store.hours == once.hours
    assert not store.dead_letters
    before = dict(store.events), dict(store.hours)
    asyncio.run(_kept(arrival, cuts, store))
    assert (store.events, store.hours, store.dead_letters) == (*before, {})


@settings(max_examples=25)  # each schedule is worked out up to 2050
@given(st.lists(encoded_events(e.OrderPlaced, e.SchedulePublished), min_size=1, max_size=4), st.data())
def test_of_an_identity_used_twice_the_first_stands_however_it_is_delivered(
    values: list[bytes], data: st.DataObject
) -> None:
    arrival = [other for value in values for other in (value, _moved(value))]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(arrival)))))
    store = asyncio.run(_kept(arrival, cuts))
    first = {identity_of(one): value for value in reversed(arrival) for one in [decode(value, now_ms=NOW_MS)]}
    assert {row.raw for row in store.events.values()} == set(first.values())
    letters, hours = dict(store.dead_letters), dict(store.hours)
    said = {value: decode(value, now_ms=NOW_MS) for value in arrival}
    other = {value for value, one in said.items() if _meaning(one) != _meaning(said[first[identity_of(one)]])}
    assert {letter.value for letter in letters.values()} == other
    asyncio.run(_kept(arrival, sorted({0, *cuts[1:]}), store))
    assert {row.raw for row in store.events.values()} == set(first.values())
    assert (store.dead_letters, store.hours) == (letters, hours)


def _meaning(one: Event) -> tuple[object, ...]:
    return one.name, one.at_ms, one.content


@given(worlds(), st.randoms(use_true_random=False))
def test_merges_come_to_rest_and_survivors_tell_the_whole_story(world: list[Event], random: Any) -> None:
    arrival = [*world, *world[:3]]
    random.shuffle(arrival)
    tickets = settled(arrival)
    for ticket_id, ticket in tickets.items():
        row = columns(row_of(ticket, NOW_MS))
        expected = expected_row(world, ticket_id, tie)
        if expected["exclusion"] == "retracted":
            assert row["exclusion"] == "retracted"
        else:
            del expected["events"]
            assert {name: row[name] for name in expected} == expected


@given(worlds(), st.sampled_from(TICKETS), st.sampled_from(TICKETS), st.data())
def test_a_merge_taken_back_gives_the_survivor_its_earlier_row(
    world: list[Event], merged: str, survivor: str, data: st.DataObject
) -> None:
    if merged == survivor:
        return
    before = settled(world)
    merge = event(e.TicketMerged(ticket_id=merged, into_ticket_id=survivor), 40, "the merge", 9, subject=merged)
    undo = event(e.EventRetracted(target_source=SOURCE, target_id="the merge"), 41, "undo", subject=merged)
    arrival = data.draw(st.permutations([*world, merge, undo]))
    cut = data.draw(st.integers(0, len(arrival)))
    after = settled(arrival[cut:], settled(arrival[:cut]))
    for ticket_id in before.keys() - {merged}:
        _assert_same_amount(after[ticket_id], before[ticket_id])


@given(worlds(), st.randoms(use_true_random=False))
def test_statements_may_arrive_in_any_order(world: list[Event], random: Any) -> None:
    shuffled = [*world]
    random.shuffle(shuffled)
    one, other = settled(world), settled(shuffled)
    assert {id: row_of(ticket, NOW_MS) for id, ticket in one.items()} == {
        id: row_of(ticket, NOW_MS) for id, ticket in other.items()
    }


@given(worlds(), st.randoms(use_true_random=False))
def test_whoever_reads_the_same_statements_later_folds_the_same(world: list[Event], random: Any) -> None:
    logs: dict[str, deque[Event]] = defaultdict(deque)
    read: dict[str, list[Event]] = defaultdict(list)
    tickets: dict[str, Ticket] = {}
    for one in world:
        logs[one.subject].append(one)
    while waiting := [id for id, log in logs.items() if log]:
        subject = random.choice(waiting)
        one = logs[subject].popleft()
        read[subject].append(one)
        tickets[subject] = _with(tickets.get(subject, Ticket(subject)), one, tickets)
        for into, said in statements_of(tickets[subject], [fact_of(one)]):
            logs[into].append(decode(said, now_ms=NOW_MS))
    for subject, log in read.items():
        late = Ticket(subject)
        for one in log:
            late = _with(late, one, tickets)
        assert late == tickets[subject]
    assert tickets == settled(world)


def _with(ticket: Ticket, one: Event, tickets: dict[str, Ticket]) -> Ticket:
    said = one.content
    stated = Witnesses(tickets).borne_out(one, said) if isinstance(said, e.TicketAbsorbed) else one
    assert stated
    return fold(ticket, [fact_of(stated)])[0]


def _groups(row: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the arrays that lie beside each other: they are as long as each other, or ClickHouse refuses them."""
    for prefix in {name.partition(".")[0] for name in row if "." in name}:
        yield [value for name, value in row.items() if name.startswith(f"{prefix}.")]


def _assert_same_amount(one: Ticket, other: Ticket) -> None:
    kept = asdict(row_of(one, NOW_MS)), asdict(row_of(other, NOW_MS))
    first, second = ({name: value for name, value in row.items() if name not in ABOUT_THE_SET} for row in kept)
    if first["exclusion"] == "retracted":
        assert second["exclusion"] == "retracted"
    else:
        assert first == second


def _absorbed(revision: int) -> Absorbed:
    return Absorbed(1, 0, -1, ("A",), revision, bytes([revision]))


def _written_otherwise(value: bytes) -> bytes:
    """Return the same event with its keys in another order and other whitespace."""
    return json.dumps(dict(reversed(json.loads(value).items())), indent=1).encode()


def _moved(value: bytes) -> bytes:
    """Return other content under the same identity."""
    return json.dumps(json.loads(value) | {"time": "1970-01-01T00:00:00Z"}).encode()


async def _kept(values: Sequence[bytes], cuts: Sequence[int], store: MemoryStore | None = None) -> MemoryStore:
    """Return the store after events that no ticket folds came in batches."""
    kept = store or MemoryStore()
    for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        reading = read([record_of(value, offset) for offset, value in enumerate(values[start:end], start)], NOW_MS)
        outcome = fold_batch(reading, {}, NOW_MS, await kept.stored(reading.identities))
        await kept.write(outcome.events, [], outcome.dead, outcome.beside)
    return kept


async def _stored(arrival: Sequence[Event], cuts: Sequence[int]) -> MemoryStore:
    store = MemoryStore()
    for start, end in zip([0, *cuts], [*cuts, len(arrival)], strict=True):
        reading = read([record_of(one.raw, offset) for offset, one in enumerate(arrival[start:end], start)], NOW_MS)
        outcome = fold_batch(reading, await store.load(reading.of_tickets), NOW_MS)
        if outcome.rows:
            await store.write(outcome.events, outcome.rows, outcome.dead)
    return store
