"""Apache Kafka's own jars: fetched once by Maven into a cache folder, never kept in the repository.

`python -m tests.kafka.artifact` fetches them and prints where they are.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

POM: Final = Path(__file__).with_name("pom.xml")
_FETCH_SECONDS: Final = 600


class ToolMissingError(Exception):
    """Something of Java is not installed; the message names it."""


def cache() -> Path:
    """Return the folder of what Maven fetched; another `pom.xml` has another one."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "servicepulse" / f"kafka-{sha256(POM.read_bytes()).hexdigest()[:12]}"


def jars() -> Path:
    """Return the folder with the jars of the broker, fetching them when they are not there yet.

    Raises:
        ToolMissingError: When they have to be fetched and there is no Maven, or when there is no Java.
        subprocess.CalledProcessError: When Maven cannot fetch them; it has said why.
    """
    tool("java")
    folder = cache()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fetched = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            _fetch(fetched)
            with suppress(OSError):  # somebody else was faster
                fetched.rename(folder)
        finally:
            shutil.rmtree(fetched, ignore_errors=True)
    return folder


def tool(name: str) -> str:
    """Return the path of a program.

    Raises:
        ToolMissingError: When it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise ToolMissingError(f"{name} is not installed: Apache Kafka needs Java 17 or newer, and Maven to fetch it")
    return path


def _fetch(folder: Path) -> None:
    subprocess.run(
        [
            tool("mvn"), "--quiet", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={folder}",
        ],
        check=True,
        timeout=_FETCH_SECONDS,
    )  # fmt: skip


if __name__ == "__main__":
    try:
        print(jars())
    except ToolMissingError as missing:
        sys.exit(str(missing))
