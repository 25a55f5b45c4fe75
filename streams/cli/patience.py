"""How long a command waits for a broker that went away, and what it says meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Annotated, Final, TypeAlias

import typer

from schemas.codec import Event
from streams.cli.wording import counted
from streams.pacing import Pacing
from streams.publisher import Publisher
from streams.settings import Settings

SECONDS: Final = 60.0
QUIET_SECONDS: Final = 10.0
"""After so long without an acknowledgement, and as often again, a line is said."""

Patience: TypeAlias = Annotated[
    float,
    typer.Option(
        "--patience",
        min=1,
        metavar="SECONDS",
        help="How long a broker may be away, or workers may read nothing, on the way before it is given up.",
    ),
]


AtOnce: TypeAlias = Annotated[
    bool,
    typer.Option("--at-once", help="Do not wait for the workers: live events are read after all that is sent now."),
]


class Silence:
    """Notices that nothing is acknowledged any more although something is on its way. Instants are seconds."""

    def __init__(self, now: float) -> None:
        self._acknowledged = 0
        self._since = now
        self._said_at = now

    def line(self, acknowledged: int, outstanding: int, patience: float, now: float) -> str | None:
        """Return what to say now, None when there is nothing to say."""
        if acknowledged != self._acknowledged or not outstanding:
            self._acknowledged, self._since, self._said_at = acknowledged, now, now
            return None
        if now - self._said_at < QUIET_SECONDS:
            return None
        self._said_at = now
        silent = now - self._since
        return (
            f"Waiting for Kafka: {counted(outstanding, 'event')} on the way, none acknowledged for {silent:.0f} s; "
            f"giving up after {patience:g} s (--patience)"
        )


@contextmanager
def told_while_waiting(publisher: Publisher, patience: float, say: Callable[[str], object]) -> Iterator[None]:
    """Say every now and then that the broker is waited for, while it is."""
    done = threading.Event()

    def watch() -> None:
        silence = Silence(monotonic())
        while not done.wait(1):
            line = silence.line(publisher.acknowledged, publisher.outstanding, patience, monotonic())
            if line is not None:
                say(line)

    thread = threading.Thread(target=watch, name="patience", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def held_back(
    publisher: Publisher,
    settings: Settings,
    patience: float,
    say: Callable[[str], object],
    *,
    only_history: bool = False,
) -> Iterator[None]:
    """Let what is published wait for the workers; with `only_history` only what is marked as such."""
    with Pacing(settings, patience_seconds=patience, in_flight=lambda: publisher.outstanding, say=say) as pacing:

        def gate(event: Event) -> None:
            if event.replay or not only_history:
                pacing.admit(event)

        publisher.gate = gate
        yield
