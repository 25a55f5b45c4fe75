"""The edges of the fold: identities, retractions of retractions, states that are none."""

import msgspec
import pytest

from schemas import events as e
from schemas.codec import Event
from streams.core.identity import fact_id
from streams.core.ticket.fact import KINDS, AnyFact, Moved, Retracted, fact_of, order_of
from streams.core.ticket.fold import Ticket, Verdict, active_facts, fold, ticket_of
from tests.histories import event, folded


def moved(id: int, at: int = 1, to: str = "open", sequence: int = -1) -> Moved:
    return Moved(id, at, sequence, to)


def retracted(id: int, target: int, at: int = 1) -> Retracted:
    return Retracted(id, at, -1, target)


def counting(*facts: AnyFact) -> set[int]:
    return {fact.id for fact in active_facts(fold(Ticket("T"), facts)[0].facts)}


def test_folding_nothing_gives_the_same_ticket() -> None:
    ticket = folded([event(e.TicketClosed(ticket_id="T"), 1, "1")])
    assert fold(ticket, []) == (ticket, [])


def test_verdicts_come_in_the_order_of_the_facts() -> None:
    first, other = moved(1), moved(2)
    _, verdicts = fold(Ticket("T"), [first, other, first, moved(2, at=9), moved(3)])
    assert verdicts == [Verdict.NEW, Verdict.NEW, Verdict.KNOWN, Verdict.REUSED, Verdict.NEW]


def test_an_identity_may_not_be_reused_for_another_kind_of_event() -> None:
    ticket, verdicts = fold(Ticket("T"), [moved(1), retracted(1, target=2)])
    assert verdicts == [Verdict.NEW, Verdict.REUSED]
    assert ticket.facts == (moved(1),)


def test_facts_lie_in_the_order_of_time_then_sequence() -> None:
    facts = [moved(1, at=3), moved(2, at=2, sequence=10), moved(3, at=2, sequence=9), moved(4, at=2)]
    ticket, _ = fold(Ticket("T"), facts)
    assert [fact.id for fact in ticket.facts] == [4, 3, 2, 1]


def test_of_one_instant_the_identity_decides_whoever_comes_first() -> None:
    one, other = moved(1), moved(2)
    assert fold(Ticket("T"), [one, other])[0] == fold(Ticket("T"), [other, one])[0]
    assert order_of(one) < order_of(other)


def test_source_and_id_do_not_run_into_each_other() -> None:
    assert len({fact_id("a", "bc"), fact_id("ab", "c"), fact_id("a\0b", "c"), fact_id("a", "b\0c")}) == 4
    assert len({fact_id("1:a", "b"), fact_id("1", ":ab"), fact_id("", "1:ab")}) == 3


def test_identities_of_any_text_have_a_hash() -> None:
    assert 0 <= fact_id("ö" * 512, "\U0001f600" * 512) < 2**64


@pytest.mark.parametrize("kind", [kind for kind in e.CATALOGUE.values() if issubclass(kind, e.TicketData)])
def test_every_event_of_a_ticket_is_remembered(kind: type[e.TicketData]) -> None:
    assert type(fact_of(_example(kind))) in KINDS


def test_an_event_of_no_ticket_is_not_remembered() -> None:
    with pytest.raises(KeyError):
        fact_of(event(e.ProducerHeartbeat(), 1, "1"))


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        ticket_of("T", b"\xc1")
    with pytest.raises(msgspec.MsgspecError):
        ticket_of("T", msgspec.msgpack.encode([[99, 1, 2, 3]]))


def test_no_state_is_a_ticket_without_facts() -> None:
    assert ticket_of("T", b"") == Ticket("T")


def test_a_retraction_acts_whether_its_clock_is_ahead_or_behind() -> None:
    assert counting(moved(1, at=5), retracted(2, target=1, at=9)) == set()
    assert counting(moved(1, at=5), retracted(2, target=1, at=0)) == set()


def test_the_last_of_a_row_of_retractions_decides_whatever_the_clocks_say() -> None:
    for clocks in [(1, 2, 3), (3, 2, 1), (2, 2, 2), (2, 3, 1)]:
        row = [retracted(10 + n, target=9 + n, at=at) for n, at in enumerate(clocks)]
        assert counting(moved(9), *row[:1]) == set()
        assert counting(moved(9), *row[:2]) == {9}
        assert counting(moved(9), *row) == set()


def test_one_of_two_retractions_is_enough() -> None:
    assert counting(moved(1), retracted(2, 1), retracted(3, 1), retracted(4, target=2)) == set()
    assert counting(moved(1), retracted(2, 1), retracted(3, 1), retracted(4, 2), retracted(5, 3)) == {1}


def test_retractions_in_a_circle_disturb_nothing_else() -> None:
    circle = [retracted(1, target=2), retracted(2, target=3), retracted(3, target=1), retracted(4, target=4)]
    assert counting(*circle, moved(5), moved(6), retracted(7, target=6)) == {5}
    assert counting(*circle, retracted(8, target=1), moved(5)) == {5}


def test_thousands_of_retractions_of_retractions_can_be_told_apart() -> None:
    row = [retracted(number, target=number - 1, at=number) for number in range(1, 10_001)]
    assert counting(moved(0), *row) == {0}
    assert counting(moved(0), *row[:-1]) == set()


def _example(kind: type[e.TicketData]) -> Event:
    fields = {
        "ticket_id": "T",
        "into_ticket_id": "U",
        "fault_id": "F",
        "from_ticket_id": "U",
        "channel": "email",
        "created_by": "agent",
        "contact_type": "question",
        "by": "rule",
        "team": "beds",
        "to": "open",
        "level": "1",
        "revision": 1,
        "facts": "",
        "message_id": "m",
        "direction": "in",
        "visibility": "public",
        "sender_type": "customer",
        "survey_id": "s",
        "rating_id": "r",
        "raw": 1,
        "scale_min": 0,
        "scale_max": 2,
        "source": "customer",
        "compensation_id": "k",
        "kind": "refund",
        "amount": 1,
        "currency": "EUR",
        "order_id": "o",
        "customer_id": "c",
        "ordered_at": "2026-03-02T09:00:00Z",
        "promise_id": "p",
        "due_at": "2026-03-02T09:00:00Z",
    }
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    said = msgspec.convert({name: value for name, value in fields.items() if name in known}, kind, strict=False)
    return event(said, 1, "1")


def test_an_event_that_comes_again_at_another_place_of_its_instant_is_known_and_stays_where_it_was() -> None:
    ticket, verdicts = fold(Ticket("T"), [moved(1, sequence=3), moved(1, sequence=7), moved(1, to="closed")])
    assert verdicts == [Verdict.NEW, Verdict.KNOWN, Verdict.REUSED]
    assert ticket.facts == (moved(1, sequence=3),)
