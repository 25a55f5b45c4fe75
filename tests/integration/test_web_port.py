"""The port of a worker's pages: several workers on one machine have one each, and a port that was set is kept to."""

import re
import socket
from contextlib import closing

import pytest

from tests.space import Space, WorkerProcess, wait_until

pytestmark = pytest.mark.integration


def test_several_workers_that_start_at_once_have_a_port_each(space: Space) -> None:
    workers = [_start(space) for _ in range(3)]
    for worker in workers:
        wait_until(lambda one=worker: _has_pages(one), "the worker says where its pages are")  # type: ignore[misc]
        wait_until(worker.is_ready, "the worker is ready")
    assert len({worker.port for worker in workers}) == 3


def test_a_port_that_was_set_and_is_taken_is_named_in_one_line(space: Space) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        port = stranger.getsockname()[1]
        done = space.run("worker", "--web-port", str(port))
    assert done.returncode == 2
    said = done.stderr.decode()
    assert f"error: port {port} is taken: set another one by --web-port or SERVICEPULSE_WEB_PORT, or 0 for any" in said
    assert "Traceback" not in said


def _start(space: Space) -> WorkerProcess:
    """Start a worker whose web port nobody has set."""
    return space.start_worker(web_port="")


def _has_pages(worker: WorkerProcess) -> bool:
    assert worker.process.poll() is None, f"the worker ended; its log ends:\n{worker.log[-2000:]}"
    said = [line for line in worker.log.splitlines() if "health and metrics" in line]
    if said and (found := re.search(r"http://127\.0\.0\.1:(\d+)", said[0])):
        worker.port = int(found[1])
    return bool(said)
