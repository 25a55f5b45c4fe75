"""`servicepulse import`: any table, and any file of JSON documents, becomes events by a mapping file."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Annotated, Final, NamedTuple

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streams.cli.connection import resolve
from streams.cli.import_compared import UnknownBeforeError, compared, figures_of, instant_told, show_missing
from streams.cli.import_shown import show_readings, show_rejected, summary
from streams.cli.importing import Import, Sheet, Watch, read_import, spellings_of, write_lines, write_rejected
from streams.cli.patience import SECONDS, AtOnce, Patience, held_back, told_while_waiting
from streams.cli.settle import SECONDS as SETTLE_SECONDS
from streams.cli.settle import STOPPED, Settle, Settling
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.core.mapping import MappedEvent, MappingError
from streams.core.mapping.restate import Restated
from streams.pacing import NothingFoldedError
from streams.publisher import BrokerUnavailableError, NotAcknowledgedError, Publisher
from streams.settings import SettingsError, load_settings

SOME_ROWS_REJECTED: Final = 1
NOT_PUBLISHED: Final = 1
WRONG_MAPPING: Final = 2

_SHOWN_SECONDS: Final = 0.1
_AGAIN: Final = "Run the same command again to go on: events that arrived before change nothing."


def import_(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON, JSON Lines, XLSX or Parquet; packed or not.")
    ],
    mapping: Annotated[
        Path, typer.Option("--mapping", "-m", help="The mapping file, TOML, or the name of a connector.")
    ],
    source: Annotated[
        str | None, typer.Option(metavar="URI", help="The source of the events, in place of the mapping's.")
    ] = None,
    kafka: Annotated[str | None, typer.Option(help="Brokers, host:port[,host:port].")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write the events as JSON Lines instead of publishing them.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where rejected rows go; default: FILE.rejected.csv.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be published.")] = False,
    allow_rejected: Annotated[
        bool, typer.Option("--allow-rejected", help="Exit with 0 despite rejected and vanished rows.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the file was made; an older one corrects no newer one.")
    ] = None,
    no_compare: Annotated[
        bool, typer.Option("--no-compare", help="Send everything, without a look at what is stored.")
    ] = False,
    patience: Patience = SECONDS,
    at_once: AtOnce = False,
    settle: Settle = SETTLE_SECONDS,
) -> None:
    """Turn the rows of a file, or its documents, into events, as a mapping file says, and publish them.

    Importing a file again is safe, also after an interruption: the same rows give the same events, and an event that
    arrives twice counts once. What is stored of the source is looked at first: what is new is sent, and rows that
    changed are corrected. At the end it waits for the workers and says what they made of the events.

    Exit code 0: every event is stored, now or before, or nobody was there to ask; 1: rows were rejected, have vanished,
    or cannot be corrected, or not all was published; 2: the mapping is wrong and nothing was sent; 3: an event became a
    dead letter; 4: some are still unread after --settle.

    Events go at the pace of the workers: a few seconds of their work may be unread at once, so that live events
    get through. Where no worker reads, everything goes at once.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    started = monotonic()
    target = rejected or file.with_name(f"{file.name}.rejected.csv")
    made_at = _told(as_of)
    _refuse_overwriting([file, mapping], [target, *map(Path, [to] if to and to != "-" else [])])
    try:
        with _progress(console) as watch:
            imported = read_import(
                file,
                mapping,
                now_ms=SystemClock().now_ms(),
                watch=watch,
                spellings=spellings_of(load_settings()),
                source=source,
            )
            looked = None
            if to is None and not no_compare:
                looked = _compared(imported, kafka, made_at, patience, console, is_dry=dry_run)
            outgoing = replace(imported, events=looked.events) if looked else imported
            broker = _To(kafka, patience, at_once, settle, console)
            sent, settling = ("nothing: a dry run", None) if dry_run else _send(outgoing, to, target, watch, broker)
    except KeyboardInterrupt as stop:
        console.print(" ".join(("[yellow]Stopped.[/]", *map(str, stop.args), _AGAIN)))
        raise typer.Exit(STOPPED) from None
    except (MappingError, SettingsError) as error:
        console.print(f"[bold red]error:[/] {shown(str(error))}")
        raise typer.Exit(WRONG_MAPPING) from None
    except (BrokerUnavailableError, NotAcknowledgedError, NothingFoldedError, UnknownBeforeError, OSError) as error:
        console.print(f"[bold red]error:[/] {shown(str(error))}\n{_AGAIN}")
        raise typer.Exit(NOT_PUBLISHED) from None
    told = figures_of(looked) if looked else {}
    console.print(summary(imported, {**told, "Sent": sent, "Seconds": f"{monotonic() - started:.1f}"}))
    show_readings(imported, console)
    _show_rejected(imported, None if dry_run else target, console)
    if looked:
        show_missing(looked, console)
    code = settling.end() if settling else 0
    is_all = imported.is_whole and not (looked and (looked.vanished or looked.fixed))
    if not is_all and not allow_rejected:
        raise typer.Exit(SOME_ROWS_REJECTED)
    raise typer.Exit(code)


def _refuse_overwriting(inputs: list[Path], outputs: list[Path]) -> None:
    for output in outputs:
        if output.exists() and any(one.exists() and output.samefile(one) for one in inputs):
            raise typer.BadParameter(f"{output} is read by this import; write to another file")


def _told(as_of: str | None) -> datetime | None:
    if as_of is None:
        return None
    try:
        at = instant_told(as_of)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from None
    if at.timestamp() * 1000 > SystemClock().now_ms():
        raise typer.BadParameter(f"{as_of} lies in the future", param_hint="--as-of")
    return at


def _compared(
    imported: Import, kafka: str | None, made_at: datetime | None, patience: float, console: Console, *, is_dry: bool
) -> Restated | None:
    """Return what is to be sent; None when everything is. A dry run does without servers that are not there."""
    now_ms = SystemClock().now_ms()
    try:
        settings = resolve(load_settings(kafka=kafka), needs=("kafka",))
        return compared(imported, settings, as_of=made_at, now_ms=now_ms, patience_seconds=patience, say=console.print)
    except (SettingsError, UnknownBeforeError) as error:
        if not is_dry:
            raise
        console.print(f"[yellow]note:[/] not compared with what is stored: {shown(str(error))}")
        return None


class _To(NamedTuple):
    """Where events are published."""

    kafka: str | None
    patience: float
    at_once: bool
    settle: float
    console: Console


def _send(imported: Import, to: str | None, rejected: Path, watch: Watch, broker: _To) -> tuple[str, Settling | None]:
    """Keep rejected rows, publish or write all events; return what came of it, to be shown, and what is to be asked."""
    for path, sheet in _kept(imported, rejected):
        write_rejected(path, sheet)
    if to is None:
        return _publish(imported, watch, broker)
    if to == "-":
        return _print(imported, watch), None
    with Path(to).open("wb") as output:
        _counted(write_lines(output, imported.events), len(imported.events), "Writing events", watch)
    return f"{counted(len(imported.events), 'event')} written to {to}", None


def _kept(imported: Import, rejected: Path) -> list[tuple[Path, Sheet]]:
    """Return where the rejected rows of each file go that has some."""
    lookups = [(rejected.with_name(f"{sheet.name}.rejected.csv"), sheet) for sheet in imported.lookups]
    return [(path, sheet) for path, sheet in ((rejected, imported.sheet), *lookups) if sheet.rejected]


def _publish(imported: Import, watch: Watch, broker: _To) -> tuple[str, Settling]:
    settings = resolve(load_settings(kafka=broker.kafka), needs=("kafka",))
    total = len(imported.events)
    publisher = Publisher.from_settings(settings, patience_seconds=broker.patience)
    settling = Settling(publisher, settings, broker.settle, broker.console.print)
    try:
        with ExitStack() as opened:
            opened.enter_context(told_while_waiting(publisher, broker.patience, broker.console.print))
            if not broker.at_once:
                opened.enter_context(held_back(publisher, settings, broker.patience, broker.console.print))
            opened.enter_context(publisher)
            _counted(_published(publisher, imported), total, "Publishing events", watch)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{publisher.acknowledged:,} of {total:,} events have arrived.") from None
    return f"{counted(publisher.acknowledged, 'event')} acknowledged by {settings.kafka}", settling


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


def _show_rejected(imported: Import, rejected: Path | None, console: Console) -> None:
    show_rejected(imported, console)
    for path, sheet in _kept(imported, rejected) if rejected else []:
        advice = f"mend them in {sheet.name} and import again: what arrived before changes nothing"
        console.print(f"Rejected rows are kept in {shown(str(path))}; {shown(advice)}.")
