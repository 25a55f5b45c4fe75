"""Asks ClickHouse for figures: runs the statements of a question and fits their rows together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.rows import Ms
from streams.core.ask.drilldown import Seen
from streams.core.ask.figure import figure_of
from streams.core.ask.maturity import FOLLOWED_UNTIL
from streams.core.ask.question import Question, Statement, listing, measures_of, statements
from streams.core.ask.report import Figures, Key
from streams.core.metrics import Credit, Dimension, Metric
from streams.core.window import Window, buckets_of
from streams.sinks.connection import named_errors
from streams.store_error import StoreRejectedError


class Freshness(Struct, frozen=True):
    """How far the database is.

    Attributes:
        known: From the first event to just after the newest one; None when there is no event.
        followed_until: Until when it is known what became of tickets; 0 without tables.
        events: Stored so far.
        events_lately: Of them those that were stored within the last `LATELY_SECONDS`.
        dead_letters: That were not sent again yet.
    """

    known: Window | None
    events: int
    followed_until: Ms = 0
    events_lately: int = 0
    dead_letters: int = 0


LATELY_SECONDS: Final = 10
"""Long enough for a steady number, short enough to see a change."""

_FRESHNESS: Final = f"""
SELECT
    count() AS events,
    toUnixTimestamp64Milli(min(at)) AS oldest,
    toUnixTimestamp64Milli(max(at)) AS newest,
    (SELECT count() FROM events WHERE ingested_at >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')) AS lately,
    (SELECT count() FROM dead_letters FINAL WHERE replays = 0) AS letters,
    toUnixTimestamp64Milli({FOLLOWED_UNTIL}) AS followed_until
FROM events
"""  # noqa: S608 - words of ours

_HAS_TABLES: Final = """
SELECT count() = 4 FROM system.tables
WHERE database = {database:String} AND name IN ('events', 'tickets', 'ticket_days', 'dead_letters')
"""


def freshness(client: Client, now: Ms) -> Freshness:
    """Return how far the database is; also when nobody has set it up yet.

    An event that a worker stored twice counts twice until ClickHouse has merged the two.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    with named_errors():
        if client.command(_HAS_TABLES, parameters={"database": client.database}, use_database=False) != 1:
            return Freshness(None, 0)
        rows = client.query(_FRESHNESS, parameters={"since": now - LATELY_SECONDS * 1000}).result_rows
    events, oldest, newest, lately, letters, followed_until = rows[0]
    return Freshness(Window(oldest, newest + 1) if events else None, events, followed_until, lately, letters)


def answer(client: Client, question: Question, known: Window) -> Figures:
    """Return every figure that a question asks for: a window or part without observations is there as well.

    A metric that the dimension cannot divide is told as a whole only.
    With a bucket the keys are the buckets, as a whole also where a window covers a part of them.

    Args:
        client: Of the database.
        question: What is asked.
        known: From the first event to the last; beyond it no count can be told.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
        WindowError: When there are too many buckets.
    """
    windows = _windows_of(question)
    found: dict[Key, dict[str, Any]] = {}
    for statement in statements(question):
        with named_errors():
            rows = client.query(statement.sql, parameters=dict(statement.parameters)).named_results()
            found.update(_by_key(rows, statement, windows))
    parts = {part for _, part, _ in found}
    return {
        (metric.name, part, window): figure_of(
            metric, found.get((metric.name, part, window)), is_known=_overlap(window, known)
        )
        for metric in question.metrics
        for part in ({None, *parts} if question.by in metric.observations.dimensions else {None})
        for window in windows
    }


def observations(
    client: Client,
    metric: Metric,
    window: Window,
    by: Dimension | None = None,
    part: str = "",
    credit: Credit = Credit.DID,
) -> list[Seen]:
    """Return the single observations behind a number, in order of time.

    Raises:
        StoreUnavailableError: When ClickHouse is away.
        StoreRejectedError: When it refuses.
    """
    asked = listing(metric, window, by, part, credit)
    with named_errors():
        rows = client.query(asked.sql, parameters=dict(asked.parameters)).named_results()
        return [
            Seen(
                at=round(row["seen_at"].timestamp() * 1000),
                ticket_id=row["ticket_id"],
                dimensions={dimension: row[dimension.value] for dimension in Dimension},
                counts_once=row["counts_once"],
                measure=row["measure"],
                has_ended=row["has_ended"],
                rule=(round(row["rule_from"].timestamp() * 1000), row["rule_number"]) if "rule_from" in row else None,
            )
            for row in rows
        ]


def _windows_of(question: Question) -> list[Window]:
    if question.bucket is None:
        return list(question.windows)
    zone = ZoneInfo(question.zone)
    return sorted({bucket for window in question.windows for bucket in buckets_of(window, question.bucket, zone)})


def _by_key(
    rows: Iterable[Mapping[str, Any]], statement: Statement, windows: Sequence[Window]
) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Yield the measures of each metric, part and window that the rows tell of."""
    buckets = {window.start_at: window for window in windows}
    for row in rows:
        window = statement.windows[row["period"] - 1]
        if "start_seconds" in row:
            window = _bucket(buckets, row["start_seconds"] * 1000)
        part = None if row.get("is_whole", True) else row["part"]
        for metric in statement.metrics:
            yield (
                (metric.name, part, window),
                {measure: row[f"{metric.name}_{measure}"] for measure in measures_of(metric)},
            )


def _bucket(buckets: Mapping[Ms, Window], start_at: Ms) -> Window:
    if start_at in buckets:
        return buckets[start_at]
    raise StoreRejectedError(
        "ClickHouse and this machine disagree on the clocks of the time zone: "
        "update the package tzdata here or ClickHouse there, or report in UTC"
    )


def _overlap(window: Window, known: Window) -> bool:
    return window.start_at < known.end_at and known.start_at < window.end_at
