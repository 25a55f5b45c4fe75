"""Every command is found under its name, and imports what it needs and no more."""

import subprocess
import sys
from importlib import import_module

import pytest
from typer.testing import CliRunner

from streams.cli import EXPECTED, app, expected_errors
from streams.cli.commands import PLACES
from streams.settings import SettingsError
from tests.space import ROOT

HEAVY = (
    "aiohttp",
    "aiokafka",
    "clickhouse_connect",
    "faust",
    "grafana_client",
    "kafka",
    "numpy",
    "pandas",
    "plotly",
    "psutil",
)

_LOADED_BY = """
import sys
from streams.cli import app
try:
    app()
except SystemExit:
    pass
print(*sorted(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("name", PLACES)
def test_every_command_says_what_it_is_for(name: str) -> None:
    said = CliRunner().invoke(app, [name, "-h"])
    assert said.exit_code == 0, said.output
    assert f"servicepulse {name}" in said.output
    assert PLACES[name].said in " ".join(said.output.split())


def test_all_commands_are_listed_in_their_order() -> None:
    listed = CliRunner().invoke(app, ["--help"]).output
    places = [listed.find(f"│ {name} ") for name in PLACES]
    assert places == sorted(places)
    assert places[0] > 0


def test_a_mistyped_command_is_told_which_one_was_meant() -> None:
    said = CliRunner().invoke(app, ["reprot"])
    assert said.exit_code == 2
    assert "Did you mean 'report'?" in said.output


@pytest.mark.weighty
@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--version"], set()),
        (["--help"], set()),
        (["report", "--help"], {"clickhouse_connect"}),
        (["mapping", "check", "--help"], set()),
        (["dashboards", "check"], {"numpy"}),
        (["status", "--help"], {"psutil"}),
        (["publish", "--help"], {"aiokafka", "kafka"}),
        (["worker", "--help"], {"aiokafka", "clickhouse_connect", "kafka"}),
        (["receive", "--help"], {"aiokafka", "kafka"}),
        (["tokens", "--help"], set()),
    ],
)
def test_a_command_imports_only_what_it_needs(arguments: list[str], needed: set[str]) -> None:
    command = [sys.executable, "-c", _LOADED_BY.format(heavy=HEAVY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(done.stderr.split()) <= needed


@pytest.mark.parametrize(("module", "name"), EXPECTED)
def test_every_expected_error_is_one(module: str, name: str) -> None:
    assert issubclass(getattr(import_module(module), name), Exception)


def test_an_expected_error_is_caught_and_no_other() -> None:
    assert issubclass(SettingsError, expected_errors())
    assert not issubclass(ValueError, expected_errors())
