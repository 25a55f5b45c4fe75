"""What a client of Kafka raises, in words that say what to change, and whether waiting can help."""

import asyncio
import ssl

import aiokafka.errors as aio
import kafka.errors as sync
import pytest

from streams.fault import Fault, KafkaRefusedError, MissingRightsError, fault_of, kafka_error_in
from streams.intake import BatchApp
from streams.settings import Settings

SETTINGS = Settings(
    kafka="broker:9092",
    kafka_sasl_mechanism="PLAIN",
    kafka_username="desk",
    kafka_password="a-secret",  # type: ignore[arg-type]  # pydantic takes it
    kafka_replication=3,
    kafka_session_timeout_seconds=300,
)


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        ("SaslAuthenticationFailed", 77, "SERVICEPULSE_KAFKA_PASSWORD"),
        ("UnsupportedSaslMechanismError", 78, "SERVICEPULSE_KAFKA_SASL_MECHANISM"),
        ("IllegalSaslStateError", 78, "SERVICEPULSE_KAFKA_SASL_MECHANISM"),
        ("InvalidReplicationFactorError", 78, "SERVICEPULSE_KAFKA_REPLICATION"),
        ("PolicyViolationError", 78, "deploy/kafka/topics.sh"),
        ("InvalidSessionTimeoutError", 78, "300 s: set SERVICEPULSE_KAFKA_SESSION_TIMEOUT_SECONDS"),
        ("TopicAuthorizationFailedError", None, "deploy/README.md"),
        ("GroupAuthorizationFailedError", None, "deploy/README.md"),
        ("NotLeaderForPartitionError", None, "broker:9092 does not answer"),
    ],
)
def test_both_clients_errors_read_the_same(number: str, code: int | None, word: str) -> None:
    ours, theirs = (
        next(getattr(errors, name) for name in (number, f"{number}Error") if hasattr(errors, name))
        for errors in (aio, sync)
    )
    faults = [fault_of(raised("told"), SETTINGS) for raised in (ours, theirs)]
    assert [fault.exit_code for fault in faults] == [code, code]
    assert all(word in fault.sentence for fault in faults), faults


def test_no_sentence_tells_the_password() -> None:
    for error in (aio.SaslAuthenticationFailed("no"), ConnectionResetError("reset"), OSError("away")):
        assert "a-secret" not in fault_of(error, SETTINGS).sentence


def test_a_certificate_that_is_not_trusted_names_the_setting() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    error.verify_message = "self-signed certificate"
    fault = fault_of(error, SETTINGS)
    assert fault.exit_code == 78
    assert "SERVICEPULSE_KAFKA_CA_FILE" in fault.sentence
    assert "self-signed" in fault.sentence


@pytest.mark.parametrize("error", [ConnectionResetError(), ssl.SSLEOFError(8, "EOF"), aio.KafkaConnectionError("shut")])
def test_a_closed_connection_asks_about_tls_and_waits(error: Exception) -> None:
    fault = fault_of(error, SETTINGS)
    assert fault.exit_code is None
    assert "SERVICEPULSE_KAFKA_TLS" in fault.sentence


def test_a_broker_that_is_away_is_waited_for() -> None:
    assert fault_of(ConnectionRefusedError(111, "refused"), SETTINGS).exit_code is None


def test_missing_rights_are_listed_and_waited_for() -> None:
    fault = fault_of(MissingRightsError(["READ on topic tickets", "READ on group servicepulse"], SETTINGS), SETTINGS)
    assert fault.exit_code is None
    assert "desk" in fault.sentence
    assert "grant READ on topic tickets, READ on group servicepulse" in fault.sentence


def test_the_error_of_kafka_is_found_within_others() -> None:
    inner = aio.GroupAuthorizationFailedError("x")
    assert kafka_error_in(ExceptionGroup("agents", [ValueError("another"), ExceptionGroup("one", [inner])])) is inner
    assert kafka_error_in(ValueError("no")) is None
    assert kafka_error_in(None) is None


def test_a_refusal_carries_its_exit_code() -> None:
    assert KafkaRefusedError(Fault("no", 77)).exit_code == 77


def test_what_crashed_first_is_what_an_app_remembers() -> None:
    app = BatchApp("crashing", broker="kafka://nowhere:1", store="memory://", datadir="/tmp")
    for reason in (asyncio.CancelledError(), aio.GroupAuthorizationFailedError("x"), ValueError("later")):
        app._crash(reason)
    assert isinstance(app.crash_reason, aio.GroupAuthorizationFailedError)
