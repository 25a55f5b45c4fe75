"""Where each command is: it is imported when it is asked for, since most of what takes time is what others need."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

MARKUP: Final = "markdown"
PLACES: Final[Mapping[str, str]] = {
    "up": "stack:up",
    "down": "stack:down",
    "status": "stack:status",
    "migrate": "store:migrate",
    "worker": "run_worker:worker",
    "receive": "receive:receive",
    "tokens": "tokens:app",
    "publish": "publish:publish",
    "import": "import_:import_",
    "pull": "pull:pull",
    "demo": "demo:demo",
    "report": "report:report",
    "live": "live:live",
    "preview": "preview:preview",
    "signals": "signals:signals",
    "alerts": "alerts:app",
    "simulate-alerts": "simulate_alerts:simulate_alerts",
    "refold": "store:refold",
    "verify": "verify:verify",
    "doctor": "doctor:doctor",
    "dashboards": "dashboards:app",
    "dead-letters": "dead_letters:app",
    "mapping": "mapping:app",
    "schedules": "schedules:app",
    "policies": "policies:app",
}
"""Each command's module here, and its name there: a function, or a group of commands; in the order of `--help`."""


class Commands(TyperGroup):
    """All commands by their names; what one takes and does is known once somebody asks for it."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's own
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name) for name in PLACES}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - types that Typer keeps to itself
        """Return a command, None when there is none of that name."""
        place = PLACES.get(cmd_name)
        return _found(cmd_name, place) if place else None


def _found(name: str, place: str) -> Any:  # noqa: ANN401 - likewise
    module, _, attribute = place.partition(":")
    command = getattr(import_module(f"streams.cli.{module}"), attribute)
    alone = typer.Typer(rich_markup_mode=MARKUP)
    if isinstance(command, typer.Typer):
        alone.add_typer(command, name=name)
    else:
        alone.command(name)(command)
    return get_group(alone).commands[name]
