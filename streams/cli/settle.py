"""What `import` and `publish` say at their end: what the workers made of what was sent."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from streams.cli.connection import open_client, resolve
from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.publisher import Identity, Publisher
from streams.receipt import Receipt
from streams.settings import Settings, SettingsError
from streams.store_error import StoreRejectedError, StoreUnavailableError
from streams.unread import UnreadError, how_far_read

if TYPE_CHECKING:
    from streams.sinks.arrival import Arrival, Mark

SECONDS: Final = 60.0
SOME_REFUSED: Final = 3
SOME_UNREAD: Final = 4
STOPPED: Final = 130
_SAID_SECONDS: Final = 10.0

Settle: TypeAlias = Annotated[
    float,
    typer.Option(
        "--settle",
        min=0,
        metavar="SECONDS",
        help="How long to wait at the end for the workers, to tell what they made of what was sent; 0: do not ask.",
    ),
]


class Settling:
    """Follows what a publisher sends, and tells at the end what became of it."""

    def __init__(self, publisher: Publisher, settings: Settings, seconds: float, say: Callable[[str], object]) -> None:
        """Begin before the first event is sent; with 0 seconds nothing is asked, and nothing said."""
        self._settings = settings
        self._seconds = seconds
        self._say = say
        self._receipt = Receipt()
        self._sources: set[str] = set()
        self._mark: Mark | None = None
        self._why_not = ""
        if seconds:
            publisher.heard = self._take
            self._begin()

    def _take(self, identity: Identity, topic: str, partition: int, offset: int) -> None:
        self._sources.add(identity.source)
        self._receipt.take(identity.source, identity.id, (topic, partition), offset)

    def _begin(self) -> None:
        from streams.sinks.arrival import mark_of

        try:
            self._settings = resolve(self._settings, needs=("clickhouse",))
            self._mark = mark_of(open_client(self._settings), SystemClock().now_ms())
        except SettingsError:
            self._why_not = "no ClickHouse is set"
        except (StoreUnavailableError, StoreRejectedError) as error:
            self._why_not = str(error)

    def end(self) -> int:
        """Wait for the workers, say what they made of what was sent, and return the exit code."""
        if not self._seconds or not self._receipt.events:
            return 0
        try:
            arrival = self._arrival()
        except KeyboardInterrupt:
            self._say("[yellow]Stopped.[/] All was sent; what became of it was not looked at.")
            return STOPPED
        if arrival is None:
            self._say(f"[yellow]not checked[/] what became of them: {self._why_not}")
            return 0
        for line in lines_of(arrival, self._receipt.events, self._seconds):
            self._say(line)
        if arrival.refused:
            return SOME_REFUSED
        return SOME_UNREAD if arrival.unread else 0

    def _arrival(self) -> "Arrival | None":
        if self._mark is None:
            return None
        from streams.sinks.arrival import arrival_of

        try:
            unread = self._wait()
            if unread is None:
                self._why_not = "no worker reads"
                return None
            return arrival_of(open_client(self._settings), self._mark, self._receipt, sorted(self._sources), unread)
        except (UnreadError, StoreUnavailableError, StoreRejectedError) as error:
            self._why_not = str(error)
            return None

    def _wait(self) -> int | None:
        """Return how many events are unread as they all are read, or the time is up; None when nobody reads."""
        began_at = said_at = monotonic()
        unread = 0
        for look in how_far_read(self._settings, list(self._receipt.bounds)):
            unread = self._receipt.beyond(look.read)
            now = monotonic()
            if not unread or now - began_at >= self._seconds:
                break
            if not look.is_attended:
                return None
            if now - said_at >= _SAID_SECONDS or said_at == began_at:
                said_at = now
                self._say(f"Waiting for the workers, which have yet to read {counted(unread, 'event')} of these")
        return unread


def lines_of(arrival: "Arrival", events: int, seconds: float) -> Iterator[str]:
    """Yield what became of events, in words; no letter is passed over."""
    refused = sum(arrival.refused.values())
    parts = [f"{arrival.stored:,} stored", f"{arrival.known:,} known before"]
    parts += [f"[bold red]{counted(refused, 'dead letter')}[/]"] if refused else []
    parts += [f"[yellow]{arrival.unread:,} still unread after {seconds:g} s (--settle)[/]"] if arrival.unread else []
    yield f"Of {counted(events, 'event')}: {', '.join(parts)}."
    for reason, count in sorted(arrival.refused.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"  {count:,} {reason}: servicepulse dead-letters list --reason {reason}"
