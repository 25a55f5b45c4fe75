"""Where a command finds its servers, and what it takes with their addresses."""

import pytest

from streams.cli import connection
from streams.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"kafka": "127.0.0.1:1", "clickhouse": "http://127.0.0.1:2"}
    monkeypatch.setattr(connection, "_embedded", lambda _: found)


def test_the_embedded_broker_is_joined_sooner_than_a_kafka() -> None:
    """It lets half of the session pass before it answers who joins."""
    found = connection.resolve(Settings())
    assert (found.kafka, found.kafka_session_timeout_seconds) == ("127.0.0.1:1", 4)
    assert connection.resolve(Settings(kafka="other:9092")).kafka_session_timeout_seconds == 10


def test_what_somebody_set_stands() -> None:
    assert connection.resolve(Settings(kafka_session_timeout_seconds=10)).kafka_session_timeout_seconds == 10
    settings = Settings(kafka="other:9092", clickhouse="http://db:8123")
    assert connection.resolve(settings) is settings


def test_a_stack_that_does_not_run_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_embedded", lambda _: {})
    with pytest.raises(SettingsError, match=r"no kafka and no clickhouse to work with: start .* `servicepulse up`"):
        connection.resolve(Settings())
