"""The watch agent: looks now and then whether satisfaction fell, and tells what it found. One worker of all watches.

Whoever holds partition 0 of the topic `tickets` does: Kafka gives it to exactly one worker, and to the next one when
that dies. What is told follows from what is stored; two workers that watch at the same time, as around a rebalance,
state the same signals twice.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog

from schemas.codec import CONTENT_TYPE
from schemas.rows import LookRow, Ms, SignalRow
from streams.agents.judgement import Look
from streams.core.signal.message import message_of
from streams.core.signal.segment import SignalState, ThresholdBook
from streams.core.ticket.delay import Delay
from streams.meters import Meters
from streams.ports import Clock, Outbox, Outgoing, RecordRefusedError, WatchStore
from streams.store_error import StoreRejectedError, StoreUnavailableError

log = structlog.get_logger()

_HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)
_BEHIND_SECONDS: Final = 60
"""With live records of this age being folded the watch waits: what it would judge is half of what is known upstream."""
_SAY_EVERY_MS: Final = 60_000
_SAY_LEFT_OUT_EVERY_MS: Final = 3_600_000
_NAMED: Final = 5


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
        most_teams: int,
        delay: Delay,
        is_owner: Callable[[], bool],
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._meters = meters
        self._book = book
        self._topic = topic
        self._every_seconds = every_seconds
        self._most_teams = most_teams
        self._delay = delay
        self._is_owner = is_owner
        self._look: Look | None = None
        self._said_at: Ms = 0  # that it does not judge ...
        self._traced_at: Ms = 0  # ... that it did, for the alert rule
        self._said_left_out_at: Ms = 0

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
            self._meters.last_look.set(0)
            return
        look = self._look = self._look or Look(self._store, self._book, self._most_teams)
        now, began_at = self._clock.now_ms(), time.perf_counter()
        delay = self._delay.seconds(now)
        self._meters.delay.set(delay)
        with self._meters.look_seconds.time():
            stated = await asyncio.to_thread(look.look, now, is_behind=delay > _BEHIND_SECONDS)
        await self._tell(stated)
        look.stated(stated)
        for kind, count in look.open_by_kind().items():
            self._meters.open_signals.labels(kind).set(count)
        if look.judged_at == now:
            self._meters.looks.labels("done").inc()
            await self._leave_trace(look, now, time.perf_counter() - began_at)
        else:
            self._meters.looks.labels("held").inc()
            self._say_held(look, now, delay)

    async def _leave_trace(self, look: Look, now: Ms, seconds: float) -> None:
        """Say when it judged: a meter each time, a row for the alert rule and what is left out once in a while."""
        left_out, busiest = look.left_out(_NAMED)
        self._said_at = now
        self._meters.last_look.set(now / 1000)
        self._meters.watched_teams.set(look.teams)
        self._meters.teams_left_out.set(left_out)
        if left_out and now - self._said_left_out_at >= _SAY_LEFT_OUT_EVERY_MS:
            self._said_left_out_at = now
            log.warning(
                "more teams than alert_most_teams: those with the fewest ratings are not watched, the desk counts them",
                watched=look.teams,
                left_out=left_out,
                busiest_left_out=busiest,
            )
        if now - self._traced_at >= _SAY_EVERY_MS:
            row = LookRow(watch="signals", looked_at=now, seconds=seconds, teams=look.teams, left_out=left_out)
            await asyncio.to_thread(self._store.looked, row)
            self._traced_at = now

    def _say_held(self, look: Look, now: Ms, delay: float) -> None:
        if now - self._said_at < _SAY_EVERY_MS:
            return
        self._said_at = now
        log.warning(
            "the watch does not judge yet: "
            + ("live events are folded late" if delay > _BEHIND_SECONDS else "ratings of long ago come in"),
            folded_seconds_late=round(delay),
            last_judged=None if look.judged_at is None else f"{(now - look.judged_at) / 1000:.0f} s ago",
        )

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
