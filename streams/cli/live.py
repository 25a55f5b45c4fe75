"""`live`: the main numbers, as they move."""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from streams.cli.connection import open_client
from streams.cli.live_screen import look, screen_of
from streams.clock import SystemClock
from streams.settings import Settings, load_settings
from streams.store_error import StoreUnavailableError

REFRESH_SECONDS: Final = 1.5
LEAST_REST: Final = 5
"""The view rests at least so many times as long as a look took: a busy machine has better things to do."""
LOOK_SECONDS: Final = 0.1
"""How soon the view notices that it shall end."""
DRIVERS: Final = ("clickhouse_connect", "urllib3")
"""What they warn of we say ourselves; theirs would be written across the screen."""


def live() -> None:
    """Show the main numbers as they move, until Ctrl-C.

    They stand at the newest event: where history is played faster than it happened, their "now" lies in the past.

    Example: `servicepulse live`
    """
    try:
        live_view(load_settings())
    except KeyboardInterrupt:
        raise typer.Exit from None


def live_view(settings: Settings, until: Callable[[], bool] | None = None, console: Console | None = None) -> None:
    """Show numbers that move until told to stop; what was seen last stays on the screen.

    A ClickHouse that goes away meanwhile is waited for.

    Args:
        settings: Where ClickHouse is.
        until: Says when to stop; without it only Ctrl-C does, as a KeyboardInterrupt for the caller.
        console: Where to draw.

    Raises:
        SettingsError: When there is no ClickHouse.
        StoreUnavailableError: When it does not answer at the beginning.
        StoreRejectedError: When it refuses.
    """
    console = console or Console()
    ends = until or _never
    for driver in DRIVERS:
        logging.getLogger(driver).setLevel(logging.ERROR)
    seen: RenderableType = Text("looking ...", style="dim")
    with closing(open_client(settings)) as client, Live(seen, console=console, auto_refresh=False) as screen:
        while not ends():
            began_at = time.monotonic()
            try:
                seen = screen_of(look(client, SystemClock().now_ms()), console.width, console.height)
                screen.update(seen, refresh=True)
            except StoreUnavailableError:
                screen.update(Group(seen, Text("ClickHouse does not answer; trying again", style="red")), refresh=True)
            _pause(max(REFRESH_SECONDS, LEAST_REST * (time.monotonic() - began_at)), ends)


def _never() -> bool:
    return False


def _pause(seconds: float, ends: Callable[[], bool]) -> None:
    wakes_at = time.monotonic() + seconds
    while time.monotonic() < wakes_at and not ends():
        time.sleep(LOOK_SECONDS)
