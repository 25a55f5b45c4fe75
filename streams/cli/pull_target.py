"""Where a pull puts events: into a file, to standard output, or to Kafka; page by page, each safe before the next."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from rich.console import Console

from streams.cli.connection import resolve
from streams.cli.patience import held_back, told_while_waiting
from streams.cli.settle import Settling
from streams.core.mapping import MappedEvent
from streams.publisher import Publisher
from streams.settings import Settings


class Broker(NamedTuple):
    """How events are published."""

    settings: Settings
    patience: float
    at_once: bool
    settle: float
    console: Console


class Target(Protocol):
    """Where events go."""

    name: str

    def take(self, events: list[MappedEvent]) -> int:
        """Return how many bytes are written so far, once the events are safe."""
        ...

    def end(self) -> int:
        """Tell what became of them; return the exit code."""
        ...


class Lines:
    """A file of JSON Lines. What was written behind the last checkpoint is written again, not twice."""

    def __init__(self, path: Path, written: int, files: ExitStack) -> None:
        """Open the file.

        Raises:
            OSError: When it cannot be written, or is shorter than the checkpoint says.
        """
        self.name = f"written to {path}"
        self._file: BinaryIO = files.enter_context(path.open("r+b" if written else "wb"))
        if written > path.stat().st_size:
            raise OSError(f"{path} is shorter than its checkpoint says: remove the checkpoint to begin anew")
        self._file.truncate(written)
        self._file.seek(written)

    def take(self, events: list[MappedEvent]) -> int:
        """Write events, down to the disk."""
        self._file.writelines(event.raw + b"\n" for event in events)
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def end(self) -> int:
        """Nothing becomes of lines by themselves."""
        return 0


class Printed:
    """Standard output."""

    name = "written to standard output"

    def take(self, events: list[MappedEvent]) -> int:
        """Write events as lines.

        Raises:
            OSError: When nobody reads them any more.
        """
        try:
            sys.stdout.buffer.writelines(event.raw + b"\n" for event in events)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Python would complain once more when it flushes standard output at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise OSError("standard output was closed by its reader") from None
        return 0

    def end(self) -> int:
        """Nothing becomes of lines by themselves."""
        return 0


class Published:
    """Kafka, at the pace of the workers."""

    def __init__(self, broker: Broker, opened: ExitStack) -> None:
        """Connect.

        Raises:
            SettingsError: When no broker is set.
            BrokerUnavailableError: When none answers.
        """
        settings, say = resolve(broker.settings, needs=("kafka",)), broker.console.print
        self.name = f"acknowledged by {settings.kafka}"
        self._publisher = Publisher.from_settings(settings, patience_seconds=broker.patience)
        self._settling = Settling(self._publisher, settings, broker.settle, say)
        opened.enter_context(told_while_waiting(self._publisher, broker.patience, say))
        if not broker.at_once:
            opened.enter_context(held_back(self._publisher, settings, broker.patience, say))
        opened.enter_context(self._publisher)

    def take(self, events: list[MappedEvent]) -> int:
        """Publish events and wait until Kafka has them.

        Raises:
            NotAcknowledgedError: When it has not.
        """
        for event in events:
            self._publisher.publish_event(event.raw)
        self._publisher.flush()
        return 0

    def end(self) -> int:
        """Wait for the workers, and say what they made of the events."""
        return self._settling.end()


def target_of(to: str | None, written: int, broker: Broker, opened: ExitStack) -> Target:
    """Return where events go.

    Raises:
        OSError: When the file cannot be written.
        SettingsError: When no broker is set.
        BrokerUnavailableError: When none answers.
    """
    if to is None:
        return Published(broker, opened)
    return Printed() if to == "-" else Lines(Path(to), written, opened)
