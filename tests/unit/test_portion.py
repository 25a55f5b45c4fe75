"""How a batch is taken apart: by weight, the events of a ticket before its row, until one thing is alone."""

from collections.abc import Iterator
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from schemas.rows import EventRow, TicketRow
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.ticket.portion import Portion, parts_of, weight_of
from tests.histories import NOW_MS, folded
from tests.mail_loop import mail_loop

LENGTHS = (1, 2, 5, 60)


@cache
def _ticket(number: int, length: int) -> tuple[list[EventRow], TicketRow]:
    events = mail_loop(f"T-{number}", length)
    return [event_row(one, NOW_MS) for one in events], row_of(folded(events, f"T-{number}"), NOW_MS)


def _portion(lengths: list[int]) -> Portion:
    tickets = [_ticket(number, length) for number, length in enumerate(lengths)]
    return Portion([event for events, _ in tickets for event in events], [row for _, row in tickets])


def _leaves(portion: Portion) -> Iterator[Portion]:
    parts = parts_of(portion)
    if parts == [portion]:
        yield portion
    else:
        for part in parts:
            yield from _leaves(part)


@given(st.lists(st.sampled_from(LENGTHS), max_size=6))
def test_taken_apart_to_the_end_everything_is_there_once_and_alone(lengths: list[int]) -> None:
    portion = _portion(lengths)
    leaves = [leaf for leaf in _leaves(portion) if leaf.size]
    assert {leaf.size for leaf in leaves} <= {1}
    assert sorted(row.ticket_id for leaf in leaves for row in leaf.rows) == sorted(r.ticket_id for r in portion.rows)
    events = [(event.subject, event.id) for leaf in leaves for event in leaf.events]
    assert sorted(events) == sorted((event.subject, event.id) for event in portion.events)


@given(st.lists(st.sampled_from(LENGTHS), max_size=6))
def test_all_events_of_a_ticket_come_before_its_row(lengths: list[int]) -> None:
    stated: set[str] = set()
    for leaf in _leaves(_portion(lengths)):
        assert stated.isdisjoint(event.subject for event in leaf.events)
        stated |= {row.ticket_id for row in leaf.rows}


def test_a_huge_ticket_is_alone_at_once() -> None:
    portion = _portion([1, 1, 60, 1, 2, 1])
    light, heavy = parts_of(portion)
    assert [row.ticket_id for row in heavy.rows] == ["T-2"]
    assert {event.subject for event in heavy.events} == {"T-2"}
    assert len(light.rows) == 5


def test_tickets_of_one_weight_are_halved() -> None:
    assert [len(part.rows) for part in parts_of(_portion([2] * 6))] == [3, 3]


def test_what_a_row_weighs_grows_with_what_its_arrays_name() -> None:
    weights = [weight_of(_ticket(0, length)[1]) for length in LENGTHS]
    assert weights == sorted(set(weights))
