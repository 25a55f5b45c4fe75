"""`signals`: what the watch found - falls of satisfaction, rates that changed, broken surveys, silent sources."""

import sys
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from schemas.rows import SignalRow
from streams.cli.connection import open_client
from streams.cli.signs import shown
from streams.clock import SystemClock
from streams.core.drop import Cause
from streams.core.signal import sentence
from streams.core.signal.message import plain
from streams.core.signal.segment import SignalState
from streams.core.signal.statement import segment_of
from streams.core.window import DAY_MS
from streams.settings import load_settings
from streams.sinks.watch import ClickHouseWatchStore

WIDE: Final = 180
"""Columns of a table that goes to a file or a pipe: nothing folds its lines there."""
NOTHING: Final = "No signal is open, and none was in the last {days} days."


class Format(StrEnum):
    """For whom it is."""

    TABLE = "table"
    JSON = "json"


def signals(
    days: Annotated[int, typer.Option(min=0, help="Also those that were resolved in the last so many days.")] = 30,
    open_: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="Also those of which later knowledge says that they never were.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="For people, or one JSON object a line.")] = Format.TABLE,
) -> None:
    """List what the watch of the workers found: open signals first, then those that were resolved lately.

    streams/SIGNALS.md says when there is one, deploy/RUNBOOK.md what to do about it.

    For example:

    `servicepulse signals`

    `servicepulse signals --open --format json`

    `servicepulse signals --days 365`
    """
    since = SystemClock().now_ms() - days * DAY_MS
    with closing(open_client(load_settings())) as client:
        found = [
            row for row in ClickHouseWatchStore(client).signals() if withdrawn or row.state != SignalState.WITHDRAWN
        ]
    chosen = [
        row
        for row in found
        if row.state == SignalState.OPEN or (not open_ and (row.resolved_at or row.opened_at) >= since)
    ]
    chosen.sort(key=lambda row: (row.state != SignalState.OPEN, -row.opened_at))
    if format_ is Format.JSON:
        for row in chosen:
            sys.stdout.write(msgspec.json.encode(plain(row)).decode() + "\n")
        return
    _show(chosen, "No signal is open." if open_ else NOTHING.format(days=days))


def _show(rows: Sequence[SignalRow], nothing: str) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE, highlight=False)
    if not rows:
        console.print(nothing)
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("state", "what", "whose", "since", "opened", "resolved", "value", "95 %", "n", "usual"):
        table.add_column(heading, justify="right" if heading in {"value", "n", "usual"} else "left")
    for row in rows:
        table.add_row(*map(shown, _cells(row)), style="bold red" if _is_urgent(row) else "")
    console.print(table)
    for row in rows:
        if row.state == SignalState.OPEN:
            _explain(console, row)


def _cells(row: SignalRow) -> list[str]:
    return [
        row.state if row.is_page else f"{row.state}, no page",
        row.kind.replace("_", " "),
        sentence.of_segment(segment_of(row)),
        sentence.instant(row.since_at),
        sentence.instant(row.opened_at),
        sentence.instant(row.resolved_at) if row.resolved_at else "",
        sentence.percent(row.value),
        sentence.interval(row.low, row.high),
        f"{row.n:,}",
        sentence.usual(Cause(row.kind), row.baseline),
    ]


def _explain(console: Console, row: SignalRow) -> None:
    console.print(f"\n[bold]{shown(row.kind.replace('_', ' '))}, {shown(sentence.of_segment(segment_of(row)))}[/]")
    if row.slices_reason:
        parts = zip(row.slices_reason, row.slices_product_line, row.slices_points, strict=True)
        named = ", ".join(f"{reason or '?'} x {line or '?'} {points:+.1f}" for reason, line, points in parts)
        console.print(f"  contributes most, in points: {shown(named)}")
    if row.told.get("customers"):
        console.print(f"  customers: {shown(row.told['customers'])}")
    if row.ticket_ids:
        console.print(f"  read first: {shown(', '.join(row.ticket_ids))}")
    if row.note:
        console.print(f"  pages nobody: {shown(row.note)}")
    console.print(f"  {shown(row.clears)}")


def _is_urgent(row: SignalRow) -> bool:
    return row.state == SignalState.OPEN and row.is_page
