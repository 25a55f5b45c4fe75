"""What merged tickets tell their survivors, and that they stop telling."""

from itertools import pairwise

import pytest

from schemas import events as e
from schemas.codec import MAX_DERIVED_BYTES, Event, decode
from schemas.rows import TicketRow
from streams.core.ticket.fact import Absorbed, Message, fact_of, unpack
from streams.core.ticket.fold import Ticket, Verdict, fold
from streams.core.ticket.measures import row_of
from streams.core.ticket.merge import MAX_HOPS, SOURCE, statements_of
from tests.histories import NOW_MS, event, folded, settled
from tests.histories import SOURCE as DESK


def created(ticket_id: str, at: int, by: e.Party = e.Party.CUSTOMER) -> Event:
    said = e.TicketCreated(ticket_id=ticket_id, channel="email", created_by=by)
    return event(said, at, f"{ticket_id[:9]} created", subject=ticket_id)


def merged(ticket_id: str, into: str, at: int) -> Event:
    said = e.TicketMerged(ticket_id=ticket_id, into_ticket_id=into)
    return event(said, at, f"{ticket_id[:9]} into {into[:9]}", subject=ticket_id)


def undone(one: Event, at: int) -> Event:
    said = e.EventRetracted(target_source=DESK, target_id=one.id)
    return event(said, at, f"{one.id} undone", subject=one.subject)


def message(ticket_id: str, at: int, party: e.Party) -> Event:
    direction = e.Direction.IN if party is e.Party.CUSTOMER else e.Direction.OUT
    said = e.MessageSent(
        ticket_id=ticket_id, message_id="m", direction=direction, visibility=e.Visibility.PUBLIC, sender_type=party
    )
    return event(said, at, f"{ticket_id} message {at}", subject=ticket_id)


def asked(ticket_id: str, at: int) -> Event:
    return message(ticket_id, at, e.Party.CUSTOMER)


def answered(ticket_id: str, at: int) -> Event:
    return message(ticket_id, at, e.Party.AGENT)


def row(tickets: dict[str, Ticket], ticket_id: str) -> TicketRow:
    return row_of(tickets[ticket_id], NOW_MS)


def all_of(ticket: Ticket) -> list[tuple[str, bytes]]:
    """Return all that a ticket has to tell, as after an event of its own."""
    return statements_of(ticket, ticket.facts)


def told(ticket: Ticket) -> list[tuple[str, Event]]:
    return [(survivor, decode(statement, now_ms=NOW_MS)) for survivor, statement in all_of(ticket)]


def test_a_ticket_that_was_never_merged_has_nothing_to_tell() -> None:
    assert all_of(folded([created("A", 1)], "A")) == []


def test_a_statement_is_an_event_of_the_survivor_that_never_pages() -> None:
    [(survivor, statement)] = told(folded([created("A", 1), merged("A", "B", 5)], "A"))
    assert (survivor, statement.subject, statement.ticket_id) == ("B", "B", "B")
    assert (statement.name, statement.source, statement.at_ms, statement.replay) == ("ticket.absorbed", SOURCE, 5, True)


def test_stating_again_is_the_same_event() -> None:
    events = [created("A", 1), merged("A", "B", 5), asked("A", 7)]
    ticket = folded(events, "A")
    assert all_of(ticket) == all_of(folded(events[::-1], "A"))
    survivor = folded([statement for _, statement in told(ticket)], "B")
    again, verdicts = fold(survivor, [fact_of(statement) for _, statement in told(ticket)])
    assert verdicts == [Verdict.KNOWN]
    assert again is survivor


@pytest.mark.parametrize("size", [2, 3, 8])
def test_circles_of_merges_come_to_rest_also_when_all_is_told_again(size: int) -> None:
    ids = [f"T{n}" for n in range(size)]
    events = [created(id, n) for n, id in enumerate(ids)]
    events += [merged(id, ids[(n + 1) % size], 10 + n) for n, id in enumerate(ids)]
    once = settled(events, most=1_000)
    assert settled(events, once, most=1_000) == once


def test_a_merge_the_wrong_way_round_put_right_comes_to_rest() -> None:
    wrong = merged("A", "B", 5)
    events = [created("A", 1), created("B", 2), asked("B", 3), wrong, undone(wrong, 6), merged("B", "A", 7)]
    tickets = settled(events, most=50)
    assert row(tickets, "A").is_effective
    assert row(tickets, "A").customer_messages == 1
    assert row(tickets, "B").exclusion == "merged"


def test_what_is_told_again_tells_only_what_follows_from_it() -> None:
    events = [created("A", 1), merged("A", "B", 5), created("B", 2), merged("B", "C", 6)]
    tickets = settled(events)
    [absorbed] = [fact for fact in tickets["B"].facts if type(fact) is Absorbed]
    [(survivor, statement)] = statements_of(tickets["B"], [absorbed])
    said = decode(statement, now_ms=NOW_MS).content
    assert isinstance(said, e.TicketAbsorbed)
    assert (survivor, said.from_ticket_id, said.via) == ("C", "A", ("B",))
    assert len(all_of(tickets["B"])) == 2


def test_the_desk_keeps_to_itself_how_it_filed_the_duplicate() -> None:
    closing = event(e.TicketClosed(ticket_id="A"), 4, "closing", subject="A")
    [(_, statement)] = told(folded([created("A", 1), asked("A", 2), closing, merged("A", "B", 5)], "A"))
    assert isinstance(statement.content, e.TicketAbsorbed)
    assert [fact.at for fact in unpack(statement.content.facts)] == [1, 2]


def test_later_events_of_a_merged_ticket_still_reach_the_survivor() -> None:
    events = [created("A", 1), created("B", 2), merged("A", "B", 3), answered("B", 4), asked("A", 5)]
    assert row(settled(events), "B").open_wait_since == 5


def test_an_answer_on_either_ticket_ends_the_wait() -> None:
    events = [created("A", 1_000), created("B", 2_000), answered("A", 4_000), merged("A", "B", 5_000)]
    tickets = settled(events)
    assert row(tickets, "B").first_response_seconds == 3.0
    assert row(tickets, "B").open_wait_since is None


def test_a_chain_of_merges_hands_everything_to_its_end() -> None:
    events = [
        created("A", 3),
        created("B", 2),
        created("C", 4),
        merged("B", "C", 6),
        merged("A", "B", 5),
        asked("A", 9),
    ]
    tickets = settled(events)
    assert row(tickets, "C").created_at == 2
    assert row(tickets, "C").customer_messages == 1
    assert [row(tickets, ticket_id).exclusion for ticket_id in "ABC"] == ["merged", "merged", ""]


def test_leaving_takes_along_what_came_with_it() -> None:
    onward = merged("B", "C", 6)
    events = [created("A", 3), created("B", 2), created("C", 4), merged("A", "B", 5), onward]
    tickets = settled([undone(onward, 7)], settled(events))
    assert row(tickets, "C").created_at == 4
    assert row(tickets, "B").exclusion == ""
    assert row(tickets, "B").created_at == 2


def test_a_merge_corrected_to_another_survivor_leaves_the_first() -> None:
    events = [created("A", 1), created("B", 2), created("C", 3), merged("A", "B", 4), merged("A", "C", 5)]
    tickets = settled(events)
    assert row(tickets, "B").created_at == 2
    assert row(tickets, "C").created_at == 1


def test_a_merge_in_the_wrong_direction_can_be_turned_round() -> None:
    wrong = merged("A", "B", 3)
    events = [created("A", 1), created("B", 2), wrong, undone(wrong, 4), merged("B", "A", 5)]
    later = [asked("B", 10 + number) for number in range(20)]
    tickets = settled([*events, *later])
    assert row(tickets, "A").customer_messages == 20
    assert row(tickets, "A").exclusion == ""
    assert row(tickets, "B").exclusion == "merged"


def test_a_merge_into_a_ticket_that_does_not_exist_leaves_nothing_when_it_is_taken_back() -> None:
    wrong = merged("A", "typo", 3)
    tickets = settled([created("A", 1), wrong, undone(wrong, 4)])
    assert row(tickets, "typo").exclusion == "retracted"
    assert row(tickets, "A").exclusion == ""


def test_tickets_merged_in_a_circle_come_to_rest_and_know_the_same_story() -> None:
    events = [created("A", 1), created("B", 2), created("C", 3)]
    circle = [merged("A", "B", 4), merged("B", "C", 5), merged("C", "A", 6), asked("B", 9)]
    tickets = settled([*events, *circle], most=60)
    assert {row(tickets, ticket_id).created_at for ticket_id in "ABC"} == {1}
    assert {row(tickets, ticket_id).customer_messages for ticket_id in "ABC"} == {1}


def test_nothing_returns_to_a_ticket_on_its_path() -> None:
    tickets = settled([created("A", 1), merged("A", "B", 4), merged("B", "A", 5)])
    paths = {
        ticket_id: [fact.path for fact in tickets[ticket_id].facts if type(fact) is Absorbed] for ticket_id in "AB"
    }
    assert paths == {"A": [("B",)], "B": [("A",)]}


def test_every_ticket_of_a_long_chain_hands_on_its_own_part() -> None:
    names = [f"T{number}" for number in range(MAX_HOPS + 3)]
    chain = [merged(one, into, 50 + at) for at, (one, into) in enumerate(pairwise(names))]
    tickets = settled([*(created(name, at) for at, name in enumerate(names)), *chain])
    last = tickets[names[-1]]
    paths = [fact.path for fact in last.facts if type(fact) is Absorbed]
    assert sorted(map(len, paths)) == list(range(1, MAX_HOPS + 1))
    assert row_of(last, NOW_MS).created_at == len(names) - 1 - MAX_HOPS


def test_a_retracted_statement_is_not_passed_on() -> None:
    events = [created("A", 1), created("B", 2), created("C", 3), merged("A", "B", 4), merged("B", "C", 5)]
    tickets = settled(events)
    [(_, statement)] = told(tickets["A"])
    said = e.EventRetracted(target_source=SOURCE, target_id=statement.id)
    after = settled([*events, event(said, 9, "retraction", subject="B")])
    assert row(after, "B").created_at == 2
    assert row(after, "C").created_at == 2


def test_ids_as_long_as_the_contract_allows_can_be_merged() -> None:
    ids = [letter * 512 for letter in "ABC"]
    events = [created(ids[0], 1), merged(ids[0], ids[1], 2), merged(ids[1], ids[2], 3)]
    assert row(settled(events), ids[2]).created_at == 1


@pytest.mark.parametrize("count", [10, 30_000])
def test_a_story_fits_into_one_event_however_long_it_is(count: int) -> None:
    facts = [Message(number + 2**62, 1_700_000_000_000 + number, -1, "in", True, "customer") for number in range(count)]
    opening = [fact_of(created("A", 1)), fact_of(merged("A", "B", 1_800_000_000_000))]
    [(_, raw)] = all_of(fold(Ticket("A"), [*opening, *facts])[0])
    assert len(raw) < MAX_DERIVED_BYTES
    survivor = folded([decode(raw, now_ms=NOW_MS)], "B")
    assert row_of(survivor, NOW_MS).created_at == 1
    assert row_of(survivor, NOW_MS).customer_messages == min(count, 14_999)


def test_a_case_keeps_the_first_response_that_its_customer_waited_for() -> None:
    events = [created("A", 1_000), created("B", 2_000, e.Party.AGENT), merged("A", "B", 3_000), answered("B", 4_000)]
    survivor = row(settled(events), "B")
    assert survivor.created_by == "customer"
    assert survivor.first_response_seconds == 3.0


def test_who_calls_while_an_agents_case_is_open_waits_from_the_call_on() -> None:
    case = [created("B", 1_000, e.Party.AGENT), answered("B", 2_000)]
    tickets = settled([*case, created("A", 50_000), merged("A", "B", 60_000)])
    assert row(tickets, "B").open_wait_since == 50_000
    assert row(tickets, "B").first_response_seconds is None
