"""What holds for the codec whatever the bytes are."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from schemas.codec import Event, InvalidEventError, decode, encode, partition_key, unknown_values
from schemas.events import Data, EventRetracted, OpenEnum, PolicyPublished, ProducerHeartbeat
from schemas.nesting import is_deeper
from schemas.policy import SUBJECT
from tests.strategies import NOW_MS, Envelope, encoded_events, events, json_values, tampered_events

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HEADERS = st.none() | st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_data"])
        | st.text(),
        st.none() | st.binary() | st.sampled_from([b"1.0", b"application/json", b"application/cloudevents+json"]),
    )
)


def outcome(value: bytes, headers: Any = None) -> Event | InvalidEventError:
    try:
        return decode(value, headers, now_ms=NOW_MS)
    except InvalidEventError as error:
        return error


@given(st.binary(), HEADERS)
def test_any_bytes_give_an_event_or_an_invalid_event_error(value: bytes, headers: Any) -> None:
    assert isinstance(outcome(value, headers), Event | InvalidEventError)


@given(json_values(), HEADERS)
def test_any_json_gives_an_event_or_an_invalid_event_error(value: Any, headers: Any) -> None:
    encoded = json.dumps(value).encode()
    assert isinstance(outcome(encoded, headers), Event | InvalidEventError)


@given(tampered_events())
def test_a_tampered_event_is_read_or_the_pointer_leads_to_a_part_of_it(value: bytes) -> None:
    found = outcome(value)
    if isinstance(found, InvalidEventError):
        assert leads_somewhere(found.pointer, json.loads(value))
    else:
        assert unknown_values(found) == read_otherwise(found, json.loads(value)["data"])


@given(encoded_events(), st.integers(0, 10_000), st.binary(max_size=4))
def test_an_event_with_broken_bytes_is_read_or_refused_and_readable_afterwards(
    value: bytes, position: int, broken: bytes
) -> None:
    cut = position % len(value)
    found = outcome(value[:cut] + broken + value[cut + len(broken) :])
    if isinstance(found, Event):
        json.loads(found.raw)
        unknown_values(found)
        partition_key(found)


@given(events())
def test_what_was_written_is_read(pair: tuple[Data, Envelope]) -> None:
    content, envelope = pair
    event = decode(encode(content, **envelope), now_ms=NOW_MS)
    assert event.content == content
    assert (event.source, event.id, event.name) == (envelope["source"], envelope["id"], envelope["name"])
    assert event.subject == envelope["subject"]
    assert event.sequence == envelope.get("subjectseq", -1)
    assert event.replay == envelope.get("replay", False)
    assert event.at_ms == (envelope["time"] - EPOCH) // timedelta(milliseconds=1)
    assert unknown_values(event) == []


@given(encoded_events())
def test_an_event_written_again_from_what_was_read_is_the_same(value: bytes) -> None:
    event = decode(value, now_ms=NOW_MS)
    assert decode(event.raw, now_ms=NOW_MS) == event


@given(encoded_events())
def test_binary_and_structured_form_say_the_same(value: bytes) -> None:
    structured = decode(value, now_ms=NOW_MS)
    attributes = json.loads(value)
    data = json.dumps(attributes.pop("data")).encode()
    headers = [(f"ce_{name}", as_header(content)) for name, content in attributes.items()]
    binary = decode(data, headers, now_ms=NOW_MS)
    assert without_raw(binary) == without_raw(structured)


@given(encoded_events(), st.dictionaries(st.text(min_size=1), json_values()))
def test_unknown_fields_change_nothing_that_is_read(value: bytes, unknown: dict[str, Any]) -> None:
    event = json.loads(value)
    grown = event | {"data": event["data"] | {f"x_{name}": content for name, content in unknown.items()}}
    assert without_raw(decode(json.dumps(grown).encode(), now_ms=NOW_MS)) == without_raw(decode(value, now_ms=NOW_MS))


@given(events())
def test_the_key_puts_an_event_beside_the_others_of_its_subject(pair: tuple[Data, Envelope]) -> None:
    content, envelope = pair
    event = decode(encode(content, **envelope), now_ms=NOW_MS)
    assert partition_key(event) == envelope["subject"].encode()
    named = [SUBJECT] if isinstance(content, PolicyPublished) else vars_of(content)
    assert isinstance(content, EventRetracted | ProducerHeartbeat) or envelope["subject"] in named


def vars_of(content: Data) -> list[Any]:
    return [getattr(content, name) for name in content.__struct_fields__]


def as_header(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()


def without_raw(event: Event) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in event.__struct_fields__ if name != "raw")


def read_otherwise(event: Event, sent: Any) -> list[tuple[str, str]]:
    """Return the open enumerations of an event that were read as another value than was sent."""
    names = [(one.name, one.encode_name) for one in fields(event.content)] if event.content else []
    read = [(encoded, getattr(event.content, name)) for name, encoded in names]
    chosen = [(encoded, value) for encoded, value in read if isinstance(value, OpenEnum)]
    return [(f"/data/{encoded}", sent[encoded]) for encoded, value in chosen if sent[encoded] != value.value]


def leads_somewhere(pointer: str, document: Any) -> bool:
    """A pointer names a part of the document, or a field missing from an object in it."""
    *way, last = pointer.split("/")[1:] or [""]
    for step in way:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return pointer == "" or isinstance(document, dict) or int(last) < len(document)


any_json = st.recursive(
    st.none() | st.integers() | st.text(alphabet='[]{}"\\,: a'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='[]{}"\\ a'), inner, max_size=4),
)


@given(any_json, st.integers(0, 6), st.booleans())
def test_depth_is_counted_as_a_parser_would_count_it(value: Any, levels: int, is_ascii: bool) -> None:
    assert is_deeper(json.dumps(value, ensure_ascii=is_ascii).encode(), levels) == (_depth(value) > levels)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)
