"""What a worker remembers is bounded in tickets and in bytes, and no ticket on its way to the store is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from schemas import events as e
from streams.core.ticket.cache import TicketCache, bytes_of
from streams.core.ticket.fold import Ticket
from tests.histories import event, folded, public_answer

_IDS = [f"T{number}" for number in range(6)]
MOST_BYTES = 10_000


def _ticket(id: str, answers: int) -> Ticket:
    return folded([event(public_answer(id), 5, str(number), subject=id) for number in range(answers)], id)


_TICKETS = {(id, answers): _ticket(id, answers) for id in _IDS for answers in (1, 5, 25)}
_steps = st.lists(st.lists(st.sampled_from(sorted(_TICKETS)), max_size=4))


@given(_steps, st.integers(1, 5))
def test_what_is_not_on_its_way_stays_within_both_bounds(steps: list[list[tuple[str, int]]], capacity: int) -> None:
    cache = TicketCache(capacity, MOST_BYTES)
    for batch in steps:
        tickets = {id: _TICKETS[id, answers] for id, answers in batch}
        cache.remember(tickets)
        assert cache.known(tickets) == tickets
        cache.stored(tickets)
        kept = cache.known(_IDS).values()
        assert len(kept) <= capacity
        assert sum(map(bytes_of, kept)) <= MOST_BYTES


@given(_steps)
def test_what_is_on_its_way_is_known_whatever_it_takes(steps: list[list[tuple[str, int]]]) -> None:
    cache, under_way = TicketCache(1, 1), dict[str, Ticket]()
    for batch in steps:
        tickets = {id: _TICKETS[id, answers] for id, answers in batch}
        cache.remember(tickets)
        under_way |= tickets
        cache.stored([])
        assert cache.known(_IDS) == under_way


def test_the_longest_unused_make_room_for_a_long_one_and_the_others_stay() -> None:
    cache = TicketCache(10, MOST_BYTES)
    for id in _IDS[:3]:
        cache.remember({id: _TICKETS[id, 5]})
        cache.stored([id])
    cache.known(["T0"])
    cache.remember({"T5": _TICKETS["T5", 25]})
    cache.stored(["T5"])
    assert cache.known(_IDS).keys() == {"T0", "T5"}


def test_long_words_count_as_well_as_many_facts() -> None:
    said = e.TicketCreated(ticket_id="T", channel="c" * 60, created_by=e.Party.CUSTOMER, customer_id="x" * 500)
    long, short = (folded([event(one, 5, "1", subject="T")], "T") for one in (said, public_answer("T")))
    assert bytes_of(long) - bytes_of(short) > 500
