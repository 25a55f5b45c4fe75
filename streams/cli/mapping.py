"""`servicepulse mapping check`: what a mapping makes of a file, and what it leaves undecided."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from streams.cli.import_shown import show_readings, show_rejected, summary
from streams.cli.importing import Import, keys_in, read_import, spellings_of
from streams.clock import SystemClock
from streams.core.mapping import MappingError
from streams.settings import load_settings

UNDECIDED: Final = 1
WRONG: Final = 2

app = typer.Typer(help="Mapping files, by which CSV files become events.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Mapping files, by which CSV files become events."""


@app.command()
def check(
    mapping: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The mapping file, TOML.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV file.")],
) -> None:
    """Show what a mapping makes of a file and ask for what it leaves undecided; nothing is sent.

    The exit code is 0 when every row was read and each is told apart by what it says, 1 when rows were rejected or hang
    on their number, 2 when the mapping is wrong.

    Example: `servicepulse mapping check tickets.toml tickets.csv`
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        imported = read_import(
            file,
            mapping,
            now_ms=SystemClock().now_ms(),
            watch=lambda *_: None,
            spellings=spellings_of(load_settings()),
        )
    except MappingError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(WRONG) from None
    console.print(summary(imported))
    show_readings(imported, console)
    _show_identity(imported, file, console)
    show_rejected(imported, console)
    if not imported.is_whole or imported.plan.by_row:
        raise typer.Exit(UNDECIDED)


def _show_identity(imported: Import, file: Path, console: Console) -> None:
    """Tell how rows are told apart; without a key, ask for one."""
    if imported.plan.by_number:
        return
    if imported.plan.has_key:
        console.print("Rows are told apart by the columns of `id`: one that changes is corrected when it comes again.")
        return
    console.print(
        "Rows are told apart by all that they say: right for a log, whose rows never change. "
        "If rows do change, as those of a list of tickets or orders, which columns stay?"
    )
    for key in keys_in(file, imported.sheet):
        template = "/".join(f"{{{column}}}" for column in key)
        console.print(f'  id = "{escape(template)}"   tells all rows of this file apart')
