"""The file of hooks, watched by a running door, and the mapping files that it names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.connectors import connector, connectors
from streams.core.door.hook import Hook, HooksError, hooks_in
from streams.door.watched_file import WatchedFile


def hook_file(path: Path) -> WatchedFile[Mapping[str, Hook]]:
    """Return the file of hooks as a running door goes by it."""
    return WatchedFile[Mapping[str, Hook]]("hooks", path, read_hooks, (HooksError,), before={})


def read_hooks(path: Path) -> tuple[Mapping[str, Hook], Sequence[Path]]:
    """Return the hooks of a file, and the mapping files that they are made of.

    A mapping is a file, looked for beside this one, or a connector of that name.

    Raises:
        OSError: When the file cannot be read.
        HooksError: When it is wrong, or a mapping is.
    """
    files: list[Path] = []

    def text_of(mapping: str) -> str:
        file = path.parent / mapping
        if file.is_file():
            files.append(file)
            return file.read_text(encoding="utf-8")
        if (text := connector(mapping)) is None:
            known = ", ".join(connectors())
            raise HooksError(f"there is no file {file}, and no connector {mapping}; there are {known}")
        return text

    try:
        return hooks_in(path.read_text(encoding="utf-8"), text_of), files
    except UnicodeDecodeError as error:
        raise HooksError(f"{path}: not UTF-8: {error.reason}") from error
    except HooksError as error:
        raise HooksError(f"{path}: {error}") from error
