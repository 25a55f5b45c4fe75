"""The command line: `servicepulse --help` lists what it can do."""

import logging
import sys
from typing import Annotated, Final, NoReturn

import typer

from streams.cli.commands import MARKUP, Commands

EXPECTED: Final = (
    ("dashboards.fault", "GrafanaError"),
    ("dashboards.preview.fault", "PreviewError"),
    ("deploy.embedded.stack", "StackError"),
    ("deploy.embedded.state", "StackBusyError"),
    ("streams.cli.demo", "DemoError"),
    ("streams.cli.extra", "ExtraMissingError"),
    ("streams.fault", "KafkaRefusedError"),
    ("streams.store_error", "StoreRejectedError"),
    ("streams.store_error", "StoreUnavailableError"),
    ("streams.publisher", "BrokerUnavailableError"),
    ("streams.publisher", "NotAcknowledgedError"),
    ("streams.settings", "SettingsError"),
)
"""Errors whose message is meant for the person at the terminal, by module and name; all others are faults of ours and
show a traceback."""

app = typer.Typer(
    name="servicepulse",
    cls=Commands,
    help="Live service-quality metrics from ticket events: Kafka to Faust to ClickHouse to Grafana.",
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"servicepulse {version('servicepulse')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that go before a command."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the expected errors that can have been raised: those whose modules were loaded."""
    loaded = ((sys.modules[module], name) for module, name in EXPECTED if module in sys.modules)
    return tuple(getattr(module, name) for module, name in loaded if hasattr(module, name))


def main() -> NoReturn:
    """Run the command of this process and exit with its code: 0 done, 1 something was not, 2 it could not begin."""
    for driver in ("clickhouse_connect", "urllib3", "urllib3_future"):
        logging.getLogger(driver).setLevel(logging.ERROR)  # they print tracebacks beside our sentence
    try:
        app()
    except expected_errors() as error:
        from rich.console import Console

        from streams.cli.signs import shown

        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {shown(str(error))}", highlight=False)
        sys.exit(getattr(error, "exit_code", 2))
    sys.exit(0)
