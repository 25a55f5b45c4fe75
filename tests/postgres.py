"""PostgreSQL as Debian installs it, on a socket in a folder of its own, for as long as a test needs it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

_DEBIAN: Final = "/usr/lib/postgresql/*/bin"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, None where it is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/").glob(_DEBIAN.lstrip("/")))
    return folders[-1] if folders else None


@contextmanager
def postgres(bin: Path) -> Iterator[str]:
    """Run a server until the block ends, and return how it is reached."""
    folder = Path(tempfile.mkdtemp(prefix="servicepulse-postgres-"))
    who = _user()
    if who is not None:
        shutil.chown(folder, who)

    def run(program: str, *arguments: str) -> None:
        command = [str(bin / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, user=who, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True)

    try:
        run("initdb", "--auth=trust", "--username=test", "--no-sync", "--encoding=UTF8", "--locale=C")
        settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "--wait", "-t", "120", "-l", str(folder / "log"), "-o", settings)
        try:
            yield f"host={folder} user=test dbname=postgres"
        finally:
            run("pg_ctl", "stop", "--wait", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def opened(address: str) -> "psycopg.Connection[tuple[object, ...]]":
    """Return a connection as a service has it."""
    return psycopg.connect(address, autocommit=True)


def _user() -> str | None:
    """Return whom to run it as: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
