"""`receive`: the door, through which events and deliveries of vendors come in over HTTP."""

from contextlib import suppress
from typing import Annotated

import typer

from deploy.embedded.lifeline import end_with
from streams import logs
from streams.cli.connection import resolve
from streams.cli.extra import needing
from streams.settings import SettingsError, load_settings


def receive(
    port: Annotated[int | None, typer.Option(help="Port of the door; 0 finds a free one.")] = None,
    web_port: Annotated[int | None, typer.Option(help="Port of /health and /metrics.")] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
    owner_pid: Annotated[int | None, typer.Option(hidden=True, help="Stop when this parent process is gone.")] = None,
) -> None:
    """Take events in over HTTP and answer once Kafka has them, until told to stop (Ctrl-C or SIGTERM).

    Senders show a token: `servicepulse tokens create` makes one. Only this machine reaches the door unless
    SERVICEPULSE_RECEIVE_HOST says otherwise; then give it a certificate, or put a proxy with TLS before it. While Kafka
    is away everything is refused with 503, and nothing is lost. Start several, they share nothing.

    For example:

    `servicepulse receive`

    `curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/x-ndjson' --data-binary @events.jsonl
    http://127.0.0.1:6068/v1/events`
    """
    with needing("receive"):
        from streams.door.run import run_door

    settings = resolve(load_settings(receive_port=port, web_port=web_port, log_level=log_level), needs=("kafka",))
    with suppress(SettingsError):  # only who asks what became of an event needs it
        settings = resolve(settings, needs=("clickhouse",))
    logs.configure(settings)
    if owner_pid is not None:
        end_with(owner_pid)
    run_door(settings)
