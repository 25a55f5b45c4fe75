"""How a simulated world is played to the broker: its past as fast as it is taken, its present as it happens."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, Protocol

from schemas.events import Data
from streams.simulation.timeline import Simulated

_TELL_EVERY: Final = 250
"""Events between two words on progress: often enough for a smooth bar, too seldom to cost anything."""


class Outlet(Protocol):
    """Where the events of one source go, such as a `streams.publisher.Publisher`."""

    def publish(
        self,
        content: Data,
        *,
        time: datetime,
        id: str,
        subject: str,
        subjectseq: int | None,
        replay: bool,
    ) -> object:
        """Publish one event; it need not be acknowledged yet."""

    def flush(self) -> None:
        """Wait until all that was published is acknowledged."""


class Player:
    """Plays one world. The past first, then the present; what was played does not come again.

    Attributes:
        published: How many events have been handed over so far.
    """

    def __init__(self, stream: Iterator[Simulated], outlets: Mapping[str, Outlet]) -> None:
        """Prepare to play.

        Args:
            stream: The world, without end.
            outlets: Where the events of each source go, by source.
        """
        self._stream = stream
        self._outlets = outlets
        self._next = next(stream)
        self.published = 0

    def catch_up(self, now: datetime, tell: Callable[[datetime], None]) -> None:
        """Publish all that happened before `now`, marked as replay, and wait until the broker has it.

        Args:
            now: Where the present begins.
            tell: Told now and then how far in simulated time it is.
        """
        while self._next.at < now:
            self._publish(replay=True)
            if self.published % _TELL_EVERY == 0:
                tell(self._next.at)
        for outlet in self._outlets.values():
            outlet.flush()
        tell(now)

    def keep_up(self, clock: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
        """Publish each event when its time has come, until told to stop.

        Args:
            clock: Tells the time; what happened while nobody played follows at once.
            wait: Waits so many seconds; returns True, at once, when it is time to stop.
        """
        while not wait(max(0.0, (self._next.at - clock()).total_seconds())):
            self._publish(replay=False)

    def _publish(self, *, replay: bool) -> None:
        event = self._next
        self._outlets[event.source].publish(
            event.data,
            time=event.at,
            id=event.id,
            subject=event.subject,
            subjectseq=event.sequence,
            replay=replay,
        )
        self.published += 1
        self._next = next(self._stream)
