"""`preview`: the dashboards in the browser, without a Grafana."""

import os
import socket
import subprocess
import sys
import webbrowser
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer
from clickhouse_connect.driver.client import Client
from rich.console import Console

from dashboards.preview.fault import PreviewError
from dashboards.preview.frame import Answer, Ask, QueryError
from dashboards.preview.library import CHECKED_IN, Dashboard, Library
from deploy.embedded.lifeline import end_with
from streams.cli.connection import open_client
from streams.cli.extra import ExtraMissingError, needing
from streams.clock import SystemClock
from streams.settings import PREFIX, Settings, load_settings
from streams.sinks.connection import named_errors
from streams.store_error import StoreRejectedError, StoreUnavailableError

PORT: Final = 6067
QUERY_SECONDS: Final = 20
"""As in Grafana's provisioning: what takes longer would queue up behind the next refresh."""

SHUTDOWN_SECONDS: Final = 1
"""What an answer in hand gets; browsers ask again anyway."""

console = Console(highlight=False, soft_wrap=True)


def preview(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 finds a free one.")] = PORT,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    listen_fd: Annotated[int | None, typer.Option(hidden=True, help="A socket that listens already.")] = None,
    owner_pid: Annotated[int | None, typer.Option(hidden=True, help="Stop when this parent process is gone.")] = None,
) -> None:
    """Show the dashboards in the browser, for those who have no Grafana at hand, until Ctrl-C.

    They are drawn from the same files and by the same queries. Only this machine can reach them.

    Example: `servicepulse preview --open`
    """
    with needing("preview"):
        from aiohttp import web

        from dashboards.preview.server import Preview, application

    if owner_pid is not None:
        end_with(owner_pid)
    sock = socket.socket(fileno=listen_fd) if listen_fd is not None else listening(port)
    settings = load_settings()
    with closing(sock), closing(open_client(settings)) as client:
        app = application(Preview(library_of(settings), ask_of(client), SystemClock().now_ms))
        console.print(f"dashboards at [bold]{url_of(sock)}[/] (Ctrl-C ends it)")
        if open_browser:
            webbrowser.open(url_of(sock))
        web.run_app(app, sock=sock, print=None, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)


def library_of(settings: Settings) -> Library:
    """Return the dashboards that are checked in, or those that compare no agents where the settings ask for that."""
    if settings.compare_agents:
        return Library.read(CHECKED_IN)
    from dashboards.render import dashboards

    return Library.of([Dashboard(one.to_json()) for one in dashboards(compares_agents=False)])


def listening(port: int) -> socket.socket:
    """Return a socket that listens on loopback.

    Raises:
        PreviewError: When the port is taken.
    """
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise PreviewError(f"port {port} is taken: give another one with --port, or 0 for any") from error


def url_of(sock: socket.socket) -> str:
    """Return the address that a browser opens."""
    return f"http://127.0.0.1:{sock.getsockname()[1]}/"


def ask_of(client: Client) -> Ask:
    """Return what runs the queries of dashboards: it reads only, and not for long."""

    def ask(sql: str) -> Answer:
        try:
            with named_errors():
                found = client.query(sql, settings={"max_execution_time": QUERY_SECONDS})
        except (StoreUnavailableError, StoreRejectedError) as error:
            raise QueryError(str(error)) from error
        types = [type_.name for type_ in found.column_types]
        return Answer(list(found.column_names), types, found.result_rows)

    return ask


def start_preview(settings: Settings, log_path: Path, *, owner_pid: int) -> tuple[str, subprocess.Popen[bytes]] | None:
    """Start the preview as a process of its own that ends with its owner; return its address and the process.

    The address answers at once: who comes before the process is ready waits in the queue of its socket. Without the
    packages of the preview there is none.
    """
    try:
        with needing("preview"):
            from dashboards.preview.server import chart_library

        chart_library()
    except (ExtraMissingError, PreviewError):
        return None
    with closing(_any_port()) as sock:
        sock.set_inheritable(True)
        command = [sys.executable, "-m", "streams.cli", "preview"]
        command += ["--listen-fd", str(sock.fileno()), "--owner-pid", str(owner_pid)]
        environment = {
            **os.environ,
            f"{PREFIX}CLICKHOUSE": str(settings.clickhouse),
            f"{PREFIX}DATABASE": settings.database,
        }
        with log_path.open("ab") as lines:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, env=environment, stdout=lines, stderr=lines, start_new_session=True, pass_fds=[sock.fileno()]
            )
        return url_of(sock), process


def _any_port() -> socket.socket:
    try:
        return listening(PORT)
    except PreviewError:
        return listening(0)
