"""The mapping language over JSON documents: paths, lists in lists, what came with a delivery, and ids of facts."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.mapping import Mapping, MappingError, Reading
from streams.core.mapping.spelling import SPELLINGS
from tests.mappings import NOW_MS

HEAD = """
format = "json"
source = "urn:test:desk"
ticket = "{ticket.id}"
[time]
from = "{at}"
"""
CREATED = """
[[rule]]
name = "created"
event = "ticket.created"
id = "ticket-{ticket.id}-created"
when = { type = "new" }
data = { channel = "{ticket.via}", created_by = "customer", customer_id = "{ticket.mail|lower}" }
"""
SAID = """
[[rule]]
name = "said"
for_each = "comments"
event = "message.sent"
id = "comment-{id}"
when = { public = "true", "$parent.type" = { none_of = ["ping"] } }
time = "{at}"
[rule.data]
message_id = "{id}"
direction = "in"
visibility = "public"
sender_type = "customer"
sender_id = "{$parent.ticket.mail|lower}"
"""
AT = "2024-01-01T00:00:00Z"


def ticket(**more: Any) -> dict[str, Any]:
    return {"type": "new", "at": AT, "ticket": {"id": 7, "via": "web", "mail": "A@b.c"}, **more}


def comment(number: int, *, public: bool = True) -> dict[str, Any]:
    return {"id": number, "public": public, "at": "2024-01-01T00:00:01Z"}


def read(mapping: str, document: object, **more: Any) -> Reading:
    return Mapping.read(mapping, **more).of(document, now_ms=NOW_MS)


def said(reading: Reading) -> list[dict[str, Any]]:
    assert not reading.faults
    return [msgspec.json.decode(event.raw) for event in reading.events]


def faults(mapping: str) -> dict[str, str]:
    with pytest.raises(MappingError) as caught:
        Mapping.read(mapping)
    return {fault.place: fault.message for fault in caught.value.faults}


def test_a_document_becomes_events_under_ids_of_its_own_facts() -> None:
    [event] = said(read(HEAD + CREATED, ticket()))
    assert event["id"] == "ticket-7-created"
    assert event["time"] == AT
    assert event["data"] == {"ticket_id": "7", "channel": "web", "created_by": "customer", "customer_id": "a@b.c"}
    assert "importrow" not in event
    assert "replay" not in event


def test_bytes_and_what_they_say_are_read_alike() -> None:
    assert read(HEAD + CREATED, json.dumps(ticket()).encode()) == read(HEAD + CREATED, ticket())


def test_a_rule_looks_at_each_element_of_a_list_with_its_parents_fields_at_hand() -> None:
    found = said(read(HEAD + CREATED + SAID, ticket(comments=[comment(1), comment(2, public=False), comment(3)])))
    assert [event["id"] for event in found] == ["ticket-7-created", "comment-1", "comment-3"]
    assert [event["data"]["ticket_id"] for event in found] == ["7"] * 3
    assert found[1]["data"]["sender_id"] == "a@b.c"
    assert found[1]["time"] == "2024-01-01T00:00:01Z"


def test_rows_may_be_the_elements_of_lists_in_lists_and_see_what_they_lie_in() -> None:
    mapping = (
        HEAD.replace("{ticket.id}", "{$parent.id}")
        .replace("{at}", "{$document.at}")
        .replace("[time]", 'for_each = ["tickets", "changes"]\n[time]')
    )
    rule = """
    [[rule]]
    name = "status"
    event = "ticket.status_changed"
    id = "status-{$parent.id}-{n}"
    data = { to = "{to}", reason = "{$document.page.name}" }
    """
    document = {
        "at": AT,
        "page": {"name": "p1"},
        "tickets": [{"id": 1, "changes": [{"n": 1, "to": "open"}, {"n": 2, "to": "closed"}]}, {"id": 2, "changes": []}],
    }
    found = said(read(mapping + rule, document))
    assert [(event["id"], event["data"]["to"]) for event in found] == [("status-1-1", "open"), ("status-1-2", "closed")]
    assert {event["data"]["reason"] for event in found} == {"p1"}


def test_one_thing_where_a_list_may_stand_is_a_list_of_one() -> None:
    assert len(said(read(HEAD + SAID, ticket(comments=comment(1))))) == 1


def test_a_document_without_the_list_of_its_rows_says_so_and_an_empty_list_says_nothing() -> None:
    mapping = HEAD.replace("[time]", 'for_each = "tickets"\n[time]') + CREATED
    assert "nothing is there" in read(mapping, {"other": []}).faults[0]
    assert read(mapping, {"tickets": []}) == Reading([], [], [])


def test_headers_that_came_with_a_delivery_are_read_whatever_their_case() -> None:
    mapping = Mapping.read(HEAD + CREATED.replace('type = "new"', '"$header.X-Topic" = "tickets/new"'))
    assert said(mapping.of(ticket(), now_ms=NOW_MS, headers={"x-topic": "tickets/new"}))
    assert mapping.of(ticket(), now_ms=NOW_MS, headers={"x-topic": "other"}).faults
    kept = {"$headers": {"X-TOPIC": "tickets/new"}, "$body": ticket()}
    assert said(mapping.of(kept, now_ms=NOW_MS))


def test_what_no_rule_reads_is_a_fault_and_what_is_skipped_is_none() -> None:
    mapping = HEAD + '[[skip]]\nreason = "a sign of life"\nwhen = { type = "ping" }\n' + CREATED + SAID
    assert read(mapping, {"type": "ping"}) == Reading([], ["a sign of life"], [])
    [fault] = read(mapping, {"type": "pong"}).faults
    assert "no rule applies (type = 'pong'" in fault
    assert said(read(mapping, ticket(type="old", comments=[comment(1)])))


def test_a_fault_of_one_part_keeps_the_others() -> None:
    reading = read(HEAD + CREATED + SAID, ticket(comments=[{**comment(1), "at": "soon"}, comment(2)]))
    assert [event.id for event in reading.events] == ["ticket-7-created", "comment-2"]
    assert len(reading.faults) == 1
    assert "rule said: 'soon' is no time" in reading.faults[0]


def test_the_same_fact_said_twice_in_one_document_is_said_once_and_never_in_two_ways() -> None:
    assert len(said(read(HEAD + SAID, ticket(comments=[comment(1), comment(1)])))) == 1
    reading = read(HEAD + SAID, ticket(comments=[comment(1), {**comment(1), "at": AT}]))
    assert len(reading.events) == 1
    assert "'comment-1' is said otherwise further up" in reading.faults[0]


def test_without_an_id_a_document_is_what_it_says_whatever_the_order_of_its_keys() -> None:
    mapping = HEAD + CREATED.replace('id = "ticket-{ticket.id}-created"\n', "")
    [one], [same], [other] = (
        read(mapping, document).events
        for document in (ticket(), dict(reversed(ticket().items())), ticket(note="unread, but said"))
    )
    assert one.id == same.id != other.id
    assert one.id.endswith("-created")


def test_an_id_at_the_top_may_name_what_nothing_else_reads() -> None:
    mapping = HEAD.replace("[time]", 'id = "{key}"\n[time]') + CREATED.replace('id = "ticket-{ticket.id}-created"', "")
    [event] = said(read(mapping, ticket(key="K-9")))
    assert event["id"] == "K-9-created"


def test_numbers_stay_as_they_are_written_and_lists_are_lists() -> None:
    rated = """
    [[rule]]
    name = "rated"
    event = "rating.submitted"
    id = "rating-{rating.id}"
    [rule.data]
    rating_id = "{rating.id}"
    raw = "{rating.score}"
    scale_min = 1
    scale_max = 5
    source = "customer"
    reasons = "{rating.tags}"
    comment = "{rating.labels}"
    """
    rating = '{"id": 12345678901234567890123, "score": 4.10, "tags": ["a, b", "c"], "labels": {"x": 1.50}}'
    [event] = said(read(HEAD + rated, f'{{"at": "{AT}", "ticket": {{"id": 1}}, "rating": {rating}}}'.encode()))
    assert event["data"]["rating_id"] == "12345678901234567890123"
    assert event["data"]["raw"] == 4.1
    assert event["data"]["reasons"] == ["a, b", "c"]
    assert event["data"]["comment"] == '{"x":1.50}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tags[0]", "vip"),
        ("join('+', tags)", "vip+new"),
        ("fields[?id==`9`].value | [0]", "nine"),
        ("contains(tags, 'vip')", "true"),
        ("join('+', absent)", None),
        ('"odd-name"', "odd"),
        ("ticket.via.absent", None),
    ],
)
def test_paths_are_jmespath(path: str, expected: str | None) -> None:
    mapping = HEAD + CREATED.replace("{ticket.mail|lower}", path.replace('"', '\\"').join("{}"))
    document = ticket(**{"tags": ["vip", "new"], "fields": [{"id": 8}, {"id": 9, "value": "nine"}], "odd-name": "odd"})
    [event] = said(read(mapping, document))
    assert event["data"].get("customer_id") == expected


def test_amounts_have_the_decimals_of_their_currency() -> None:
    placed = """
    [[rule]]
    name = "placed"
    event = "order.placed"
    id = "order-{id}"
    for_each = "orders"
    time = "{$parent.at}"
    [rule.data]
    order_id = "{id}"
    customer_id = "c"
    amount = { from = "{total}", decimals = "{currency}" }
    currency = "{currency}"
    """
    orders = [("1", "12.50", "EUR"), ("2", "1250", "JPY"), ("3", "1.250", "KWD")]
    document = {"at": AT, "orders": [dict(zip(("id", "total", "currency"), one, strict=True)) for one in orders]}
    assert {event["data"]["amount"] for event in said(read(HEAD + placed, document))} == {1250}
    reading = read(HEAD + placed, {"at": AT, "orders": [{"id": "4", "total": "12.5", "currency": "JPY"}]})
    assert "more than 0 decimals" in reading.faults[0]
    assert (
        "the column of the currency"
        in faults(HEAD + placed.replace('"{currency}" }', '"EUR" }'))["rule[1] (placed).data.amount"]
    )


def test_of_several_ids_the_first_that_is_not_empty_counts() -> None:
    mapping = HEAD + CREATED.replace('id = "ticket-{ticket.id}-created"', 'id = ["n-{ticket.number}", "i-{ticket.id}"]')
    assert said(read(mapping, ticket()))[0]["id"] == "i-7"
    reading = read(HEAD + CREATED.replace('id = "ticket-{ticket.id}', 'id = "{ticket.nothing}'), ticket())
    assert reading.faults == ["rule created: the columns of its `id` are empty"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-02T10:15:00.52+01:00", "2026-03-02T09:15:00Z"),
        ("2026-03-02T09:15:00.672717030Z", "2026-03-02T09:15:00Z"),
        ("2026-03-02T09:15:00.9", "2026-03-02T09:15:00"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00+01:00"),
        ("soon", "soon"),
    ],
)
def test_an_instant_is_the_same_however_finely_it_is_told(written: str, expected: str) -> None:
    assert SPELLINGS["second"](written) == expected


def test_words_behind_a_path_that_has_bars_of_its_own_are_words() -> None:
    mapping = HEAD + CREATED.replace("{ticket.mail|lower}", "{tags[?@ != 'x'] | [0]|lower}")
    assert said(read(mapping, ticket(tags=["x", "VIP"])))[0]["data"]["customer_id"] == "vip"


def test_events_of_one_instant_stand_in_one_order_whatever_brings_them() -> None:
    closed = """
    [[rule]]
    name = "closed"
    event = "ticket.closed"
    id = "closed-{ticket.id}"
    when = { type = "new" }
    """
    reading = read(HEAD + closed + SAID + CREATED, ticket(comments=[{**comment(1), "at": AT}]))
    order = {event["id"]: event["subjectseq"] for event in said(reading)}
    assert sorted(order, key=order.__getitem__) == ["ticket-7-created", "comment-1", "closed-7"]


@pytest.mark.parametrize(
    ("mapping", "place", "message"),
    [
        (HEAD + CREATED.replace("ticket.via", "ticket.via("), "rule[1] (created).data.channel", "is no path"),
        (HEAD + CREATED.replace("ticket.via", "nope(x)"), "rule[1] (created).data.channel", "Unknown function"),
        (HEAD + SAID.replace("$parent.ticket", "$parent.$parent.ticket"), "rule[1] (said).data.sender_id", "so far up"),
        (HEAD + SAID.replace('id = "comment-{id}"', ""), "rule[1] (said).id", "ids of their own"),
        (HEAD + SAID.replace('"comments"', '"comments["'), "rule[1] (said).for_each", "is no path"),
        ('for_each = "tickets"' + HEAD + CREATED.replace('id = "ticket-{ticket.id}-created"', ""), "id", "required"),
        (HEAD.replace('"json"', '"csv"') + CREATED, "format", 'say `format = "json"`'),
        (HEAD + CREATED + "[rule.earlier]\ntype = 'x'", "rule", "comes alone"),
        (
            HEAD + CREATED + "[[lookup]]\nname='a'\nfile='b'\non='{x}'\nkey='{y}'\ncount=true",
            "lookup[1]",
            "comes alone",
        ),
        (HEAD.replace('"json"', '"csv"') + SAID, "", "`for_each` is for documents"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(mapping: str, place: str, message: str) -> None:
    assert message in faults(mapping)[place]


def test_all_faults_of_a_mapping_over_documents_are_said_at_once() -> None:
    assert len(faults(HEAD + CREATED.replace("ticket.via", "a(").replace("ticket.mail", "b("))) == 2


def test_a_source_can_be_given_from_outside() -> None:
    [event] = said(read(HEAD + CREATED, ticket(), source="urn:test:other"))
    assert event["source"] == "urn:test:other"
    with pytest.raises(MappingError, match="no URI"):
        Mapping.read(HEAD + CREATED, source="other")


def test_history_is_marked_as_the_file_says() -> None:
    assert said(read(HEAD + CREATED, ticket(), is_live=False))[0]["replay"] is True


SIGNED = '[signature]\nscheme = "hmac-sha256"\nheader = "X-Signature"\n'


def test_how_a_delivery_is_signed_is_part_of_the_mapping() -> None:
    more = 'signed = "{timestamp}.{body}"\ntimestamp_header = "X-Time"\nprefix = "v1="\nencoding = "base64"\n'
    signature = Mapping.read(HEAD + SIGNED + more + CREATED).signature
    assert signature is not None
    assert (signature.scheme, signature.header, signature.encoding) == ("hmac-sha256", "X-Signature", "base64")
    assert (signature.signed, signature.timestamp_header) == ("{timestamp}.{body}", "X-Time")
    assert signature.tolerance_seconds == 300
    assert Mapping.read(HEAD + CREATED).signature is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('signed = "{timestamp}"\ntimestamp_header = "X-Time"', "proves nothing"),
        ('signed = "{timestamp}{body}"', "name its `timestamp_header`"),
        ('signed = "{secret}{body}"', "not ['secret']"),
    ],
)
def test_a_signature_that_proves_nothing_is_refused(more: str, message: str) -> None:
    assert message in faults(HEAD + SIGNED + more + CREATED)["signature"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "at", "ticket", "comments", "id", "public", "via", "mail", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_document_whatever_stops_a_mapping(document: object) -> None:
    mapping = HEAD + CREATED.replace("{ticket.via}", "{sort_by(comments, &id)[0].via}") + SAID
    reading = read(mapping, document)
    assert reading.faults or reading.events or reading.skipped


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "new", "at": ' + b"[" * 65 + b"]" * 65 + b"}",
        b"[" * 100_000,
        b'{"type": "new", "ticket": {"id": 1e99999999999999999999}}',
        b'{"type": "new", "ticket": {"id": ' + b"9" * 5_000 + b"}}",
        b'{"type": "new", "ticket": {"id": "\\ud800"}}',
        b'{"type": "new", "ticket": {"via": "\xff"}}',
        b'{"type": "new", "ticket": {"id": NaN}}',
        b"",
    ],
)
def test_a_body_that_is_meant_to_harm_is_a_fault_and_nothing_else(body: bytes) -> None:
    [fault] = read(HEAD + CREATED, body).faults
    assert fault.startswith("not JSON")


@pytest.mark.parametrize("path", ["list[::0]", "sort_by(mixed, &x)[0].x", "max(mixed)", "to_number(text)", "avg(list)"])
def test_what_cannot_be_computed_is_empty(path: str) -> None:
    document = ticket(list=[], mixed=[{"x": 1}, {"x": "a"}], text="1e999")
    [event] = said(read(HEAD + CREATED.replace("{ticket.mail|lower}", f"{{{path}}}"), document))
    assert "customer_id" not in event["data"]


@given(st.binary(max_size=40))
def test_no_bytes_whatever_stop_a_mapping(body: bytes) -> None:
    assert read(HEAD + CREATED, body).faults
