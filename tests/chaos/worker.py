"""A worker whose clock stands where a file says: `python -m tests.chaos.worker OFFSET_FILE`.

The file holds milliseconds to be added to the clock of the machine; it is read again with every look at the clock.
"""

import sys
from pathlib import Path

from streams.cli import main
from streams.clock import SystemClock


def offset_by(path: Path) -> None:
    """Put the clock of this process where the file says from now on."""
    true_now = SystemClock.now_ms

    def now_ms(self: SystemClock) -> int:
        return true_now(self) + int(path.read_text() or 0)

    SystemClock.now_ms = now_ms  # type: ignore[method-assign]


if __name__ == "__main__":
    path, *rest = sys.argv[1:]
    offset_by(Path(path))
    sys.argv = ["servicepulse", "worker", *rest]
    main()
