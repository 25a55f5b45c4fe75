"""A Kafka that goes away between the first look at it and the start of the worker is waited for, like any other."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.space import ROOT

pytestmark = pytest.mark.weighty

SCRIPT = """
    import streams.worker as worker
    from streams.settings import Settings

    worker._open_client = lambda settings: None
    worker.broker.ensure_topics = lambda settings: []
    worker.start_afresh = lambda: print("starting afresh", flush=True)
    nowhere = Settings(kafka="127.0.0.1:1", clickhouse="http://127.0.0.1:1", alert_watch=False, web_port=0)
    worker.run_worker(nowhere)
"""


def test_a_start_that_fails_for_want_of_kafka_begins_afresh() -> None:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("SERVICEPULSE_")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "starting afresh" in done.stdout, done.stderr[-2000:]
