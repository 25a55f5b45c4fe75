"""Topics change under running workers: more partitions, deleted and made again, records removed unread."""

import signal
from datetime import timedelta
from typing import Final

import pytest
from kafka import TopicPartition
from kafka.admin import NewPartitions, NewTopic

from tests.integration.desk import END, lines_of
from tests.kafka.broker import Kafka
from tests.space import Space, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

EVENTS: Final = lines_of(7, END - timedelta(days=1), END, 40)
HALF: Final = len(EVENTS) // 2


def test_partitions_added_at_work_are_read_within_half_a_minute(kafka_space: Space, apache: Kafka) -> None:
    worker = kafka_space.started_worker()
    kafka_space.publish(EVENTS[:HALF])
    kafka_space.wait_for_events(HALF)
    admin = apache.admin()
    admin.create_partitions({kafka_space.settings.topic("tickets"): NewPartitions(12)})
    admin.close()
    kafka_space.publish(EVENTS[HALF:])
    kafka_space.wait_for_events(len(EVENTS))
    assert worker.health()["partitions"] == 12 + 4


def test_a_topic_deleted_and_made_again_is_read_from_its_beginning(kafka_space: Space, apache: Kafka) -> None:
    worker = kafka_space.started_worker()
    kafka_space.publish(EVENTS[:HALF])
    kafka_space.wait_for_events(HALF)
    topic = kafka_space.settings.topic("tickets")
    admin = apache.admin()
    admin.delete_topics([topic])
    wait_until(lambda: not worker.is_ready(), "the worker is not ready without a topic that it must read")
    assert worker.health()["missing_topics"] == [topic]
    admin.create_topics([NewTopic(topic, 4, 1)])
    admin.close()
    kafka_space.publish(EVENTS[HALF:])
    kafka_space.wait_for_events(len(EVENTS))


def test_a_topic_made_again_before_anybody_looks_is_read_from_its_beginning(kafka_space: Space, apache: Kafka) -> None:
    """Its records soon reach further than those before: nothing is out of range, and the first would be passed over."""
    worker = kafka_space.started_worker()
    first = EVENTS[: HALF // 2]
    kafka_space.publish(first)
    kafka_space.wait_for_events(len(first))
    topic = kafka_space.settings.topic("tickets")
    admin = apache.admin()
    worker.process.send_signal(signal.SIGSTOP)
    try:
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), "the topic is gone")
        admin.create_topics([NewTopic(topic, 4, 1)])
        kafka_space.publish(EVENTS[len(first) :])
    finally:
        worker.process.send_signal(signal.SIGCONT)
        admin.close()
    kafka_space.wait_for_events(len(EVENTS))


def test_records_removed_before_anybody_read_them_are_told_with_their_range(kafka_space: Space, apache: Kafka) -> None:
    worker = kafka_space.started_worker()
    kafka_space.publish(EVENTS[:HALF])
    kafka_space.wait_for_events(HALF)
    worker.stop()
    kafka_space.publish(EVENTS[HALF:])
    topic = kafka_space.settings.topic("tickets")
    admin = apache.admin()
    admin.delete_records({TopicPartition(topic, partition): -1 for partition in range(4)})
    admin.close()
    kafka_space.publish(EVENTS[:1])
    other = kafka_space.started_worker()
    wait_until(lambda: other.meter("servicepulse_records_lost_total") > 0, f"the loss is told; {other.log[-2000:]}")
    told = "SELECT count() FROM dead_letters FINAL WHERE reason = 'records-lost'"
    wait_until(lambda: bool(kafka_space.value(told)), "the range is stored")
    assert "they are lost" in other.log
