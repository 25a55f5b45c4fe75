"""Knows when the process that started this one is gone."""

import os
import signal
import threading

POLL_SECONDS = 0.2


def end_with(owner_pid: int) -> None:
    """Send this process SIGTERM when its owner, the parent that started it, is gone.

    Asking for the parent works on every Unix, holds after kill -9 and has no window at start: an owner that died
    before the first look is noticed as well. (The kernel's own signal on a parent's death fires when the *thread*
    that started us ends.)
    """

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == owner_pid:
            pause.wait(POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
