"""The preview as a command, and as a part of the demo: where it is, what it says when it cannot be, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import psutil
import pytest

from streams.cli.preview import listening, url_of
from tests.integration.conftest import space
from tests.process import Process
from tests.space import ROOT, Space, wait_until

__all__ = ["space"]

pytestmark = pytest.mark.integration

ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\d+/")


def _environment(folder: Path) -> dict[str, str]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("SERVICEPULSE_")}
    return {**clean, "SERVICEPULSE_FOLDER": str(folder), "COLUMNS": "140"}


def _preview(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streams.cli", "preview", *arguments]
    return subprocess.run(
        command, env=_environment(folder), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def _listen(demo: Process, said: list[str]) -> None:
    assert demo.stdout
    with demo.stdout:
        for line in demo.stdout:
            said.append(line)


def _told(output: str) -> str:
    """Return the address of the dashboards, "" until it was told."""
    found = ADDRESS.search(output.partition("in the browser")[2])
    return found[0] if found else ""


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def test_the_demo_shows_the_dashboards_at_once_and_takes_them_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams.cli", "demo", "--days", "2", "--per-day", "100"]
    with Process(
        command, env=_environment(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        said: list[str] = []
        listener = threading.Thread(target=_listen, args=(demo, said))
        listener.start()
        wait_until(lambda: bool(_told("".join(said))) or demo.poll() is not None, "the demo tells an address")
        found = _told("".join(said))
        assert found, "".join(said)
        assert f"{found}?from=now-30d&to=now" in "".join(said), "it opens on a range that has the faulty week in it"
        assert _answers(f"{found}api/d/service-pulse"), "the address answers as soon as it is told"
        assert found in "".join(said).partition("played")[0], "before the history is there"
        family = psutil.Process(demo.pid).children(recursive=True)
        assert any("preview" in one.cmdline() for one in family)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=60) == 0
        listener.join()
    assert "Nothing runs any more" in "".join(said)
    assert psutil.wait_procs(family, timeout=10)[1] == [], "the preview ends with the demo"


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with listening(0) as taken:
        done = _preview(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "is taken: give another one with --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_database_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = _preview(tmp_path, "--port", "0")
    assert done.returncode == 2
    assert "servicepulse up" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_to_though_somebody_still_looks(space: Space, end: signal.Signals) -> None:
    command = [sys.executable, "-m", "streams.cli", "preview", "--port", "0"]
    with Process(
        command, env=space.environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        found = ADDRESS.search(process.stdout.readline())
        assert found
        host, port = found[0].removeprefix("http://").rstrip("/").split(":")
        with socket.create_connection((host, int(port))) as looking:
            looking.sendall(b"GET /api/dashboards HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in looking.recv(1000)
            process.send_signal(end)
            assert process.wait(timeout=20) == 0
        assert "Traceback" not in process.stdout.read()


def test_addresses_are_of_this_machine_only() -> None:
    with listening(0) as sock:
        assert url_of(sock).startswith("http://127.0.0.1:")
