"""`servicepulse import`: any CSV file becomes events by a mapping file."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from streams.cli.connection import resolve
from streams.cli.importing import Import, Watch, read_import, write_lines, write_rejected
from streams.cli.patience import SECONDS, AtOnce, Patience, held_back, told_while_waiting
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.core.mapping import MappedEvent, MappingError
from streams.pacing import NothingFoldedError
from streams.publisher import BrokerUnavailableError, NotAcknowledgedError, Publisher
from streams.settings import SettingsError, load_settings

SOME_ROWS_REJECTED: Final = 1
NOT_PUBLISHED: Final = 1
WRONG_MAPPING: Final = 2
STOPPED: Final = 130

_SHOWN: Final = 20
_SHOWN_SECONDS: Final = 0.1
_AGAIN: Final = "Run the same command again to go on: events that arrived before change nothing."
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV file.")],
    mapping: Annotated[
        Path, typer.Option("--mapping", "-m", exists=True, dir_okay=False, help="The mapping file, TOML.")
    ],
    kafka: Annotated[str | None, typer.Option(help="Brokers, host:port[,host:port].")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write the events as JSON Lines instead of publishing them.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where rejected rows go; default: FILE.rejected.csv.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be published.")] = False,
    allow_rejected: Annotated[
        bool, typer.Option("--allow-rejected", help="Exit with 0 despite rejected rows.")
    ] = False,
    patience: Patience = SECONDS,
    at_once: AtOnce = False,
) -> None:
    """Turn the rows of a CSV file into events, as a mapping file says, and publish them.

    Importing a file again is safe, also after an interruption: the same rows give the same events, and an event that
    arrives twice counts once. Exit code 1: some rows were rejected, or not all was published; 2: the mapping is wrong
    and nothing was sent.

    Events go at the pace of the workers: two or three seconds of their work may be unread at once, so that live events
    get through. Where no worker reads, everything goes at once.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    started = monotonic()
    target = rejected or file.with_name(f"{file.name}.rejected.csv")
    _refuse_overwriting([file, mapping], [target, *map(Path, [to] if to and to != "-" else [])])
    try:
        with _progress(console) as watch:
            imported = read_import(file, mapping, now_ms=SystemClock().now_ms(), watch=watch)
            sent = (
                "nothing: a dry run"
                if dry_run
                else _send(imported, to, target, watch, _To(kafka, patience, at_once, console))
            )
    except KeyboardInterrupt as stop:
        console.print(" ".join(("[yellow]Stopped.[/]", *map(str, stop.args), _AGAIN)))
        raise typer.Exit(STOPPED) from None
    except (MappingError, SettingsError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(WRONG_MAPPING) from None
    except (BrokerUnavailableError, NotAcknowledgedError, NothingFoldedError, OSError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}\n{_AGAIN}")
        raise typer.Exit(NOT_PUBLISHED) from None
    console.print(_summary(imported, sent, monotonic() - started))
    _show_rejected(imported, None if dry_run else target, console)
    if imported.rejected and not allow_rejected:
        raise typer.Exit(SOME_ROWS_REJECTED)


def _refuse_overwriting(inputs: list[Path], outputs: list[Path]) -> None:
    for output in outputs:
        if output.exists() and any(output.samefile(one) for one in inputs):
            raise typer.BadParameter(f"{output} is read by this import; write to another file")


class _To(NamedTuple):
    """Where events are published."""

    kafka: str | None
    patience: float
    at_once: bool
    console: Console


def _send(imported: Import, to: str | None, rejected: Path, watch: Watch, broker: _To) -> str:
    """Keep rejected rows, publish or write all events; return what came of it, to be shown."""
    if imported.rejected:
        write_rejected(rejected, imported)
    if to is None:
        return _publish(imported, watch, broker)
    if to == "-":
        return _print(imported, watch)
    with Path(to).open("wb") as output:
        _counted(write_lines(output, imported.events), len(imported.events), "Writing events", watch)
    return f"{counted(len(imported.events), 'event')} written to {to}"


def _publish(imported: Import, watch: Watch, broker: _To) -> str:
    settings = resolve(load_settings(kafka=broker.kafka), needs=("kafka",))
    total = len(imported.events)
    publisher = Publisher.from_settings(settings, patience_seconds=broker.patience)
    try:
        with ExitStack() as opened:
            opened.enter_context(told_while_waiting(publisher, broker.patience, broker.console.print))
            if not broker.at_once:
                opened.enter_context(held_back(publisher, settings, broker.patience, broker.console.print))
            opened.enter_context(publisher)
            _counted(_published(publisher, imported), total, "Publishing events", watch)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{publisher.acknowledged:,} of {total:,} events have arrived.") from None
    return f"{counted(publisher.acknowledged, 'event')} acknowledged by {settings.kafka}"


def _published(publisher: Publisher, imported: Import) -> Iterator[MappedEvent]:
    for event in imported.events:
        publisher.publish_event(event.raw)
        yield event


def _print(imported: Import, watch: Watch) -> str:
    output = sys.stdout.buffer
    try:
        _counted(write_lines(output, imported.events), len(imported.events), "Writing events", watch)
        output.flush()
    except BrokenPipeError:
        # The reader has seen enough. Python would complain when it flushes standard output at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return "standard output was closed by its reader"
    return f"{counted(len(imported.events), 'event')} written to standard output"


def _counted(events: Iterator[MappedEvent], total: int, what: str, watch: Watch) -> None:
    shown_at = monotonic()
    for number, _ in enumerate(events, start=1):
        if monotonic() - shown_at >= _SHOWN_SECONDS or number == total:
            shown_at = monotonic()
            watch(what, number, total)


@contextmanager
def _progress(console: Console) -> Iterator[Watch]:
    """Show a bar for each thing that is being done, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield watch


def _summary(imported: Import, sent: str, seconds: float) -> Table:
    table = Table("", "", show_header=False, box=None)
    table.add_row("Rows", f"{imported.rows:,}")
    for reason, count in sorted(imported.skipped.items()):
        table.add_row("  skipped", f"{count:,}  {escape(reason)}")
    table.add_row("  rejected", f"{len(imported.rejected):,}")
    table.add_row("Events", f"{len(imported.events):,}")
    for name, count in sorted(imported.counts.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(f"  {name}", f"{count:,}")
    if imported.events:
        table.add_row("  from", _written(imported.events[0].at_ms))
        table.add_row("  to", _written(imported.events[-1].at_ms))
    table.add_row("Sent", escape(sent))
    table.add_row("Seconds", f"{seconds:.1f}")
    return table


def _show_rejected(imported: Import, kept: Path | None, console: Console) -> None:
    for record, reason in imported.rejected[:_SHOWN]:
        console.print(f"[yellow]line {record.line}:[/] {escape(reason)}")
    if len(imported.rejected) > _SHOWN:
        console.print(f"and {len(imported.rejected) - _SHOWN:,} more rejected rows")
    if imported.rejected and kept:
        console.print(f"Rejected rows are kept in {escape(str(kept))}; mend them in the file and import it again.")


def _written(at_ms: int) -> str:
    return f"{_EPOCH + timedelta(milliseconds=at_ms):%Y-%m-%d %H:%M:%S} UTC"
