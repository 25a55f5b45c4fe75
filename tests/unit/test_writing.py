"""A store that cannot do all of it at once: portions, one ticket set aside, and nobody else with it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from schemas.events import SchedulePublished
from schemas.rows import BesideRow, DeadLetterRow, EventRow, TicketRow
from schemas.schedule import Version, Week
from streams.agents.writing import Writing, loaded
from streams.core.ticket.batch import Outcome, fold_batch, read
from streams.core.ticket.fold import Ticket
from streams.core.ticket.portion import weight_of
from streams.core.ticket.row_bound import SHORT
from streams.meters import Meters
from streams.sinks.memory import MemoryStore
from streams.store_error import StoreOverloadedError
from tests.histories import NOW_MS, event
from tests.mail_loop import mail_loop
from tests.records import record_of

T = TypeVar("T")


class BoundedStore(MemoryStore):
    """Takes so much at once and no more; while it is short, nothing but what weighs next to nothing."""

    def __init__(self, most: int = 10**9, most_events: int = 10**9, *, short_for: int = 0, takes: int = 0) -> None:
        super().__init__()
        self.most = most
        self.most_events = most_events
        self.short_for = short_for
        self.takes = takes
        self.calls = 0
        self.written: list[str] = []
        self.beside: list[int] = []

    async def write(
        self,
        events: Sequence[EventRow],
        tickets: Sequence[TicketRow],
        dead_letters: Sequence[DeadLetterRow],
        beside: Sequence[BesideRow] = (),
    ) -> None:
        self.calls += 1
        weight = sum(map(weight_of, tickets))
        is_short = self.calls <= self.short_for and weight + len(events) > self.takes
        if is_short or weight > self.most or len(events) > self.most_events:
            raise StoreOverloadedError("memory limit exceeded")
        unknown = {event.subject for event in self.events.values()} | {event.subject for event in events}
        assert {ticket.ticket_id for ticket in tickets} <= unknown, "a ticket before its events"
        self.written += [ticket.ticket_id for ticket in tickets]
        self.beside.append(len(beside))
        await super().write(events, tickets, dead_letters, beside)


class Time:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


async def _at_once(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


def outcome_of(**cycles: int) -> Outcome:
    """Return what a batch with one mail loop a name amounts to."""
    events = [one for name, length in cycles.items() for one in mail_loop(name, length)]
    return fold_batch(read([record_of(one.raw, offset=n) for n, one in enumerate(events)], NOW_MS), {}, NOW_MS)


def writing_of(store: MemoryStore, clock: Time | None = None, meters: Meters | None = None) -> Writing:
    return Writing(store, clock or Time(), meters or Meters(), first_wait_seconds=0)


def write(store: MemoryStore, outcome: Outcome, writing: Writing | None = None) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await (writing or writing_of(store)).write(outcome, _at_once)

    asyncio.run(bounded())


def test_what_the_store_can_do_is_written_in_one_go() -> None:
    store = BoundedStore()
    write(store, outcome_of(A=2, B=3))
    assert store.calls == 1
    assert set(store.tickets) == {"A", "B"}


def test_what_is_too_much_at_once_goes_in_portions_and_whole() -> None:
    outcome = outcome_of(A=5, B=6, C=7, D=8)
    store = BoundedStore(most=weight_of(outcome.rows[-1]), most_events=3)
    write(store, outcome)
    assert store.tickets == {row.ticket_id: row for row in outcome.rows}
    assert len(store.events) == len(outcome.events)
    assert outcome.dead == []


def test_a_ticket_that_is_too_much_by_itself_is_stated_in_part_and_told() -> None:
    outcome = outcome_of(A=5, LOOP=400, C=7)
    store, meters = BoundedStore(most=1_000), Meters()
    write(store, outcome, writing_of(store, meters=meters))
    assert set(store.tickets) == {"A", "LOOP", "C"}
    assert store.tickets["LOOP"].is_truncated
    assert store.tickets["LOOP"].reopened == 399
    assert len(store.tickets["LOOP"].cycles_started_at) == SHORT.turns
    assert len(store.events) == len(outcome.events)
    [letter] = outcome.dead
    assert store.dead_letters == {letter.id: letter}
    assert letter.reason == "ticket-unfoldable"
    assert "'LOOP'" in letter.message
    assert "servicepulse refold --ticket" in letter.message
    assert letter.offset == 5 * 4 + 1 + 400 * 4, "the last record that was about it"
    assert meters.registry.get_sample_value("servicepulse_truncated_tickets_total") == 0, "the letter tells it"


def test_other_tickets_do_not_wait_for_the_one_that_is_too_much() -> None:
    store = BoundedStore(most=1_000)
    write(store, outcome_of(LOOP=400, A=5, B=5, C=5))
    assert store.written[-1] == "LOOP"


def test_a_ticket_that_was_set_aside_costs_one_write_the_next_time_and_is_tried_whole_later() -> None:
    store, clock = BoundedStore(most=1_000), Time()
    writing = writing_of(store, clock)
    write(store, outcome_of(LOOP=400), writing)
    calls = store.calls
    again = outcome_of(LOOP=401)
    write(store, again, writing)
    assert store.calls == calls + 1
    assert again.dead == []
    assert store.tickets["LOOP"].reopened == 400
    store.most = 10**9
    clock.ms += 3_600_000
    write(store, outcome_of(LOOP=402), writing)
    assert not store.tickets["LOOP"].is_truncated


def test_a_ticket_of_which_not_even_a_part_is_taken_is_left_out_and_told() -> None:
    store, clock = BoundedStore(most=50), Time()
    writing = writing_of(store, clock)
    outcome = outcome_of(A=2, LOOP=400)
    write(store, outcome, writing)
    assert set(store.tickets) == {"A"}
    assert [letter.reason for letter in store.dead_letters.values()] == ["ticket-unfoldable"]
    assert len(store.events) == len(outcome.events)
    calls = store.calls
    write(store, outcome_of(LOOP=401), writing)
    assert store.calls == calls + 1


@pytest.mark.parametrize("short_for", [1, 2, 5, 20, 60, 300])
def test_nothing_is_set_aside_while_the_store_is_short_for_everybody(short_for: int) -> None:
    outcome = outcome_of(A=2, B=3, C=400)
    store = BoundedStore(short_for=short_for)
    write(store, outcome)
    assert store.tickets == {row.ticket_id: row for row in outcome.rows}
    assert store.dead_letters == {}


@pytest.mark.parametrize("short_for", [20, 60])
def test_a_small_ticket_is_never_set_aside_however_long_it_is_refused(short_for: int) -> None:
    outcome = outcome_of(A=20)
    store = BoundedStore(short_for=short_for, takes=0)
    write(store, outcome)
    assert store.tickets == {row.ticket_id: row for row in outcome.rows}
    assert store.dead_letters == {}


@pytest.mark.weighty
def test_a_row_that_names_a_part_of_a_very_long_ticket_is_counted() -> None:
    meters = Meters()
    store = BoundedStore()
    write(store, outcome_of(LOOP=5_100), writing_of(store, meters=meters))
    assert store.tickets["LOOP"].is_truncated
    assert meters.registry.get_sample_value("servicepulse_truncated_tickets_total") == 1


def test_tickets_are_read_in_portions_that_the_store_can_give() -> None:
    asked: list[int] = []

    async def load(ids: Sequence[str]) -> dict[str, Ticket]:
        asked.append(len(ids))
        if len(ids) > 3:
            raise StoreOverloadedError("memory limit exceeded")
        return {id: Ticket(id) for id in ids if id != "unknown"}

    ids = ["unknown", *(f"T-{number}" for number in range(9))]
    assert set(asyncio.run(loaded(load, ids, _at_once))) == set(ids) - {"unknown"}
    assert asked[0] == len(ids)


def test_hours_are_worked_out_and_written_one_schedule_at_a_time_behind_everything_else() -> None:
    store = BoundedStore()
    week = Week(*[tuple(f"{hour:02}:00-{hour:02}:50" for hour in range(24))] * 7)
    version = Version(from_at=datetime(2045, 1, 1, tzinfo=UTC), zone="UTC", weekly=week)
    said = [
        event(SchedulePublished(name=name, versions=(version,)), NOW_MS, name, subject=name) for name in ("a", "b", "c")
    ]
    outcome = fold_batch(read([record_of(one.raw) for one in said], NOW_MS), {}, NOW_MS)
    assert outcome.beside == []
    write(store, outcome)
    assert store.beside == [0, 1, 1, 1]
    assert {name: len(row.open_since) for name, row in store.hours.items()} == dict.fromkeys("abc", 43_824)
