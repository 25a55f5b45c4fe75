"""Batches that are folded one after the other may be written in one go."""

import asyncio
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Event
from streams.core.ticket.batch import Identity, Kept, Outcome, fold_batch, read
from streams.core.ticket.fold import Ticket
from streams.core.ticket.joined import joined
from streams.sinks.memory import MemoryStore
from tests.histories import NOW_MS, TICKET, desks, event, public_answer
from tests.records import record_of


@given(desks(), st.lists(st.integers(1, 6), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_outcomes_written_together_are_those_written_one_after_the_other(
    desk: list[Event], sizes: list[int], order: Random
) -> None:
    arrival = [*desk, *desk[::3]]
    order.shuffle(arrival)
    outcomes, known, stored = list[Outcome](), dict[str, Ticket](), dict[Identity, list[Kept]]()
    sizes = [*sizes, len(arrival)]
    while arrival:
        batch, arrival = arrival[: sizes[0]], arrival[sizes.pop(0) :]
        records = [record_of(one.raw, offset) for offset, one in enumerate(batch)]
        outcomes.append(fold_batch(read(records, NOW_MS), known, NOW_MS, stored))
        known |= outcomes[-1].tickets
        stored |= {identity: [kept] for identity, kept in outcomes[-1].kept.items()}
    apart, together = MemoryStore(), MemoryStore()
    for outcome in outcomes:
        asyncio.run(apart.write(outcome.events, outcome.rows, outcome.dead, outcome.beside))
    whole = joined(outcomes)
    asyncio.run(together.write(whole.events, whole.rows, whole.dead, whole.beside))
    assert vars(together) == vars(apart)
    assert whole.tickets == known
    assert len(whole.rows) == len({row.ticket_id for row in whole.rows})
    assert len(whole.statements) == sum(len(outcome.statements) for outcome in outcomes)


def test_a_ticket_that_can_be_stated_no_more_is_told_as_far_as_it_was() -> None:
    said = [event(public_answer(TICKET, str(at)), at, str(at)) for at in (1, 2)]
    before = fold_batch(read([record_of(said[0].raw)], NOW_MS), {}, NOW_MS)
    after = fold_batch(read([record_of(said[1].raw)], NOW_MS), before.tickets, NOW_MS)
    after.rows.clear()
    whole = joined([before, after])
    assert (whole.rows, whole.tickets) == (before.rows, before.tickets)
    assert len(whole.events) == 2
