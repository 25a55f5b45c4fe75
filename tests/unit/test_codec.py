"""The codec, form by form and fault by fault."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.codec import (
    CONTENT_TYPE,
    MAX_AHEAD_MS,
    MAX_DERIVED_BYTES,
    MAX_EVENT_BYTES,
    MAX_LEVELS,
    NO_SEQUENCE,
    Event,
    Headers,
    InvalidEventError,
    Reason,
    decode,
    encode,
    partition_key,
    unknown_values,
)
from schemas.events import (
    Direction,
    MessageSent,
    OrderPlaced,
    Party,
    ProducerHeartbeat,
    RatingSubmitted,
    TicketAssigned,
    TicketCreated,
    TicketStatusChanged,
    Visibility,
)

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CREATED: dict[str, Any] = {"ticket_id": "T-1", "channel": "phone", "created_by": "customer"}
BINARY = {
    "ce_specversion": b"1.0",
    "ce_id": b"e-1",
    "ce_source": b"urn:shop:helpdesk",
    "ce_type": b"io.servicepulse.ticket.created.v1",
    "ce_time": b"2025-12-31T12:00:00+01:00",
    "content-type": b"application/json",
}


def cloud_event(name: str = "ticket.created", data: object = None, **attributes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "urn:shop:helpdesk",
        "type": f"io.servicepulse.{name}.v1",
        "time": "2025-12-31T12:00:00+01:00",
        "data": CREATED if data is None else data,
        **attributes,
    }


def read(event: object, headers: Headers = None, *, now_ms: int = NOW_MS) -> Event:
    return decode(event if isinstance(event, bytes) else json.dumps(event).encode(), headers, now_ms=now_ms)


def fault(event: object, headers: Headers = None, *, now_ms: int = NOW_MS) -> tuple[Reason, str]:
    with pytest.raises(InvalidEventError) as caught:
        read(event, headers, now_ms=now_ms)
    assert caught.value.message
    return caught.value.reason, caught.value.pointer


class TestForms:
    def test_structured_json_is_read_with_its_header(self) -> None:
        event = read(cloud_event(), [("content-type", CONTENT_TYPE.encode())])
        assert event.content == TicketCreated(ticket_id="T-1", channel="phone", created_by=Party.CUSTOMER)
        assert (event.source, event.id, event.name, event.subject) == (
            "urn:shop:helpdesk", "e-1", "ticket.created", "T-1",
        )  # fmt: skip

    def test_structured_json_is_read_without_headers(self) -> None:
        assert read(cloud_event()) == read(cloud_event(), {"content-type": CONTENT_TYPE.encode()})

    @pytest.mark.parametrize("headers", [BINARY, list(BINARY.items()), tuple(BINARY.items())])
    def test_binary_form_is_read_from_a_mapping_and_from_pairs(self, headers: Headers) -> None:
        event = read(CREATED, headers)
        assert event == read(event.raw), "what is stored is the same event as structured JSON"
        assert event.content == read(cloud_event()).content
        assert json.loads(event.raw)["datacontenttype"] == "application/json"

    def test_extensions_travel_as_text_in_binary_form(self) -> None:
        event = read(CREATED, {**BINARY, "ce_subjectseq": b"7", "ce_replay": b"true", "ce_shopregion": b"north"})
        assert (event.sequence, event.replay) == (7, True)
        assert json.loads(event.raw)["shopregion"] == "north"

    def test_header_names_are_read_in_any_case(self) -> None:
        assert read(CREATED, [(name.upper(), value) for name, value in BINARY.items()]).name == "ticket.created"

    def test_a_header_without_a_value_is_absent(self) -> None:
        assert read(CREATED, {**BINARY, "ce_subject": None, "trace": None}).subject == "T-1"

    def test_a_header_with_an_empty_value_is_an_empty_attribute(self) -> None:
        assert fault(CREATED, {**BINARY, "ce_subject": b""}) == (Reason.BAD_VALUE, "/subject")

    def test_headers_of_others_do_not_matter(self) -> None:
        assert read(cloud_event(), {"__TypeId__": b"com.shop.Event", "traceparent": b"\xff"}).name == "ticket.created"

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/cloudevents+json; charset=utf-8",
            "Application/CloudEvents+JSON;charset=UTF-8",
            "application/json",
        ],
    )
    def test_structured_content_types_may_carry_a_charset(self, content_type: str) -> None:
        assert read(cloud_event(), {"content-type": content_type.encode()}).name == "ticket.created"

    @pytest.mark.parametrize(
        "content_type", ["application/json;charset=UTF-8", "text/json", "application/vnd.shop+json", ""]
    )
    def test_binary_content_types_may_be_any_json(self, content_type: str) -> None:
        assert read(CREATED, {**BINARY, "content-type": content_type.encode()}).name == "ticket.created"

    @pytest.mark.parametrize("content_type", ["application/xml", "application/jsonlines", "avro/binary", "text/plain"])
    def test_binary_form_of_something_else_is_refused(self, content_type: str) -> None:
        headers = {**BINARY, "content-type": content_type.encode()}
        assert fault(CREATED, headers) == (Reason.WRONG_TYPE, "/datacontenttype")

    def test_a_batch_is_refused(self) -> None:
        headers = {"content-type": b"application/cloudevents-batch+json; charset=utf-8"}
        with pytest.raises(InvalidEventError, match="batch") as caught:
            read([cloud_event()], headers)
        assert (caught.value.reason, caught.value.pointer) == (Reason.WRONG_TYPE, "")

    def test_a_structured_event_with_ce_headers_beside_it_is_read_as_structured(self) -> None:
        headers = {**BINARY, "ce_id": b"other", "content-type": CONTENT_TYPE.encode()}
        assert read(cloud_event(), headers).id == "e-1"

    def test_a_binary_event_cannot_smuggle_attributes_in_its_data(self) -> None:
        assert fault(b'{},"id":"other"', BINARY) == (Reason.NOT_JSON, "/data")
        assert read(b'{"ticket_id":"T-1","channel":"c","created_by":"bot","id":"other"}', BINARY).id == "e-1"

    def test_a_header_that_is_no_utf8_is_refused(self) -> None:
        assert fault(CREATED, {**BINARY, "ce_subject": b"\xff"}) == (Reason.WRONG_TYPE, "")

    def test_a_binary_event_lacking_an_attribute_names_it(self) -> None:
        headers = {name: value for name, value in BINARY.items() if name != "ce_source"}
        assert fault(CREATED, headers) == (Reason.MISSING_FIELD, "/source")


class TestPointers:
    @pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "time", "data"])
    def test_a_missing_attribute_is_named(self, attribute: str) -> None:
        event = cloud_event()
        del event[attribute]
        assert fault(event) == (Reason.MISSING_FIELD, f"/{attribute}")

    @pytest.mark.parametrize("name", ["ticket_id", "channel", "created_by"])
    def test_a_missing_data_field_is_named(self, name: str) -> None:
        data = {key: value for key, value in CREATED.items() if key != name}
        assert fault(cloud_event(data=data)) == (Reason.MISSING_FIELD, f"/data/{name}")

    @pytest.mark.parametrize(
        ("change", "found"),
        [
            ({"id": 7}, (Reason.WRONG_TYPE, "/id")),
            ({"id": ""}, (Reason.BAD_VALUE, "/id")),
            ({"id": "x" * 513}, (Reason.BAD_VALUE, "/id")),
            ({"specversion": "0.3"}, (Reason.BAD_VALUE, "/specversion")),
            ({"time": 1767225600}, (Reason.WRONG_TYPE, "/time")),
            ({"time": "yesterday"}, (Reason.BAD_VALUE, "/time")),
            ({"data": None}, (Reason.WRONG_TYPE, "/data")),
            ({"data": json.dumps(CREATED)}, (Reason.WRONG_TYPE, "/data")),
            ({"data": [CREATED]}, (Reason.WRONG_TYPE, "/data")),
            ({"subjectseq": -1}, (Reason.BAD_VALUE, "/subjectseq")),
            ({"subjectseq": "one"}, (Reason.BAD_VALUE, "/subjectseq")),
            ({"subjectseq": 10**15}, (Reason.BAD_VALUE, "/subjectseq")),
            ({"subjectseq": "\u0661"}, (Reason.BAD_VALUE, "/subjectseq")),
            ({"subjectseq": 1.5}, (Reason.WRONG_TYPE, "/subjectseq")),
            ({"replay": "yes"}, (Reason.BAD_VALUE, "/replay")),
        ],
    )
    def test_a_faulty_attribute_is_named(self, change: dict[str, Any], found: tuple[Reason, str]) -> None:
        assert fault(cloud_event() | change) == found

    @pytest.mark.parametrize(
        ("change", "found"),
        [
            ({"ticket_id": 7}, (Reason.WRONG_TYPE, "/data/ticket_id")),
            ({"ticket_id": ""}, (Reason.BAD_VALUE, "/data/ticket_id")),
            ({"created_by": 1}, (Reason.WRONG_TYPE, "/data/created_by")),
            ({"is_test": "no"}, (Reason.WRONG_TYPE, "/data/is_test")),
        ],
    )
    def test_a_faulty_data_field_is_named(self, change: dict[str, Any], found: tuple[Reason, str]) -> None:
        assert fault(cloud_event(data=CREATED | change)) == found

    def test_an_element_of_a_list_is_named(self) -> None:
        rating = {"ticket_id": "T", "rating_id": "R", "raw": 4, "scale_min": 1, "scale_max": 5, "source": "customer"}
        reasons = ["slow", "rude", 3]
        assert fault(cloud_event("rating.submitted", rating | {"reasons": reasons})) == (
            Reason.WRONG_TYPE, "/data/reasons/2",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "data", "word"),
        [
            ("ticket.assigned", {"ticket_id": "T"}, "agent_id"),
            ("ticket.merged", {"ticket_id": "T", "into_ticket_id": "T"}, "itself"),
            (
                "rating.submitted",
                {"ticket_id": "T", "rating_id": "R", "raw": 6, "scale_min": 1, "scale_max": 5, "source": "customer"},
                "outside",
            ),
            (
                "rating.submitted",
                {"ticket_id": "T", "rating_id": "R", "raw": 5, "scale_min": 5, "scale_max": 5, "source": "customer"},
                "below",
            ),
        ],
    )
    def test_fields_that_contradict_each_other_point_at_the_data(
        self, name: str, data: dict[str, Any], word: str
    ) -> None:
        with pytest.raises(InvalidEventError, match=word) as caught:
            read(cloud_event(name, data))
        assert (caught.value.reason, caught.value.pointer) == (Reason.BAD_VALUE, "/data")


class TestTime:
    def test_the_offset_is_honoured(self) -> None:
        assert read(cloud_event()).at_ms == NOW_MS - 13 * 3600 * 1000

    def test_parts_of_a_millisecond_are_cut_off(self) -> None:
        assert read(cloud_event(time="2025-12-31T23:59:59.999999Z")).at_ms == NOW_MS - 1

    def test_five_minutes_ahead_is_taken_and_a_millisecond_more_is_not(self) -> None:
        latest = NOW + timedelta(milliseconds=MAX_AHEAD_MS)
        assert read(cloud_event(time=latest.isoformat())).at_ms == NOW_MS + MAX_AHEAD_MS
        later = latest + timedelta(milliseconds=1)
        assert fault(cloud_event(time=later.isoformat())) == (Reason.FUTURE_TIME, "/time")

    def test_a_time_without_an_offset_is_refused(self) -> None:
        assert fault(cloud_event(time="2025-12-31T12:00:00")) == (Reason.BAD_VALUE, "/time")

    def test_1970_is_the_first_year(self) -> None:
        assert read(cloud_event(time="1970-01-01T00:00:00Z")).at_ms == 0
        assert fault(cloud_event(time="1969-12-31T23:59:59.999Z")) == (Reason.BAD_VALUE, "/time")

    @pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
    def test_the_ends_of_the_calendar_overflow_nothing(self, time: str) -> None:
        assert fault(cloud_event(time=time))[1] == "/time"


class TestSize:
    def padded(self, name: str, data: dict[str, Any], size: int) -> bytes:
        bare = len(json.dumps(cloud_event(name, data, pad="")))
        return json.dumps(cloud_event(name, data, pad="x" * (size - bare))).encode()

    def test_256_kib_are_taken_and_a_byte_more_is_not(self) -> None:
        assert read(self.padded("ticket.created", CREATED, MAX_EVENT_BYTES)).name == "ticket.created"
        assert fault(self.padded("ticket.created", CREATED, MAX_EVENT_BYTES + 1)) == (Reason.TOO_LARGE, "")

    def test_derived_events_may_be_larger(self) -> None:
        absorbed = {"ticket_id": "T", "from_ticket_id": "U", "revision": 1, "hops": 1, "facts": "", "via": []}
        assert read(self.padded("ticket.absorbed", absorbed, MAX_DERIVED_BYTES)).name == "ticket.absorbed"
        assert fault(self.padded("ticket.absorbed", absorbed, MAX_DERIVED_BYTES + 1)) == (Reason.TOO_LARGE, "")

    def test_headers_count_in_binary_form(self) -> None:
        headers = {**BINARY, "ce_note": b"x" * MAX_EVENT_BYTES}
        assert fault(CREATED, headers) == (Reason.TOO_LARGE, "")

    @pytest.mark.parametrize("value", [None, b""])
    def test_a_tombstone_is_refused(self, value: bytes | None) -> None:
        with pytest.raises(InvalidEventError) as caught:
            decode(value, now_ms=NOW_MS)
        assert caught.value.reason is Reason.EMPTY


class TestJson:
    @pytest.mark.parametrize(
        "value",
        [
            b" ",
            b"{",
            b"no json",
            json.dumps(cloud_event()).encode() * 2,
            b"\xef\xbb\xbf{}",
            json.dumps(cloud_event()).encode("utf-16"),
            json.dumps(cloud_event(note="\ud800")).encode(),
            json.dumps(cloud_event(data=CREATED | {"note": "\ud800 x"})).encode(),
            json.dumps(cloud_event(note="MARK")).encode().replace(b"MARK", b"\xff\xfe"),
            json.dumps(cloud_event("unheard.of", {"note": "MARK"})).encode().replace(b"MARK", b"\xed\xa0\x80"),
            json.dumps(cloud_event(note="MARK")).encode().replace(b'"MARK"', b"[" * 100_000),
            json.dumps(cloud_event(note="MARK")).encode().replace(b'"MARK"', b"[" * 9_000 + b"]" * 9_000),
            json.dumps(cloud_event(note="MARK")).encode().replace(b'"MARK"', b"NaN"),
        ],
    )
    def test_what_is_no_json_is_refused_as_such(self, value: bytes) -> None:
        assert fault(value) == (Reason.NOT_JSON, "")

    @pytest.mark.parametrize("brackets", ["[]", "{}"])
    @pytest.mark.parametrize("name", ["ticket.created", "unheard.of"])
    def test_how_deep_an_event_may_be_nested_is_the_same_everywhere(self, name: str, brackets: str) -> None:
        def nested(levels: int) -> bytes:
            opening = '{"a":' if brackets == "{}" else "["
            note = opening * levels + "0" + brackets[1] * levels
            return json.dumps(cloud_event(name, CREATED | {"note": "MARK"})).replace('"MARK"', note).encode()

        assert read(nested(MAX_LEVELS - 2)).subject == ("T-1" if name == "ticket.created" else "")
        assert fault(nested(MAX_LEVELS - 1)) == (Reason.NOT_JSON, "")
        assert decode(nested(200), now_ms=NOW_MS, max_levels=None).raw == nested(200)

    @pytest.mark.parametrize("number", ["1e400", "-1E+400", "9" * 400, '[1, {"a": 2e999}]'])
    @pytest.mark.parametrize("name", ["ticket.created", "unheard.of"])
    def test_a_number_beyond_all_measure_is_refused_wherever_it_stands(self, name: str, number: str) -> None:
        def with_note(said: str) -> bytes:
            return json.dumps(cloud_event(name, CREATED | {"note": "MARK"})).replace('"MARK"', said).encode()

        assert fault(with_note(number)) == (Reason.BAD_VALUE, "")
        assert decode(with_note(number), now_ms=NOW_MS, max_levels=None).raw == with_note(number)
        for fine in ("1e308", "1e-400", '"1e400"', '"a3e4007"', "1" * 300):
            assert read(with_note(fine)).subject == ("T-1" if name == "ticket.created" else "")

    def test_brackets_beside_each_other_and_in_text_are_no_depth(self) -> None:
        note = {"beside": [[{}]] * 500, "text": '[{"' * 500, "\\[[": "\\"}
        assert read(cloud_event(data=CREATED | {"note": note})).subject == "T-1"

    def test_an_event_in_binary_form_may_be_nested_as_deep_as_one_in_structured_form(self) -> None:
        def nested(levels: int) -> bytes:
            return json.dumps(CREATED | {"note": "MARK"}).replace('"MARK"', "[" * levels + "]" * levels).encode()

        assert read(read(nested(MAX_LEVELS - 2), BINARY).raw).id == "e-1"
        assert fault(nested(MAX_LEVELS - 1), BINARY) == (Reason.NOT_JSON, "/data")

    @pytest.mark.parametrize("value", [b"[]", b"null", b"1", b'"text"', b"true"])
    def test_json_that_is_no_object_is_refused(self, value: bytes) -> None:
        assert fault(value) == (Reason.WRONG_TYPE, "")

    def test_a_nul_in_an_identifier_is_kept(self) -> None:
        assert read(cloud_event(data=CREATED | {"ticket_id": "a\0b"})).subject == "a\0b"

    def test_text_beyond_the_basic_plane_is_read_escaped_or_not(self) -> None:
        event = cloud_event(data=CREATED | {"reason": "\U0001f41b"})
        plain = json.dumps(event, ensure_ascii=False).encode()
        assert read(event).content == read(plain).content

    def test_of_a_key_given_twice_the_last_one_counts(self) -> None:
        value = json.dumps(cloud_event()).encode().replace(b'"id": "e-1"', b'"id": "e-1", "id": "e-2"')
        assert read(value).id == "e-2"

    @pytest.mark.parametrize("number", ["1e999", "9" * 400, "9" * 5000])
    def test_numbers_beyond_all_bounds_are_bad_values(self, number: str) -> None:
        heartbeat = json.dumps(cloud_event("producer.heartbeat", {"lag_s": "MARK"}))
        assert fault(heartbeat.replace('"MARK"', number).encode()) == (Reason.BAD_VALUE, "/data/lag_s")

    @pytest.mark.parametrize("number", ["9" * 30, "9" * 5000])
    def test_a_sequence_beyond_all_bounds_is_a_bad_value(self, number: str) -> None:
        event = json.dumps(cloud_event(subjectseq="MARK")).replace('"MARK"', number)
        assert fault(event.encode()) == (Reason.BAD_VALUE, "/subjectseq")

    @pytest.mark.parametrize("amount", ["12.0", "1e2"])
    def test_money_has_no_decimal_point(self, amount: str) -> None:
        order = {"order_id": "O", "customer_id": "C", "amount": "MARK", "currency": "EUR"}
        event = json.dumps(cloud_event("order.placed", order)).replace('"MARK"', amount)
        assert fault(event.encode()) == (Reason.WRONG_TYPE, "/data/amount")

    @pytest.mark.parametrize("currency", ["eur", "EURO", "EUR\n", "€", ""])
    def test_a_currency_is_three_capital_letters(self, currency: str) -> None:
        order = {"order_id": "O", "customer_id": "C", "amount": 1, "currency": currency}
        assert fault(cloud_event("order.placed", order)) == (Reason.BAD_VALUE, "/data/currency")

    @pytest.mark.parametrize("scale_max", [1e300, 1.1e9])
    def test_a_scale_too_wide_to_compute_with_is_refused(self, scale_max: float) -> None:
        rating = {"ticket_id": "T", "rating_id": "R", "raw": 1, "scale_min": 1, "source": "customer"}
        event = cloud_event("rating.submitted", rating | {"scale_max": scale_max})
        assert fault(event) == (Reason.BAD_VALUE, "/data/scale_max")


class TestGrowth:
    def test_unknown_fields_are_kept_in_the_stored_event(self) -> None:
        event = read(cloud_event(data=CREATED | {"mood": "sour"}, shopregion="north"))
        stored = json.loads(event.raw)
        assert (stored["data"]["mood"], stored["shopregion"]) == ("sour", "north")

    @pytest.mark.parametrize("optional", ["customer_id", "team", "contact_type", "after_sales"])
    def test_null_means_not_given(self, optional: str) -> None:
        assert read(cloud_event(data=CREATED | {optional: None})).content == read(cloud_event()).content

    @pytest.mark.parametrize("extension", ["subject", "subjectseq", "replay", "partitionkey", "datacontenttype"])
    def test_an_attribute_that_is_null_is_not_given(self, extension: str) -> None:
        assert read(cloud_event() | {extension: None}).content == read(cloud_event()).content

    def test_an_unknown_value_reads_as_other_and_is_told(self) -> None:
        sent = {"message_id": "M", "direction": "sideways", "visibility": "public", "sender_type": "oracle"}
        event = read(cloud_event("message.sent", {"ticket_id": "T", **sent}))
        assert event.content == MessageSent(
            ticket_id="T",
            message_id="M",
            direction=Direction.OTHER,
            visibility=Visibility.PUBLIC,
            sender_type=Party.OTHER,
        )
        assert unknown_values(event) == [("/data/direction", "sideways"), ("/data/sender_type", "oracle")]

    def test_a_field_with_another_name_in_json_is_told_by_that_name(self) -> None:
        event = read(cloud_event("ticket.status_changed", {"ticket_id": "T", "from": "limbo", "to": "open"}))
        assert isinstance(event.content, TicketStatusChanged)
        assert unknown_values(event) == [("/data/from", "limbo")]

    def test_other_said_by_the_producer_is_no_unknown_value(self) -> None:
        event = read(cloud_event(data=CREATED | {"created_by": "other"}))
        assert isinstance(event.content, TicketCreated)
        assert event.content.created_by is Party.OTHER
        assert unknown_values(event) == []

    @pytest.mark.parametrize("depth", [10, MAX_LEVELS - 2])
    def test_unknown_values_are_told_however_deep_the_rest_is(self, depth: int) -> None:
        event = json.dumps(cloud_event(data=CREATED | {"created_by": "oracle", "note": "MARK"}))
        value = event.replace('"MARK"', "[" * depth + "]" * depth).encode()
        assert unknown_values(read(value)) == [("/data/created_by", "oracle")]

    @pytest.mark.parametrize(
        ("type_", "name"),
        [
            ("com.shop.parcel.sent", "com.shop.parcel.sent"),
            ("io.servicepulse.ticket.created.v2", "io.servicepulse.ticket.created.v2"),
            ("io.servicepulse.notice.read.v1", "notice.read"),
            ("io.servicepulse..v1", "io.servicepulse..v1"),
            ("io.servicepulse.v1", "io.servicepulse.v1"),
        ],
    )
    def test_an_unknown_type_is_stored_without_being_read(self, type_: str, name: str) -> None:
        event = read(cloud_event(data={"anything": 1}, type=type_, subject="S"))
        assert (event.name, event.content, event.subject, event.ticket_id) == (name, None, "S", None)
        assert unknown_values(event) == []

    def test_a_type_without_its_prefix_is_a_mistake_and_no_unknown_type(self) -> None:
        with pytest.raises(InvalidEventError, match=r"io\.servicepulse\.ticket\.created\.v1") as caught:
            read(cloud_event(type="ticket.created"))
        assert (caught.value.reason, caught.value.pointer) == (Reason.BAD_VALUE, "/type")


class TestSubject:
    def test_the_ticket_is_the_subject_whatever_the_envelope_says(self) -> None:
        event = read(cloud_event(subject="elsewhere", partitionkey="elsewhere"))
        assert (event.subject, event.ticket_id, partition_key(event)) == ("T-1", "T-1", b"T-1")

    def test_an_order_belongs_to_its_customer_and_to_no_ticket(self) -> None:
        order = {"order_id": "O", "customer_id": "C-1", "amount": 1, "currency": "EUR"}
        event = read(cloud_event("order.placed", order))
        assert isinstance(event.content, OrderPlaced)
        assert (event.subject, event.ticket_id, partition_key(event)) == ("C-1", None, b"C-1")

    @pytest.mark.parametrize("attribute", ["subject", "partitionkey"])
    def test_a_retraction_belongs_to_the_subject_that_it_names(self, attribute: str) -> None:
        retraction = {"target_source": "urn:shop:helpdesk", "target_id": "e-0"}
        event = read(cloud_event("event.retracted", retraction, **{attribute: "T-1"}))
        assert (event.subject, event.ticket_id) == ("T-1", "T-1")

    def test_a_retraction_without_a_subject_is_refused(self) -> None:
        retraction = {"target_source": "urn:shop:helpdesk", "target_id": "e-0"}
        assert fault(cloud_event("event.retracted", retraction)) == (Reason.MISSING_FIELD, "/subject")

    def test_a_heartbeat_needs_no_subject_and_has_no_key(self) -> None:
        event = read(cloud_event("producer.heartbeat", {}))
        assert (event.subject, partition_key(event), event.content) == ("", None, ProducerHeartbeat())

    def test_a_key_is_utf8(self) -> None:
        assert partition_key(read(cloud_event(data=CREATED | {"ticket_id": "Größe"}))) == "Größe".encode()


class TestSequenceAndReplay:
    @pytest.mark.parametrize(("sent", "meant"), [(0, 0), (12, 12), ("12", 12), ("007", 7), (10**15 - 1, 10**15 - 1)])
    def test_a_sequence_is_a_number_or_digits(self, sent: object, meant: int) -> None:
        assert read(cloud_event(subjectseq=sent)).sequence == meant

    def test_without_a_sequence_there_is_none(self) -> None:
        assert read(cloud_event()).sequence == NO_SEQUENCE

    @pytest.mark.parametrize(
        ("sent", "meant"), [(True, True), ("true", True), (False, False), ("false", False), (None, False)]
    )
    def test_replay_is_a_boolean_or_its_text(self, sent: object, meant: bool) -> None:
        assert read(cloud_event(replay=sent)).replay is meant


class TestEncode:
    def test_an_event_is_written_with_its_full_type_and_without_what_is_not_given(self) -> None:
        content = TicketAssigned(ticket_id="T-1", team="north")
        value = encode(content, source="urn:a", id="e-1", time=NOW, name="ticket.assigned", subject="T-1", replay=None)
        assert json.loads(value) == {
            "specversion": "1.0",
            "id": "e-1",
            "source": "urn:a",
            "type": "io.servicepulse.ticket.assigned.v1",
            "subject": "T-1",
            "time": "2026-01-01T00:00:00Z",
            "datacontenttype": "application/json",
            "data": {"ticket_id": "T-1", "team": "north"},
        }

    def test_a_heartbeat_is_written_without_a_subject(self) -> None:
        value = encode(ProducerHeartbeat(), source="urn:a", id="e-1", time=NOW, name="producer.heartbeat")
        assert decode(value, now_ms=NOW_MS).content == ProducerHeartbeat()

    def test_the_error_tells_reason_pointer_and_sentence_in_one_line(self) -> None:
        with pytest.raises(InvalidEventError) as caught:
            read(cloud_event(data={"channel": "phone", "created_by": "customer"}))
        assert str(caught.value) == "/data/ticket_id: required, but missing [missing-field]"

    def test_a_rating_is_read_with_whole_numbers(self) -> None:
        rating = {"ticket_id": "T", "rating_id": "R", "raw": 4, "scale_min": 1, "scale_max": 5, "source": "customer"}
        content = read(cloud_event("rating.submitted", rating)).content
        assert isinstance(content, RatingSubmitted)
        assert content.raw == 4.0
