"""Where each command is: it is imported when it is asked for, since most of what takes time is what others need."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

MARKUP: Final = "markdown"


class Place(NamedTuple):
    """Where a command is.

    Attributes:
        name: Its module here, and its name there: a function, or a group of commands.
        said: What `--help` says of it, which is what its own help begins with.
    """

    name: str
    said: str


PLACES: Final[Mapping[str, Place]] = {
    "up": Place("stack:up", "Start the embedded broker and ClickHouse in the background."),
    "down": Place("stack:down", "End the embedded stack. Data of ClickHouse stay in its folder."),
    "status": Place(
        "stack:status", "Show what runs, where, and since when. The exit code is 1 unless everything is healthy."
    ),
    "migrate": Place(
        "store:migrate",
        "Bring the database up to date. Workers do it too; running it twice, or at the same time, does no harm.",
    ),
    "worker": Place(
        "run_worker:worker",
        "Fold events into ClickHouse until told to stop (Ctrl-C or SIGTERM finish the batch in hand).",
    ),
    "receive": Place(
        "receive:receive",
        "Take events in over HTTP and answer once Kafka has them, until told to stop (Ctrl-C or SIGTERM).",
    ),
    "tokens": Place("tokens:app", "Who may send events to the door."),
    "publish": Place(
        "publish:publish",
        "Publish events from a file of JSON Lines, each to the topic and under the key where it belongs.",
    ),
    "import": Place(
        "import_:import_",
        "Turn the rows of a file, or its documents, into events, as a mapping file says, and publish them.",
    ),
    "pull": Place("pull:pull", "Read the history of a desk or a shop from its own API, and publish it as events."),
    "demo": Place(
        "demo:demo",
        "Play eleven weeks of a furniture shop's service desk, then show live numbers, here and in the browser.",
    ),
    "report": Place("report:report", "Show every metric with its n and its 95 % interval, beside the period before."),
    "worth": Place(
        "worth:worth",
        "Show what a solved case changes, what each strategy earns, and what a cap on compensation costs.",
    ),
    "live": Place("live:live", "Show the main numbers as they move, until Ctrl-C."),
    "preview": Place(
        "preview:preview", "Show the dashboards in the browser, for those who have no Grafana at hand, until Ctrl-C."
    ),
    "signals": Place(
        "signals:signals",
        "List what the watch of the workers found: open signals first, then those that were resolved lately.",
    ),
    "alerts": Place("alerts:app", "What pages cost: choose how many false ones to accept."),
    "simulate-alerts": Place(
        "simulate_alerts:simulate_alerts",
        "Simulate ratings, and compare what pages: the rule for falls of satisfaction, and four common rules.",
    ),
    "refold": Place(
        "store:refold", "Fold tickets again from the stored events, independent of Kafka. Workers may go on meanwhile."
    ),
    "verify": Place(
        "verify:verify",
        "Compare the tables with the stored events, and state anew what differs. Workers may go on meanwhile.",
    ),
    "doctor": Place(
        "doctor:doctor",
        "Tell what disagrees in the events that were sent: what it costs the numbers, and what to do about it.",
    ),
    "dashboards": Place("dashboards:app", "Dashboards as code: render the files, bring them into Grafana."),
    "dead-letters": Place("dead_letters:app", "Records that are no events: look at them, mend them, send them again."),
    "mapping": Place("mapping:app", "Mapping files, by which tables and documents become events."),
    "schedules": Place("schedules:app", "Opening hours: publish them, look at those that count."),
    "policies": Place(
        "policies:app", "The desk's own definitions, satisfied and in time: publish them, look at those that count."
    ),
}
"""Every command's place by its name, in the order of `--help`."""


class Commands(TyperGroup):
    """All commands by their names; what one takes and does is known once somebody asks for it."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's own
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=place.said) for name, place in PLACES.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - types that Typer keeps to itself
        """Return the command that is asked for, with what it takes and does."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _found(name, PLACES[name].name) if name else command, rest


def _found(name: str, place: str) -> Any:  # noqa: ANN401 - likewise
    module, _, attribute = place.partition(":")
    command = getattr(import_module(f"streams.cli.{module}"), attribute)
    alone = typer.Typer(rich_markup_mode=MARKUP)
    if isinstance(command, typer.Typer):
        alone.add_typer(command, name=name)
    else:
        alone.command(name)(command)
    return get_group(alone).commands[name]
