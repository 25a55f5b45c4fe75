"""`up`, `down`, `status`: the embedded stack."""

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from deploy.embedded.stack import Service, Stack
from streams.settings import load_settings

console = Console()


def up() -> None:
    """Start the embedded broker and ClickHouse in the background.

    What runs already stays as it is. Data of ClickHouse are kept over restarts; the broker keeps its log in memory.

    Example: `servicepulse up && servicepulse worker`
    """
    services = Stack(load_settings().folder).up(on_step=lambda step: console.print(f"  {step}", highlight=False))
    console.print(_table(services))
    console.print("Next: [bold]servicepulse worker[/] folds events; [bold]servicepulse down[/] ends the stack.")


def down() -> None:
    """End the embedded stack. Data of ClickHouse stay in its folder.

    Example: `servicepulse down`
    """
    console.print(_table(Stack(load_settings().folder).down()))


def status() -> None:
    """Show what runs, where, and since when. The exit code is 1 unless everything is healthy.

    Example: `servicepulse status && servicepulse worker`
    """
    services = Stack(load_settings().folder).status()
    console.print(_table(services))
    if not all(service.is_healthy for service in services):
        raise typer.Exit(1)


def _table(services: Sequence[Service]) -> Table:
    table = Table(box=None, header_style="dim")
    for heading in ("service", "state", "address", "pid", "up for", "log"):
        table.add_column(heading, overflow="fold")
    for service in services:
        uptime = service.uptime_seconds
        table.add_row(
            service.name,
            _state(service),
            service.address or "",
            str(service.pid or ""),
            f"{uptime:.0f} s" if uptime is not None else "",
            str(service.log_path),
        )
    return table


def _state(service: Service) -> str:
    if service.change:
        return str(service.change)
    if not service.is_running:
        return "not running"
    return "[green]healthy[/]" if service.is_healthy else "[red]does not answer[/]"
