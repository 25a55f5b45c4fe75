"""A worker that ends at a chosen step as kill -9 would end it: `python -m tests.faulty_worker STEP TIMES`.

The steps are those of a batch, in their order. The worker dies just after it went through the step so many times.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from schemas.rows import EventRow, OpenHoursRow, Row, TicketRow
from streams.agents.inflow import Inflow
from streams.agents.tickets import TicketsAgent
from streams.cli import main
from streams.intake import BatchConsumer
from streams.outbox import FaustOutbox
from streams.sinks.clickhouse import ClickHouseStore

RECEIVED, FOLDED = "received", "folded"
EVENTS_STORED, HOURS_STORED, TICKETS_STORED = "events stored", "hours stored", "tickets stored"
PUBLISHED, ACKNOWLEDGED, COMMITTED = "published", "acknowledged", "committed"
STEPS: Final = (RECEIVED, FOLDED, EVENTS_STORED, TICKETS_STORED, PUBLISHED, ACKNOWLEDGED, COMMITTED)


class Fuse:
    """Counts how often a step was gone through, and burns out."""

    def __init__(self, step: str, times: int) -> None:
        self._step = step
        self._left = times

    def passes(self, step: str) -> None:
        """Note that a step is done; nothing after it happens when it was the last one."""
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(fuse: Fuse) -> None:
    """Have every step of a worker in this process tell the fuse."""
    insert = ClickHouseStore.insert

    def inserted(self: ClickHouseStore, rows: Sequence[Row]) -> None:
        insert(self, rows)
        if rows and isinstance(rows[0], EventRow):
            fuse.passes(EVENTS_STORED)
        if rows and isinstance(rows[0], OpenHoursRow):
            fuse.passes(HOURS_STORED)
        if rows and isinstance(rows[0], TicketRow):
            fuse.passes(TICKETS_STORED)

    ClickHouseStore.insert = inserted  # type: ignore[method-assign]
    _after(Inflow, "take", RECEIVED, fuse)
    _after(TicketsAgent, "_outcome_of", FOLDED, fuse)
    _after(FaustOutbox, "publish", PUBLISHED, fuse)
    _after(BatchConsumer, "commit", COMMITTED, fuse)
    ack = BatchConsumer.ack

    def acked(self: BatchConsumer, message: Any) -> bool:
        done = ack(self, message)
        fuse.passes(ACKNOWLEDGED)
        return done

    BatchConsumer.ack = acked  # type: ignore[method-assign]


def _after(owner: type, name: str, step: str, fuse: Fuse) -> None:
    call: Callable[..., Any] = getattr(owner, name)

    @wraps(call)
    async def passing(*args: Any, **kwargs: Any) -> Any:
        result = await call(*args, **kwargs)
        fuse.passes(step)
        return result

    setattr(owner, name, passing)


if __name__ == "__main__":
    step, times, *rest = sys.argv[1:]
    arm(Fuse(step, int(times)))
    sys.argv = ["servicepulse", "worker", *rest]
    main()
