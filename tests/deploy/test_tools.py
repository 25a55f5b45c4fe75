"""The deployment files as their own tools read them.

Where a tool is missing its test is skipped; `make manifests` brings what it can, and fails for what is missing.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.folder import DEPLOY

REQUIRED = "SERVICEPULSE_TEST_TOOLS"
KUSTOMIZATIONS = sorted(file.parent for file in (DEPLOY / "kubernetes").rglob("kustomization.yaml"))
of_each_kustomization = pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: folder.name)


def missing(what: str) -> None:
    """Skip the test for want of a tool; fail it where tools are required."""
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing; {REQUIRED}=required fails instead")


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _built(folder: Path) -> str:
    for tool, *arguments in (("kubectl", "kustomize"), ("kustomize", "build")):
        if shutil.which(tool):
            return _run(tool, *arguments, str(folder))
    missing("kubectl or kustomize")
    raise AssertionError


@of_each_kustomization
def test_a_kustomization_builds_every_resource_once(folder: Path) -> None:
    built = list(yaml.safe_load_all(_built(folder)))
    names = [(one["kind"], one["metadata"]["name"]) for one in built]
    assert len(set(names)) == len(names)
    assert {"Deployment", "Job", "ConfigMap", "Service"} <= {kind for kind, _ in names}


@of_each_kustomization
def test_what_is_built_is_what_kubernetes_takes(folder: Path, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("kubernetes-validate")
    if not command.exists():
        missing("the package kubernetes-validate")
    file = tmp_path / "built.yaml"
    file.write_text(_built(folder))
    said = _run(str(command), "--strict", str(file))
    assert said.count(" passed for resource ") == len(list(yaml.safe_load_all(file.read_text()))) > 0


def test_compose_reads_its_file_and_misses_nothing() -> None:
    command = next(filter(_answers, (["docker", "compose"], ["docker-compose"])), None)
    if command is None:
        missing("docker compose")
        raise AssertionError
    names = [line.partition("=")[0] for line in (DEPLOY / ".env.example").read_text().splitlines()]
    given = {name: "1" for name in names if name and not name.startswith("#")}
    said = _run(*command, "--file", str(DEPLOY / "compose.yaml"), "config", **given)
    assert {"kafka", "clickhouse", "worker", "grafana"} <= set(yaml.safe_load(said)["services"])


def _answers(command: list[str]) -> bool:
    if not shutil.which(command[0]):
        return False
    said = subprocess.run([*command, "version"], capture_output=True, text=True, check=False)
    return said.returncode == 0 and " version 1." not in said.stdout  # the first generation reads another language
