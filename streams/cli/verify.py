"""`verify`: do the tables say what the stored events say?"""

from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.rows import Ms
from streams.cli.connection import open_client
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.core.window import WindowError, instant_of
from streams.settings import load_settings
from streams.sinks.verify import Verified, Verifier

console = Console()

_WHAT_TO_DO: Final = "deploy/RUNBOOK.md, Rows that differ from events"


def verify(
    since: Annotated[
        str,
        typer.Option(help="Only what was stored since a date or time of UTC, such as 2026-03-01T12:00."),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what differs, and change nothing.")] = False,
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds that the row of an event which was stored just now may be on its way.")
    ] = 20,
) -> None:
    """Compare the tables with the stored events, and state anew what differs. Workers may go on meanwhile.

    Counted are facts against events, days and ratings against tickets, and against their events: orders, what is said
    beside tickets, and what ClickHouse fills by itself. The exit code is 0 when nothing differed, 1 when something did,
    mended or not.

    Example: `servicepulse verify --since 2026-03-01`
    """
    clock = SystemClock()
    since_ms = _instant(since) if since else None
    verifier = Verifier(open_client(load_settings()), since=since_ms, is_dry=dry_run, settle_seconds=settle)
    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("compare", total=None)
        verified = verifier.run(clock.now_ms, lambda now, total: progress.update(task, completed=now, total=total))
    _tell(verified, is_dry=dry_run)
    if verified.found:
        raise typer.Exit(1)


def _instant(text: str) -> Ms:
    try:
        return instant_of(text, ZoneInfo("UTC"))
    except WindowError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def _tell(verified: Verified, *, is_dry: bool) -> None:
    tickets, events = counted(verified.tickets, "ticket"), counted(verified.events, "event")
    console.print(
        f"{events} compared with {tickets}, their days and ratings, with orders, hours and what is said beside tickets",
        highlight=False,
    )
    if not verified.found:
        console.print("nothing differs", highlight=False)
    for wrong, number in verified.found.items():
        named = ", ".join(verified.named[wrong])
        more = ", ..." if number > len(verified.named[wrong]) else ""
        console.print(f"[bold]{number:,}[/] {wrong}: {shown(named)}{more}", highlight=False, soft_wrap=True)
        console.print(f"  {_outcome(number, verified.left[wrong], is_dry=is_dry)}", highlight=False, soft_wrap=True)


def _outcome(found: int, left: int, *, is_dry: bool) -> str:
    if is_dry:
        return "nothing was changed: this was a dry run"
    mended = found - left
    parts = [f"{mended:,} mended"] if mended else []
    parts += (
        [f"[bold red]{left:,} could not be mended[/]: deploy/RUNBOOK.md, Rows that differ from events"] if left else []
    )
    return ", ".join(parts)
