"""The demo, as the README promises it: numbers by one command, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.process import Process
from tests.space import ROOT, wait_until

pytestmark = pytest.mark.integration


def test_the_demo_reports_on_a_simulated_day_and_leaves_nothing_running(tmp_path: Path) -> None:
    with _start(tmp_path, "--days", "2", "--no-live") as demo:
        output, _ = demo.communicate(timeout=200)
    assert demo.returncode == 0, output
    for word in ("Complaint rate", "Satisfied", "Time to first response, median", "Backlog", "That was the demo"):
        assert word in output
    assert "playing " in output, "a pipe is told as well how far it is"
    assert _left_behind(tmp_path) == []


def test_an_interrupted_demo_ends_cleanly_and_can_be_started_again(tmp_path: Path) -> None:
    for _ in range(2):
        with _start(tmp_path, "--days", "3") as demo:
            wait_until(lambda: len(_left_behind(tmp_path)) >= 3, "broker, engine and worker run")
            time.sleep(3)  # into the middle of the history
            demo.send_signal(signal.SIGINT)
            output, _ = demo.communicate(timeout=60)
        assert demo.returncode == 0, output
        assert "Nothing runs any more" in output
        assert _left_behind(tmp_path) == []


def test_a_killed_demo_leaves_no_orphans(tmp_path: Path) -> None:
    with _start(tmp_path, "--days", "3"):
        wait_until(lambda: len(_left_behind(tmp_path)) >= 3, "broker, engine and worker run")
    wait_until(lambda: _left_behind(tmp_path) == [], "everything it had started has ended", 45)


def _start(folder: Path, *arguments: str) -> Process:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("SERVICEPULSE_")}
    return Process(
        [sys.executable, "-m", "streams.cli", "demo", "--per-day", "150", *arguments],
        env={**clean, "SERVICEPULSE_FOLDER": str(folder), "COLUMNS": "140"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that work for the demo of a folder, the demo itself aside."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command, environment = process.info["cmdline"] or [], process.info["environ"] or {}
        if "demo" not in command and str(folder) in " ".join([*command, *environment.values()]):
            found.append(" ".join(command))
    return [command for command in found if "pytest" not in command]
