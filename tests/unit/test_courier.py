"""A courier ends when it is told to, whatever it waits for at that instant."""

import asyncio
import inspect
from types import CoroutineType
from typing import Any

import pytest

from streams.courier import Courier


def _awaited(coroutine: Any) -> list[str]:
    """Return the names of what a coroutine is in, from the outermost to what it waits for."""
    found = []
    while inspect.iscoroutine(coroutine):
        found.append(coroutine.__name__)
        coroutine = coroutine.cr_await
    return found


@pytest.mark.parametrize("steps", range(4))
def test_it_ends_though_what_it_waits_for_ends_in_the_instant_it_is_told(steps: int) -> None:
    """Then `asyncio.wait_for` of Python 3.11 forgets that the task was cancelled."""

    async def run() -> bool:
        courier = Courier({"bootstrap_servers": "127.0.0.1:1"}, ["tickets"], patience_seconds=2)
        running = courier.run()
        assert isinstance(running, CoroutineType)
        task = asyncio.ensure_future(running)
        while "_stop" not in _awaited(running):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=30)
        return task.done()

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(run())
    finally:
        loop.close()
