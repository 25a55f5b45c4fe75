"""`tokens`: who may send events to the door."""

from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streams.cli.signs import shown
from streams.clock import SystemClock
from streams.core.door.token import PREFIX, RANDOM_BYTES, Token, TokensError, digest_of
from streams.door.token_file import read_tokens, write_tokens
from streams.settings import SettingsError, load_settings

app = typer.Typer(help="Who may send events to the door.", no_args_is_help=True)
console = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def create(
    source: Annotated[str, typer.Argument(help="The CloudEvents source that it speaks for, such as urn:shop:desk.")],
    name: Annotated[str, typer.Option(help="What logs call it; not given: the source.")] = "",
) -> None:
    """Make a token and print it, this once: only its hash is kept. It speaks for one source.

    A running door takes it within a second.

    Example: `TOKEN=$(servicepulse tokens create urn:shop:helpdesk)`
    """
    path, kept = _kept()
    name = name or source
    if any(token.name == name for token in kept):
        raise typer.BadParameter(f"there is a token named {name} already: revoke it, or give another --name")
    secret = PREFIX + token_urlsafe(RANDOM_BYTES)
    token = Token(name, source, digest_of(secret), _today())
    write_tokens(path, [*kept, token])
    typer.echo(secret)
    console.print(f"[dim]It speaks for {shown(source)}. It is not shown again; {shown(str(path))} keeps its hash.[/]")


@app.command("list")
def list_() -> None:
    """List the tokens: names, sources, the day on which each was made.

    Example: `servicepulse tokens list`
    """
    path, kept = _kept()
    table = Table(box=None, header_style="dim")
    for heading in ("name", "source", "created"):
        table.add_column(heading, overflow="fold")
    for token in kept:
        table.add_row(shown(token.name), shown(token.source), token.created)
    Console().print(table if kept else f"No tokens in {shown(str(path))}: servicepulse tokens create SOURCE makes one.")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The token's name, as listed.")]) -> None:
    """Revoke a token: a running door refuses it within a second.

    Example: `servicepulse tokens revoke urn:shop:helpdesk`
    """
    path, kept = _kept()
    left = [token for token in kept if token.name != name]
    if len(left) == len(kept):
        raise typer.BadParameter(f"there is no token named {name}")
    write_tokens(path, left)
    console.print(f"{shown(name)} is revoked.")


def _today() -> str:
    return datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).date().isoformat()


def _kept() -> tuple[Path, list[Token]]:
    path = load_settings().tokens_file
    try:
        return path, read_tokens(path)
    except FileNotFoundError:
        return path, []
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except TokensError as error:
        raise SettingsError(str(error)) from error
