"""A worker's memory is bounded by what it may hold, not by what waits for it."""

import threading
from typing import Final

import psutil
import pytest
from kafka import KafkaProducer

from schemas.codec import CONTENT_TYPE
from streams.broker import kafka_options
from tests.bench.soak import memory_mb
from tests.space import Space, WorkerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.lengthy]

LARGE: Final = 250_000
HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]
COUNT: Final = 1_600
MOST_MB: Final = 700


def _large(number: int) -> bytes:
    said = f'"ticket_id":"K{number % 400}","message_id":"m{number}","direction":"in","visibility":"public"'
    return (
        f'{{"specversion":"1.0","id":"{number}","source":"/large","type":"io.servicepulse.message.sent.v1",'
        f'"subject":"K{number % 400}","time":"2026-01-01T00:00:00Z","datacontenttype":"application/json",'
        f'"data":{{{said},"sender_type":"customer","unknown":"{str(number) * (LARGE // len(str(number)))}"}}}}'
    ).encode()


def _publish_packed(space: Space) -> None:
    producer = KafkaProducer(**kafka_options(space.settings), compression_type="gzip", batch_size=4 * 2**20)
    for number in range(COUNT):
        key = f"K{number % 400}".encode()
        producer.send(space.settings.topic("tickets"), _large(number), key, HEADERS)
    producer.flush(60)
    producer.close()


def _highest_mb(worker: WorkerProcess, done: threading.Event, found: list[float]) -> None:
    process = psutil.Process(worker.process.pid)
    while not done.wait(0.05):
        found.append(memory_mb(process))


def test_a_backlog_of_the_largest_events_is_not_taken_into_memory_at_once(space: Space) -> None:
    _publish_packed(space)
    done, found = threading.Event(), list[float]()
    worker = space.start_worker()
    watcher = threading.Thread(target=_highest_mb, args=(worker, done, found))
    watcher.start()
    try:
        wait_until(lambda: space.value("SELECT count() FROM events FINAL") == COUNT, "everything is stored", 150)
    finally:
        done.set()
        watcher.join()
    assert max(found) < MOST_MB
