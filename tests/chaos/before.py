"""A worker of the version before this one, taken from the history of the repository where there is one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.embedded.probe import free_port
from streams.settings import PREFIX
from tests.space import ROOT, WORKER, Space, WorkerProcess

COMMIT: Final = "4156eeb"


def version_before(folder: Path) -> Path | None:
    """Unpack the version before into a folder and return it; None where the history is not at hand."""
    target, archive = folder / "before", folder / "before.tar"
    target.mkdir()
    commands = [
        ["git", "-C", str(ROOT), "archive", "--output", str(archive), COMMIT],
        ["tar", "--extract", "--file", str(archive), "--directory", str(target)],
    ]
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return target


def start_worker_of(version: Path, space: Space, **overrides: object) -> WorkerProcess:
    """Start a worker of a version that lies in a folder; it is one more worker of the space."""
    port = free_port(0)
    given = {f"{PREFIX}{name.upper()}": str(value) for name, value in overrides.items()}
    environment = environment_of(version, space.environment() | given | {f"{PREFIX}WEB_PORT": str(port)})
    log_path = space.folder / f"worker-{len(space.workers)}.log"
    command = [sys.executable, "-P", "-m", *WORKER, "--owner-pid", str(os.getpid())]
    with log_path.open("wb") as lines:
        process = subprocess.Popen(command, env=environment, cwd=version, stdout=lines, stderr=lines)
    space.workers.append(WorkerProcess(process, log_path, port))
    return space.workers[-1]


def environment_of(version: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a version takes of an environment: a setting that it does not know would stop it."""
    settings = (version / "streams" / "settings.py").read_text()
    taken = {
        name: value
        for name, value in environment.items()
        if not name.startswith(PREFIX) or f"    {name.removeprefix(PREFIX).lower()}:" in settings
    }
    return taken | {"PYTHONPATH": str(version)}
