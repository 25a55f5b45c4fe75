"""The command line: `servicepulse --help` lists what it can do."""

import logging
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from dashboards.fault import GrafanaError
from dashboards.preview.fault import PreviewError
from deploy.embedded.stack import StackError
from deploy.embedded.state import StackBusyError
from streams.cli import dashboards, dead_letters, mapping, run_worker, schedules, stack, store
from streams.cli.demo import DemoError, demo
from streams.cli.extra import ExtraMissingError
from streams.cli.import_ import import_
from streams.cli.live import live
from streams.cli.preview import preview
from streams.cli.publish import publish
from streams.cli.report import report
from streams.cli.signals import signals
from streams.cli.simulate_alerts import simulate_alerts
from streams.cli.verify import verify
from streams.fault import KafkaRefusedError
from streams.ports import StoreRejectedError, StoreUnavailableError
from streams.publisher import BrokerUnavailableError, NotAcknowledgedError
from streams.settings import SettingsError

EXPECTED = (
    BrokerUnavailableError,
    DemoError,
    ExtraMissingError,
    GrafanaError,
    KafkaRefusedError,
    NotAcknowledgedError,
    PreviewError,
    SettingsError,
    StackBusyError,
    StackError,
    StoreRejectedError,
    StoreUnavailableError,
)
"""Errors whose message is meant for the person at the terminal; all others are faults of ours and show a traceback."""

app = typer.Typer(
    name="servicepulse",
    help="Live service-quality metrics from ticket events: Kafka to Faust to ClickHouse to Grafana.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        Console().print(f"servicepulse {version('servicepulse')}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that go before a command."""


app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(store.migrate)
app.command()(run_worker.worker)
app.command()(publish)
app.command("import")(import_)
app.command()(demo)
app.command()(report)
app.command()(live)
app.command()(preview)
app.command()(signals)
app.command()(simulate_alerts)
app.command()(store.refold)
app.command()(verify)
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(mapping.app, name="mapping")
app.add_typer(schedules.app, name="schedules")


def main() -> NoReturn:
    """Run the command of this process and exit with its code: 0 done, 1 something was not, 2 it could not begin."""
    for driver in ("clickhouse_connect", "urllib3", "urllib3_future"):
        logging.getLogger(driver).setLevel(logging.ERROR)  # they print tracebacks beside our sentence
    try:
        app()
    except EXPECTED as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        sys.exit(getattr(error, "exit_code", 2))
    sys.exit(0)
