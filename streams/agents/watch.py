"""The watch agent: looks now and then whether satisfaction fell, and tells what it found. One worker of all watches.

Whoever holds partition 0 of the topic `tickets` does: Kafka gives it to exactly one worker, and to the next one when
that dies. What is told follows from what is stored; two workers that watch at the same time, as around a rebalance,
state the same signals twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog

from schemas.codec import CONTENT_TYPE
from schemas.rows import SignalRow
from streams.agents.look import Look
from streams.core.signal.message import message_of
from streams.core.signal.word import SignalState, ThresholdBook
from streams.meters import Meters
from streams.ports import (
    Clock,
    Outbox,
    Outgoing,
    RecordRefusedError,
    StoreRejectedError,
    StoreUnavailableError,
    WatchStore,
)

log = structlog.get_logger()

_HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)


class WatchAgent:
    """Looks every few seconds, in a thread of its own, so that events are folded meanwhile.

    It never stops the worker: when ClickHouse is away or refuses, it says so and looks again.
    """

    def __init__(
        self,
        store: WatchStore,
        outbox: Outbox,
        clock: Clock,
        meters: Meters,
        book: ThresholdBook,
        *,
        topic: str,
        every_seconds: float,
        is_owner: Callable[[], bool],
        is_behind: Callable[[], bool],
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._meters = meters
        self._book = book
        self._topic = topic
        self._every_seconds = every_seconds
        self._is_owner = is_owner
        self._is_behind = is_behind
        self._look: Look | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._look_once()
            except (StoreUnavailableError, StoreRejectedError) as error:
                self._look = None  # what was told may not have been kept: begin with what is stored
                self._meters.looks.labels("failed").inc()
                log.warning("the watch could not look, and will again", error=str(error))
            await asyncio.sleep(self._every_seconds)

    async def _look_once(self) -> None:
        if not self._is_owner():
            self._look = None
            return
        if self._is_behind():
            return
        look = self._look = self._look or Look(self._store, self._book)
        with self._meters.look_seconds.time():
            stated = await asyncio.to_thread(look.look, self._clock.now_ms())
        await self._tell(stated)
        look.stated(stated)
        self._meters.looks.labels("done").inc()
        for kind, count in look.open_by_kind().items():
            self._meters.open_signals.labels(kind).set(count)

    async def _tell(self, stated: Sequence[SignalRow]) -> None:
        """Publish first, then keep: a crash between the two tells it once more, and never not at all."""
        if not stated:
            return
        try:
            await self._outbox.publish(
                Outgoing(self._topic, row.segment.encode(), msgspec.json.encode(message_of(row)), _HEADERS)
                for row in stated
            )
        except RecordRefusedError as error:  # those who ask the table see it all the same
            log.error("a signal was not published", why=str(error))  # noqa: TRY400
        await asyncio.to_thread(self._store.state, stated)
        for row in stated:
            say = log.warning if row.state == SignalState.OPEN and row.is_page else log.info
            say(
                "signal",
                signal=row.signal_id,
                kind=row.kind,
                segment=f"{row.segment_kind} {row.segment}",
                state=row.state,
                note=row.note,
                **row.told,
            )
