"""`servicepulse publish`: a file of events, one a line, goes to Kafka."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from time import monotonic
from typing import Annotated, BinaryIO, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from schemas.codec import InvalidEventError
from streams.cli.connection import resolve
from streams.cli.patience import SECONDS, AtOnce, Patience, held_back, told_while_waiting
from streams.cli.settle import SECONDS as SETTLE_SECONDS
from streams.cli.settle import STOPPED, Settle, Settling
from streams.cli.signs import shown
from streams.cli.wording import counted
from streams.pacing import NothingFoldedError
from streams.publisher import BrokerUnavailableError, NotAcknowledgedError, Publisher
from streams.settings import load_settings

NOT_ALL: Final = 1
NOT_BEGUN: Final = 2

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SHOWN_SECONDS: Final = 0.1
_AGAIN: Final = "Publishing the same lines again is safe: an event that arrives twice counts once."


def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="JSON Lines, one CloudEvent a line; - reads standard input.")
    ],
    kafka: Annotated[str | None, typer.Option(help="Brokers, host:port[,host:port].")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first line that is no event.")] = False,
    patience: Patience = SECONDS,
    at_once: AtOnce = False,
    settle: Settle = SETTLE_SECONDS,
) -> None:
    """Publish events from a file of JSON Lines, each to the topic and under the key where it belongs.

    Lines that are no events of the contract are named with what is wrong with them; the others are published all the
    same. At the end it waits for the workers and says what they made of the events. Publishing a file again is safe.

    Exit code 0: every event is stored, now or before, or nobody was there to ask; 1: a line was refused or an event was
    not acknowledged; 2: nothing was sent; 3: an event became a dead letter; 4: some are still unread after --settle.

    Events marked as history (`replay`) go at the pace of the workers: a few seconds of their work may be unread
    at once, so that live events get through. Where no worker reads, everything goes at once.

    For example:

    `servicepulse publish events.jsonl`

    `tail -f desk.jsonl | servicepulse publish - --kafka broker:9092`
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    settings = resolve(load_settings(kafka=kafka), needs=("kafka",))
    with ExitStack() as opened:
        try:
            lines = _Lines(opened.enter_context(_open(file)), _size_of(file))
        except FileNotFoundError:
            console.print(f"[bold red]error:[/] no such file: {shown(file)}")
            raise typer.Exit(NOT_BEGUN) from None
        except OSError as error:
            console.print(f"[bold red]error:[/] {shown(str(error))}")
            raise typer.Exit(NOT_BEGUN) from None
        try:
            publisher = Publisher.from_settings(settings, patience_seconds=patience)
        except BrokerUnavailableError as error:
            console.print(f"[bold red]error:[/] {shown(str(error))}")
            raise typer.Exit(NOT_BEGUN) from None
        settling = Settling(publisher, settings, settle, console.print)
        with told_while_waiting(publisher, patience, console.print):
            if not at_once:
                opened.enter_context(held_back(publisher, settings, patience, console.print, only_history=True))
            code = _publish(lines, publisher, strict, console)
    refused = f", {counted(lines.refused, 'line')} refused" if lines.refused else ""
    console.print(f"{counted(publisher.acknowledged, 'event')} acknowledged by {settings.kafka}{refused}")
    made = settling.end() if code == 0 else 0
    raise typer.Exit(code or (NOT_ALL if lines.refused else made))


class _Lines:
    """The lines of the input that are not blank, with their numbers, and how far we are."""

    def __init__(self, stream: BinaryIO, size: int | None) -> None:
        self.size = size
        self.read = 0
        self.refused = 0
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for number, line in enumerate(self._stream, start=1):
            self.read += len(line)
            event = line.removeprefix(_BYTE_ORDER_MARK).strip() if number == 1 else line.strip()
            if event:
                yield number, event


def _publish(lines: _Lines, publisher: Publisher, strict: bool, console: Console) -> int:
    """Publish all lines and wait for their acknowledgement; return the exit code, whatever lines were refused."""
    try:
        with publisher, _progress(console) as progress:
            _send(lines, publisher, strict, progress, progress.add_task("", total=lines.size, published=0))
    except (NotAcknowledgedError, BrokerUnavailableError, NothingFoldedError) as error:
        console.print(f"[bold red]error:[/] {shown(str(error))}\n{_AGAIN}")
        return NOT_ALL
    except KeyboardInterrupt:
        console.print(f"[yellow]Stopped.[/] {_AGAIN}")
        return STOPPED
    return 0


def _send(lines: _Lines, publisher: Publisher, strict: bool, progress: Progress, task: TaskID) -> None:
    shown_at = monotonic()
    for number, event in lines:
        try:
            publisher.publish_event(event)
        except InvalidEventError as error:
            lines.refused += 1
            progress.console.print(f"[yellow]line {number:,}:[/] {shown(str(error))}")
            if strict:
                return
        if monotonic() - shown_at >= _SHOWN_SECONDS:
            shown_at = monotonic()
            progress.update(task, completed=lines.read, published=publisher.acknowledged)


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), TextColumn("{task.fields[published]:,} events acknowledged"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _open(file: str) -> "nullcontext[BinaryIO] | BinaryIO":
    return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")


def _size_of(file: str) -> int | None:
    return None if file == "-" else Path(file).stat().st_size
