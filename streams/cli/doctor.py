"""`doctor`: what disagrees in the events that were sent, and what it costs the numbers."""

import sys
from collections.abc import Sequence
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console

from schemas.rows import Ms
from streams.cli.connection import open_client
from streams.cli.signs import shown
from streams.cli.wording import counted, meant_text
from streams.core.doctor import CHECKS, Check, Finding
from streams.core.window import WindowError, instant_of
from streams.settings import load_settings
from streams.sinks.connection import HOW_TO_BEGIN
from streams.sinks.doctor import DAYS, Examined, examine

SOMETHING_FOUND: Final = 1
_NAMES: Final = {check.name: check for check in CHECKS}


def doctor(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK]...", help="Only these checks; all without any.")
    ] = None,
    since: Annotated[
        str, typer.Option(help=f"Events since a date or time of UTC; else the {DAYS} days before the newest event.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one a finding.")] = False,
) -> None:
    """Tell what disagrees in the events that were sent: what it costs the numbers, and what to do about it.

    The tables say what the events say (`verify` looks after that); this looks at what no event can tell by itself, such
    as one customer under two spellings, a clock that is ahead, surveys that nobody offered. Nothing is changed. Exit
    code 0: nothing disagrees; 1: something does; 2: ClickHouse could not be asked.

    For example:

    `servicepulse doctor`

    `servicepulse doctor --since 2026-03-01 customer-spelling team-names`

    `servicepulse doctor --json | jq .costs`
    """
    checks = _chosen(only or [])
    since_ms = _instant(since) if since else None
    progress = Console(stderr=True)
    client = open_client(load_settings())
    with progress.status("looking") as status:
        examined = examine(client, checks, since_ms, lambda check: status.update(shown(check.title)))
    if as_json:
        for finding in examined.findings:
            sys.stdout.write(msgspec.json.encode(finding).decode() + "\n")
    else:
        _tell(examined, checks, Console(highlight=False, soft_wrap=True))
    if examined.findings:
        raise typer.Exit(SOMETHING_FOUND)


def _chosen(names: Sequence[str]) -> Sequence[Check]:
    unknown = [name for name in names if name not in _NAMES]
    if unknown:
        hint = meant_text(unknown[0], _NAMES, f"choose from {', '.join(_NAMES)}")
        raise typer.BadParameter(f"there is no check {unknown[0]!r}; {hint}")
    return [_NAMES[name] for name in names] or CHECKS


def _instant(text: str) -> Ms:
    try:
        return instant_of(text, ZoneInfo("UTC"))
    except WindowError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def _tell(examined: Examined, checks: Sequence[Check], console: Console) -> None:
    if examined.since is None:
        console.print(f"No events yet. {shown(HOW_TO_BEGIN)}")
        return
    looked = f"{counted(len(checks), 'check')}, {counted(examined.tickets, 'ticket')} since {examined.since:%Y-%m-%d}"
    found = counted(len(examined.findings), "finding") if examined.findings else "nothing disagrees"
    console.print(f"{looked}: {found}")
    for finding in examined.findings:
        _tell_one(finding, console)


def _tell_one(finding: Finding, console: Console) -> None:
    about = f": {shown(finding.what)}" if finding.what else ""
    console.print(f"\n[bold]{shown(finding.title)}{about}[/] [dim]({finding.check}, n = {finding.n:,})[/]")
    console.print(f"  costs: {shown(finding.costs)}")
    console.print(f"  to do: {shown(finding.advice)}")
    if finding.examples:
        console.print(f"  such as: {shown(', '.join(finding.examples))}")
