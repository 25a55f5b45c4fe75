"""What both databases of the outbox recipe are tried with: its code, and a broker that dies."""

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.deploy.folder import DEPLOY

FOLDER: Final = DEPLOY / "events"
AT: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)


def backend() -> ModuleType:
    """Return what builds the package of upstream services."""
    spec = importlib.util.spec_from_file_location("events_backend", FOLDER / "backend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_of(name: str) -> str:
    """Return the code of a recipe of the page."""
    text = (FOLDER / "README.md").read_text()
    (code,) = re.findall(rf"<!-- {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    return str(code)


def recipe_of(name: str, site: Path) -> Iterator[dict[str, Any]]:
    """Yield what a recipe of the page defines, with the package of upstream services in a folder."""
    if not (site / "servicepulse_events").exists():
        backend().generate(site)
    sys.path.insert(0, str(site))
    try:
        names: dict[str, Any] = {}
        exec(code_of(name), names)
        yield names
    finally:
        sys.path.remove(str(site))


class Dying:
    """A broker that an outbox relays to, which dies when it is told to, or never; it keeps what it acknowledged."""

    def __init__(self, dies_at: int) -> None:
        self.kept: list[str] = []
        self._sent: list[str] = []
        self._left = dies_at

    def publish_event(self, event: bytes) -> None:
        self._live()
        self._sent.append(json.loads(event)["id"])

    def flush(self) -> None:
        self._live()
        self.kept += self._sent
        self._sent = []
        self._live()

    def _live(self) -> None:
        if self._left == 0:
            self._left = -1
            raise ConnectionError("died")
        self._left -= 1
