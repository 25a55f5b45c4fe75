"""The door: who is heard, what is taken, what is answered, and that nothing is accepted that Kafka does not have."""

import asyncio
import gzip
import http.client
import shutil
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS

from schemas.codec import MAX_EVENT_BYTES
from streams.core.door.body import BATCH, JSON, LINES, MAX_BODY_BYTES, STRUCTURED
from streams.door import door as door_module
from streams.door import lobby
from streams.settings import Settings, SettingsError
from streams.sinks.fate import Fate, Stored
from streams.store_error import StoreUnavailableError
from tests.doors import SECRET, SOURCE, OpenDoor, as_json, created, open_door
from tests.space import wait_until

DESCRIBED = ["status_code_conformance", "response_schema_conformance", "response_headers_conformance"]
KNOWN = Fate("stored", Stored("ticket.created", "T-1", 1, 2))


def fate(source: str, id: str) -> Fate:
    """Know one event, and be away for another."""
    if id == "away":
        raise StoreUnavailableError("nobody answers")
    return KNOWN if (source, id) == (SOURCE, "of/the desk") else Fate("unseen")


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenDoor]:
    with open_door(fate=fate, topic_prefix="eu-", logs_requests=False) as door:
        yield door


@pytest.fixture
def door(opened: OpenDoor) -> OpenDoor:
    opened.carrier.carried.clear()
    opened.carrier.is_away = False
    opened.carrier.waits = None
    opened.carrier.largest = 2**30
    return opened


def keys(door: OpenDoor) -> list[bytes | None]:
    return [record.key for record in door.carrier.carried]


class TestForms:
    def test_one_event_is_taken_to_its_topic_under_its_key(self, door: OpenDoor) -> None:
        answer = door.post(as_json(created(1)))
        assert (answer.status, answer.said) == (202, {"accepted": 1})
        (record,) = door.carrier.carried
        assert (record.topic, record.key, record.value) == ("eu-tickets", b"T-1", as_json(created(1)))
        assert record.headers == (("content-type", b"application/cloudevents+json"),)

    def test_an_order_goes_where_orders_go(self, door: OpenDoor) -> None:
        data = {"order_id": "1", "customer_id": "C", "amount": 1, "currency": "EUR"}
        door.post(as_json(created(1) | {"type": "io.servicepulse.order.placed.v1", "data": data}))
        assert [(record.topic, record.key) for record in door.carrier.carried] == [("eu-orders", b"C")]

    def test_a_batch_is_taken_whole(self, door: OpenDoor) -> None:
        assert door.post(as_json([created(1), created(2)]), BATCH).said == {"accepted": 2}
        assert keys(door) == [b"T-1", b"T-2"]

    @pytest.mark.parametrize("content_type", [*LINES, f"{LINES[1].upper()}; charset=utf-8"])
    def test_lines_are_taken_blank_ones_left_out(self, door: OpenDoor, content_type: str) -> None:
        lines = b"\xef\xbb\xbf" + as_json(created(1)) + b"\r\n\n" + as_json(created(2)) + b"\n"
        assert door.post(lines, content_type).said == {"accepted": 2}
        assert keys(door) == [b"T-1", b"T-2"]

    def test_the_binary_form_means_the_same_as_the_structured_one(self, door: OpenDoor) -> None:
        event = created("Ü")
        attributes = {f"ce_{name}": text for name, text in event.items() if name != "data"}
        attributes["ce_id"] = "created-%C3%9C"
        assert door.post(as_json(event["data"]), JSON, **attributes).status == 202
        door.post(as_json(event))
        binary, structured = door.carrier.carried
        assert binary.key == structured.key
        assert '"id":"created-Ü"'.encode() in binary.value

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity", ""])
    def test_bodies_may_be_packed(self, door: OpenDoor, encoding: str) -> None:
        body = as_json(created(1))
        packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}.get(encoding, body)
        answer = door.post(packed, content_encoding=encoding)
        assert answer.said == {"accepted": 1}

    def test_an_attribute_that_is_not_utf_8_is_a_fault(self, door: OpenDoor) -> None:
        answer = door.post(b"{}", JSON, ce_specversion="1.0", ce_id="\xe9")
        assert answer.said["faults"][0]["reason"] == "wrong-type"


class TestFaults:
    def test_all_faults_of_a_batch_are_told_and_which_events_were_taken(self, door: OpenDoor) -> None:
        late = created(3) | {"time": "2126-01-01T00:00:00Z"}
        derived = created(4) | {"type": "io.servicepulse.ticket.absorbed.v1"}
        answer = door.post(as_json([created(1), 7, created(2), late, derived, created(5, "urn:other")]), BATCH)
        assert answer.status == 422
        assert (answer.said["accepted"], answer.said["taken"]) == (2, [0, 2])
        told = [(fault["index"], fault["pointer"], fault["reason"]) for fault in answer.said["faults"]]
        assert told[0] == (1, "", "wrong-type")
        assert told[1] == (3, "/time", "future-time")
        assert told[2][0] == 4
        assert told[3] == (5, "/source", "foreign-source")
        assert all(fault["message"] for fault in answer.said["faults"])
        assert keys(door) == [b"T-1", b"T-2"]

    def test_a_line_is_named_by_its_number(self, door: OpenDoor) -> None:
        answer = door.post(b"\n" + as_json(created(1)) + b"\n{}\n", LINES[0])
        assert [fault["index"] for fault in answer.said["faults"]] == [2]

    def test_a_token_speaks_for_its_own_source_only(self, door: OpenDoor) -> None:
        answer = door.post(as_json(created(1, "urn:mail")))
        assert answer.status == 403
        assert SOURCE in answer.said["error"]
        assert door.carrier.carried == []

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            (b"{", BATCH, 400),
            (b"{}", BATCH, 400),
            (b"[]", BATCH, 400),
            (b" \n", LINES[0], 400),
            (b"[" * 200_000, BATCH, 400),
            (b"[" + b"1," * 10_000 + b"1]", BATCH, 413),
            (b"{}", "text/plain", 415),
            (b"{}", "", 415),
            (b"{}", STRUCTURED, 422),
            (b"\xff", STRUCTURED, 422),
            (b"", STRUCTURED, 422),
            (b" " * (MAX_BODY_BYTES + 1), STRUCTURED, 413),
            (b'{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}', STRUCTURED, 422),
        ],
    )
    def test_what_is_no_event_is_refused(self, door: OpenDoor, body: bytes, content_type: str, status: int) -> None:
        answer = door.post(body, content_type)
        assert answer.status == status, answer.body
        assert answer.said["error"]
        assert door.carrier.carried == []

    @pytest.mark.parametrize(
        ("body", "encoding", "status"),
        [
            (gzip.compress(b" " * 50 * 2**20, mtime=0), "gzip", 413),
            (gzip.compress(b"{}", mtime=0)[:-3], "gzip", 400),
            (gzip.compress(b"{}", mtime=0) + b"x", "gzip", 400),
            (b"{}", "gzip", 400),
            (b"{}", "br", 415),
            (b"{}", "gzip, gzip", 415),
        ],
    )
    def test_what_unpacks_to_too_much_or_not_at_all_is_refused(
        self, door: OpenDoor, body: bytes, encoding: str, status: int
    ) -> None:
        assert door.post(body, content_encoding=encoding).status == status

    def test_a_body_without_a_length_is_bounded_as_well(self, door: OpenDoor) -> None:
        with socket.create_connection(("127.0.0.1", door.port), timeout=60) as client:
            head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n"
            client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            for _ in range(17):
                client.sendall(chunk)
            assert client.recv(100).startswith(b"HTTP/1.1 413 ")


class TestWhoIsHeard:
    @pytest.mark.parametrize("secret", [None, "", "sp_another", f"{SECRET}x", SECRET[:-1]])
    def test_without_a_token_that_is_known_nothing_is_taken(self, door: OpenDoor, secret: str | None) -> None:
        answer = door.ask("POST", "/v1/events", as_json(created(1)), secret=secret, content_type=STRUCTURED)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="servicepulse"')
        assert door.carrier.carried == []

    def test_another_scheme_is_no_token(self, door: OpenDoor) -> None:
        answer = door.ask("POST", "/v1/events", b"", secret=None, authorization=f"Basic {SECRET}")
        assert answer.status == 401

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/events", 405),
            ("POST", "/v1/events/a/b", 405),
            ("POST", "/openapi.json", 405),
            ("POST", "/health", 405),
            ("GET", "/", 404),
            ("GET", "/v1/events/a/b/c", 404),
            ("POST", "/v1/hooks", 404),
        ],
    )
    def test_there_is_nothing_else(self, door: OpenDoor, method: str, path: str, status: int) -> None:
        assert door.ask(method, path).status == status


class TestFate:
    def test_what_became_of_an_event_is_told(self, door: OpenDoor) -> None:
        known = door.ask("GET", "/v1/events/urn%3Ashop%3Ahelpdesk/of%2Fthe%20desk")
        assert (known.status, known.said["state"], known.said["stored"]["subject"]) == (200, "stored", "T-1")
        assert door.ask("GET", "/v1/events/urn:shop:helpdesk/other").said == {"state": "unseen"}

    def test_nobody_hears_of_the_events_of_others(self, door: OpenDoor) -> None:
        assert door.ask("GET", "/v1/events/urn:mail/1").status == 403

    def test_while_clickhouse_is_away_it_says_so(self, door: OpenDoor) -> None:
        answer = door.ask("GET", "/v1/events/urn:shop:helpdesk/away")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


class TestNothingIsLost:
    def test_while_no_broker_answers_nothing_is_accepted(self, door: OpenDoor) -> None:
        door.carrier.is_away = True
        answer = door.post(as_json(created(1)))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")

    def test_it_is_answered_only_once_the_broker_has_it(self, door: OpenDoor) -> None:
        arrived = threading.Event()
        release = asyncio.Event()

        async def waits() -> None:
            arrived.set()
            await release.wait()

        door.carrier.waits = waits
        answers: list[int] = []
        client = threading.Thread(target=lambda: answers.append(door.post(as_json(created(1))).status))
        client.start()
        assert arrived.wait(60)
        time.sleep(0.05)
        assert answers == []
        door.loop.call_soon_threadsafe(release.set)
        client.join()
        assert answers == [202]

    def test_what_the_broker_takes_from_nobody_is_not_accepted(self, door: OpenDoor) -> None:
        door.carrier.largest = 10
        assert door.post(as_json(created(1))).status == 413


def test_beyond_so_many_requests_in_hand_others_shall_come_again() -> None:
    with open_door(most_in_flight=1) as door:
        arrived = threading.Event()
        release = asyncio.Event()

        async def waits() -> None:
            arrived.set()
            await release.wait()

        door.carrier.waits = waits
        first = threading.Thread(target=door.post, args=[as_json(created(1))])
        first.start()
        assert arrived.wait(60)
        refused = door.post(as_json(created(2)))
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert door.ask("GET", "/health").status == 200, "who looks after it is never turned away"
        door.loop.call_soon_threadsafe(release.set)
        first.join()
        assert door.post(as_json(created(2))).status == 202


def test_beyond_so_many_connections_the_oldest_that_says_nothing_is_closed() -> None:
    with open_door(most_connections=20) as door:
        silent = [socket.create_connection(("127.0.0.1", door.port), timeout=60) for _ in range(50)]
        try:
            assert door.post(as_json(created(1))).status == 202
            assert silent[0].recv(1) == b""
            wait_until(lambda: door.meters.connections._value.get() <= 20, "the others are closed")
        finally:
            for client in silent:
                client.close()
        wait_until(lambda: door.meters.connections._value.get() == 0, "nobody is there any more")


class TestAnyRequest:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        body=st.one_of(st.binary(max_size=2_000), st.just(as_json([created(1)]))),
        content_type=st.sampled_from([STRUCTURED, BATCH, JSON, *LINES, "text/plain"]),
        encoding=st.sampled_from(["", "gzip", "deflate", "x"]),
        attributes=st.dictionaries(
            st.sampled_from(["ce-id", "ce-specversion", "ce-time", "ce-x"]), st.text("%\t a\xe91.0")
        ),
    )
    def test_is_answered_with_what_is_described(
        self, door: OpenDoor, body: bytes, content_type: str, encoding: str, attributes: dict[str, str]
    ) -> None:
        answer = door.post(body, content_type, content_encoding=encoding, **attributes)
        assert answer.status in {202, 400, 413, 415, 422}, answer.body

    @pytest.mark.weighty
    def test_keeps_to_the_description(self, door: OpenDoor) -> None:
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{door.port}/openapi.json")
        checks: list[Any] = CHECKS.get_by_names(DESCRIBED)
        for found in schema.get_all_operations():
            strategy = found.ok().as_strategy()  # type: ignore[union-attr]  # our own description is none that is wrong

            @settings(max_examples=3, suppress_health_check=list(HealthCheck), deadline=None)
            @given(case=strategy)
            def ask(case: schemathesis.Case[Any]) -> None:
                case.call_and_validate(checks=checks, headers={"Authorization": f"Bearer {SECRET}"})

            ask()


def test_what_is_no_http_is_refused_and_quoted_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with open_door() as door, socket.create_connection(("127.0.0.1", door.port), timeout=60) as client:
        client.sendall(f"POST /v1/events HTTP/1.1\r\nAuthorization: Bearer {SECRET}\x00\r\n\r\n".encode())
        assert b" 400 " in client.recv(100)
    assert SECRET not in caplog.text


@pytest.mark.weighty
def test_who_says_nothing_or_speaks_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lobby, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(door_module, "BODY_SECONDS", 0.3)
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: 9\r\n"
    with open_door() as door, ExitStack() as opened:
        silent, slow_head, slow_body = (
            opened.enter_context(socket.create_connection(("127.0.0.1", door.port), timeout=60)) for _ in range(3)
        )
        slow_head.sendall(head[:40].encode())
        slow_body.sendall(f"{head}\r\n{{".encode())
        assert slow_body.recv(100).startswith(b"HTTP/1.1 408 ")
        for client in (silent, slow_head):
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        assert door.post(as_json(created(1))).status == 202


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_with_a_certificate_it_speaks_tls_alone(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    named = ["-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *named], check=True, capture_output=True)
    context = Settings(receive_tls_cert_file=cert, receive_tls_key_file=key).receive_ssl_context()
    with open_door(context=context) as door:
        trusted = ssl.create_default_context(cafile=str(cert))
        connection = http.client.HTTPSConnection("127.0.0.1", door.port, timeout=60, context=trusted)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
        with pytest.raises((OSError, http.client.HTTPException)):
            door.ask("GET", "/health")
    key.write_text("no key")
    with pytest.raises(SettingsError, match="PEM"):
        Settings(receive_tls_cert_file=cert, receive_tls_key_file=key).receive_ssl_context()
