"""Connectors: mapping files for systems that many desks and shops run, by their names.

`zendesk` is `zendesk/mapping.toml`, what the system delivers as it happens; `zendesk/export` is `zendesk/export.toml`.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_MAIN: Final = "mapping"


def connectors() -> list[str]:
    """Return the names of all connectors."""
    found = []
    for folder in _folder().iterdir():
        if folder.is_dir():
            names = [file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")]
            found += [folder.name if name == _MAIN else f"{folder.name}/{name}" for name in names]
    return sorted(found)


def connector(name: str) -> str | None:
    """Return the text of a connector's mapping file; None when there is none of that name."""
    if name not in connectors():
        return None
    system, _, part = name.partition("/")
    return (_folder() / system / f"{part or _MAIN}.toml").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files(__name__)
