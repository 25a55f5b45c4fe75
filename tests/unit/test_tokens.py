"""Tokens: shown once, kept as hashes, taken and refused by a running door within a moment of a change."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from streams.cli import app
from streams.core.door.token import Token, Tokens, TokensError, digest_of, file_of, tokens_in
from streams.door.token_file import token_file, write_tokens
from streams.settings import SettingsError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secrets" / "tokens.toml"
    monkeypatch.setenv("SERVICEPULSE_RECEIVE_TOKENS_FILE", str(path))
    return path


def tokens(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["tokens", *arguments])


def test_a_token_is_shown_once_and_only_its_hash_is_kept(file: Path) -> None:
    made = tokens("create", "urn:shop")
    secret = made.stdout.strip()
    assert secret.startswith("sp_")
    assert len(secret) == 46
    assert secret not in file.read_text()
    assert (file.stat().st_mode & 0o777) == 0o600
    kept = Tokens(tokens_in(file.read_text())).shown(secret)
    assert kept is not None
    assert (kept.name, kept.source) == ("urn:shop", "urn:shop")
    listed = tokens("list").stdout
    assert "urn:shop" in listed
    assert secret not in listed


def test_a_revoked_token_is_none_and_the_others_stay(file: Path) -> None:
    first, second = (tokens("create", "urn:shop", "--name", name).stdout.strip() for name in ("a", "b"))
    assert tokens("revoke", "a").exit_code == 0
    kept = Tokens(tokens_in(file.read_text()))
    assert (kept.shown(first), kept.shown(second)) == (None, tokens_in(file.read_text())[0])


def test_names_are_unique_and_what_is_not_there_is_not_revoked(file: Path) -> None:
    tokens("create", "urn:shop")
    assert tokens("create", "urn:shop").exit_code == 2
    assert tokens("revoke", "urn:other").exit_code == 2
    assert len(tokens_in(file.read_text())) == 1


def test_a_broken_file_is_told_and_not_written_over(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[[token]]\nname = 1\n")
    told = tokens("create", "urn:shop").exception
    assert isinstance(told, SettingsError)
    assert "tokens.toml" in str(told)
    assert file.read_text() == "[[token]]\nname = 1\n"


@given(
    st.lists(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), min_size=1)] * 3), unique_by=lambda t: t[0])
)
def test_what_is_written_is_what_is_read(told: list[tuple[str, str, str]]) -> None:
    kept = [Token(name, source, digest_of(secret), "2026-01-01") for name, source, secret in told]
    assert tokens_in(file_of(kept)) == kept


@pytest.mark.parametrize(
    "text", ["x", "token = 1", "[[token]]\nname = 'a'", "[[token]]\nname='a'\nsource='b'\nsha256='c'\nx=1", "[more]"]
)
def test_a_file_that_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(TokensError):
        tokens_in(text)


def test_a_running_door_sees_changes_and_keeps_what_it_knew_while_the_file_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    watched = token_file(path)
    with capture_logs() as said:
        watched.look()
        watched.look()
        assert len(watched.value) == 0
        write_tokens(path, [Token("a", "urn:shop", digest_of("one"))])
        watched.look()
        assert watched.value.shown("one") is not None
        path.write_text("broken")
        watched.look()
        assert watched.value.shown("one") is not None
        write_tokens(path, [Token("b", "urn:shop", digest_of("two"))])
        watched.look()
        assert watched.value.shown("one") is None
    told = [entry["log_level"] for entry in said]
    assert told == ["warning", "info", "error", "info"], "each change once"
