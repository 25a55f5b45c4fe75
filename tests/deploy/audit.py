"""`make audit`: known weaknesses and the licence of every package that the images have, by their lock files."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.deploy.folder import DEPLOY

LOCKS = ("requirements.lock", "requirements-door.lock", "requirements-cli.lock")
_SECONDS = 300


def licence_of(metadata: dict[str, Any]) -> str:
    """Return what a package says of its licence, the most exact first."""
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get("classifier", ()) if line.startswith("License ::")
    ]
    told = [metadata.get("license_expression"), *classified, (metadata.get("license") or "").partition("\n")[0]]
    return next((text.strip() for text in told if text and text.strip()), "not told")


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)


def licences(lock: Path) -> dict[str, str]:
    """Return the licence of every locked package, by its metadata; nothing is installed.

    Raises:
        RuntimeError: When the package index cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ("--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--report", str(report))
        done = _python("pip", "install", "--disable-pip-version-check", *options, "--requirement", str(lock))
        if done.returncode:
            raise RuntimeError(done.stderr)
        found = [one["metadata"] for one in json.loads(report.read_text())["install"]]
    return {f"{one['name']} {one['version']}": licence_of(one) for one in found}


def weaknesses(lock: Path) -> tuple[bool, str]:
    """Return whether nothing is known against the locked packages, and what was said.

    Raises:
        RuntimeError: When no advisory database can be reached.
    """
    done = _python("pip_audit", "--requirement", str(lock), "--disable-pip", "--progress-spinner", "off")
    if done.returncode and "No known vulnerabilities" not in done.stderr and not done.stdout.strip():
        raise RuntimeError(done.stderr)
    return not done.returncode, (done.stdout or done.stderr).strip()


def main() -> int:
    """Print both for each lock file; return 0 when nothing is known against any package, 1 when something is, 2 when it
    could not be asked.
    """
    code = 0
    for name in LOCKS:
        print(f"\n{name}")
        try:
            for package, licence in sorted(licences(DEPLOY / name).items()):
                print(f"  {package}: {licence}")
            is_clean, told = weaknesses(DEPLOY / name)
            print(f"  {told}")
            code = max(code, 0 if is_clean else 1)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            last = (str(error).strip().splitlines() or ["no answer"])[-1]
            print(
                f"  NOT AUDITED: the advisory database or the package index cannot be reached from here ({last[:200]})"
            )
            code = 2
    return code


if __name__ == "__main__":
    sys.exit(main())
