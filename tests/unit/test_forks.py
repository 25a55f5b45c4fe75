"""A command that runs as a fork does what it does as a process of its own."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.forks import Fork, started

pytestmark = pytest.mark.weighty


def _run(folder: Path, *command: str, is_forked: bool, **more: str) -> tuple[int, bytes, bytes]:
    with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err:
        process = started(command, {**os.environ, **more}, out, err, is_forked=is_forked)
        assert isinstance(process, Fork) is (is_forked and hasattr(os, "pidfd_open"))
        code = process.wait(timeout=60)
    return code, (folder / "out").read_bytes(), (folder / "err").read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ("streams.cli", "--version"),
        ("streams.cli", "worker", "--help"),
        ("streams.cli", "nonsense"),
        ("streams.cli", "dead-letters", "list", "--limit", "0"),
        ("streams.cli", "worker", "--web-port", "70000"),
    ],
)
def test_it_says_the_same_and_ends_with_the_same_code(tmp_path: Path, command: tuple[str, ...]) -> None:
    given = {"COLUMNS": "70"}
    alone = _run(tmp_path, *command, is_forked=False, **given)
    assert _run(tmp_path, *command, is_forked=True, **given) == alone
    assert alone[1] or alone[2]


def test_an_error_that_nobody_catches_is_told_by_the_interpreter(tmp_path: Path) -> None:
    code, said, complained = _run(tmp_path, "tests.forks", "no number", is_forked=True)
    assert (code, said) == (1, b"")
    assert complained.startswith(b"Traceback")
    assert b"ValueError" in complained.splitlines()[-1]


def test_an_environment_that_an_interpreter_reads_when_it_starts_is_for_a_process_of_its_own(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        process = started(["streams.cli"], {**os.environ, "PYTHONHASHSEED": "1"}, out, out)
        process.wait(timeout=60)
    assert isinstance(process, subprocess.Popen)


def test_how_it_was_ended_is_known(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        process = started(["streams.cli", "live"], {**os.environ, "SERVICEPULSE_KAFKA": "localhost:1"}, out, out)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
        process.kill()
        assert process.wait(timeout=60) == -9
        assert process.poll() == process.returncode == -9
        process.kill()


def test_what_runs_no_test_starts_processes_of_its_own(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    with (tmp_path / "out").open("wb") as out:
        process = started(["streams.cli", "--version"], environment, out, out)
        process.wait(timeout=60)
    assert isinstance(process, subprocess.Popen)
