"""How rows that were read or refused look on the screen."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.table import Table

from streams.cli.importing import Import
from streams.cli.signs import shown
from streams.cli.wording import counted

_SHOWN: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MANY: Final = 0.1
"""From this share of rejected rows on, the file is taken to be written in another way than the mapping says."""

_BY_ROW: Final = (
    "made of row numbers ({$row}): a row more in the file, and those behind it say something else. "
    "Take {$id}, which follows from what the row says"
)


def summary(imported: Import, more: Mapping[str, str] = MappingProxyType({})) -> Table:
    """Return what became of the rows, with more lines at the end."""
    table = Table("", "", show_header=False, box=None)
    table.add_row("Rows", f"{imported.rows:,}")
    for reason, count in sorted(imported.skipped.items()):
        table.add_row("  skipped", f"{count:,}  {shown(reason)}")
    table.add_row("  rejected", f"{len(imported.rejected):,}")
    table.add_row("Events", f"{len(imported.events):,}")
    for name, count in sorted(imported.counts.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(f"  {name}", f"{count:,}")
    if imported.events:
        table.add_row("  from", _written(imported.events[0].at_ms))
        table.add_row("  to", _written(imported.events[-1].at_ms))
    for name, text in more.items():
        table.add_row(name, shown(text))
    return table


def show_readings(imported: Import, console: Console) -> None:
    """Show what was read although its cell says less, with an example and the setting that decides it."""
    for kind, count, example, setting in imported.notes:
        console.print(f"[yellow]note:[/] {count:,} {shown(kind)}, such as {shown(repr(example))}; see {setting}")
    for place in imported.plan.by_row:
        other = ", or leave it out" if place == "id" else ""
        console.print(f"[yellow]note:[/] `{shown(place)}` is {shown(_BY_ROW)}{other}.")


def show_rejected(imported: Import, console: Console) -> None:
    """Show the first rejected rows of each file, and what most of them may lack."""
    for sheet in (imported.sheet, *imported.lookups):
        place = "" if sheet is imported.sheet else f"{sheet.name}, "
        for record, reason, *_ in sheet.rejected[:_SHOWN]:
            console.print(f"[yellow]{shown(place)}line {record.line}:[/] {shown(reason)}")
        if len(sheet.rejected) > _SHOWN:
            console.print(f"and {len(sheet.rejected) - _SHOWN:,} more rejected rows{shown(f' of {sheet.name}')}")
    short = sum(len(record.cells) < len(imported.sheet.header) for record, *_ in imported.rejected)
    if short > _MANY * imported.rows:
        console.print(
            f"[yellow]note:[/] {counted(short, 'row')} with fewer cells than the header; if rows leave empty cells at "
            'their end out, say `missing_cells = "empty"` in \\[csv]'
        )


def _written(at_ms: int) -> str:
    return f"{_EPOCH + timedelta(milliseconds=at_ms):%Y-%m-%d %H:%M:%S} UTC"
