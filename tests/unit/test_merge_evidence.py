"""A statement on Kafka counts for what its ticket says itself: forging one is pointless."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from itertools import permutations
from typing import Final

import pytest
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event, decode
from streams.core.ticket.batch import LeftOut, Outcome, fold_batch, read
from streams.core.ticket.fact import Absorbed, Rated, fact_of, pack
from streams.core.ticket.fold import Ticket
from streams.core.ticket.measures import row_of
from streams.core.ticket.merge import SOURCE, identity_along, statements_of
from streams.core.ticket.merge_evidence import MAX_PATHS
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, event, folded, settled
from tests.records import record_of
from tests.unit.test_merge import asked, created, merged, undone

NOTE: Final = Rated(99, 5, -1, "forged", "", 1.0, 1.0, 5.0, "customer")
MERGE: Final = merged("A", "B", 5)
STORY: Final = [created("A", 1), asked("A", 2), MERGE, asked("A", 7)]
A: Final = folded(STORY, "A")


def told_by(ticket: Ticket) -> list[Event]:
    return [decode(said, now_ms=NOW_MS) for _, said in statements_of(ticket, ticket.facts)]


def forged(said: e.TicketAbsorbed, *, at: int = 5, id: str | None = None) -> Event:
    path = (said.from_ticket_id, *said.via)
    return event(said, at, id or identity_along(path, said.ticket_id), subject=said.ticket_id, source=SOURCE)


def outcome_of(
    arrived: list[Event], witnesses: Mapping[str, Ticket], known: Mapping[str, Ticket] | None = None
) -> Outcome:
    return fold_batch(
        read([record_of(one.raw, n) for n, one in enumerate(arrived)], NOW_MS), known or {}, NOW_MS, witnesses=witnesses
    )


def statement() -> tuple[Event, e.TicketAbsorbed]:
    [true] = told_by(A)
    assert isinstance(true.content, e.TicketAbsorbed)
    return true, true.content


def test_what_a_ticket_says_as_stored_is_folded() -> None:
    true, _ = statement()
    outcome = outcome_of([true], {"A": A})
    assert [row.raw for row in outcome.events] == [true.raw]
    assert outcome.rows[0].customer_messages == 2
    assert (outcome.left_out, outcome.dead) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        {"facts": pack([NOTE])},
        {"facts": b""},
        {"days": (20_000,)},
    ],
    ids=["other facts", "none", "other days"],
)
def test_under_the_revision_of_a_statement_only_that_statement_is_folded(change: dict[str, object]) -> None:
    true, said = statement()
    outcome = outcome_of([forged(replace(said, **change), at=9)], {"A": A})
    assert [row.raw for row in outcome.events] == [true.raw]
    assert outcome_of([true], {"A": A}, outcome.tickets).rows == outcome.rows


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 5},
        {"revision": 2**53},
        {"revision": 3, "facts": pack([NOTE])},
        {"revision": 3, "days": (20_000,)},
        {"from_ticket_id": "X"},
        {"via": ("X",)},
        {"ticket_id": "C"},
    ],
    ids=["newer", "last of all", "older with other facts", "older with other days", "of another", "via", "to another"],
)
def test_what_no_ticket_says_is_left_out_and_told(change: dict[str, object]) -> None:
    _, said = statement()
    outcome = outcome_of([forged(replace(said, **change))], {"A": A, "X": folded([created("X", 1)], "X")})
    assert (outcome.events, outcome.rows, outcome.statements, outcome.tickets) == ([], [], [], {})
    assert [why for why, _ in outcome.left_out] == [LeftOut.UNKNOWN]


def test_a_statement_under_an_identity_of_its_own_is_left_out() -> None:
    _, said = statement()
    outcome = outcome_of([forged(said, id="absorbed:mine")], {"A": A})
    assert (outcome.events, len(outcome.left_out)) == ([], 1)


def test_a_statement_whose_ticket_is_not_stored_yet_is_left_out_and_the_rest_of_the_batch_goes_on() -> None:
    true, _ = statement()
    outcome = outcome_of([true, asked("B", 3)], {})
    assert [row.customer_messages for row in outcome.rows] == [1]
    assert [why for why, _ in outcome.left_out] == [LeftOut.UNKNOWN]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_an_older_statement_is_folded_as_it_was_however_late_it_is_read(count: int) -> None:
    events = sorted(STORY, key=lambda one: one is not MERGE)
    old = told_by(folded(events[:count], "A"))
    assert [row.raw for row in outcome_of(old, {"A": A}).events] == [old[0].raw]


def test_an_older_statement_about_another_is_held_against_that_one() -> None:
    onward = [created("B", 3), merged("B", "C", 6)]
    before, after = settled([*STORY[:3], *onward]), settled([*STORY, *onward])
    [old] = [one for one in told_by(before["B"]) if isinstance(one.content, e.TicketAbsorbed) and one.content.via]
    assert read([record_of(old.raw)], NOW_MS).witnesses == {"A", "B"}
    assert [row.raw for row in outcome_of([old], after).events] == [old.raw]
    assert outcome_of([old], {"B": after["B"]}).events == []


def test_a_merge_that_was_taken_back_is_told_as_such_also_by_the_forger() -> None:
    apart = folded([*STORY, undone(MERGE, 8)], "A")
    [empty] = told_by(apart)
    assert isinstance(empty.content, e.TicketAbsorbed)
    lie = forged(replace(empty.content, facts=pack([NOTE])))
    assert [row.raw for row in outcome_of([lie], {"A": apart}).events] == [empty.raw]


def test_refolding_gives_the_rows_that_were_folded_from_hints() -> None:
    async def story() -> None:
        store = MemoryStore()
        _, said = statement()
        first = outcome_of([forged(replace(said, facts=b"")), asked("B", 3)], {"A": A})
        await store.write(first.events, first.rows, first.dead)
        raws = [decode(row.raw, now_ms=NOW_MS) for row in store.events.values()]
        assert row_of(folded(raws, "B"), NOW_MS) == store.tickets["B"]

    asyncio.run(story())


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, pytest.param(10, marks=pytest.mark.lengthy)])
def test_tickets_that_were_each_merged_into_each_other_come_to_rest_after_a_bounded_number_of_statements(
    count: int,
) -> None:
    ids = [f"T{n}" for n in range(count)]
    merges = [merged(one, into, 100 + n) for n, (one, into) in enumerate(permutations(ids, 2))]
    events = [*(created(id, n) for n, id in enumerate(ids)), *merges]
    tickets = settled(events, most=len(merges) * MAX_PATHS * count**2)
    paths = {id: Counter(fact.path[0] for fact in tickets[id].facts if type(fact) is Absorbed) for id in ids}
    assert {len(of_each) for of_each in paths.values()} == {count - 1}
    assert max(max(of_each.values()) for of_each in paths.values()) <= MAX_PATHS


def test_a_part_that_comes_along_too_many_paths_is_left_out_and_told() -> None:
    ways = [f"W{n}" for n in range(MAX_PATHS + 2)]
    known = Ticket("S", tuple(Absorbed(n, 5, -1, ("A", way), 1, b"") for n, way in enumerate(ways[:MAX_PATHS])))
    parts = {way: settled([*STORY[:1], merged("A", way, 5), merged(way, "S", 6)])[way] for way in ways}
    said = [one for way in ways[-2:] for one in told_by(parts[way])]
    outcome = outcome_of(said, parts | {"A": A}, {"S": known})
    assert [why for why, _ in outcome.left_out] == [LeftOut.CROWDED] * 2
    assert len(outcome.events) == 2, "their own parts"


@pytest.mark.parametrize("count", [1, 10, 300])
def test_one_message_on_a_ticket_into_which_many_were_merged_is_one_statement(count: int) -> None:
    events = [created("M", 0), merged("M", "S", 5_000)]
    for n in range(count):
        events += [created(f"D{n}", 1 + n), merged(f"D{n}", "M", 1_000 + n)]
    tickets = settled(events)
    assert row_of(tickets["S"], NOW_MS).created_at == 0
    late = asked("M", 9_000)
    assert len(statements_of(tickets["M"], [fact_of(late)])) == 1
    after = settled([late], tickets)
    assert row_of(after["S"], NOW_MS).customer_messages == 1
    assert len([fact for fact in after["S"].facts if type(fact) is Absorbed]) == count + 1
