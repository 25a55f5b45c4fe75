"""Processes that tests start: each ends with the block in which it was started, however that is left."""

import subprocess
from types import TracebackType
from typing import Any


class Process(subprocess.Popen[Any]):
    """A process that is killed and reaped where its block ends, unless it has ended before.

    Python's own waits there for ever; and one that nobody waits for is blamed on whatever test runs much later.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()
        super().__exit__(kind, error, where)
