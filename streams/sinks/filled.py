"""What ClickHouse itself fills from events as they are stored: held against the events, and filled again from them."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from clickhouse_connect.driver.client import Client

from schemas.migrations import migrations
from streams.sinks.connection import named_errors
from streams.sinks.said_rows import Ask

_GIVEN: Final = ["compensation.requested", "compensation.granted", "compensation.denied"]
FILLED: Final = {
    "messages_out": ("ticket_id", ["message.sent"]),
    "templated_messages": ("ticket_id", ["message.sent"]),
    "compensation_events": ("ticket_id", _GIVEN),
    "retractions": ("subject", ["event.retracted"]),
    "orders": ("customer_id", ["order.placed", "order.cancelled"]),
}
"""Of each table the column that names what its rows are about, and the events that fill it."""
_NAMES: Final = sorted({name for _, names in FILLED.values() for name in names})


def lacking(ask: Ask, within: Callable[[str], str], parameters: Mapping[str, object]) -> list[str]:
    """Return the subjects of events of which one of the tables lacks a row, or has another one, in order.

    Args:
        ask: Asks the database.
        within: Gives the condition that a column names one of the subjects to compare.
        parameters: Of these conditions.
    """
    told = {name for (name,) in ask(_TOLD.format(within=within("subject")), {**parameters, "names": _NAMES})}
    tables = [table for table, (_, names) in FILLED.items() if not told.isdisjoint(names)]
    if not tables:
        return []
    columns = {table: ", ".join(names) for table, names in ask(_COLUMNS, {"tables": tables})}
    parts = (_part(table, columns[table], within) for table in tables)
    return [subject for (subject,) in ask(_LACKING.format(parts="UNION DISTINCT".join(parts)), parameters)]


def _part(table: str, columns: str, within: Callable[[str], str]) -> str:
    key, _ = FILLED[table]
    return _PART.format(key=key, table=table, columns=columns, filling=filling(table), within=within(key))


def untimed(ask: Ask) -> list[str]:
    """Return the subjects of all events that the table of their times lacks, in order."""
    hours = [hour for (hour,) in ask(_HOURS_APART, {})]
    return _untimed(ask, _IN_HOURS, _IN_HOURS, {"hours": hours}) if hours else []


def untimed_lately(ask: Ask, lately: str) -> list[str]:
    """Return the subjects of events that the table of their times lacks, of those that were stored lately."""
    return _untimed(ask, lately, lately, {})


def lacking_still(ask: Ask, subjects: Sequence[str]) -> list[str]:
    """Return of which subjects one of all the tables lacks a row."""
    ids = {"ids": list(subjects)}
    return sorted(
        {
            *lacking(ask, "{} IN {{ids:Array(String)}}".format, ids),
            *_untimed(ask, _IN_IDS, _TIMES_OF_IDS, ids),
        }
    )


def _untimed(ask: Ask, within: str, times_within: str, parameters: Mapping[str, object]) -> list[str]:
    return [subject for (subject,) in ask(_UNTIMED.format(within=within, times_within=times_within), parameters)]


def fill_again(client: Client, subjects: Sequence[str]) -> None:
    """Store all events of subjects again, as they are: ClickHouse fills all that it fills from them.

    Raises:
        StoreUnavailableError: When ClickHouse is away; doing it again is safe.
        StoreRejectedError: When ClickHouse refuses.
    """
    with named_errors():
        client.command(_AGAIN, parameters={"ids": list(subjects)})


@cache
def filling(table: str) -> str:
    """Return the SELECT that fills a table from events, of the newest of its views, as of the events that count."""
    head = re.compile(rf"CREATE MATERIALIZED VIEW IF NOT EXISTS \w+ TO {table} AS\s")
    statements = (one for migration in migrations() for one in migration.statements(replicated=False))
    *_, newest = (one[found.end() :] for one in statements if (found := head.match(one)))
    return newest.replace("\nFROM events\n", "\nFROM events FINAL\n")


_TOLD: Final = "SELECT DISTINCT name FROM events WHERE {within} AND name IN {{names:Array(String)}}"
_COLUMNS: Final = """
SELECT table, groupArray(name)
FROM system.columns
WHERE database = currentDatabase() AND table IN {tables:Array(String)}
GROUP BY table
"""
_PART: Final = """
    SELECT {key}
    FROM (
        SELECT {columns}, 1 AS said
        FROM ({filling})
        WHERE {within}
        UNION ALL
        SELECT {columns}, 0
        FROM {table} FINAL
        WHERE {within}
    )
    GROUP BY {columns}
    HAVING min(said) = 1
"""
_LACKING: Final = """
SELECT *
FROM ({parts})
ORDER BY 1
"""
_HOUR: Final = "intDiv(toUnixTimestamp64Milli(at), 3600000)"
_IDENTITY: Final = "sipHash64(subject, source, id, name)"
_IN_HOURS: Final = f"{_HOUR} IN {{hours:Array(Int64)}}"
_IN_IDS: Final = "subject IN {ids:Array(String)}"
_TIMES_OF_IDS: Final = f"identity IN (SELECT {_IDENTITY} FROM events WHERE {_IN_IDS})"  # noqa: S608 - ours
_UNTIMED: Final = f"""
SELECT DISTINCT subject
FROM events
WHERE {{within}} AND {_IDENTITY} NOT IN (SELECT identity FROM event_times WHERE {{times_within}})
ORDER BY subject
"""  # noqa: S608 - ours
_HOURS_APART: Final = f"""
SELECT hour
FROM (
    SELECT {_HOUR} AS hour, groupBitXor({_IDENTITY}) AS said, 0 AS kept
    FROM events FINAL
    GROUP BY hour
    UNION ALL
    SELECT {_HOUR}, 0, groupBitXor(identity)
    FROM event_times FINAL
    GROUP BY 1
)
GROUP BY hour
HAVING max(said) != max(kept)
"""  # noqa: S608 - ours
_AGAIN: Final = "INSERT INTO events SELECT * FROM events FINAL WHERE subject IN {ids:Array(String)}"
