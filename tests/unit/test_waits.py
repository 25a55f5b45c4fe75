"""When a customer waits, and for whom: parked tickets, tickets that come back, creations that are said again."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from schemas import events as e
from schemas.codec import Event
from schemas.rows import TicketRow
from streams.core.ticket.history import NEVER, Span
from streams.core.ticket.measures import row_of
from streams.core.ticket.waits import Wait, times_open
from tests.histories import NOW_MS, event, folded, settled
from tests.unit.test_history import answered, asked, closed, created, message, resolved, row, set_to, told


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def reopened(at: int, by: e.Party | None = None) -> Event:
    return told(e.TicketReopened(ticket_id="T", by=by), at)


def bot(at: int) -> Event:
    return message(at, e.Direction.OUT, e.Party.BOT)


def waits(one: TicketRow) -> list[tuple[int, int | None, int | None]]:
    return list(zip(one.waits_started_at, one.waits_answered_at, one.waits_stopped_at, strict=True))


MINUTE = 60_000
OPENED, RESOLVED, BACK = at("2026-01-05T09:00"), at("2026-01-05T09:00:30"), at("2026-02-04T10:00")
DESK = [None, e.Party.AGENT, e.Party.BOT, e.Party.SYSTEM, e.Party.OTHER]


def test_whoever_comes_back_after_a_month_waits_from_then_on() -> None:
    for returned in ([reopened(BACK), asked(BACK)], [asked(BACK), reopened(BACK)], [asked(BACK)], [asked(BACK - 1)]):
        one = row(created(OPENED), bot(OPENED + 2_000), resolved(RESOLVED), *returned, answered(BACK + 5 * MINUTE))
        began_at = returned[0].at_ms
        assert waits(one)[:1] == [(OPENED, None, RESOLVED)]
        assert one.waits_started_at[1:] == [began_at]
        assert one.first_response_at == BACK + 5 * MINUTE
        assert one.first_response_seconds == 300 + (BACK - began_at) / 1000


def test_a_call_that_was_solved_on_the_phone_is_no_part_of_the_next_wait() -> None:
    one = row(created(OPENED), resolved(RESOLVED), reopened(BACK, e.Party.CUSTOMER), answered(BACK + 5 * MINUTE))
    assert waits(one) == [(OPENED, None, RESOLVED), (BACK, BACK + 5 * MINUTE, None)]
    assert one.first_response_seconds == 300


@pytest.mark.parametrize("by", DESK)
def test_what_the_desk_takes_back_by_itself_never_ended_the_wait(by: e.Party | None) -> None:
    one = row(created(0), resolved(10), reopened(20, by), asked(30), answered(50))
    assert waits(one) == [(0, 50, None)]
    assert one.first_response_seconds == 0.05


@pytest.mark.parametrize(
    "put_away", [resolved(10), closed(10), set_to(e.Status.RESOLVED, 10), set_to(e.Status.CLOSED, 10)]
)
def test_closing_ends_a_wait_like_resolving(put_away: Event) -> None:
    assert waits(row(created(0), put_away, asked(30), answered(50))) == [(0, None, 10), (30, 50, 30)]


def test_a_second_mark_of_being_done_moves_nothing() -> None:
    assert waits(row(created(0), resolved(10), closed(15), resolved(20), asked(30))) == [(0, None, 10), (30, None, 30)]


def test_who_writes_while_the_ticket_is_done_waits_once_it_is_open_again() -> None:
    assert waits(row(created(0), answered(5), resolved(10), asked(20))) == [(0, 5, None), (20, None, 20)]
    opened_again = row(created(0), answered(5), resolved(10), asked(20), reopened(30))
    assert waits(opened_again) == [(0, 5, None), (20, None, None)]
    assert opened_again.open_wait_since == 20


def test_who_writes_twice_to_a_ticket_that_is_done_waits_once() -> None:
    again = row(created(0), answered(5), resolved(10), asked(20), asked(30), answered(40))
    assert waits(again) == [(0, 5, None), (20, 40, 20)]
    assert waits(row(created(0), resolved(10), asked(20), asked(30))) == [(0, None, 10), (20, None, 20)]


@pytest.mark.parametrize("by", [e.Party.AGENT, e.Party.BOT])
def test_who_is_said_to_have_reopened_a_ticket_did_so(by: e.Party) -> None:
    back = event(e.TicketReopened(ticket_id="T", by=by), 30, "a", 0)
    word = event(asked(30).content, 30, "b", 1)  # type: ignore[arg-type]
    assert waits(row(created(0), resolved(10), back, word, answered(50))) == [(0, 50, None)]


def test_a_ticket_is_open_in_a_wait_until_it_ended() -> None:
    ended, answered_later, lasting = Wait(0, None, 10), Wait(30, 90, 40), Wait(95, None)
    spans = [Span(0, 10), Span(30, 40), Span(60, None)]
    assert times_open([ended, answered_later, lasting], spans) == [[(0, 10)], [(30, 40)], [(95, NEVER)]]


def test_an_answer_to_a_resolved_ticket_answers() -> None:
    one = row(created(0), resolved(10), answered(50))
    assert waits(one) == [(0, 50, 10)]
    assert one.first_response_seconds == 0.05


def test_a_resolution_around_an_answer_that_the_desk_takes_back_never_was() -> None:
    assert waits(row(created(0), resolved(10), answered(50), reopened(60))) == [(0, 50, None)]
    assert waits(row(created(0), resolved(10), answered(50), asked(55), reopened(60))) == [
        (0, 50, 10),
        (55, None, None),
    ]


def test_reopening_by_the_customer_said_twice_is_one_coming_back() -> None:
    for order in permutations("abc"):
        both = [
            event(e.TicketStatusChanged(ticket_id="T", to=e.Status.OPEN), 30, order[0]),
            event(e.TicketReopened(ticket_id="T", by=e.Party.CUSTOMER), 30, order[1]),
        ]
        assert waits(row(created(0), resolved(10), *both, answered(50))) == [(0, None, 10), (30, 50, None)]


def test_a_customer_who_reopens_what_is_open_says_nothing_new() -> None:
    assert waits(row(created(0), answered(5), reopened(7, e.Party.CUSTOMER))) == [(0, 5, None)]


def test_a_ticket_of_the_customer_that_is_merged_in_is_a_coming_back() -> None:
    survivor = [created(0), resolved(10), answered(90)]
    opening = e.TicketCreated(ticket_id="U", channel="email", created_by=e.Party.CUSTOMER)
    other = [
        event(opening, 30, "u", subject="U"),
        event(e.TicketMerged(ticket_id="U", into_ticket_id="T"), 40, "m", subject="U"),
    ]
    one = row_of(settled([*survivor, *other])["T"], NOW_MS)
    assert waits(one) == [(0, None, 10), (30, 90, 30)]


# Creations that are said again


def test_a_second_creation_opens_nothing() -> None:
    one = row(created(0, team="wrong"), answered(5), created(7_200_000, team="recreate"))
    assert waits(one) == [(0, 5, None)]
    assert (one.open_wait_since, one.created_at, one.team) == (None, 0, "recreate")


def test_a_second_creation_of_a_merged_ticket_opens_nothing() -> None:
    opening = e.TicketCreated(ticket_id="U", channel="email", created_by=e.Party.CUSTOMER)
    other = [event(opening, instant, f"u{instant}", subject="U") for instant in (3, 30)]
    merge = event(e.TicketMerged(ticket_id="U", into_ticket_id="T"), 40, "m", subject="U")
    one = row_of(settled([created(0), answered(5), *other, merge])["T"], NOW_MS)
    assert waits(one) == [(0, 5, None)]


def test_who_opened_the_ticket_can_be_corrected() -> None:
    one = row(created(0, e.Party.AGENT), answered(60_000), created(120_000, e.Party.CUSTOMER))
    assert (one.created_by, one.first_response_seconds) == ("customer", 60)
    other = row(created(0), answered(60_000), created(120_000, e.Party.AGENT))
    assert (other.created_by, other.first_response_seconds, other.waits_started_at) == ("agent", None, [])


def test_what_was_said_before_the_ticket_began_counts_as_said_when_it_began() -> None:
    one = row(answered(0), asked(1), created(43_200_000), asked(43_200_000))
    assert waits(one) == [(43_200_000, 43_200_000, None), (43_200_000, None, None)]
    assert one.open_wait_since == 43_200_000
    assert waits(row(asked(0), created(10), answered(20))) == [(10, 20, None)]
    assert waits(row(resolved(0), asked(1), created(10), answered(20)))[-1:] == [(10, 20, 10)]


def test_the_facts_of_a_second_creation_count_for_the_version() -> None:
    assert folded([created(0), created(9)]).revision == 2
