"""Whatever a test did: once its workers are at rest, the tables say what the stored events say."""

from streams.clock import SystemClock
from streams.sinks.connection import named_errors
from streams.sinks.verify import Verified, Verifier
from streams.store_error import StoreRejectedError, StoreUnavailableError
from tests.space import Space, wait_until

_PATIENCE_SECONDS = 120.0


def verified(space: Space) -> Verified:
    """Return what differs, and change nothing."""
    return Verifier(space.client, is_dry=True, settle_seconds=0).run(SystemClock().now_ms)


def _is_empty(space: Space) -> bool:
    """Tell whether nothing is stored at all: then nothing can differ."""
    sql = "SELECT sum(total_rows) FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations'"
    with named_errors():
        return not space.value(sql)


def leave_whole(space: Space) -> None:
    """Return once nothing differs; fail by name when something does in spite of workers that read on.

    A worker that a test killed may have left a batch half stored: whoever comes next finishes it.
    """
    try:
        if _is_empty(space) or not verified(space).found:
            return
    except (StoreUnavailableError, StoreRejectedError):
        return  # the test took the database away, or never made its tables
    if all(worker.process.poll() is not None for worker in space.workers):
        space.start_worker()
    try:
        wait_until(lambda: not verified(space).found, "nothing differs", _PATIENCE_SECONDS)
    except AssertionError:
        raise AssertionError(f"the tables differ from the stored events: {verified(space).named}") from None
