"""What the foot of the live screen tells to paste."""

import sys
from pathlib import Path

import pytest

from streams.cli.live_screen import PROGRAM, legend


@pytest.fixture(autouse=True)
def called_by_its_bare_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERVICEPULSE_SETTINGS", raising=False)
    monkeypatch.setattr(sys, "argv", [PROGRAM])


def test_without_settings_of_its_own_the_report_needs_none() -> None:
    assert legend().endswith("With intervals: servicepulse report")


def test_a_second_terminal_is_told_which_settings_reach_the_same_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEPULSE_SETTINGS", ".servicepulse/demo/servicepulse.toml")
    said = "export SERVICEPULSE_SETTINGS=.servicepulse/demo/servicepulse.toml; servicepulse report"
    assert legend().splitlines()[-1] == said


def test_a_file_whose_name_has_spaces_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEPULSE_SETTINGS", "my demo/servicepulse.toml")
    assert "SETTINGS='my demo/servicepulse.toml'; " in legend()


def test_a_program_that_no_shell_finds_is_told_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called = str(tmp_path / "bin" / PROGRAM)
    monkeypatch.setattr(sys, "argv", [called])
    assert legend().endswith(f"{called} report")
