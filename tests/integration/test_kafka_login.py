"""A worker on Apache Kafka itself, over TLS, with a login and no more than the documented rights."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from kafka.admin import ACLOperation, ResourceType

from streams.settings import PREFIX
from tests.integration.desk import END, lines_of, replayed
from tests.kafka.broker import Kafka
from tests.kafka.rights import DESCRIBE, GROUP, WRITE, documented, grant, login, right
from tests.process import Process
from tests.space import ROOT, Space

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

EVENTS: Final = lines_of(7, END - timedelta(days=1), END, 40)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_worker_with_exactly_the_documented_rights_works(kafka_space: Space, apache: Kafka, mechanism: str) -> None:
    grant(apache, documented(kafka_space.settings))
    kafka_space.start_worker(**login(apache, mechanism=mechanism))
    kafka_space.publish(EVENTS)
    kafka_space.wait_for_events(len(EVENTS))


@pytest.mark.parametrize("may_see", [False, True])
def test_history_waits_for_workers_where_their_group_may_be_seen_and_says_where_it_may_not(
    may_see: bool, kafka_space: Space, apache: Kafka, tmp_path: Path
) -> None:
    topics = [kafka_space.settings.topic(name) for name in ("tickets", "orders")]
    rights: list[tuple[ResourceType, str, ACLOperation]] = [(ResourceType.TOPIC, name, WRITE) for name in topics]
    if may_see:
        rights.append((ResourceType.GROUP, kafka_space.settings.topic(GROUP), DESCRIBE))
    grant(apache, [right(*one) for one in rights])
    kafka_space.started_worker()
    (tmp_path / "history.jsonl").write_bytes(b"\n".join(replayed(EVENTS)))
    given = {f"{PREFIX}{name.upper()}": str(value) for name, value in login(apache).items()}
    command = [sys.executable, "-m", "streams.cli", "publish", str(tmp_path / "history.jsonl")]
    with Process(command, cwd=ROOT, env={**kafka_space.environment(), **given}, stderr=subprocess.PIPE) as process:
        _, told = process.communicate(timeout=120)
    assert process.returncode == 0
    assert (b"cannot be seen here (GroupAuthorizationFailed): publishing at once" in told) is not may_see
    assert b"reads: publishing at once" not in told
    kafka_space.wait_for_events(len(EVENTS))
