"""Dead letters in ClickHouse: found, read, and marked as sent again."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.client import Client

from schemas.codec import InvalidEventError, Reason, decode
from schemas.rows import DeadLetterRow, Ms, column_names
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import named_errors

_ALL: Final = 1_000_000
_NO_CLOCK: Final = 2**62
"""What was an event once is not held against the clock again."""
_TEXTS: Final = ("id", "reason", "pointer", "message", "topic")


def find_letters(
    client: Client, *, ids: Sequence[str] = (), reason: str = "", with_replayed: bool = False, limit: int = 100
) -> list[DeadLetterRow]:
    """Return dead letters, the newest first. An id may be cut short as long as it is unique enough for the caller.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    columns = ", ".join(f"`{name}`" for name in column_names(DeadLetterRow))
    sql = f"""
        SELECT {columns} FROM dead_letters FINAL
        WHERE (empty({{ids:Array(String)}}) OR arrayExists(start -> startsWith(id, start), {{ids:Array(String)}}))
          AND ({{reason:String}} = '' OR reason = {{reason:String}})
          AND ({{with_replayed:Bool}} OR replays = 0)
        ORDER BY received_at DESC, id LIMIT {{limit:UInt32}}
    """  # noqa: S608 - the names of our own columns
    parameters = {"ids": list(ids), "reason": reason, "with_replayed": with_replayed, "limit": limit}
    with named_errors():
        rows = client.query(
            sql, parameters=parameters, query_formats={"String": "bytes", "DateTime64": "int"}
        ).result_rows
    return [_letter(row) for row in rows]


def mark_replayed(client: Client, letters: Sequence[DeadLetterRow], now_ms: Ms) -> None:
    """Note that letters were sent again.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    marked = [msgspec.structs.replace(letter, replays=letter.replays + 1, replayed_at=now_ms) for letter in letters]
    ClickHouseStore(client).insert(marked)


def mark_mended(client: Client, now_ms: Ms, *, ticket_ids: Collection[str] | None = None) -> int:
    """Note that tickets which could not be stated were folded again, all unless some are named; return how many notes.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    open_ = find_letters(client, reason=Reason.TICKET_UNFOLDABLE, limit=_ALL)
    mended = [letter for letter in open_ if ticket_ids is None or _ticket_of(letter) in ticket_ids]
    mark_replayed(client, mended, now_ms)
    return len(mended)


def _ticket_of(letter: DeadLetterRow) -> str | None:
    headers = list(zip(letter.headers_name, letter.headers_value, strict=True))
    try:
        return decode(letter.value, headers, now_ms=_NO_CLOCK).ticket_id
    except InvalidEventError:
        return None


def _letter(row: Sequence[Any]) -> DeadLetterRow:
    fields = msgspec.structs.fields(DeadLetterRow)
    values = dict(zip([field.name for field in fields], row, strict=True))
    values |= {name: _text(values[name]) for name in _TEXTS}
    values["headers_name"] = [_text(name) for name in values["headers_name"]]
    return DeadLetterRow(**values)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
