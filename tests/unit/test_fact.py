"""Facts come from events, but they are read back from bytes: those say nothing that no event could have said."""

import math
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas.instant import LAST_MS
from streams.core.ticket.fact import (
    SHARED,
    Absorbed,
    AnyFact,
    Compensated,
    Created,
    Merged,
    Message,
    Moved,
    Offered,
    Rated,
    Repurchased,
    Retracted,
    Revised,
    pack,
    unpack,
    unpack_shared,
)

KEY = (2**64 - 1, LAST_MS, 10**15 - 1)
RATED = Rated(*KEY, "r", "", 1e9, -1e9, 1e9, "customer")
ABSORBED = Absorbed(*KEY, ("A" * 512,) * 65, 2**53, b"", (0, 65_535))
AT_THE_BOUNDS: list[AnyFact] = [
    Created(0, 0, -1, customer_id="ä" * 512),
    Moved(*KEY, "closed"),
    RATED,
    ABSORBED,
    Compensated(*KEY, "k", "coupon", -(2**53), "EUR"),
    Repurchased(*KEY, "o", LAST_MS, 2**53, "EUR"),
    Retracted(*KEY, 2**64 - 1),
]


@pytest.mark.parametrize("fact", AT_THE_BOUNDS, ids=lambda fact: type(fact).__name__)
def test_what_an_event_can_say_at_most_is_read_back(fact: AnyFact) -> None:
    assert unpack(pack([fact])) == [fact]


@pytest.mark.parametrize(
    ("fact", "change"),
    [
        (Moved(1, 5, -1, "open"), {"id": -1}),
        (Moved(1, 5, -1, "open"), {"at": -1}),
        (Moved(1, 5, -1, "open"), {"at": LAST_MS + 1}),
        (Moved(1, 5, -1, "open"), {"sequence": -2}),
        (Moved(1, 5, -1, "open"), {"sequence": 10**15}),
        (Moved(1, 5, -1, "open"), {"to": "x" * 513}),
        (Merged(1, 5, -1, "B"), {"into": ""}),
        (Offered(1, 5, -1, "s"), {"survey_id": ""}),
        (Revised(1, 5, -1, "r", 3.0), {"raw": math.nan}),
        (Revised(1, 5, -1, "r", 3.0), {"raw": math.inf}),
        (Revised(1, 5, -1, "r", 3.0), {"raw": 1.1e9}),
        (Compensated(1, 5, -1, "k", "coupon", 1, "EUR"), {"amount": 2**53 + 1}),
        (Compensated(1, 5, -1, "k", "coupon", 1, "EUR"), {"currency": "euros"}),
        (Repurchased(1, 5, -1, "o", 5, 1, "EUR"), {"ordered_at": -62_135_596_800_000}),
        (Repurchased(1, 5, -1, "o", 5, 1, "EUR"), {"ordered_at": LAST_MS + 1}),
        (Absorbed(1, 5, -1, ("A",), 1, b""), {"path": ()}),
        (Absorbed(1, 5, -1, ("A",), 1, b""), {"path": ("A",) * 66}),
        (Absorbed(1, 5, -1, ("A",), 1, b""), {"revision": 0}),
        (Absorbed(1, 5, -1, ("A",), 1, b""), {"revision": 2**53 + 1}),
        (Absorbed(1, 5, -1, ("A",), 1, b""), {"days": (65_536,)}),
        (Message(1, 5, -1, "in", True, "customer"), {"is_public": "yes"}),
        (Retracted(1, 5, -1, 1), {"target": -1}),
    ],
)
def test_what_no_event_can_say_is_refused(fact: AnyFact, change: dict[str, Any]) -> None:
    assert unpack(pack([fact])) == [fact]
    with pytest.raises(msgspec.ValidationError):
        unpack(pack([replace(fact, **change)]))


@pytest.mark.parametrize(
    ("raw", "lowest", "highest"), [(3.0, 3.0, 3.0), (3.0, 5.0, 1.0), (6.0, 1.0, 5.0), (math.nan, 1.0, 5.0), (0, 0, 0)]
)
def test_a_rating_off_its_scale_is_refused(raw: float, lowest: float, highest: float) -> None:
    packed = msgspec.msgpack.encode([[13, 1, 5, -1, "r", "", raw, lowest, highest, "customer"]])
    with pytest.raises(msgspec.ValidationError):
        unpack(packed)


@pytest.mark.parametrize("fact", [fact for fact in AT_THE_BOUNDS if type(fact) not in SHARED])
def test_a_merged_ticket_hands_over_nothing_but_the_story_of_its_customer(fact: AnyFact) -> None:
    assert unpack_shared(pack([RATED])) == [RATED]
    with pytest.raises(msgspec.ValidationError):
        unpack_shared(pack([RATED, fact]))


@pytest.mark.parametrize("packed", [b"\xff", b"\x90\x90", b"\xc0", b"[]", b"\x91\x91\x01"])
def test_other_bytes_are_refused(packed: bytes) -> None:
    for read in (unpack, unpack_shared):
        with pytest.raises(msgspec.MsgspecError):
            read(packed)
