"""What events say that nothing folds, in its tables: held against the events, and stated again from them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.codec import Event, InvalidEventError
from schemas.events import CATALOGUE
from schemas.rows import Ms, SaidRow
from streams.core.said import ROW_OF, said_rows
from streams.core.ticket.batch import stored_event
from streams.sinks.clickhouse import TABLES, ClickHouseStore
from streams.sinks.connection import named_errors

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Sequence[Sequence[Any]]]
"""Asks SQL with parameters, and returns the rows."""

_KINDS: Final = tuple(dict.fromkeys(ROW_OF.values()))
_KEYS: Final[Mapping[type[SaidRow], str]] = {ROW_OF[name]: CATALOGUE[name].subject_field or "" for name in ROW_OF}
"""The column of each table that names what its rows are about, as the events name their subject."""
_NAMES: Final = {
    f"names{place}": [name for name, row in ROW_OF.items() if row is kind] for place, kind in enumerate(_KINDS)
}


class Apart(Struct, frozen=True):
    """What a table does not say of its subject as the stored events do.

    Attributes:
        kind: Of the rows.
        subject: What they are about.
        rows: How many there are.
        newest_at: When the newest event of it was stored.
    """

    kind: type[SaidRow]
    subject: str
    rows: int
    newest_at: Ms


def apart(ask: Ask, within: Callable[[str], str], parameters: Mapping[str, Any]) -> list[Apart]:
    """Return the subjects of which there are more events than rows, or fewer.

    Args:
        ask: Asks the database.
        within: Gives the condition that a column names one of the subjects to compare.
        parameters: Of these conditions.
    """
    rows = ask(_apart_sql(within), {**parameters, **_NAMES})
    return [Apart(_KINDS[kind], subject, kept, newest_at) for kind, subject, kept, newest_at in rows]


def said_otherwise(client: Client, differing: Sequence[Apart]) -> dict[Apart, list[SaidRow]]:
    """Return those subjects of which the events, once read, make more or fewer rows; with what they make.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When ClickHouse refuses.
    """
    made: dict[tuple[type[SaidRow], str], dict[tuple[str, str], SaidRow]] = {}
    for events in _stored(client, "subject IN {ids:Array(String)}", {"ids": [one.subject for one in differing]}):
        for event in events:
            for row in said_rows([event]):
                made.setdefault((type(row), event.subject), {})[event.source, event.id] = row
    rows = {one: list(made.get((one.kind, one.subject), {}).values()) for one in differing}
    return {one: said for one, said in rows.items() if len(said) != one.rows}


def state_again(client: Client) -> int:
    """State again what all stored events say that nothing folds, and return how many rows that are.

    Raises:
        StoreUnavailableError: When ClickHouse is away; doing it again is safe.
        StoreRejectedError: When ClickHouse refuses.
    """
    store, stated = ClickHouseStore(client), 0
    for events in _stored(client, "1", {}):
        rows = said_rows(events)
        store.insert(rows)
        stated += len(rows)
    return stated


def _stored(client: Client, condition: str, parameters: Mapping[str, Any]) -> Iterator[list[Event]]:
    """Yield the events that are stored, block by block, some perhaps twice."""
    sql = f"SELECT raw FROM events PREWHERE name IN {{names:Array(String)}} WHERE {condition}"  # noqa: S608 - ours
    with (
        named_errors(),
        client.query_row_block_stream(
            sql, parameters={**parameters, "names": list(ROW_OF)}, query_formats={"String": "bytes"}
        ) as blocks,
    ):
        for block in blocks:
            yield list(_meant(raw for (raw,) in block))


def _meant(raws: Iterable[bytes]) -> Iterator[Event]:
    """Yield events; what was stored while its name was only reserved may say anything, and says nothing here."""
    for raw in raws:
        try:
            yield stored_event(raw)
        except InvalidEventError:
            continue


def _apart_sql(within: Callable[[str], str]) -> str:
    names = ", ".join(f"name IN {{names{place}:Array(String)}}, {place}" for place in range(len(_KINDS)))
    rows = (
        _ROWS.format(place=place, key=_KEYS[kind], table=TABLES[kind], within=within(_KEYS[kind]))
        for place, kind in enumerate(_KINDS)
    )
    return _APART.format(place=f"multiIf({names}, -1)", within=within("subject"), rows="".join(rows))


_ROWS: Final = """
    UNION ALL
    SELECT {place}, toString({key}) AS subject, 0, uniqExact(source, id), toDateTime64(0, 3, 'UTC')
    FROM {table}
    WHERE {within}
    GROUP BY subject
"""
_APART: Final = """
SELECT kind, subject, max(kept), toUnixTimestamp64Milli(max(newest_at))
FROM (
    SELECT {place} AS kind, subject, uniqExact(source, id) AS sent, 0 AS kept, max(ingested_at) AS newest_at
    FROM events
    WHERE {within} AND kind >= 0
    GROUP BY kind, subject
    {rows}
)
GROUP BY kind, subject
HAVING max(sent) != max(kept)
ORDER BY kind, subject
"""
