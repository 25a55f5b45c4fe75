"""What the row of a very long story names, and what it still counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.ticket.history import NEVER, Span
from streams.core.ticket.measures import row_of
from streams.core.ticket.row_bound import SHORT, bounds_of, named
from streams.core.ticket.waits import Wait, times_open
from tests.histories import NOW_MS, folded
from tests.mail_loop import CYCLE_MS, T0, mail_loop


def intervals() -> st.SearchStrategy[list[tuple[int, int | None]]]:
    """Return intervals of which each begins where or after the one before ends; the last may go on."""
    steps = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8)
    return st.tuples(steps, st.booleans()).map(lambda drawn: _laid_out(*drawn))


def _laid_out(steps: list[tuple[int, int]], goes_on: bool) -> list[tuple[int, int | None]]:
    at, laid = 0, list[tuple[int, int | None]]()
    for gap, length in steps:
        laid.append((at + gap, at + gap + length))
        at += gap + length
    if laid and goes_on:
        laid[-1] = (laid[-1][0], None)
    return laid


@given(intervals(), intervals(), st.booleans())
def test_a_wait_was_open_while_it_and_a_span_lasted(
    waits: list[tuple[int, int | None]], spans: list[tuple[int, int | None]], began_before: bool
) -> None:
    at_once = [Wait(2, 2)] if began_before else []  # answered before the ticket was created
    given_waits = at_once + [Wait(*wait) for wait in waits]
    found = times_open(given_waits, [Span(*span) for span in spans])
    pairs = [
        [(max(wait.started_at, since), min(_end(wait.answered_at), _end(until))) for since, until in spans]
        for wait in given_waits
    ]
    assert found == [[(since, until) for since, until in times if since < until] for times in pairs]


def _end(at: int | None) -> int:
    return NEVER if at is None else at


@given(st.integers(2, 50), st.lists(st.integers(), max_size=200))
def test_the_first_ones_and_the_last_one_are_named(most: int, story: list[int]) -> None:
    part = list(named(story, most))
    assert len(part) == min(most, len(story))
    assert part[:-1] == story[: len(part) - 1]
    assert part[-1:] == story[-1:]


@given(st.integers(0, 25_000))
def test_what_is_named_times_its_days_is_bounded(days: int) -> None:
    bounds = bounds_of(days)
    assert bounds.turns >= SHORT.turns
    assert bounds.turns * days <= max(1_000_000, 25_000 * SHORT.turns)


@pytest.mark.weighty
def test_a_mail_loop_is_told_whole_in_numbers_and_in_part_by_its_arrays() -> None:
    ticket = folded(mail_loop("T", 6_000), "T")
    row = row_of(ticket, NOW_MS)
    assert row.is_truncated
    assert row.events == 24_001
    assert (row.customer_messages, row.agent_messages, row.reopened) == (6_000, 6_000, 5_999)
    assert row.last_resolved_at == row.last_event_at == T0 + 5_999 * CYCLE_MS + 6_000
    assert row.status == "resolved"
    arrays = (row.waits_started_at, row.waits_open, row.cycles_started_at, row.open_since)
    assert {len(array) for array in arrays} == {bounds_of(1).turns}
    assert row.cycles_resolved_at[-1] == row.last_resolved_at
    assert row.state == b""


def test_a_story_of_ordinary_length_is_told_whole() -> None:
    row = row_of(folded(mail_loop("T", 20), "T"), NOW_MS)
    assert not row.is_truncated
    assert len(row.cycles_started_at) == 20


def test_what_a_row_names_can_be_cut_to_what_every_store_takes() -> None:
    ticket = folded(mail_loop("T", 300), "T")
    whole, cut = row_of(ticket, NOW_MS), row_of(ticket, NOW_MS, SHORT)
    assert not whole.is_truncated
    assert cut.is_truncated
    assert cut.version == whole.version
    assert (cut.reopened, cut.customer_messages) == (299, 300)
    assert len(cut.cycles_started_at) == len(cut.waits_started_at) == SHORT.turns
    assert cut.cycles_resolved_at[-1] == whole.cycles_resolved_at[-1]
