"""A worker whose first fetches are each overtaken by a turn of its group: `python -m tests.overtaken_worker TIMES`.

What such a fetch brought is not handed on. In a new group nothing is committed then, and nothing leads back to it.
"""

import sys
from typing import Any

from streams.cli import main
from streams.intake import BatchConsumer


def overtake(times: int) -> None:
    """Let a turn begin after each of the first fetches that bring records."""
    left = times
    getmany = BatchConsumer._getmany

    async def overtaken(self: BatchConsumer, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        fetched = await getmany(self, *args, **kwargs)
        if fetched and left:
            left -= 1
            self._handover.turn += 1
        return fetched

    BatchConsumer._getmany = overtaken  # type: ignore[method-assign]


if __name__ == "__main__":
    times, *rest = sys.argv[1:]
    overtake(int(times))
    sys.argv = ["servicepulse", "worker", *rest]
    main()
