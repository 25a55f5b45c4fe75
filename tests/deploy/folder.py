"""Where the deployment files are, and how they are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def documents(path: Path) -> list[Any]:
    """Return the documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text()))


def document(path: Path) -> Any:
    """Return the one document of a YAML file."""
    (only,) = documents(path)
    return only


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the path, the last name and the text of every value in a document."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, path)
    elif node is not None:
        yield path, path.rpartition(".")[2], str(node)
