"""What was acknowledged, where it lies, and in which words its fate is told."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streams.cli.settle import lines_of
from streams.receipt import Receipt
from streams.sinks.arrival import Arrival

PLACES = st.tuples(st.just("tickets"), st.integers(0, 2))


@given(st.lists(st.tuples(PLACES, st.integers(0, 30)), max_size=20, unique=True), st.integers(0, 31))
def test_a_receipt_knows_what_lies_where_and_how_much_is_unread(taken: list[tuple], read: int) -> None:  # type: ignore[type-arg]
    receipt = Receipt()
    for number, (place, offset) in enumerate(taken):
        receipt.take("urn:desk", str(number), place, offset)
    places = {place for place, _ in taken}
    assert receipt.events == len(taken)
    assert receipt.beyond(dict.fromkeys(places, read)) == sum(offset >= read for _, offset in taken)
    assert receipt.beyond({}) == len(taken)
    for place in places:
        offsets = [offset for other, offset in taken if other == place]
        assert receipt.bounds[place] == (min(offsets), max(offsets))
        assert [receipt.lies_at(place, offset) for offset in range(31)] == [n in offsets for n in range(31)]
    assert not receipt.lies_at(("orders", 0), 0)


def test_an_event_is_known_by_its_source_and_id() -> None:
    receipt = Receipt()
    receipt.take("urn:desk", "1", ("tickets", 0), 7)
    known = [receipt.knows(source, id) for source, id in [("urn:desk", "1"), ("urn:desk", "2"), ("urn:shop", "1")]]
    assert known == [True, False, False]


def test_every_part_of_what_was_sent_is_told() -> None:
    whole = Arrival(stored=2_000, known=0, refused=Counter(), unread=0)
    assert list(lines_of(whole, 2_000, 60)) == ["Of 2,000 events: 2,000 stored, 0 known before."]
    mixed = Arrival(stored=1, known=2, refused=Counter({"identity-reused": 3, "bad-value": 1}), unread=4)
    first, *letters = lines_of(mixed, 11, 60)
    assert "4 dead letters" in first
    assert "4 still unread after 60 s (--settle)" in first
    assert letters == [
        "  3 identity-reused: servicepulse dead-letters list --reason identity-reused",
        "  1 bad-value: servicepulse dead-letters list --reason bad-value",
    ]
