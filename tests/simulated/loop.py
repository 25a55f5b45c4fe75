"""An event loop without sockets whose clock stands still until it is moved."""

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready, and jumps to the next timer when told to."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._now

    def idle(self) -> None:
        """Run everything that can go on without time passing and without a gate being opened."""
        ready = self._ready  # type: ignore[attr-defined]
        while ready:
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def next_timer(self) -> bool:
        """Let time pass until the next timer, run it, and say whether there was any."""
        scheduled: list[Any] = self._scheduled  # type: ignore[attr-defined]
        while scheduled:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            if not timer._cancelled:
                self._now = max(self._now, timer._when)
                timer._run()
                self.idle()
                return True
        return False


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """Make a virtual loop the running one for a while; what is left on it is cancelled."""
    loop = VirtualLoop()
    asyncio._set_running_loop(loop)
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.idle()
        asyncio._set_running_loop(None)
        loop.close()
