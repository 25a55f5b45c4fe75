"""Whatever the bytes of a batch are: reading ends, never raises, and no offset is passed over in silence."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.core.records.record_batch import UnreadableRecord
from tests.fetches import Log, covered, drained
from tests.record_batches import CODECS, Raw, around, batch_of, packed_of, sealed

_UTF_8 = st.text(max_size=5).map(lambda text: text.encode(errors="ignore"))
_CONTENT = st.none() | st.binary(max_size=40)
_GOOD = st.builds(Raw, _CONTENT, _CONTENT, st.lists(st.tuples(_UTF_8, _CONTENT), max_size=3).map(tuple))
_BAD = st.builds(Raw, _CONTENT, _CONTENT, st.tuples(st.tuples(st.just(b"\xff\xfe"), _CONTENT))) | st.builds(
    Raw, value=_CONTENT, lie=st.sampled_from([300, 2**31, 2**62])
)
_CODEC = st.sampled_from(sorted(CODECS))
_BASE_BYTES = 8
"""The first offset lies outside of the checksum: brokers find a batch by it, so a wrong one is another batch."""


def _is_bad(record: Raw) -> bool:
    return record.lie is not None or any(name == b"\xff\xfe" for name, _ in record.headers)


@given(st.lists(_GOOD | _BAD, min_size=1, max_size=12), _CODEC)
def test_good_records_among_bad_ones_come_out_as_they_are(sent: list[Raw], codec: int) -> None:
    records = drained(Log((len(sent), batch_of(sent, codec=codec))))
    assert covered(records) == list(range(len(sent)))
    assert [type(record) is UnreadableRecord for record in records] == [_is_bad(record) for record in sent]
    for record, raw in zip(records, sent, strict=True):
        if not _is_bad(raw):
            headers = tuple((name.decode(), value) for name, value in raw.headers)
            assert (record.key, record.value, tuple(record.headers)) == (raw.key, raw.value, headers)


@st.composite
def mutations(draw: Any, whole: bytes, first: int = 0) -> bytes:
    """Draw bytes that differ in some places, or end early, or go on."""
    changed = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        changed[draw(st.integers(first, len(whole) - 1))] = draw(st.integers(0, 255))
    return bytes(changed[: draw(st.integers(max(first, 1), len(whole)))] if draw(st.booleans()) else changed)


@given(st.data(), st.lists(_GOOD, min_size=1, max_size=6), _CODEC)
def test_a_damaged_batch_is_told_and_those_around_it_are_read(data: st.DataObject, sent: list[Raw], codec: int) -> None:
    n = len(sent)
    before, after = batch_of(sent, 0, codec=codec), batch_of(sent, 2 * n, codec=codec)
    damaged = data.draw(mutations(batch_of(sent, n, codec=codec), _BASE_BYTES))
    records = drained(Log((n, before), (n, damaged), (n, after)), most_fetches=4 * n + 4)
    assert covered(records) == list(range(3 * n))
    assert [record.value for record in records[:n]] == [record.value for record in sent]
    assert [record.value for record in records[-n:]] == [record.value for record in sent]


@given(st.data(), st.lists(_GOOD, min_size=1, max_size=6), _CODEC)
def test_a_batch_that_its_producer_made_wrong_is_told(data: st.DataObject, sent: list[Raw], codec: int) -> None:
    packed = data.draw(mutations(bytes(CODECS[codec](packed_of(sent))))) if sent else b""
    records = drained(Log((len(sent), around(packed, len(sent), attributes=codec)), (1, batch_of(sent[:1], len(sent)))))
    assert covered(records) == list(range(len(sent) + 1))
    assert records[-1].value == sent[0].value


@given(st.data(), st.lists(_GOOD, min_size=1, max_size=6), _CODEC)
def test_reading_ends_whatever_a_batch_says_of_itself(data: st.DataObject, sent: list[Raw], codec: int) -> None:
    whole = data.draw(mutations(batch_of(sent, codec=codec)))
    drained(Log((len(sent), sealed(whole) if len(whole) > 21 else whole)), most_fetches=4 * len(sent) + 4)


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_at_all_are_told(anything: bytes) -> None:
    drained(Log((3, anything)), most_fetches=10)
