"""Knows what the embedded stack remembers between two commands, and lets only one of them change it at a time."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.embedded.process import Process

LOCK_WAIT_SECONDS = 90.0
LOCK_POLL_SECONDS = 0.05


class StackBusyError(RuntimeError):
    """Another command works on this folder: wait for it, then try again."""


@dataclass(frozen=True)
class Remembered:
    """The port of a service, kept for its next start, and its process while it runs."""

    port: int
    process: Process | None = None


class StateFile:
    """The state file of one folder, written as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "stack.json"
        self._lock_path = folder / "stack.lock"

    def read(self) -> dict[str, Remembered]:
        """Return what is remembered of each service; nothing when the file is missing or unreadable."""
        try:
            content = json.loads(self._path.read_bytes())
            return {name: _remembered(entry) for name, entry in content.items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def write(self, name: str, remembered: Remembered) -> None:
        """Replace what is remembered of one service. Only the holder of the lock may do so."""
        content = {key: asdict(entry) for key, entry in (self.read() | {name: remembered}).items()}
        draft = self._path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one command; the kernel lets go of it when the command ends, however it ends.

        Raises:
            StackBusyError: when another command keeps it for too long.
        """
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock_path.open("ab") as file:
            _wait_for(file.fileno(), self._lock_path)
            yield


def _wait_for(lock: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StackBusyError(
                    f"Another command has been starting or stopping the stack in {path.parent} for more than "
                    f"{LOCK_WAIT_SECONDS:.0f} s. Wait for it or end it, then try again."
                ) from None
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return


def _remembered(entry: dict[str, object]) -> Remembered:
    process = entry["process"]
    if process is None:
        return Remembered(port=int(str(entry["port"])))
    if not isinstance(process, dict):
        raise TypeError(process)
    return Remembered(
        port=int(str(entry["port"])),
        process=Process(int(process["pid"]), float(process["start_mark"]), tuple(process["command"])),
    )
