"""No record stops a partition: what cannot be read comes out as a stand-in, and everything else as it is."""

import asyncio
import tracemalloc
from typing import Any, Literal

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams import fetch
from streams.core.records import record_batch
from streams.core.records.record_batch import MOST_KEPT_BYTES, UnreadableRecord
from streams.fetch import read_every_record
from tests.fetches import TP, Answering, Log, covered, drained
from tests.record_batches import CODECS, Raw, around, batch_of, packed_of, sealed

GOOD = Raw(b"T-1", b'{"a":1}', ((b"content-type", b"json"),))
FOREIGN = Raw(b"T-2", b'{"b":2}', ((b"caf\xe9", b"1"), (b"fine", None)))
TRANSACTIONAL, CONTROL = 0x10, 0x20
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"


def said(record: Any) -> tuple[Any, ...]:
    return record.offset, record.key, record.value, record.headers


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_name_that_is_not_utf_8_costs_one_record(codec: int) -> None:
    first, bad, last = drained(Log((3, batch_of([GOOD, FOREIGN, GOOD], codec=codec))))
    assert [said(first), said(last)] == [(n, b"T-1", b'{"a":1}', (("content-type", b"json"),)) for n in (0, 2)]
    assert isinstance(bad, UnreadableRecord)
    assert said(bad) == (1, b"T-2", b'{"b":2}', (("caf\\xe9", b"1"), ("fine", None)))
    assert bad.fault == "the name of a header is not UTF-8: caf\\xe9"
    assert (bad.topic, bad.partition, bad.timestamp) == ("tickets", 3, first.timestamp + 1)


@pytest.mark.parametrize("codec", CODECS)
def test_good_batches_are_read_as_aiokafka_reads_them(codec: int) -> None:
    batch = batch_of([GOOD, Raw(), Raw(b"", b"", ((b"x", None),))], codec=codec)
    native = list(fetcher.PartitionRecords(TP, MemoryRecords(batch), None, 0, None, None, True, READ_COMMITTED))
    assert drained(Log((3, batch))) == native


def test_a_record_with_a_broken_frame_costs_the_rest_of_its_batch_and_no_more() -> None:
    packed = packed_of([GOOD, GOOD]) + b"\xff\xff\x7f" + b"rest"
    records = drained(Log((4, around(packed, 4)), (1, batch_of([GOOD], 4))))
    assert covered(records) == [0, 1, 2, 3, 4]
    rest = records[2]
    assert rest.where == "offsets 2 to 3: "
    assert "does not fit into the batch" in rest.fault
    assert rest.value == around(packed, 4)


@pytest.mark.parametrize("lie", [2**40, 500, -7])
def test_a_record_that_lies_about_a_length_costs_one_record(lie: int) -> None:
    records = drained(Log((3, batch_of([GOOD, Raw(value=b"v", lie=lie), GOOD]))))
    assert covered(records) == [0, 1, 2]
    assert [said(records[0])[1:], said(records[2])[1:]] == [said(records[0])[1:]] * 2


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec])
def test_a_batch_that_unpacks_to_too_much_gives_its_beginning_and_is_told(
    codec: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MOST_UNPACKED_BYTES", 5_000_000)
    batch = batch_of([GOOD, Raw(value=bytes(20_000_000)), GOOD], codec=codec)
    tracemalloc.start()
    first, rest, last = drained(Log((3, batch), (1, batch_of([GOOD], 3))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000
    assert [first.offset, last.offset] == [0, 3]
    assert (rest.first_offset, rest.offset, rest.fault) == (1, 2, "it unpacks to more than a batch may hold")
    assert rest.value == batch[:MOST_KEPT_BYTES]


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec])
def test_what_no_codec_wrote_is_told(codec: int) -> None:
    whole = bytes(CODECS[codec](packed_of([GOOD] * 50)))
    records = drained(Log((50, around(whole[: len(whole) // 2], 50, attributes=codec)), (1, batch_of([GOOD], 50))))
    assert covered(records) == list(range(51))
    assert "cannot unpack it" in records[-2].fault
    assert said(records[-1])[1] == b"T-1"


def test_an_unknown_codec_is_told() -> None:
    (record,) = drained(Log((2, batch_of([GOOD, GOOD], attributes=7))))
    assert (record.first_offset, record.offset, record.fault) == (0, 1, "there is no codec 7")


def test_records_beyond_a_number_and_headers_beyond_one_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_RECORDS", 10)
    monkeypatch.setattr(record_batch, "MOST_RECORDS", 10)
    monkeypatch.setattr(fetch, "_TRUSTED_BYTES", 100)
    records = drained(Log((12, batch_of([Raw()] * 12)), (1, batch_of([Raw(headers=((b"h", b"v"),) * 1_001)], 12))))
    assert covered(records) == list(range(13))
    assert "at most" in records[10].fault
    assert records[11].fault == "1,001 headers; a record has at most 1,000"


def test_a_wrong_checksum_is_looked_at_twice_before_the_batch_is_given_up() -> None:
    batch = batch_of([GOOD, GOOD])
    damaged = batch[:-1] + b"?"
    after = batch_of([GOOD], 2)
    healing = Answering(3, [damaged + after, batch + after])
    assert [said(record)[1] for record in drained(healing)] == [b"T-1"] * 3

    given_up, good = drained(Log((2, damaged), (1, batch_of([GOOD], 2))))
    assert (given_up.first_offset, given_up.offset, given_up.fault) == (0, 1, "its checksum is wrong")
    assert given_up.value == damaged
    assert said(good)[:2] == (2, b"T-1")


def test_a_head_that_does_not_agree_with_itself_moves_the_position_by_one() -> None:
    batch = batch_of([GOOD, GOOD])
    damaged = batch[:23] + (2**30).to_bytes(4, "big") + batch[27:]
    records = drained(Log((2, damaged), (1, batch_of([GOOD], 2))))
    assert [(record.offset, type(record) is UnreadableRecord) for record in records] == [
        (0, True),
        (1, True),
        (2, False),
    ]


def test_a_batch_that_comes_in_part_only_is_told_and_passed() -> None:
    batch = batch_of([GOOD] * 3)
    records = drained(Log((3, batch[:-2])))
    assert covered(records) == [0, 1, 2]
    assert records[0].fault == f"{len(batch) - 2} bytes came of a batch of {len(batch)}"


def test_much_that_unpacks_from_one_fetch_is_fetched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "ENOUGH_UNPACKED_BYTES", 1_000)
    log = Log(*((1, batch_of([Raw(value=bytes(600))], n, codec=1)) for n in range(6)))
    with pytest.raises(AssertionError, match="after 2 fetches"):
        drained(log, most_fetches=2)
    assert covered(drained(log, most_fetches=4)) == list(range(6))


def test_offsets_that_a_producer_made_up_are_counted_by_their_place() -> None:
    packed = b"".join(packed_of([Raw(value=b"%d" % n)]) for n in range(3))  # each says that it is the first
    assert [(record.offset, record.value) for record in drained(Log((3, around(packed, 3))))] == [
        (0, b"0"), (1, b"1"), (2, b"2"),
    ]  # fmt: skip


def test_aborted_transactions_stay_out_and_committed_ones_come_also_where_one_cannot_be_read() -> None:
    def mark(word: bytes, base: int, producer: int) -> tuple[int, bytes]:
        return 1, batch_of([Raw(word, b"\0" * 6)], base, attributes=TRANSACTIONAL | CONTROL, producer=producer)

    def sent(record: Raw, base: int, producer: int, codec: int = 0) -> tuple[int, bytes]:
        return 1, batch_of([record], base, attributes=TRANSACTIONAL, producer=producer, codec=codec)

    log = Log(
        sent(FOREIGN, 0, 7), mark(ABORT, 1, 7), sent(FOREIGN, 2, 7), mark(COMMIT, 3, 7),
        sent(GOOD, 4, 8), mark(b"", 5, 8), sent(GOOD, 6, 8, 4), mark(COMMIT, 7, 8), (1, batch_of([GOOD], 8)),
    )  # fmt: skip
    records = drained(log, aborted=[(7, 0), (8, 4)])
    assert [(record.offset, type(record) is UnreadableRecord) for record in records] == [
        (2, True),
        (6, False),
        (8, False),
    ]


@pytest.mark.parametrize(("magic", "codec"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)])
def test_old_formats_are_read_and_told_when_they_cannot_be(magic: Literal[0, 1], codec: int) -> None:
    batches = _old_batches(magic, codec)
    records = drained(Log(*batches))
    assert [(record.offset, record.key, record.value) for record in records] == [
        (n, b"k", b"v" * 100) for n in range(3)
    ]
    damaged = [(offsets, batch[:-1] + b"?") for offsets, batch in batches]
    given_up = drained(Log(*damaged))
    assert covered(given_up) == [0, 1, 2]
    assert {record.fault for record in given_up} == {"its checksum is wrong"}


def test_an_old_format_that_unpacks_to_too_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_UNPACKED_BYTES", 300)
    (record,) = drained(Log(*_old_batches(1, 1)))
    assert (record.first_offset, record.offset, record.fault) == (0, 2, "it unpacks to more than a batch may hold")


def _old_batches(magic: Literal[0, 1], codec: int) -> list[tuple[int, bytes]]:
    """Return three records as brokers of before 2017 kept them: packed together, or one by one."""
    builder = LegacyRecordBatchBuilder(magic, codec, 10**6)
    for offset in range(3):
        builder.append(offset, timestamp=5, key=b"k", value=b"v" * 100)
    whole = bytes(builder.build())
    if codec:
        return [(3, (2).to_bytes(8, "big") + whole[8:])]  # the broker gives them the offset of the last
    size = len(whole) // 3
    return [(1, whole[begin : begin + size]) for begin in range(0, len(whole), size)]


def test_what_lies_before_the_position_is_passed_over() -> None:
    batches = [batch_of([GOOD], n) for n in range(3)]
    assert covered(drained(Answering(3, [b"".join(batches)]))) == [0, 1, 2]
    assert covered(drained(Answering(2, [batches[0]] * 3))) == [0, 1]


def test_sealing_makes_the_checksum_right() -> None:
    batch = batch_of([GOOD])
    assert sealed(batch[:17] + b"\0\0\0\0" + batch[21:]) == batch


def test_the_consumer_of_a_worker_reads_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)  # put back what this test replaces
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    read_every_record()
    assert [record.offset for record in asyncio.run(_fetched(batch_of([GOOD, FOREIGN, GOOD])))] == [0, 1, 2]


class _Answer:
    """Answers a fetch, as a broker does."""

    API_VERSION = 4

    def __init__(self, batch: bytes) -> None:
        self.topics = [(TP.topic, [(TP.partition, 0, 3, 3, None, batch)])]


async def _fetched(batch: bytes) -> list[Any]:
    """Return what aiokafka's own fetcher makes of the answer of a broker."""

    class Client:
        _loop = asyncio.get_running_loop()
        _metadata_max_age_ms = 1_000

        async def send(self, *_: Any) -> _Answer:
            return _Answer(batch)

    subscriptions = SubscriptionState()
    subscriptions.assign_from_user([TP])
    subscriptions.seek(TP, 0)
    fetching = fetcher.Fetcher(Client(), subscriptions, isolation_level="read_committed")
    fetching._fetch_task.cancel()
    asked = FetchRequest(1, 1, 1, 1, [(TP.topic, [(TP.partition, 0, 1)])])
    assert await fetching._proc_fetch_request(subscriptions.subscription.assignment, 0, asked)
    records: list[Any] = fetching._records[TP].getall()
    return records
