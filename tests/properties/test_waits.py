"""Leaving a customer alone, or parking the ticket, improves no share, whatever else happens on it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event
from streams.core.window import Window
from tests.histories import INSTANTS, NOW_MS, TICKETS, event, parked_desks, policies, schedules
from tests.ledger import BUSINESS_TARGETS, SHARES, TARGETS, Ledger

ALWAYS: Final = Window(0, NOW_MS)
ANSWERED: Final = (*TARGETS, *BUSINESS_TARGETS, "first_response_in_target", "response_in_target")

EFFORT: Final = ("first_contact_resolution", "one_touch_share")
"""Fewer answers are what these count, so that they promise nothing to customers who are left alone."""


def counted(ledger: Ledger, metric: str, ticket_id: str) -> tuple[int, int]:
    """Return hits and misses of one ticket."""
    seen = ledger.seen(metric, ALWAYS, ("ticket_id", ticket_id))
    return int(sum(seen)), len(seen) - int(sum(seen))


def assert_no_better(before: Ledger, after: Ledger) -> None:
    """Let no ticket look better than before: no hit more, no miss less, so that no share of any tickets can rise."""
    for metric in ANSWERED:
        for ticket_id in TICKETS:
            hits, misses = counted(before, metric, ticket_id)
            hits_after, misses_after = counted(after, metric, ticket_id)
            assert hits_after <= hits, (metric, ticket_id)
            assert misses_after >= misses, (metric, ticket_id)
            if metric.startswith("first"):
                assert hits_after * (hits + misses) <= hits * (hits_after + misses_after), (metric, ticket_id)
                assert hits + misses <= 1, ticket_id


def the_answers(history: Sequence[Event]) -> list[Event]:
    return [
        one
        for one in history
        if isinstance(one.content, e.MessageSent)
        and (one.content.direction, one.content.visibility, one.content.sender_type)
        == (e.Direction.OUT, e.Visibility.PUBLIC, e.Party.AGENT)
    ]


def words_of_customers(history: Sequence[Event]) -> list[int]:
    """Return when customers write, open tickets or reopen them."""
    return [
        one.at_ms
        for one in history
        if (isinstance(one.content, e.MessageSent) and one.content.sender_type is e.Party.CUSTOMER)
        or isinstance(one.content, e.TicketCreated)
        or (isinstance(one.content, e.TicketReopened) and one.content.by is e.Party.CUSTOMER)
    ]


histories = st.tuples(parked_desks(), schedules(), policies()).map(
    lambda told: [*told[0], *map(_known_all_the_while, told[1]), *told[2]]
)


def _known_all_the_while(one: Event) -> Event:
    """Return hours that are in force before anything happens: of a wait that begins before them nothing is said."""
    said = one.content
    if not isinstance(said, e.SchedulePublished) or not said.versions:
        return one
    first = replace(said.versions[0], from_at=datetime.fromtimestamp(INSTANTS[0] / 1000 - 3 * 86_400, UTC))
    versions = (first, *said.versions[1:])
    return event(replace(said, versions=versions), one.at_ms, one.id, subject=said.name)


@given(histories, st.data())
def test_removing_an_answer_improves_no_share(history: list[Event], data: st.DataObject) -> None:
    answers = the_answers(history)
    assume(answers)
    gone = data.draw(st.sampled_from(answers))
    before, after = Ledger(history), Ledger([one for one in history if one is not gone])
    assert_no_better(before, after)
    for metric in set(SHARES) - set(ANSWERED) - set(EFFORT):
        assert before.seen(metric, ALWAYS) == after.seen(metric, ALWAYS), metric


@given(histories, st.data())
def test_parking_a_ticket_improves_no_share_of_answers(history: list[Event], data: st.DataObject) -> None:
    ticket_id = data.draw(st.sampled_from(TICKETS))
    parked_at, back_at = sorted(data.draw(st.tuples(st.sampled_from(INSTANTS), st.sampled_from(INSTANTS))))
    assume(not any(parked_at <= at <= back_at for at in words_of_customers(history)))
    pair = [
        event(e.TicketResolved(ticket_id=ticket_id), parked_at, "parked", 0, subject=ticket_id),
        event(data.draw(returns(ticket_id)), back_at, "back", 1, subject=ticket_id),
    ]
    assert_no_better(Ledger(history), Ledger([*history, *pair]))


def returns(ticket_id: str) -> st.SearchStrategy[e.Data]:
    """Return how a desk takes a ticket up again."""
    by = st.sampled_from([None, e.Party.AGENT, e.Party.BOT, e.Party.SYSTEM])
    to = st.sampled_from([e.Status.OPEN, e.Status.ON_HOLD, e.Status.PENDING_CUSTOMER])
    return st.builds(e.TicketReopened, ticket_id=st.just(ticket_id), by=by) | st.builds(
        e.TicketStatusChanged, ticket_id=st.just(ticket_id), to=to
    )
