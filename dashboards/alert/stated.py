"""The signals of a kind as alert rules read them: the open ones, and for a day those that are over."""

from streams.core.drop import Cause
from streams.core.signal import sentence
from streams.core.signal.segment import SignalState


def stated(kind: Cause) -> str:
    """Return what stands behind the columns of a rule's query: signals as `stated`, none of replayed history.

    A signal that is over stays for a day: so Grafana sees that it is resolved, rather than gone.
    """
    return "\n".join(
        [
            "FROM signals AS stated FINAL",
            f"WHERE kind = '{kind}' AND note != '{sentence.REPLAYED}'",
            f"    AND (state = '{SignalState.OPEN}' OR version >= toUnixTimestamp64Milli($__toTime_ms) - 86400000)",
            "ORDER BY opened_at, signal_id",
        ]
    )
