"""What a worker waits for: opened by the scheduler, in whatever order it likes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Answer(Enum):
    """How a call ends."""

    DONE = "done"
    REFUSED = "refused before it did anything"
    UNHEARD = "done, but the answer was lost"


@dataclass(eq=False)
class Gate:
    """A call of a worker that is under way.

    Attributes:
        worker: Who waits.
        what: For what.
        effect: What the other side does when it comes to it.
        may_fail: The other side may be away.
    """

    worker: int
    what: str
    effect: Callable[[], None]
    may_fail: bool
    answer: "asyncio.Future[Answer]"

    def come(self, answer: Answer) -> None:
        """Let whoever waits go on, if anybody still does."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def __str__(self) -> str:
        return f"{self.what} of worker {self.worker}"
