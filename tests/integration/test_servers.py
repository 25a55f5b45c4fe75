"""Whoever names one server for the tests gets tests on it; the other one is started."""

from pathlib import Path
from urllib.request import urlopen

import pytest
from kafka.admin import KafkaAdminClient

from tests.servers import servers_beside

pytestmark = pytest.mark.integration

KAFKA, CLICKHOUSE = "broker.example:9092", "http://clickhouse.example:8123"


def test_a_broker_alone_gets_a_clickhouse_beside_it(tmp_path: Path) -> None:
    with servers_beside(KAFKA, None, tmp_path) as servers:
        assert servers.kafka == KAFKA
        with urlopen(f"{servers.clickhouse}/?query=SELECT%2042", timeout=30) as answer:
            assert answer.read().strip() == b"42"


def test_a_clickhouse_alone_gets_a_broker_beside_it(tmp_path: Path) -> None:
    with servers_beside(None, CLICKHOUSE, tmp_path) as servers:
        assert servers.clickhouse == CLICKHOUSE
        admin = KafkaAdminClient(bootstrap_servers=servers.kafka)
        assert admin.list_topics() == []
        admin.close()


def test_servers_that_are_both_given_are_left_alone(tmp_path: Path) -> None:
    with servers_beside(KAFKA, CLICKHOUSE, tmp_path) as servers:
        assert servers == (KAFKA, CLICKHOUSE)
    assert not list(tmp_path.iterdir())
