"""No position passes a record that was not handed on, and nothing is committed behind a hole."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.handover import Handover, Records
from streams.ledger import HoleError, Known, Ledger, Seam, seam_of
from tests.records import record_of


class Partition:
    """A partition of a broker with the position of its reader: what `streams.intake` finds in aiokafka."""

    def __init__(self, begin: int = 0, end: int = 10, committed: int | None = None) -> None:
        self.begin, self.end, self.committed = begin, end, committed
        self.position = begin if committed is None else max(begin, committed)
        self.asked = 0

    def fetch(self, count: int) -> Records:
        begin = self.position
        self.position = min(self.end, begin + count)
        return Records([record_of(b"", offset=offset) for offset in range(begin, self.position)], begin, self.position)

    async def known(self, _: str) -> Known:
        self.asked += 1
        return Known(self.committed, self.begin, self.end)

    async def put_back(self, _: str, records: Records, offset: int) -> None:
        if self.position == records.end:
            self.position = offset


class Reader:
    """Hands what it fetches of one partition on, and keeps what was said of it."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.committed: dict[str, int | None] = {}
        self.seams: list[Seam] = []
        self.turns = 0
        self.handover = Handover[str](partition, self.committed, self._turned, lambda _, seam: self.seams.append(seam))

    def _turned(self) -> None:
        self.turns += 1

    def read(
        self, count: int, *, meanwhile: Callable[[], None] = lambda: None, is_read: bool = True
    ) -> list[tuple[int, int]]:
        """Fetch once and return the ranges that are handed on; `meanwhile` happens between fetch and handover."""
        turn = self.handover.turn
        records = self.partition.fetch(count)
        meanwhile()

        async def handed_on() -> list[tuple[int, int]]:
            taken = self.handover.hand_on({"p": records}, turn, lambda _: is_read)
            return [(records.begin, records.end) async for _, records in taken]

        return asyncio.run(handed_on())


def test_what_was_fetched_before_a_turn_is_read_again_also_where_nothing_was_ever_committed() -> None:
    reader = Reader(Partition())
    assert reader.read(4, meanwhile=reader.handover.turn_over) == []
    assert reader.read(4) == [(0, 4)]
    assert reader.read(4) == [(4, 8)]


def test_what_comes_while_a_partition_is_not_read_is_read_later() -> None:
    reader = Reader(Partition(committed=3))
    assert reader.read(4, is_read=False) == []
    assert reader.read(4) == [(3, 7)]


def test_a_position_that_passed_records_over_is_set_back() -> None:
    reader = Reader(Partition())
    assert reader.read(2) == [(0, 2)]
    reader.partition.position = 6
    assert reader.read(2) == []
    assert reader.read(2) == [(2, 4)]
    assert not any(seam.lost for seam in reader.seams)


def test_a_position_that_begins_behind_what_is_committed_is_set_back() -> None:
    reader = Reader(Partition(committed=2))
    reader.partition.position = 5
    assert reader.read(2) == []
    assert reader.read(9) == [(2, 10)]


def test_without_a_commit_reading_begins_at_the_beginning() -> None:
    reader = Reader(Partition(begin=3))
    reader.partition.position = 5
    assert reader.read(2) == []
    assert reader.read(2) == [(3, 5)]
    assert not any(seam.lost for seam in reader.seams)
    assert reader.committed == {"p": 3}


def test_records_that_the_broker_removed_unread_are_told_once_and_reading_goes_on() -> None:
    reader = Reader(Partition())
    assert reader.read(2) == [(0, 2)]
    reader.partition.begin = reader.partition.position = 7
    assert reader.read(2) == [(7, 9)]
    assert [seam.lost for seam in reader.seams] == [None, (2, 7)]


def test_records_removed_before_a_worker_began_are_told_too() -> None:
    reader = Reader(Partition(begin=5, committed=2))
    assert reader.read(9) == [(5, 10)]
    assert [seam.lost for seam in reader.seams] == [(2, 5)]


def test_a_topic_made_anew_is_read_from_its_beginning_and_committed_anew() -> None:
    reader = Reader(Partition())
    assert reader.read(8) == [(0, 8)]
    reader.committed["p"] = 8
    reader.partition.end, reader.partition.position, reader.partition.committed = 3, 0, 8
    assert reader.read(9) == [(0, 3)]
    assert reader.seams[-1].is_made_anew
    assert reader.committed == {"p": 0}


def test_offsets_without_records_count_as_read() -> None:
    reader = Reader(Partition(committed=4))
    turn, marks = reader.handover.turn, reader.partition.fetch(2)
    marks.clear()

    async def hand_on() -> int:
        return len([1 async for _ in reader.handover.hand_on({"p": marks}, turn, lambda _: True)])

    reader.committed["p"] = 4
    assert asyncio.run(hand_on()) == 0
    assert reader.handover.ledger.committable("p") == 6


def test_the_broker_is_not_asked_where_everything_follows() -> None:
    reader = Reader(Partition(committed=0))
    reader.committed["p"] = 0
    assert [reader.read(3) for _ in range(3)] == [[(0, 3)], [(3, 6)], [(6, 9)]]
    assert reader.partition.asked == 0


def test_a_turn_makes_every_batch_in_hand_stale() -> None:
    ledger: Ledger[str] = Ledger()
    ledger.begin("p", 0)
    old = ledger.opened("p", 0, 3)
    ledger.clear()
    ledger.begin("p", 0)
    new = ledger.opened("p", 0, 2)
    assert (old.is_stale, new.is_stale) == (True, False)
    old.is_finished = True
    assert ledger.committable("p") is None


def test_a_hole_is_refused() -> None:
    ledger: Ledger[str] = Ledger()
    ledger.begin("p", 0)
    ledger.opened("p", 0, 3)
    with pytest.raises(HoleError, match="begins at 4, and the one before ended at 3"):
        ledger.opened("p", 4, 6)


OFFSETS = st.integers(0, 12)


@given(begin=OFFSETS, expected=st.none() | OFFSETS, first=OFFSETS, size=st.integers(0, 12))
def test_no_seam_passes_a_record_that_the_broker_still_has(
    begin: int, expected: int | None, first: int, size: int
) -> None:
    known = Known(expected, first, first + size)
    seam = seam_of(begin, expected, known)
    assert seam.resume <= begin
    wanted = first if expected is None or seam.is_made_anew else max(expected, first)
    assert seam.resume <= max(wanted, begin)
    passed = range(wanted, min(seam.resume, known.end))
    assert not any(offset >= known.begin for offset in passed)
    if seam.lost:
        assert expected is not None
        assert seam.lost[0] == expected < seam.lost[1] <= known.begin
