"""Whatever lies on the topic: good events are stored, bad records become dead letters, the worker never stops."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.codec import InvalidEventError, decode, encode
from schemas.events import OrderPlaced, Party, RatingSource, RatingSubmitted, TicketCreated
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration

BAD = 1_000
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
Fault = Callable[[random.Random, dict[str, Any]], bytes]


def test_good_events_between_bad_records_are_all_stored(space: Space) -> None:
    draw = random.Random(20_260_105)
    good = [_created(number) for number in range(BAD)]
    odd = [_fuzzed(draw, number) for number in range(BAD)]
    now_ms = int(datetime.now(UTC).timestamp() * 1000)  # noqa: TID251 - the worker judges by the same clock
    stored_as_is = [value for value in odd if _is_event(value, now_ms)]
    bad = [value for value in odd if not _is_event(value, now_ms)]
    assert len(bad) > BAD * 0.85, "most of what was fuzzed must be bad"
    mixed = good + odd
    draw.shuffle(mixed)
    worker = space.started_worker()
    space.send(mixed)
    wait_until(
        lambda: space.value("SELECT count() FROM dead_letters FINAL") >= len(bad), f"{len(bad)} dead letters", 120
    )
    wait_until(space.is_quiet, "all committed")

    assert worker.process.poll() is None
    stored = {bytes(raw) for (raw,) in _bytes(space, "SELECT raw FROM events FINAL")}
    assert stored >= set(good) | set(stored_as_is)
    letters = space.query(
        "SELECT reason, pointer, message, topic, partition, offset, length(value) FROM dead_letters FINAL"
    )
    assert sorted(bytes(value) for (value,) in _bytes(space, "SELECT value FROM dead_letters FINAL")) == sorted(bad)
    assert len({(topic, partition, offset) for _, _, _, topic, partition, offset, _ in letters}) == len(bad)
    for reason, pointer, message, *_ in letters:
        assert reason
        assert message
        assert pointer == "" or pointer.startswith("/")
    assert len({reason for reason, *_ in letters}) >= 6, "the fuzzing must reach many kinds of fault"


def test_a_mended_dead_letter_is_replayed_by_one_command(space: Space) -> None:
    space.started_worker()
    rating = json.loads(_rating("T-1", raw=4))
    rating["data"]["raw"] = 9
    space.send([_created(1), json.dumps(rating).encode()], key=b"T-1")
    wait_until(lambda: space.value("SELECT count() FROM dead_letters FINAL") == 1, "a dead letter")
    listed = json.loads(space.run("dead-letters", "list", "--json").stdout)
    assert (listed["reason"], listed["pointer"]) == ("bad-value", "/data")
    assert "outside the scale" in listed["message"]

    still_bad = space.run("dead-letters", "replay", listed["letter"][:8])
    assert still_bad.returncode == 1
    assert b"still no event" in still_bad.stdout
    done = space.run("dead-letters", "replay", listed["letter"][:8], "--set", "/data/raw=4")
    assert done.returncode == 0, done.stderr.decode()
    wait_until(
        lambda: space.query("SELECT ratings.raw FROM tickets FINAL WHERE notEmpty(ratings.raw)") != [], "it counts"
    )
    assert space.query("SELECT ratings.raw, ratings.score FROM tickets FINAL")[0] == ([4.0], [75.0])
    assert b"No dead letters" in space.run("dead-letters", "list").stdout


def test_an_identity_used_again_for_other_content_is_a_dead_letter(space: Space) -> None:
    space.started_worker()
    first, second = _rating("T-1", raw=5), _rating("T-1", raw=1)
    space.send([first, first, second, first])
    wait_until(lambda: space.value("SELECT count() FROM dead_letters FINAL") == 1, "a dead letter")
    assert space.value("SELECT reason FROM dead_letters FINAL") == "identity-reused"
    wait_until(lambda: space.value("SELECT count() FROM tickets FINAL") == 1, "the first one counts")
    assert space.query("SELECT ratings.raw FROM tickets FINAL")[0] == ([5.0],)
    assert [bytes(raw) for (raw,) in _bytes(space, "SELECT raw FROM events FINAL")] == [first]


def test_an_order_under_an_identity_used_before_is_a_dead_letter_and_stays_on_its_first_day(space: Space) -> None:
    space.started_worker()
    first, later = _order(START), _order(START + timedelta(days=3))
    again = json.dumps(json.loads(first)).encode()
    assert again != first
    space.send([first], topic="orders")
    wait_until(lambda: space.value("SELECT count() FROM events") == 1, "the first one is stored")
    space.send([later, again, first], topic="orders")
    wait_until(lambda: space.value("SELECT count() FROM dead_letters FINAL") == 1, "the later one is refused")
    wait_until(space.is_quiet, "all is read")
    assert space.query("SELECT reason, value FROM dead_letters FINAL") == [("identity-reused", later.decode())]
    assert space.query("SELECT toString(day) FROM order_days FINAL") == [("2026-01-05",)]
    assert {bytes(raw) for (raw,) in _bytes(space, "SELECT raw FROM events")} == {first}


def _order(at: datetime) -> bytes:
    placed = OrderPlaced(order_id="O-1", customer_id="C-1", amount=4_900, currency="EUR")
    return encode(placed, source="urn:good", id="order", time=at, name="order.placed", subject="C-1")


def _bytes(space: Space, sql: str) -> Any:
    return space.client.query(sql, query_formats={"String": "bytes"}).result_rows


def _created(number: int) -> bytes:
    ticket_id = f"T-{number}"
    created = TicketCreated(ticket_id=ticket_id, channel="phone", created_by=Party.CUSTOMER)
    at = START + timedelta(seconds=number)
    return encode(created, source="urn:good", id=f"{number}", time=at, name="ticket.created", subject=ticket_id)


def _rating(ticket_id: str, raw: float) -> bytes:
    rating = RatingSubmitted(
        ticket_id=ticket_id, rating_id="R-1", raw=raw, scale_min=1, scale_max=5, source=RatingSource.CUSTOMER
    )
    return encode(rating, source="urn:good", id="rating", time=START, name="rating.submitted", subject=ticket_id)


def _is_event(value: bytes, now_ms: int) -> bool:
    try:
        decode(value, now_ms=now_ms)
    except InvalidEventError:
        return False
    return True


def _fuzzed(draw: random.Random, number: int) -> bytes:
    event: dict[str, Any] = json.loads(_created(number))
    event["source"], event["id"] = "urn:fuzz", f"fuzz-{number}"
    return draw.choice(_FAULTS)(draw, event)


def _random_bytes(draw: random.Random, _: dict[str, Any]) -> bytes:
    return b"\xff" + draw.randbytes(draw.randint(0, 400))


def _truncated(draw: random.Random, event: dict[str, Any]) -> bytes:
    whole = json.dumps(event).encode()
    return whole[: draw.randint(1, len(whole) - 1)]


def _of_wrong_type(draw: random.Random, event: dict[str, Any]) -> bytes:
    place = draw.choice([event, event["data"]])
    name = draw.choice([name for name in place if name not in ("subject", "datacontenttype")])
    place[name] = draw.choice([None, 7, [], {}, True])
    return json.dumps(event).encode()


def _without_a_field(draw: random.Random, event: dict[str, Any]) -> bytes:
    place = draw.choice([event, event["data"]])
    del place[draw.choice([name for name in place if name not in ("subject", "datacontenttype")])]
    return json.dumps(event).encode()


def _huge(draw: random.Random, event: dict[str, Any]) -> bytes:
    if draw.random() < 0.9:  # some are enough: each is 1 MiB
        return b"[" * draw.randint(1, 300)
    event["data"]["note"] = "x" * 2**20
    return json.dumps(event).encode()[: 2**20 - 2_000]


def _with_nul_bytes(draw: random.Random, event: dict[str, Any]) -> bytes:
    whole = bytearray(json.dumps(event).encode())
    whole[draw.randrange(len(whole))] = 0
    return bytes(whole)


def _deeply_nested(draw: random.Random, event: dict[str, Any]) -> bytes:
    depth = draw.randint(2_000, 50_000)
    return json.dumps(event).encode()[:-1] + b',"x":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


def _from_the_future(draw: random.Random, event: dict[str, Any]) -> bytes:
    event["time"] = f"{draw.randint(2100, 9999)}-01-01T00:00:00Z"
    return json.dumps(event).encode()


def _of_unknown_type(draw: random.Random, event: dict[str, Any]) -> bytes:
    event["type"] = draw.choice(
        ["io.servicepulse.promise.made.v1", "com.example.other", "io.servicepulse.ticket.created.v9"]
    )
    return json.dumps(event).encode()


def _of_bad_value(draw: random.Random, event: dict[str, Any]) -> bytes:
    name, value = draw.choice([("id", ""), ("time", "1960-01-01T00:00:00Z"), ("source", "x" * 600), ("subjectseq", -1)])
    event[name] = value
    return json.dumps(event).encode()


_FAULTS: list[Fault] = [
    _of_bad_value,
    _random_bytes,
    _random_bytes,
    _truncated,
    _truncated,
    _of_wrong_type,
    _of_wrong_type,
    _without_a_field,
    _without_a_field,
    _huge,
    _with_nul_bytes,
    _deeply_nested,
    _from_the_future,
    _from_the_future,
    _of_unknown_type,
]
