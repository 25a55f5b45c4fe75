"""`migrate` and `refold`: the database's schema, and its projections."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.cli.connection import open_client
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.settings import load_settings
from streams.sinks import migrate as migrations
from streams.sinks import refold as refolding
from streams.sinks.dead_letters import mark_mended

console = Console()


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
) -> None:
    """Bring the database up to date. Workers do it too; running it twice, or at the same time, does no harm.

    Example: `servicepulse migrate --dry-run`
    """
    settings = load_settings()
    client = open_client(settings)
    replicated = settings.clickhouse_replicated
    if dry_run:
        steps = migrations.steps(client, replicated=replicated)
        if not steps:
            console.print(f"database {settings.database} is up to date, nothing to do", highlight=False)
        for step in steps:
            console.rule(step.title)
            for statement in step.statements:
                console.print(statement + ";", highlight=False, markup=False)
        return
    applied = migrations.migrate(client, replicated=replicated, on_step=lambda step: console.print(f"  {step.title}"))
    console.print(
        f"database {settings.database} is up to date, {counted(len(applied), 'migration')} applied", highlight=False
    )


def refold(
    ticket: Annotated[list[str] | None, typer.Option(help="Only this ticket; may be given several times.")] = None,
) -> None:
    """Fold tickets again from the stored events, independent of Kafka. Workers may go on meanwhile.

    Opening hours are worked out again as well, by the time zones that this machine knows, and what events say beside
    tickets: of faults, contacts, returns, work and the like. When ClickHouse goes away meanwhile, it is waited for.

    Example: `servicepulse refold --ticket T-17`
    """
    client = open_client(load_settings())
    if ticket and (unknown := set(ticket) - set(refolding.with_events(client, ticket))):
        _say_unknown(sorted(unknown))
        raise typer.Exit(1)
    if not ticket:
        schedules, policies = refolding.refold_published(client, SystemClock().now_ms(), on_wait=_say_waiting)
        said = [counted(schedules, "schedule"), *(["the policy"] if policies else [])]
        console.print(f"{' and '.join(said)} worked out again", highlight=False)
        beside = refolding.refold_said(client, on_wait=_say_waiting)
        console.print(f"{counted(beside, 'event')} beside tickets stated again", highlight=False)
    columns = (TextColumn("refolding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("refold", total=None)
        done = refolding.refold(
            client,
            SystemClock().now_ms(),
            ticket_ids=ticket or None,
            on_progress=lambda now, total: progress.update(task, completed=now, total=total),
            on_wait=_say_waiting,
        )
    console.print(f"{counted(done, 'ticket')} folded from {'its' if done == 1 else 'their'} events", highlight=False)
    if mended := mark_mended(client, SystemClock().now_ms(), ticket_ids=ticket or None):
        console.print(f"{counted(mended, 'dead letter')} about them settled", highlight=False)


def _say_waiting(seconds: float, why: str) -> None:
    console.print(f"ClickHouse is away, trying again in {seconds:.0f} s: {shown(why)}", highlight=False)


def _say_unknown(tickets: Sequence[str]) -> None:
    named = ", ".join(tickets)
    sentence = f"[bold red]error:[/] no events are stored of {shown(named)}; nothing was folded"
    Console(stderr=True, soft_wrap=True).print(sentence, highlight=False)
