"""Hooks: a delivery is taken if it is the vendor's, read by its mapping, and kept where no rule reads it."""

import gzip
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import InvalidEventError, Reason, decode
from streams.clock import SystemClock
from streams.core.door.hook import Hook, HooksError, hooks_in
from streams.core.door.signature import Delivery, UnsignedError, verify
from streams.core.mapping import Signature
from streams.door.hook_file import hook_file
from tests.doors import OpenDoor, as_json, open_door

NOW_MS: Final = 1_800_000_000_000
MAPPING: Final = """
format = "json"
source = "urn:test:desk"
ticket = "{ticket.id}"
time = { from = "{at}" }
[[skip]]
reason = "only asks whether we are there"
when = { type = "ping" }
[[rule]]
name = "created"
event = "ticket.created"
id = "ticket-{ticket.id}-created"
when = { type = "new" }
data = { channel = "{$header.X-Channel}", created_by = "customer" }
"""
SIGNED: Final = """
[signature]
scheme = "hmac-sha256"
header = "X-Signature"
signed = "{timestamp}.{body}"
timestamp_header = "X-Time"
"""
HOOKS: Final = """
[desk]
mapping = "signed.toml"
secret = ["old", "s3cret"]
[plain]
mapping = "plain.toml"
secret = "k3y"
source = "urn:test:plain"
"""


def text_of(mapping: str) -> str:
    return {"signed.toml": MAPPING + SIGNED, "plain.toml": MAPPING}[mapping]


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenDoor]:
    with open_door(hooks=hooks_in(HOOKS, text_of), logs_requests=False) as door:
        yield door


@pytest.fixture
def door(opened: OpenDoor) -> OpenDoor:
    opened.carrier.carried.clear()
    opened.carrier.is_away = False
    return opened


def ticket(number: int, type: str = "new") -> bytes:
    return as_json({"type": type, "at": "2026-03-02T09:00:00Z", "ticket": {"id": number}})


def signed(body: bytes, *, secret: str = "s3cret", at_s: int | None = None) -> dict[str, str]:
    """Return the headers of a delivery as its vendor signs it now, or at another time."""
    at = str(SystemClock().now_ms() // 1000 if at_s is None else at_s)
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return {"X_Time": at, "X_Signature": digest, "X_Channel": "chat"}


class TestDeliveries:
    def test_what_the_vendor_signs_is_mapped_and_published(self, door: OpenDoor) -> None:
        answer = door.ask("POST", "/v1/hooks/desk", ticket(7), secret=None, **signed(ticket(7)))
        assert (answer.status, answer.said) == (202, {"accepted": 1, "kept": False})
        (record,) = door.carrier.carried
        event = json.loads(record.value)
        assert (record.topic, record.key) == ("tickets", b"7")
        assert (event["source"], event["id"], event["data"]["channel"]) == (
            "urn:test:desk",
            "ticket-7-created",
            "chat",
        )

    def test_a_delivery_that_comes_again_is_the_same_event(self, door: OpenDoor) -> None:
        for _ in range(2):
            door.ask("POST", "/v1/hooks/desk", ticket(7), secret=None, **signed(ticket(7)))
        first, second = door.carrier.carried
        assert first == second

    def test_the_signature_is_over_what_was_sent_packed_or_not(self, door: OpenDoor) -> None:
        packed = gzip.compress(ticket(7))
        headers = signed(packed) | {"Content_Encoding": "gzip"}
        assert door.ask("POST", "/v1/hooks/desk", packed, secret=None, **headers).said["accepted"] == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            signed(ticket(7)) | {"X_Signature": "0" * 64},
            signed(ticket(8)),
            signed(ticket(7), secret="another"),
            signed(ticket(7), at_s=1_700_000_000),
            signed(ticket(7), at_s=4_000_000_000),
            signed(ticket(7)) | {"X_Time": "now"},
            {"X_Signature": signed(ticket(7))["X_Signature"]},
        ],
    )
    def test_what_is_not_signed_now_by_the_vendor_is_not_read(self, door: OpenDoor, headers: dict[str, str]) -> None:
        answer = door.ask("POST", "/v1/hooks/desk", ticket(7), secret=None, **headers)
        assert answer.status == 401
        assert door.carrier.carried == []

    def test_who_does_not_sign_has_a_key_in_the_address(self, door: OpenDoor) -> None:
        assert door.ask("POST", "/v1/hooks/plain?key=k3y", ticket(7), secret=None, X_Channel="web").status == 202
        assert json.loads(door.carrier.carried[0].value)["source"] == "urn:test:plain"
        for path in ("plain", "plain?key=", "plain?key=other", "plain?key=k3y1"):
            assert door.ask("POST", f"/v1/hooks/{path}", ticket(7), secret=None).status == 401

    def test_a_delivery_that_no_rule_reads_is_kept_with_its_headers_and_accepted(self, door: OpenDoor) -> None:
        body = ticket(7, "merged")
        headers = signed(body) | {"Authorization": "Basic x", "X_Forwarded_For": "1.2.3.4"}
        answer = door.ask("POST", "/v1/hooks/desk", body, secret=None, **headers)
        assert (answer.status, answer.said) == (202, {"accepted": 0, "kept": True})
        (record,) = door.carrier.carried
        kept = json.loads(record.value)
        assert kept["$body"] == json.loads(body)
        assert set(kept["$headers"]) == {"x-time", "x-channel"}, "what proves it, and who sent it, is not kept"
        with pytest.raises(InvalidEventError) as caught:
            decode(record.value, record.headers, now_ms=NOW_MS)
        assert caught.value.reason is Reason.NOT_MAPPED
        assert caught.value.message.startswith("hook desk: ")

    @pytest.mark.parametrize("body", [b"", b"\xff", b"{", b'{"a": "\xff"}', b"[" * 100_000])
    def test_what_is_no_json_is_kept_byte_by_byte(self, door: OpenDoor, body: bytes) -> None:
        assert door.ask("POST", "/v1/hooks/plain?key=k3y", body, secret=None).said == {"accepted": 0, "kept": True}
        assert b64decode(json.loads(door.carrier.carried[0].value)["$base64"]) == body

    def test_what_says_nothing_on_purpose_is_neither_published_nor_kept(self, door: OpenDoor) -> None:
        answer = door.ask("POST", "/v1/hooks/plain?key=k3y", ticket(7, "ping"), secret=None)
        assert (answer.status, answer.said) == (202, {"accepted": 0, "kept": False})
        assert door.carrier.carried == []

    def test_while_no_broker_answers_the_vendor_shall_come_again(self, door: OpenDoor) -> None:
        door.carrier.is_away = True
        for type in ("new", "merged"):
            answer = door.ask("POST", "/v1/hooks/plain?key=k3y", ticket(7, type), secret=None, X_Channel="web")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")

    @pytest.mark.parametrize(("method", "path", "status"), [("GET", "desk", 405), ("POST", "other", 404)])
    def test_there_are_no_other_hooks(self, door: OpenDoor, method: str, path: str, status: int) -> None:
        assert door.ask(method, f"/v1/hooks/{path}", b"{}", secret=None).status == status


class TestSignatures:
    @given(body=st.binary(), secret=st.text(min_size=1), at=st.integers(0, 2**40))
    def test_every_scheme_takes_its_own_and_nothing_that_was_altered(self, body: bytes, secret: str, at: int) -> None:
        url = "https://events.example/v1/hooks/x?a=1"
        shopify = Signature(scheme="hmac-sha256", header="X-Shopify-Hmac-Sha256", encoding="base64")
        github = Signature(scheme="hmac-sha1", header="X-Sig", prefix="sha1=")
        everything = Signature(
            scheme="hmac-sha256",
            header="X-Sig",
            encoding="base64",
            signed="{method}{url}{body}{timestamp}",
            timestamp_header="X-Time",
            timestamp_format="unix_ms",
        )
        token = Signature(scheme="token", header="X-Token")
        key = secret.encode(errors="surrogatepass") if False else secret.encode()
        proofs = [
            (shopify, {"x-shopify-hmac-sha256": b64encode(hmac.digest(key, body, "sha256")).decode()}),
            (github, {"x-sig": "sha1=" + hmac.new(key, body, sha1).hexdigest().upper()}),
            (
                everything,
                {
                    "x-sig": b64encode(
                        hmac.digest(key, f"POST{url}".encode() + body + str(at).encode(), "sha256")
                    ).decode(),
                    "x-time": str(at),
                },
            ),
        ]
        for signature, headers in proofs:
            verify(Delivery(body, headers, url=url), signature, ["other", secret], at)
            with pytest.raises(UnsignedError):
                verify(Delivery(body + b"x", headers, url=url), signature, [secret], at)
            with pytest.raises(UnsignedError):
                verify(Delivery(body, headers, url=url), signature, [secret + "x"], at)
            with pytest.raises(UnsignedError):
                verify(Delivery(body, {}, url=url), signature, [secret], at)
        verify(
            Delivery(body, {"x-token": secret.strip()}), token, [secret.strip() or "x"], at
        ) if secret.strip() else None
        with pytest.raises(UnsignedError):
            verify(Delivery(body, {"x-token": secret + "x"}), token, [secret], at)

    @pytest.mark.parametrize(
        ("form", "told", "is_taken"),
        [
            ("unix", str(NOW_MS // 1000 - 300), True),
            ("unix", str(NOW_MS // 1000 - 301), False),
            ("unix", str(NOW_MS // 1000 + 301), False),
            ("iso", "2027-01-15T08:00:00Z", True),
            ("iso", "2027-01-15T08:00:00", True),
            ("iso", "2027-01-15T09:10:00+01:00", False),
            ("iso", "today", False),
            ("unix", "1e400", False),
            ("unix", "nan", False),
            ("unix", "", False),
        ],
    )
    def test_the_window_is_that_of_the_clock(self, form: Any, told: str, is_taken: bool) -> None:
        signature = Signature(
            scheme="hmac-sha256",
            header="s",
            signed="{timestamp}{body}",
            timestamp_header="t",
            timestamp_format=form,
        )
        headers = {"t": told, "s": hmac.new(b"k", told.encode(), sha256).hexdigest()}
        if is_taken:
            verify(Delivery(b"", headers), signature, ["k"], NOW_MS)
        else:
            with pytest.raises(UnsignedError):
                verify(Delivery(b"", headers), signature, ["k"], NOW_MS)


class TestFile:
    def test_all_faults_are_told_and_no_secret(self) -> None:
        text = '[a]\nmapping = "signed.toml"\n[b]\nmapping = "gone.toml"\nsecret = "t0ps3cret"\n'
        with pytest.raises(HooksError) as caught:
            hooks_in(text, lambda mapping: text_of(mapping) if mapping != "gone.toml" else "x = 1")
        assert "a: a hook needs the vendor's secret" in str(caught.value)
        assert "b: " in str(caught.value)
        assert "t0ps3cret" not in str(caught.value)

    @pytest.mark.parametrize("text", ["x", "a = 1", "[A]\nmapping = 'signed.toml'", "[a]\nmapping = 1", "[a]\nx = 1"])
    def test_a_file_that_says_something_else_is_refused(self, text: str) -> None:
        with pytest.raises(HooksError):
            hooks_in(text, text_of)

    def test_secrets_are_shown_nowhere(self) -> None:
        hook = hooks_in(HOOKS, text_of)["desk"]
        assert "s3cret" not in repr(hook)

    def test_a_running_door_sees_a_mapping_change(self, tmp_path: Path) -> None:
        (tmp_path / "hooks.toml").write_text(HOOKS)
        watched = hook_file(tmp_path / "hooks.toml")
        watched.look()
        assert watched.value == {}
        for name in ("signed.toml", "plain.toml"):
            (tmp_path / name).write_text(text_of(name))
        watched.look()
        assert sorted(watched.value) == ["desk", "plain"]
        before = watched.value["plain"]
        (tmp_path / "plain.toml").write_text(text_of("plain.toml") + "\n# more\n")
        watched.look()
        assert watched.value["plain"] is not before
        known: Hook = watched.value["plain"]
        (tmp_path / "plain.toml").write_text("broken")
        watched.look()
        assert watched.value["plain"] is known
