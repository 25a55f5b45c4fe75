"""A worker's memory is bounded by what it may hold, not by what waits for it."""

import os
import signal
import time
from pathlib import Path
from typing import Final

import psutil
import pytest
from kafka import KafkaProducer

from deploy.embedded.stack import Stack
from schemas.codec import CONTENT_TYPE
from streams.broker import kafka_options
from tests.bench.soak import memory_mb
from tests.bench.space import bench_space
from tests.space import Space, WorkerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.lengthy]

LARGE: Final = 250_000
HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]
COUNT: Final = 4_000
MOST_MB: Final = 600


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


def _highest_mb(worker: WorkerProcess, *, seconds: float) -> float:
    process = psutil.Process(worker.process.pid)
    end, highest = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        highest = max(highest, memory_mb(process))
        time.sleep(0.1)
    return highest


def test_what_waits_for_a_store_that_stands_still_stays_on_the_broker(tmp_path: Path) -> None:
    with bench_space(tmp_path) as space:
        engine = Stack(tmp_path / "stack").status()[1]
        assert engine.pid
        worker = space.started_worker()
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            _publish_packed(space)
            highest = _highest_mb(worker, seconds=40)
        finally:
            os.kill(engine.pid, signal.SIGCONT)
        wait_until(lambda: space.value("SELECT count() FROM events FINAL") == COUNT, "everything is stored", 300)
    assert highest < MOST_MB
