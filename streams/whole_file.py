"""Writes a file as a whole: whoever reads it finds the old content or the new one, whenever the writer ends."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file, or make it, with the folders above it.

    Args:
        path: Of the file.
        content: All of it.
        mode: Who may read it, `PRIVATE` or `PUBLIC`, also where it was otherwise before.

    Raises:
        OSError: When it cannot be written: it is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
