"""Signals as messages for other programs: CloudEvents on the topic `signals`."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.rows import Ms, SignalRow
from streams.core.window import local_of

TYPE: Final = "io.servicepulse.signal.v1"
SOURCE: Final = "urn:servicepulse:watch"

_UTC: Final = ZoneInfo("UTC")
_MORE: Final = ("department",)
"""What only some kinds tell, and whoever passes a message on needs."""


def message_of(row: SignalRow) -> dict[str, Any]:
    """Return the CloudEvent of a statement, with structured JSON in mind. Its id tells statements of a signal apart."""
    return {
        "specversion": "1.0",
        "type": TYPE,
        "source": SOURCE,
        "id": f"{row.signal_id}.{row.version}",
        "subject": row.segment,
        "time": time_of(row.version),
        "datacontenttype": "application/json",
        "data": plain(row),
    }


def plain(row: SignalRow) -> dict[str, Any]:
    """Return a signal as JSON: instants by RFC 3339 in UTC, shares from 0 to 1, points in percent."""
    return {
        "signal_id": row.signal_id,
        "kind": row.kind,
        "segment_kind": row.segment_kind,
        "segment": row.segment,
        "version": row.version,
        "state": row.state,
        "is_page": row.is_page,
        "note": row.note,
        "opened_at": time_of(row.opened_at),
        "seen_at": time_of(row.seen_at),
        "resolved_at": None if row.resolved_at is None else time_of(row.resolved_at),
        "since_at": time_of(row.since_at),
        "found_by": row.found_by,
        "n": row.n,
        "value": row.value,
        "interval": [row.low, row.high],
        "baseline": row.baseline,
        "baseline_n": row.baseline_n,
        "slices": [
            {"reason": reason, "product_line": product_line, "n": n, "bad": bad, "points": points}
            for reason, product_line, n, bad, points in zip(
                row.slices_reason,
                row.slices_product_line,
                row.slices_n,
                row.slices_bad,
                row.slices_points,
                strict=True,
            )
        ],
        "ticket_ids": list(row.ticket_ids),
        "clears": row.clears,
        "link": row.link,
    } | {name: row.told[name] for name in _MORE if name in row.told}


def time_of(at: Ms) -> str:
    """Return an instant by RFC 3339 in UTC."""
    return local_of(at, _UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
