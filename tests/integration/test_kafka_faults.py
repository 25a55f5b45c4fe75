"""What Kafka refuses is told in words that say what to change; it ends the worker only where waiting cannot help."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from kafka.admin import ResourceType

from tests.integration.desk import END, lines_of
from tests.kafka.broker import Kafka
from tests.kafka.rights import GROUP, documented, grant, login, take
from tests.space import Space, WorkerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

EVENTS: Final = lines_of(7, END - timedelta(days=1), END, 40)
HALF: Final = len(EVENTS) // 2


def _says(worker: WorkerProcess, *words: str) -> None:
    wait_until(lambda: all(word in worker.log for word in words), f"the log says {words}; it ends {worker.log[-2000:]}")


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"kafka_password": "a-wrong-one"}, 77, ("the login pulse", "SERVICEPULSE_KAFKA_PASSWORD")),
        ({"kafka_ca_file": ""}, 78, ("is not trusted", "SERVICEPULSE_KAFKA_CA_FILE")),
        ({"kafka_ca_file": "/no/such/ca.pem"}, 2, ("/no/such/ca.pem", "SERVICEPULSE_KAFKA_CA_FILE")),
    ],
    ids=["password", "authority", "file"],
)
def test_a_wrong_setting_ends_the_worker_with_a_code_of_its_own(
    kafka_space: Space, apache: Kafka, wrong: dict[str, object], code: int, words: Sequence[str]
) -> None:
    worker = kafka_space.start_worker(**{**login(apache), **wrong})
    assert worker.process.wait(timeout=120) == code, worker.log
    _says(worker, *words)
    assert "a-wrong-one" not in worker.log
    assert "Traceback" not in worker.log


def test_more_replicas_than_brokers_end_the_worker_with_a_code_of_its_own(kafka_space: Space) -> None:
    worker = kafka_space.start_worker(kafka_replication=3, kafka_topic_prefix=f"{kafka_space.settings.database}-new-")
    assert worker.process.wait(timeout=120) == 78, worker.log
    _says(worker, "the 3 replicas", "SERVICEPULSE_KAFKA_REPLICATION")


def test_a_listener_that_wants_a_login_is_said_to(kafka_space: Space, apache: Kafka) -> None:
    worker = kafka_space.start_worker(kafka=apache.sasl)
    _says(worker, "closes the connection", "SERVICEPULSE_KAFKA_SASL_MECHANISM")


def test_missing_rights_are_named_and_waited_for(kafka_space: Space, apache: Kafka) -> None:
    settings = kafka_space.settings
    worker = kafka_space.start_worker(**login(apache))
    _says(worker, f"READ on topic {settings.topic('tickets')}", f"WRITE on topic {settings.topic('signals')}")
    of_topics = [right for right in documented(settings) if right.resource_pattern.resource_type == ResourceType.TOPIC]
    grant(apache, of_topics)
    _says(worker, f"grant READ on group {settings.topic(GROUP)}")
    grant(apache, documented(settings))
    kafka_space.publish(EVENTS)
    kafka_space.wait_for_events(len(EVENTS))


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ResourceType.GROUP, GROUP), (ResourceType.TOPIC, "tickets")],
    ids=["group", "topic"],
)
def test_rights_taken_away_at_work_are_named_and_given_back_work_goes_on(
    kafka_space: Space, apache: Kafka, kind: ResourceType, name: str
) -> None:
    settings = kafka_space.settings
    grant(apache, documented(settings))
    worker = kafka_space.started_worker(**login(apache))
    kafka_space.publish(EVENTS[:HALF])
    kafka_space.wait_for_events(HALF)
    take(apache, kind, settings.topic(name))
    kafka_space.publish(EVENTS[HALF:])
    _says(worker, f"READ on {kind.name.lower()} {settings.topic(name)}")
    assert "Traceback" not in worker.log, worker.log
    grant(apache, documented(settings))
    kafka_space.wait_for_events(len(EVENTS))


def test_a_session_of_five_minutes_is_no_fault(kafka_space: Space) -> None:
    kafka_space.started_worker(kafka_session_timeout_seconds=300)
