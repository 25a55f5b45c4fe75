"""What is received and not stored yet is bounded in bytes, and no batch is so large that it would wait for ever."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fetch import ENOUGH_UNPACKED_BYTES
from streams.handover import Handover, Records
from streams.intake import BatchConsumer, _taken
from streams.ledger import Known
from streams.room import MOST_HELD_BYTES, Room, size_of
from tests.fetches import Unread
from tests.idle import idle_consumer
from tests.records import record_of

MOST = 100


def is_free(room: Room) -> bool:
    return asyncio.run(room.is_free(0))


@given(st.lists(st.integers(0, 300)))
def test_whoever_takes_only_while_there_is_room_holds_less_than_the_most_and_one_batch(sizes: list[int]) -> None:
    room, held = Room(MOST), list[int]()
    for size in sizes:
        while not is_free(room):
            room.give_back(held.pop(0))
        room.take(size)
        held.append(size)
        assert room.held == sum(held) < MOST + max(size, 1)
    for size in held:
        room.give_back(size)
    assert is_free(room)


def test_waiting_ends_when_room_is_given_back() -> None:
    room = Room(MOST)
    room.take(5 * MOST)

    async def waited() -> bool:
        waiting = asyncio.create_task(room.is_free(60))
        await asyncio.sleep(0)
        room.give_back(5 * MOST)
        return await waiting

    assert asyncio.run(waited())


def test_a_record_of_nothing_takes_memory_too() -> None:
    assert size_of([record_of(None)] * 100_000) > 50_000_000


class Nowhere:
    async def known(self, _: str) -> Known:
        return Known(None, 0, 9)

    async def put_back(self, *_: object) -> None:
        raise AssertionError("everything follows")


def handed_on(handover: Handover[str], size: int = 1) -> Records:
    records = Records([record_of(b"x" * size)], begin=0, end=1)

    async def hand_on() -> Records:
        [handed] = [each async for _, each in handover.hand_on({"p": records}, handover.turn, lambda _: True)]
        return handed

    return asyncio.run(hand_on())


def handover_of() -> Handover[str]:
    return Handover[str](Nowhere(), {}, lambda: None, lambda _tp, _seam: None)


@pytest.mark.weighty
def test_what_is_handed_on_takes_room_until_it_is_finished_for_the_first_time() -> None:
    handover = handover_of()
    records = handed_on(handover, MOST_HELD_BYTES)
    assert handover.room.held == records.size > MOST_HELD_BYTES
    assert not is_free(handover.room)
    handover.finish(records)
    handover.finish(records)
    assert handover.room.held == 0


def test_what_went_stale_takes_no_room_and_gives_none_back() -> None:
    handover = handover_of()
    old = handed_on(handover)
    handover.turn_over()
    assert handover.room.held == 0
    new = handed_on(handover)
    handover.finish(old)
    assert handover.room.held == new.size


def test_records_that_join_others_count_with_them() -> None:
    first, more = (Records([record_of(b"x")], begin, begin + 1) for begin in (0, 1))
    together = first.size + more.size
    first.join(more)
    assert (first.end, first.size) == (2, together)


def test_of_many_partitions_only_some_are_unpacked_at_once_and_each_has_its_turn() -> None:
    large = ENOUGH_UNPACKED_BYTES // 2
    unread = Unread(dict.fromkeys(range(7), large))
    turns = []
    while unread._records:
        turns.append([tp.partition for tp in _taken(unread, set(unread._records))])
    assert turns == [[0, 1], [2, 3], [4, 5], [6]]


def test_a_partition_with_more_than_enough_is_taken_all_the_same() -> None:
    unread = Unread({0: 2 * ENOUGH_UNPACKED_BYTES, 1: 1})
    assert len(_taken(unread, set(unread._records))) == 1
    assert len(_taken(unread, set(unread._records))) == 1


def test_nothing_is_fetched_while_too_much_is_in_hand_and_then_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fetches = list[float]()

    async def fetch(_: object, timeout: float) -> tuple[None, None]:
        fetches.append(timeout)
        return None, None

    monkeypatch.setattr(BatchConsumer, "_wait_next_records", fetch)

    async def look() -> None:
        consumer = idle_consumer()
        consumer._handover.room.take(MOST_HELD_BYTES)
        assert [each async for each in consumer.getmany(0.01)] == []
        assert fetches == []
        consumer._handover.room.give_back(1)
        assert [each async for each in consumer.getmany(0.02)] == []
        assert fetches == [0.02]

    asyncio.run(look())
