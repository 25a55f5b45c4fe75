"""Knows how to start, recognise and end a process of ours, whoever started it and whenever."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02
START_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Process:
    """A process as it was started.

    A pid alone may belong to a stranger by now: the start time and the command line, which names our module, port
    and folder, must fit as well. `start_mark` is a start time in seconds that setting the clock does not change.
    """

    pid: int
    start_mark: float
    command: tuple[str, ...]

    def is_alive(self) -> bool:
        """Return whether this very process runs; a dead child of ours is cleared away on the way."""
        return self._live() is not None

    def end(self, grace_seconds: float) -> bool:
        """End the process: ask, wait, then kill its whole group. Return whether it ended by itself.

        Ending a process that is gone does nothing.
        """
        if live := self._live():
            with contextlib.suppress(psutil.NoSuchProcess):
                live.terminate()
        if self._is_gone_within(grace_seconds):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """Kill the process and what it started, without notice. Killing one that is gone does nothing."""
        if self._live() is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # Each of our processes leads a group of its own; see `start`.
            os.killpg(self.pid, signal.SIGKILL)
        self._is_gone_within(KILL_SECONDS)

    def _is_gone_within(self, seconds: float) -> bool:
        """Wait for the end. A dead process counts as gone even before its parent, maybe a slow init, has noticed."""
        deadline = time.monotonic() + seconds
        while self._live() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def uptime_seconds(self) -> float | None:
        """Return for how long the process runs, None when it does not."""
        if (live := self._live()) is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            return max(0.0, time.time() - live.create_time())  # noqa: TID251 - the edge: compared with the kernel's clock
        return None

    def _live(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            live = psutil.Process(self.pid)
            is_same_start = abs(_start_mark(live) - self.start_mark) < START_TOLERANCE_SECONDS
            if is_same_start and not _has_ended(live) and self._fits(live):
                return live
        return None

    def _fits(self, live: psutil.Process) -> bool:
        """Return whether the command line is ours; that of a process which is just ending cannot be read any more."""
        try:
            # The interpreter's own path may change on the way (framework builds of macOS start it anew).
            arguments = tuple(live.cmdline()[1:])
        except psutil.ZombieProcess:
            return True
        return arguments in ((), self.command[1:])


def start(module: str, arguments: Sequence[str], folder: Path, log: Path) -> Process:
    """Start a module of ours in `folder`, detached from the terminal, its output appended to `log`.

    It leads a session and a process group of its own, so that Ctrl-C in the terminal does not reach it.
    """
    # -P keeps a folder called `deploy` in the working directory from being taken for ours.
    command = (sys.executable, "-P", "-m", module, *arguments)
    environment = os.environ | {"TZ": "UTC", "PYTHONUNBUFFERED": "1", "PYTHONPATH": _import_path()}
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    # The child is meant to outlive this object, which would otherwise warn about that.
    child.returncode = 0
    return Process(child.pid, _start_mark(psutil.Process(child.pid)), command)


@contextlib.contextmanager
def interrupts_later() -> Iterator[None]:
    """Hold a Ctrl-C back until the block is left, so that no started process is forgotten half-way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[object] = []
    previous = signal.signal(signal.SIGINT, lambda *_: held.append(None))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)
    if held:
        signal.raise_signal(signal.SIGINT)


def _has_ended(live: psutil.Process) -> bool:
    """Return whether a process is over, cleared away by its parent or not; one that is a child of ours is cleared away.

    A killed process counts as a zombie while some of its threads still hold its port and its locks.
    """
    if live.status() != psutil.STATUS_ZOMBIE:
        return False
    with contextlib.suppress(psutil.TimeoutExpired):
        live.wait(0)
        return True
    with contextlib.suppress(psutil.ZombieProcess, psutil.AccessDenied):
        return live.num_threads() <= 1
    return True


def _start_mark(live: psutil.Process) -> float:
    """Return the start of a process; Linux counts it from boot, which psutil turns into wall-clock time."""
    return live.create_time() - (psutil.boot_time() if sys.platform == "linux" else 0.0)


def _import_path() -> str:
    return os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
