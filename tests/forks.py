"""Commands as forks of one process that has loaded the libraries: most commands took less time than importing them.

`python -m tests.forks FD` is that process. It has no thread and no open file of its own, and what it loads is what
every command would load before it looks at its arguments, its environment or its terminal; the commands' own modules
each fork imports itself. Whoever starts it is told of each fork's end; when he is gone it ends, and its forks know.
Where that is not possible, or a process's beginning is what a test is about, there is a process of its own instead.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
_IN_TEST: Final = "PYTEST_CURRENT_TEST"
"""What pytest sets; a bench or a driver of chaos starts what its operators start."""
_PASSED: Final = ("SERVICEPULSE_", "COLUMNS", _IN_TEST)
"""Beginnings of variables that nothing reads before a command begins; others may decide how an interpreter starts."""
_REQUEST_BYTES: Final = 2**20


class Request(NamedTuple):
    """What shall run, and where: a module with its arguments, as after `python -m`."""

    command: Sequence[str]
    environment: Mapping[str, str]


class Fork:
    """A command that runs as a fork; it is asked and told what `subprocess.Popen` is."""

    def __init__(self, told: int, arguments: Sequence[str]) -> None:
        self._told = os.fdopen(told, "rb", buffering=0)
        self.args = arguments
        self.returncode: int | None = None
        self.pid = self._next()

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._awaited(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: When it runs on for longer, in seconds.
        """
        code = self._awaited(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, signum: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """End it as the kernel would."""
        self.send_signal(signal.SIGKILL)

    def _awaited(self, seconds: float | None) -> int | None:
        if self.returncode is None and _is_readable(self._told.fileno(), seconds):
            self.returncode = self._next()
            self._told.close()
        return self.returncode

    def _next(self) -> int:
        line = self._told.readline()
        assert line, "the process that forks has ended"
        return int(line)


class Server:
    """The process that forks, as seen by whoever asks it to."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = _steady(os.environ)
        command = [sys.executable, "-m", "tests.forks", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        self.pid = self._process.pid

    def is_fit(self, environment: Mapping[str, str]) -> bool:
        """Tell whether a fork starts as a process with this environment would."""
        return _steady(environment) == self._environment

    def start(self, request: Request, stdin: int, stdout: int, stderr: int) -> Fork:
        """Start a command and return at once."""
        told, theirs = os.pipe()
        try:
            message = json.dumps(request).encode()
            socket.send_fds(self._control, [message], [stdin, stdout, stderr, theirs])
        finally:
            os.close(theirs)
        return Fork(told, request.command)

    def stop(self) -> None:
        """Let it end, and reap it."""
        self._control.close()
        self._process.wait()


def started(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    *,
    is_owned: bool = False,
    is_forked: bool = True,
) -> subprocess.Popen[bytes] | Fork:
    """Start a module with its arguments and return at once.

    Args:
        command: As after `python -m`.
        environment: Of the process, whole.
        stdout: Where its output goes.
        stderr: Where its complaints go.
        is_owned: Give it its parent's number as an option, so that it ends with it.
        is_forked: Whether it may be a fork, in a test.
    """
    forking = _server() if is_forked and _IN_TEST in environment else None
    if forking is not None and not forking.is_fit(environment):
        forking = None
    if is_owned:
        command = [*command, "--owner-pid", str(forking.pid if forking else os.getpid())]
    with Path(os.devnull).open("rb") as stdin:
        if forking is not None:
            return forking.start(Request(command, environment), stdin.fileno(), stdout.fileno(), stderr.fileno())
        whole = [sys.executable, "-m", *command]
        return subprocess.Popen(whole, env=dict(environment), cwd=ROOT, stdin=stdin, stdout=stdout, stderr=stderr)


@cache
def _server() -> Server | None:
    """Return the one of this process, started when it is first asked for; None where there can be none."""
    if not hasattr(os, "pidfd_open"):
        return None
    made = Server()
    atexit.register(made.stop)
    return made


def _steady(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_PASSED)}


def _is_readable(fd: int, seconds: float | None) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def _load() -> None:
    """Load everything that any command imports, and forget the commands: they look at their terminal at once."""
    files = _open_files()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # else NumPy brings threads of its own
    commands = importlib.import_module("streams.cli")
    for module in pkgutil.iter_modules(commands.__path__, "streams.cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module("streams.worker")
    for name in [name for name in sys.modules if name.partition("streams.cli")[0] == ""]:
        del sys.modules[name]
    assert _thread_count() == 1, "a fork would miss the threads"
    assert _open_files() == files, "a fork would share what is open"
    gc.collect()
    gc.freeze()  # what a collector in a fork touches is copied


def _open_files() -> set[str]:
    """Return what is open here, where the system tells."""
    with suppress(OSError):
        return {str(path) for path in Path("/proc/self/fd").iterdir()}
    return set()


def _thread_count() -> int:
    """Return how many threads there are here, those of libraries in other languages as well, where the system tells."""
    with suppress(OSError):
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    return threading.active_count()


def _serve(control: socket.socket) -> tuple[Request, list[int]] | None:
    """Fork for each request and tell the ends, until nobody can ask any more; return in each fork with its request."""
    living: dict[int, tuple[int, int]] = {}
    while True:
        poll = select.poll()
        for fd in (control.fileno(), *living):
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll():
            if fd in living:
                _tell_end(fd, *living.pop(fd))
                continue
            message, fds, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 4)
            if not message:
                return None
            *streams, told = fds
            pid = os.fork()
            if not pid:
                for mine in (control.fileno(), told, *living, *(theirs for _, theirs in living.values())):
                    os.close(mine)
                control.detach()
                return Request(*json.loads(message)), streams
            for theirs in streams:
                os.close(theirs)
            with suppress(OSError):
                os.write(told, b"%d\n" % pid)
            living[os.pidfd_open(pid)] = (pid, told)


def _tell_end(fd: int, pid: int, told: int) -> None:
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # nobody may want to know
        os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os.close(told)
    os.close(fd)


def _become(request: Request, streams: Sequence[int]) -> None:
    """Run a module as an interpreter does that was started for it."""
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request.environment)
    module, *arguments = request.command
    sys.argv = ["-m", *arguments]
    sys.orig_argv = [sys.executable, "-m", module, *arguments]  # by which a worker starts afresh
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    _load()
    asked = _serve(control)
    if asked is not None:
        _become(*asked)


if __name__ == "__main__":
    _main()
