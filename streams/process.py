"""The process that a worker is: its memory, how it ends though a thread hangs, how it becomes another one."""

import ctypes
import gc
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Final

import structlog

log = structlog.get_logger()

_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
"""Parameters of glibc's `mallopt`, as its header `malloc.h` numbers them."""
_LARGE_PIECE_BYTES: Final = 256 * 1024
_MOMENT_SECONDS: Final = 2.0


def share_memory_among_threads() -> None:
    """Have all threads take memory from one pool, and give large pieces back at once, where the C library is glibc.

    Each thread that writes to ClickHouse or unpacks a fetch would else keep a pool of its own, as large as the largest
    batch that it ever had: together they were half of a worker's memory.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_PIECE_BYTES)


def collect_less() -> None:
    """Spare the garbage collector what stays for good, and let it look less often for circles.

    A batch makes some ten thousand small objects that hold none: looking through them again and again took a fifth of
    the time of a batch.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def leave_what_hangs(code: int) -> None:
    """End at once when a thread still waits for a server that does not answer: Python would wait with it.

    A thread that was idle has been told to end, and needs a moment to do so.
    """
    until = time.monotonic() + _MOMENT_SECONDS
    for thread in _others():
        thread.join(max(0.0, until - time.monotonic()))
    if hanging := [thread.name for thread in _others()]:
        # Whatever asks ClickHouse does so in a thread of the event loop; Faust's own threads talk to Kafka.
        server = "ClickHouse" if any(name.startswith("asyncio_") for name in hanging) else "Kafka"
        log.warning(f"{server} does not answer: leaving, the batch in hand will be received again", threads=hanging)
        logging.shutdown()
        os._exit(code)


def leave_after(seconds: float) -> None:
    """End this process if it is still there then: whatever hangs, no number needs an orderly end."""
    timer = threading.Timer(seconds, _leave, [seconds])
    timer.daemon = True
    timer.start()


def _leave(seconds: float) -> None:
    log.warning(f"stopping takes more than {seconds:g} s: leaving, what was in hand will be received again")
    logging.shutdown()
    os._exit(1)


def _others() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]


def start_afresh() -> None:
    """Replace this process by a new one of the same command: no event loop or thread of the old one is left."""
    logging.shutdown()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command, no shell
