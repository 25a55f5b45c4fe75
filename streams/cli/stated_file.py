"""Files that state something whole, such as schedules and the policy: read, or refused with all their faults."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import typer
from rich.console import Console

from streams.cli.signs import shown
from streams.settings import SettingsError

T = TypeVar("T")

_NOT_BEGUN: Final = 2


def read_stated(file: Path | None, parse: Callable[[str], T], missing: str) -> T:
    """Return what a file states, or end the command with everything that is wrong with it.

    Args:
        file: Where it is; None when nobody named one.
        parse: Of its text; what cannot be meant is a ValueError.
        missing: What to say when nobody named one.

    Raises:
        SettingsError: When nobody named one.
    """
    if file is None:
        raise SettingsError(missing)
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {shown(f'{file}: {error}')}", highlight=False)
        raise typer.Exit(_NOT_BEGUN) from None
