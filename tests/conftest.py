"""What every suite shares: how many examples hypothesis tries, and that an interrupt interrupts."""

import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

settings.register_profile("ci", derandomize=False, max_examples=200, deadline=None)
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("quick", max_examples=15, deadline=None)
settings.load_profile(os.environ.get("SERVICEPULSE_EXAMPLES") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts us in the background has interrupts ignored, and so would everything that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # kafka-python reads its protocol files by a function that Python 3.11 calls deprecated; nothing of ours does.
    for function in ("read_text", "open_text"):
        config.addinivalue_line("filterwarnings", f"ignore:{function} is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """What a test says about logging holds for that test alone; a logger that was cached could not be caught again."""
    before = structlog.get_config() if structlog.is_configured() else None
    yield
    if before is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**before)
