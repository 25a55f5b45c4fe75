"""A file that a running door goes by: read when it changes; while it cannot be read, what it said before holds."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

log = structlog.get_logger()
T = TypeVar("T")

LOOK_SECONDS: Final = 1.0

Stamp = tuple[int, int, int] | None


class WatchedFile(Generic[T]):
    """What a file says, and others that it names.

    Attributes:
        value: As last read. A file that is gone or broken takes nobody's right away: it is told in the log instead.
    """

    def __init__(
        self,
        what: str,
        path: Path,
        read: Callable[[Path], tuple[T, Sequence[Path]]],
        wrong: tuple[type[Exception], ...],
        *,
        before: T,
    ) -> None:
        """Take note of what to read.

        Args:
            what: Is in the file, for the log.
            path: Of the file.
            read: Returns what it says, and which other files that depends on.
            wrong: What `read` raises for a file that is wrong, beside OSError.
            before: What holds until the file was read once.
        """
        self._what = what
        self._path = path
        self._read = read
        self._wrong: tuple[type[Exception], ...] = (OSError, *wrong)
        self._files: Sequence[Path] = ()
        self._seen: list[Stamp] = []
        self._complaint = ""
        self.value = before

    async def watch(self) -> None:
        """Read the file whenever it changes, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Read the file if it, or one that it names, is another one than the last time, or was wrong then."""
        if not self._complaint and self._seen and self._stamps() == self._seen:
            return
        seen = _stamp(self._path)
        try:
            self.value, self._files = self._read(self._path)
        except self._wrong as error:
            self._complain(error)
            return
        self._seen, self._complaint = [seen, *map(_stamp, self._files)], ""
        log.info(f"{self._what} are read", file=str(self._path))

    def _complain(self, error: Exception) -> None:
        if str(error) != self._complaint:
            level = "warning" if isinstance(error, FileNotFoundError) else "error"
            getattr(log, level)(f"{self._what} cannot be read: what was known before holds", error=str(error))
        self._complaint = str(error)

    def _stamps(self) -> list[Stamp]:
        return [_stamp(file) for file in (self._path, *self._files)]


def _stamp(file: Path) -> Stamp:
    with suppress(OSError):
        stat = file.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
    return None
