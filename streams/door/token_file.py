"""The file of tokens: read when it changes; while it cannot be read, what it said before holds."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from streams.core.door.token import Token, Tokens, TokensError, file_of, tokens_in

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0


class TokenFile:
    """The tokens of a file.

    Attributes:
        tokens: As last read. A file that is gone or broken takes nobody's right away: it is told in the log instead.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._complaint = ""
        self.tokens = Tokens()

    async def watch(self) -> None:
        """Read the file whenever it changes, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Read the file if it is another one than the last time."""
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return
            self.tokens = Tokens(read_tokens(self._path))
        except (OSError, TokensError) as error:
            self._complain(f"{self._path}: {error.strerror}" if isinstance(error, OSError) else str(error))
            return
        self._seen, self._complaint = seen, ""
        log.info("tokens", file=str(self._path), count=len(self.tokens))

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            log.warning("tokens cannot be read: those of before hold", error=complaint, count=len(self.tokens))
        self._complaint = complaint


def read_tokens(path: Path) -> list[Token]:
    """Return the tokens of a file.

    Raises:
        OSError: When it cannot be read.
        TokensError: When it is no file of tokens.
    """
    try:
        return tokens_in(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise TokensError(f"{path} is not UTF-8: {error.reason}") from error
    except TokensError as error:
        raise TokensError(f"{path}: {error}") from error


def write_tokens(path: Path, tokens: Sequence[Token]) -> None:
    """Write a file of tokens, whole or not at all, readable by its owner alone.

    Raises:
        OSError: When it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tokens-")  # has mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(file_of(tokens))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
