"""A worker on Apache Kafka itself, over TLS, with a login and no more than the documented rights."""

from datetime import timedelta
from typing import Final

import pytest

from tests.integration.desk import END, lines_of
from tests.kafka.broker import Kafka
from tests.kafka.rights import documented, grant, login
from tests.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(300)]

EVENTS: Final = lines_of(7, END - timedelta(days=1), END, 40)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_worker_with_exactly_the_documented_rights_works(kafka_space: Space, apache: Kafka, mechanism: str) -> None:
    grant(apache, documented(kafka_space.settings))
    kafka_space.start_worker(**login(apache, mechanism=mechanism))
    kafka_space.publish(EVENTS)
    kafka_space.wait_for_events(len(EVENTS))
