"""Builds the package `servicepulse_events` out of modules of Service Pulse, under a name that nobody else has."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from setuptools import build_meta

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
MADE: Final = HERE / "made"
PACKAGE: Final = "servicepulse_events"
SOURCES: Final = {
    "schemas": ("codec", "events", "instant", "nesting", "policy", "schedule", "version"),
    "streams": ("async_publisher", "courier", "event_form", "lane", "outgoing", "publisher"),
}
"""By folder, the modules that it is made of. They import nothing else of ours."""
_SAID: Final = '"""The events of Service Pulse, typed, and publishers for Kafka."""\n'
_OURS: Final = re.compile(rf"\b(?:{'|'.join(SOURCES)})\.(?=(?:{'|'.join(sum(SOURCES.values(), ()))})\b)")
_LEFT: Final = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(SOURCES)}|deploy|dashboards)\b", re.MULTILINE)


def generate(folder: Path) -> Path:
    """Write the package into a folder and return where it is.

    Raises:
        ValueError: When a module imports one that is no part of it.
    """
    package = folder / PACKAGE
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_SAID, encoding="utf-8")
    (package / "py.typed").touch()
    for source, modules in SOURCES.items():
        for module in modules:
            text = _OURS.sub(f"{PACKAGE}.", (ROOT / source / f"{module}.py").read_text(encoding="utf-8"))
            if found := _LEFT.search(text):
                raise ValueError(f"{source}/{module}.py: {found[0].strip()} ... is no part of {PACKAGE}")
            (package / f"{module}.py").write_text(text, encoding="utf-8")
    return package


def build_wheel(*arguments: Any, **named: Any) -> str:  # noqa: ANN401 - as PEP 517 has it
    """Return the name of a wheel that was built."""
    with _made():
        return str(build_meta.build_wheel(*arguments, **named))


def build_sdist(*arguments: Any, **named: Any) -> str:  # noqa: ANN401
    """Return the name of a source distribution that was built; it has the package as it was made."""
    with _made():
        return str(build_meta.build_sdist(*arguments, **named))


def get_requires_for_build_wheel(*_: Any, **__: Any) -> list[str]:  # noqa: ANN401
    """Return what building a wheel needs beyond what `pyproject.toml` says."""
    return []


def get_requires_for_build_sdist(*_: Any, **__: Any) -> list[str]:  # noqa: ANN401
    """Return what building a source distribution needs beyond what `pyproject.toml` says."""
    return []


def prepare_metadata_for_build_wheel(*arguments: Any, **named: Any) -> str:  # noqa: ANN401
    """Return the name of the folder of metadata that was written."""
    with _made():
        return str(build_meta.prepare_metadata_for_build_wheel(*arguments, **named))


@contextmanager
def _made() -> Iterator[None]:
    """Have the package there for the block, where its sources are; a source distribution brings it along."""
    if not (ROOT / "schemas" / "codec.py").exists():
        yield
        return
    generate(MADE)
    try:
        yield
    finally:
        for folder in (MADE, HERE / "build"):
            shutil.rmtree(folder, ignore_errors=True)
