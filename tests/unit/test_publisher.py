"""The publisher where no broker is needed."""

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from streams import publisher as publisher_module
from streams.publisher import (
    BrokerUnavailableError,
    Identity,
    Login,
    NotAcknowledgedError,
    Publisher,
    Unacknowledged,
    _Outstanding,
)
from streams.settings import Settings


@pytest.mark.parametrize("bootstrap", ["", "localhost", "localhost:", ":9092", "localhost:kafka", "a:1,b", "http://a"])
def test_an_address_that_is_not_host_and_port_is_refused_at_once(bootstrap: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Publisher(bootstrap)


def test_a_broker_that_is_away_is_named_with_the_reason() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(BrokerUnavailableError, match=rf"127\.0\.0\.1:{port} \(Connection refused\)"):
            Publisher(f"127.0.0.1:{port}", timeout_seconds=0.1)


def test_every_address_that_was_tried_is_named() -> None:
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:1 .*, 127\.0\.0\.1:2 "):
        Publisher("127.0.0.1:1, 127.0.0.1:2", timeout_seconds=0.1)


def test_a_listener_that_is_no_broker_is_told_from_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(BrokerUnavailableError, match=f"{address} accepts connections, but not ours"):
            Publisher(address, timeout_seconds=1)


def test_a_broker_without_tls_is_not_waited_for_without_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        with pytest.raises(BrokerUnavailableError, match="over TLS"):
            Publisher(f"127.0.0.1:{mute.getsockname()[1]}", tls=True, timeout_seconds=0.5)
        assert time.monotonic() - started < 5


def test_without_an_address_in_the_settings_the_setting_is_named() -> None:
    with pytest.raises(ValueError, match="SERVICEPULSE_KAFKA"):
        Publisher.from_settings(Settings(kafka=None))


def test_a_login_does_not_show_its_password() -> None:
    assert "s3cret" not in repr(Login("shop", "s3cret"))


def test_what_was_not_acknowledged_is_named_five_at_most() -> None:
    error = NotAcknowledgedError([Unacknowledged("urn:a", f"e-{number}", "too late") for number in range(1_234)])
    assert str(error).startswith("1,234 events were not acknowledged")
    assert "urn:a e-4: too late; and 1,229 more" in str(error)
    assert "e-5:" not in str(error)
    assert len(error.unacknowledged) == 1_234


def test_a_producer_needs_nothing_of_the_workers() -> None:
    listing = (
        "import sys, streams.publisher; print([n for n in sys.modules if n.split('.')[0] in {'faust', 'pydantic'}])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", f"{listing}; print([n for n in sys.modules if n.startswith('streams.')])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.splitlines() == ["[]", "['streams.event_form', 'streams.publisher']"]


class TestOutstanding:
    EVENT: Final = Identity("urn:a", "e-1")

    def test_what_failed_is_told_once(self) -> None:
        outstanding = _Outstanding()
        outstanding.fail(outstanding.reserve(self.EVENT, 100, "broker:1"), OSError("refused"))
        assert outstanding.settle(0) == [Unacknowledged("urn:a", "e-1", "refused")]
        assert outstanding.settle(0) == []

    def test_what_is_late_is_told_until_it_is_acknowledged(self) -> None:
        outstanding = _Outstanding()
        number = outstanding.reserve(self.EVENT, 100, "broker:1")
        assert [late.id for late in outstanding.settle(0)] == ["e-1"]
        assert [late.id for late in outstanding.settle(0)] == ["e-1"]
        outstanding.acknowledge(number, None)
        assert outstanding.settle(0) == []
        assert outstanding.acknowledged == 1

    def test_what_was_withdrawn_neither_fails_nor_counts(self) -> None:
        outstanding = _Outstanding()
        number = outstanding.reserve(self.EVENT, 100, "broker:1")
        outstanding.withdraw(number)
        outstanding.fail(number, OSError("late"))
        outstanding.acknowledge(number, None)
        assert outstanding.settle(0) == []
        assert outstanding.acknowledged == 0

    def test_settled_events_make_room_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(publisher_module, "MOST_OUTSTANDING_BYTES", 1_000)
        monkeypatch.setattr(publisher_module, "ROOM_SECONDS", 0)
        outstanding = _Outstanding()
        for _ in range(3):
            numbers = [outstanding.reserve(self.EVENT, 500, "broker:1") for _ in range(2)]
            with pytest.raises(BrokerUnavailableError, match="broker:1 leaves 2 events"):
                outstanding.reserve(self.EVENT, 1, "broker:1")
            outstanding.acknowledge(numbers[0], None)
            outstanding.fail(numbers[1], OSError("refused"))

    def test_waiting_ends_though_new_events_keep_coming(self) -> None:
        outstanding = _Outstanding()
        newest = outstanding.reserve(self.EVENT, 100, "broker:1")
        deadline = time.monotonic() + 10
        with ThreadPoolExecutor(1) as threads:
            settled = threads.submit(outstanding.settle, 30)
            while not settled.done() and time.monotonic() < deadline:
                previous, newest = newest, outstanding.reserve(self.EVENT, 100, "broker:1")
                outstanding.acknowledge(previous, None)  # so that there is always one
                time.sleep(0.001)
            outstanding.acknowledge(newest, None)
        assert settled.result() == []
        assert time.monotonic() < deadline

    def test_time_that_is_up_tells_nothing_of_later_events(self) -> None:
        outstanding = _Outstanding()
        outstanding.reserve(self.EVENT, 100, "broker:1")
        with ThreadPoolExecutor(1) as threads:
            settled = threads.submit(outstanding.settle, 0.5)
            count = 0
            while not settled.done():
                outstanding.reserve(Identity("urn:a", f"later-{count}"), 0, "broker:1")
                count += 1
                time.sleep(0.001)
        told = {late.id for late in settled.result()}
        assert "e-1" in told
        assert f"later-{count - 2}" not in told
