"""`worker`: folds events until told to stop."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.embedded.lifeline import end_with
from streams import logs
from streams.cli.connection import resolve
from streams.cli.extra import needing
from streams.settings import PREFIX, Settings, load_settings

PASSED_ON = ("kafka", "clickhouse", "kafka_topic_prefix", "kafka_session_timeout_seconds", "database", "web_port")


def worker(
    web_port: Annotated[int | None, typer.Option(help="Port of /health and /metrics.")] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
    owner_pid: Annotated[int | None, typer.Option(hidden=True, help="Stop when this parent process is gone.")] = None,
) -> None:
    """Fold events into ClickHouse until told to stop (Ctrl-C or SIGTERM finish the batch in hand).

    Start as many as there are partitions; when one dies the others take its partitions over. Brings the database up to
    date first, and waits for Kafka and ClickHouse when they are away.

    Exit code 0: it was told to stop; 1: it ended by an error, which its log names; 2: settings or ClickHouse refuse the
    start; 77: Kafka refuses the login; 78: settings and Kafka do not fit together. Only other settings help with the
    last three.

    Example: `SERVICEPULSE_KAFKA=broker:9092 SERVICEPULSE_CLICKHOUSE=http://db:8123 servicepulse worker`
    """
    with needing("worker"):
        from streams.worker import run_worker

    settings = resolve(load_settings(web_port=web_port, log_level=log_level))
    logs.configure(settings)
    if owner_pid is not None:
        end_with(owner_pid)
    raise typer.Exit(run_worker(settings))


def start_worker(settings: Settings, log_path: Path, *, owner_pid: int | None = None) -> subprocess.Popen[bytes]:
    """Start a worker as a process of its own that logs to a file; with `owner_pid` it ends when that process ends."""
    given = {name: getattr(settings, name) for name in PASSED_ON}
    environment = {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items() if value is not None}
    if settings.clickhouse_password:
        environment[f"{PREFIX}CLICKHOUSE_USERNAME"] = settings.clickhouse_username
        environment[f"{PREFIX}CLICKHOUSE_PASSWORD"] = settings.clickhouse_password.get_secret_value()
    command = [sys.executable, "-m", "streams.cli", "worker"]
    if owner_pid is not None:
        command += ["--owner-pid", str(owner_pid)]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as lines:
        return subprocess.Popen(  # noqa: S603 - our own command
            command, env={**os.environ, **environment}, stdout=lines, stderr=lines, start_new_session=True
        )
