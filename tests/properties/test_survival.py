"""Whatever happens to whom: leaving a customer unanswered never makes a time to an answer look shorter.

An answer that comes later than it did is another matter: those who stayed stand for those who left meanwhile, so a late
answer counts for more customers, and can bring a quantile within reach.
"""

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from schemas import events as e
from schemas.codec import Event
from streams.core.survival import curve, quantile
from streams.core.window import DAY_MS, Window
from tests.histories import INSTANTS, TICKETS, event, parked_desks
from tests.ledger import Lasted, Ledger, survival_quantile

SHARES = st.sampled_from([0.1, 0.5, 0.9])
EVER = Window(0, INSTANTS[-1] + 2 * DAY_MS)

times = st.lists(st.tuples(st.integers(0, 12).map(float), st.booleans()), min_size=1, max_size=30)


def is_shorter(one: float | None, other: float | None) -> bool:
    return one is not None and (other is None or one < other)


@given(times, st.data(), SHARES)
def test_an_answer_that_never_comes_shortens_no_quantile(lasted: Lasted, data: st.DataObject, p: float) -> None:
    ended = [n for n, (_, has_ended) in enumerate(lasted) if has_ended]
    assume(ended)
    gone = data.draw(st.sampled_from(ended))
    longer = lasted[gone][0] + data.draw(st.integers(0, 12))
    without = [*lasted[:gone], (longer, False), *lasted[gone + 1 :]]
    assert not is_shorter(quantile(curve(without), p)[0], quantile(curve(lasted), p)[0])


@given(times, SHARES)
def test_a_quantile_lies_within_its_interval_and_says_what_can_be_counted(lasted: Lasted, p: float) -> None:
    value, (low, high) = quantile(curve(lasted), p)
    assert (value, low, high) == survival_quantile(lasted, p)
    assert not is_shorter(value, low)
    assert not is_shorter(high, value)


@given(times)
def test_nothing_is_told_beyond_the_last_end(lasted: Lasted) -> None:
    ends = [after for after, has_ended in lasted if has_ended]
    last = quantile(curve(lasted), 0.99)[0]
    assert last is None or last in ends


def _is_answer(one: Event, ticket_id: str) -> bool:
    said = one.content
    return isinstance(said, e.MessageSent) and one.subject == ticket_id and said.sender_type is e.Party.AGENT


def _is_answered_while_done(ledger: Ledger) -> bool:
    """Say whether a first answer came after a resolution, which had ended what is known of the wait without it."""
    firsts = (row for row in ledger.rows.values() if row["waits.answered_at"][:1] not in ([], [None]))
    return any(row["waits.stopped_at"][0] is not None for row in firsts)


@given(parked_desks(), st.sampled_from(TICKETS), SHARES)
def test_taking_all_answers_to_a_customer_out_of_a_history_shortens_no_time_to_a_first_response(
    told: list[Event], ticket_id: str, p: float
) -> None:
    last = event(e.TicketCreated(ticket_id="last", channel="chat", created_by=e.Party.CUSTOMER), INSTANTS[-1], "last")
    history = [*told, last]  # so that as much is known without the answers
    ledger, without = Ledger(history), Ledger([one for one in history if not _is_answer(one, ticket_id)])
    assume(not _is_answered_while_done(ledger))
    name = "time_to_first_response_p50"
    before, after = ledger.lasted(name, EVER), without.lasted(name, EVER)
    assert len(before) == len(after)
    assume(not any(has_ended for _, has_ended in Counter(after) - Counter(before)))  # one of a merged ticket stands in
    assert not is_shorter(survival_quantile(after, p)[0], survival_quantile(before, p)[0])
