"""The one place that reads the clock."""

import time


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """Return the current time in milliseconds since 1970."""
        return time.time_ns() // 1_000_000
