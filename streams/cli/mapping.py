"""`servicepulse mapping`: what a mapping makes of files, a first mapping of one, and the connectors that are there."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from schemas.connectors import connector as connector_text
from schemas.connectors import connectors
from streams.cli.check_shown import show_events, show_unread
from streams.cli.import_shown import show_readings, show_rejected, summary
from streams.cli.importing import Import, keys_in, mapping_text, read_import, spellings_of, unread_in
from streams.cli.opened import BrokenFileError
from streams.cli.sampling import sample_of
from streams.cli.signs import shown
from streams.clock import SystemClock
from streams.core.mapping import MappingError, draft_of
from streams.core.mapping.sketch import NoTimesError, sketch_of
from streams.settings import load_settings

UNDECIDED: Final = 1
WRONG: Final = 2

app = typer.Typer(help="Mapping files, by which tables and documents become events.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Mapping files, by which tables and documents become events."""


@app.command()
def check(
    mapping: Annotated[Path, typer.Argument(help="The mapping file, TOML, or the name of a connector.")],
    samples: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="CSV, JSON, JSON Lines, XLSX or Parquet; packed or not."),
    ],
) -> None:
    """Show for each sample what a mapping makes of it, and ask for what it leaves undecided; nothing is sent.

    Events are shown field by field with what they come from, of tables the first of each rule; then the fields that
    nobody reads. The exit code is 0 when all was read and each row is told apart by what it says, 1 when rows were
    rejected or hang on their number, 2 when the mapping is wrong.

    Example: `servicepulse mapping check tickets.toml tickets.csv`
    """
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    is_decided = True
    for sample in samples:
        if len(samples) > 1:
            console.rule(shown(sample.name), align="left")
        try:
            is_decided = _checked(mapping, sample, console) and is_decided
        except (MappingError, OSError) as error:
            console.print(f"[bold red]error:[/] {shown(str(error))}")
            raise typer.Exit(WRONG) from None
    if not is_decided:
        raise typer.Exit(UNDECIDED)


@app.command()
def sketch(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON, JSON Lines, XLSX or Parquet; packed or not.")
    ],
) -> None:
    """Propose a first mapping of a file, for a person to finish: lines with a question mark are guesses.

    Example: `servicepulse mapping sketch tickets.csv > tickets.toml`
    """
    try:
        typer.echo(sketch_of(sample_of(file)), nl=False)
    except (NoTimesError, MappingError, BrokenFileError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(WRONG) from None


@app.command()
def show(
    connector: Annotated[str | None, typer.Argument(help="Its name; without one, the names are listed.")] = None,
) -> None:
    """Show the mapping file of a connector, to use it as it is or to begin from.

    Example: `servicepulse mapping show zendesk > desk.toml`
    """
    if connector is None:
        typer.echo("\n".join(connectors()))
        return
    text = connector_text(connector)
    if text is None:
        typer.echo(f"error: no connector {connector}; there are {', '.join(connectors())}", err=True)
        raise typer.Exit(WRONG)
    typer.echo(text, nl=False)


def _checked(mapping: Path, sample: Path, console: Console) -> bool:
    """Show what a mapping makes of a sample; return whether it leaves nothing undecided."""
    imported = read_import(
        sample,
        mapping,
        now_ms=SystemClock().now_ms(),
        watch=lambda *_: None,
        spellings=spellings_of(load_settings()),
    )
    console.print(summary(imported))
    show_events(imported, draft_of(mapping_text(mapping)).document, console)
    show_unread(unread_in(sample, imported), console)
    show_readings(imported, console)
    _show_identity(imported, sample, console)
    show_rejected(imported, console)
    return imported.is_whole and not imported.plan.by_row


def _show_identity(imported: Import, file: Path, console: Console) -> None:
    """Tell how rows are told apart; without a key, ask for one."""
    if imported.plan.by_number:
        return
    if imported.plan.has_own_ids:
        console.print("Events are named by rules: a fact that comes again is the same event.")
        return
    if imported.plan.has_key:
        console.print("Rows are told apart by the columns of `id`: one that changes is corrected when it comes again.")
        return
    console.print(
        "Rows are told apart by all that they say: right for a log, whose rows never change. "
        "If rows do change, as those of a list of tickets or orders, which columns stay?"
    )
    if imported.plan.picking is not None:
        return
    for key in keys_in(file, imported.sheet):
        template = "/".join(f"{{{column}}}" for column in key)
        console.print(f'  id = "{shown(template)}"   tells all rows of this file apart')
