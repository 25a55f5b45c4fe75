"""`dashboards`: the files that are checked in, and the Grafana that shows them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dashboards.fault import GrafanaError
from streams.cli.extra import needing
from streams.cli.signs import shown
from streams.settings import load_settings

if TYPE_CHECKING:
    from dashboards.alert.rules import Groups
    from dashboards.dashboard import Dashboard
    from dashboards.grafana import Grafana
    from dashboards.made import Made
    from dashboards.style import Json

TOKEN = "SERVICEPULSE_GRAFANA_TOKEN"  # noqa: S105 - the name of a variable, not a token

app = typer.Typer(help="Dashboards as code: render the files, bring them into Grafana.", no_args_is_help=True)
console = Console()

Address = Annotated[
    str, typer.Option("--grafana", envvar="SERVICEPULSE_GRAFANA", help="Address of Grafana, http[s]://host:port.")
]
Folder = Annotated[Path | None, typer.Option(help="Where the files are; not given: those of this package.")]


@app.command()
def render(folder: Folder = None) -> None:
    """Write the dashboards as JSON files, as Grafana's provisioning and the preview read them.

    Without a folder the alert rules and the reference of the metrics are written as well.

    Example: `servicepulse dashboards render`
    """
    from dashboards.render import FOLDER, write

    changed = write(folder or FOLDER, _pages()) + [file.path for file in _beside(folder) if file.write()]
    for path in changed:
        console.print(f"  {path.name}", highlight=False)
    console.print(f"files changed: {len(changed)}", highlight=False)


@app.command()
def check(folder: Folder = None) -> None:
    """Tell whether the files are what the code says. The exit code is 1 when they are not.

    Example: `servicepulse dashboards check || servicepulse dashboards render`
    """
    from dashboards.render import FOLDER, differing

    stale = differing(folder or FOLDER, _pages()) + [file.path for file in _beside(folder) if not file.is_current()]
    for path in stale:
        console.print(f"  [red]{shown(path.name)}[/] is not what the code says", highlight=False)
    if stale:
        console.print("Write them anew: [bold]servicepulse dashboards render[/]", highlight=False)
        raise typer.Exit(1)
    console.print("every file is what the code says")


@app.command()
def apply(
    grafana: Address = "",
    with_data_source: Annotated[
        bool,
        typer.Option("--with-data-source", help="Also the data source, of the ClickHouse that the settings name."),
    ] = False,
) -> None:
    """Bring folder, dashboards and alert rules into a Grafana. A second time in a row changes nothing.

    The token of a service account with the role Editor is read from SERVICEPULSE_GRAFANA_TOKEN; with the data source it
    must be Admin. What is provisioned from files there stays as it is.

    Example: `SERVICEPULSE_GRAFANA_TOKEN=... servicepulse dashboards apply --grafana https://grafana.example.com`
    """
    with needing("grafana"):
        from dashboards.grafana import Change, kinds_of

    steps = []
    with _grafana(grafana) as opened:
        for step in opened.apply(_data_source() if with_data_source else None):
            steps.append(step)
            if step.change is not Change.UNCHANGED:
                console.print(f"  {step.kind} {step.uid}: {step.change}", highlight=False)
    console.print(", ".join(f"{count} {change}" for change, count in kinds_of(steps).items()), highlight=False)


@app.command()
def diff(grafana: Address = "") -> None:
    """Tell where a Grafana differs from the code. The exit code is 1 when it does.

    What Grafana adds by itself is no difference.

    Example: `servicepulse dashboards diff --grafana https://grafana.example.com`
    """
    with _grafana(grafana) as opened:
        found = opened.differences()
    for one in found:
        console.print(f"  [bold]{shown(one.uid)}[/] {shown(one.what)}", highlight=False, soft_wrap=True)
    if found:
        console.print("Bring it up to date: [bold]servicepulse dashboards apply[/]", highlight=False)
        raise typer.Exit(1)
    console.print("Grafana is what the code says")


def _beside(folder: Path | None) -> "Sequence[Made]":
    """Return what is made from the same code and has its place beside the dashboards of this package."""
    from dashboards import reference
    from dashboards.alert.render import file_of

    return () if folder else (file_of(_rules()), reference.FILE)


def _pages() -> "Sequence[Dashboard]":
    """Return the dashboards as the settings have them."""
    from dashboards.render import dashboards

    return dashboards(compares_agents=load_settings().compare_agents)


def _rules() -> "Groups":
    """Return the alert rules as the settings have them."""
    from dashboards.alert.rules import groups

    return groups(load_settings().alert_lead_minutes)


def _grafana(address: str) -> "Grafana":
    with needing("grafana"):
        from dashboards.grafana import Grafana

    if not address:
        raise GrafanaError("no Grafana is named: give --grafana, or set SERVICEPULSE_GRAFANA to its address")
    return Grafana(address, os.environ.get(TOKEN), _rules(), _pages())


def _data_source() -> "Json":
    from dashboards.grafana import data_source_of

    settings = load_settings()
    password = settings.clickhouse_password
    return data_source_of(
        settings.clickhouse or "",
        settings.clickhouse_username,
        password.get_secret_value() if password else "",
        settings.database,
    )
