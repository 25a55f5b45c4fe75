"""What a question costs does not grow with the history that lies beside it: rows read, by ClickHouse's own count."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client

from streams.core.signal.segment import DESK
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.watch import ClickHouseWatchStore
from tests.dashboards.alerting import RULES, asked
from tests.dashboards.month import END_MS, Month, lately, told
from tests.dashboards.target import choices, every_place, range_days, step_seconds
from tests.earlier import moved
from tests.histories import SOURCE
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

TIMES: Final = 100
"""As much history as there is beside it."""
BEFORE_DAYS: Final = 400
"""So long ago the history ends: before any window that is asked for."""
MOST_TIMES: Final = 8
LEAST_ROWS: Final = 20_000
"""Below it marks of an index, which are read whole, weigh more than what is asked for."""

BY_CUSTOMER: Final = ("after-sales: ", "worth: ")
"""Looks the orders of each case's customer up by key: as many places of an index as there are cases, however long the
history. A desk of this size asks for so many of them that they are most of the table. What cases are worth takes in how
often customers had ordered before and who had no case, whenever that was."""


class Counting:
    """A client that adds up how many rows were read, as `X-ClickHouse-Summary` says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.rows = 0

    def query(self, *args: Any, **kwargs: Any) -> Any:
        answer = self._client.query(*args, **kwargs)
        self.rows += int(answer.summary["read_rows"])
        return answer

    def query_rows_stream(self, sql: str, parameters: dict[str, Any]) -> Any:
        self.query(sql, parameters=parameters)
        return self._client.query_rows_stream(sql, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def questions(month: Month, counting: Counting) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every question that is asked again and again, by its name."""
    client: Any = counting
    for place in every_place():
        window = lately(range_days(place.dashboard))
        counted = Month(month.settings, client, month.events)
        variables = choices(place.dashboard)
        yield str(place), partial(counted.ask, place.target, variables, window, step_seconds(place.dashboard))
    for uid, rule in RULES.items():
        for step in rule["data"]:
            if "rawSql" in step["model"]:
                yield f"alert {uid} {step['refId']}", partial(asked, client, step, END_MS)
    store = ClickHouseWatchStore(client)
    fall, usual = Window(END_MS - DAY_MS, END_MS), Window(END_MS - 30 * DAY_MS, END_MS - 2 * DAY_MS)
    mark = int(counting._client.query("SELECT toUnixTimestamp64Milli(now64(3))").result_rows[0][0]) - 1
    yield "watch ratings", lambda: store.ratings(0, mark)
    yield "watch slices", lambda: store.slices(DESK, fall, usual)
    yield "watch teams", lambda: store.teams(fall, usual)
    yield "watch bad ratings", lambda: store.bad_ratings(DESK, fall)
    yield "watch responses", lambda: store.responses(fall, usual)
    yield "watch newest events", lambda: store.newest_events(END_MS - 300_000)
    yield "watch silence", lambda: store.silence(SOURCE, END_MS - HOUR_MS, END_MS)


def rows_read(month: Month, of: Callable[[str], bool]) -> dict[str, int]:
    """Return the rows that questions read, of those whose names are asked for."""
    found = {}
    counting = Counting(month.client)
    for name, ask in questions(month, counting):
        if of(name):
            counting.rows = 0
            ask()
            found[name] = counting.rows
    return found


def fill(client: Client) -> None:
    """Repeat events, tickets and orders over the years before, each time with other ids; ClickHouse fills the rest."""
    for table in ("events", "tickets"):
        columns = client.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
            " ORDER BY position",
            parameters={"table": table},
        ).result_rows
        shifted = ", ".join(_shifted(name, type_) for name, type_ in columns)
        client.command(f"CREATE TABLE once ENGINE = Memory AS SELECT * FROM {table} FINAL")
        client.command(f"INSERT INTO {table} SELECT {shifted} FROM once ARRAY JOIN range({TIMES}) AS n")
        client.command("DROP TABLE once")


def _shifted(name: str, type_: str) -> str:
    column, days = f"`{name}`", f"toIntervalDay({BEFORE_DAYS} + 7 * n)"
    if name in ("subject", "ticket_id", "customer_id", "order_id", "id"):
        return f"if({column} = '', '', concat({column}, '-', toString(n)))"
    if name == "raw":
        return (
            'replaceRegexpAll(raw, \'"(customer_id|order_id|ticket_id)":"([^"]*)"\', '
            "concat('\"\\\\1\":\"\\\\2-', toString(n), '\"'))"
        )
    return moved(name, type_, days)


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Month]]:
    """Return a maker of desks, all with the same events."""
    made: list[Month] = []

    def make() -> Month:
        made.append(told(servers, tmp_path, per_day=10))
        return made[-1]

    yield make
    for one in made:
        one.remove()


def test_no_question_reads_more_because_there_is_a_hundred_times_the_history(desk: Callable[[], Month]) -> None:
    long = desk()
    fill(long.client)
    assert long.client.query("SELECT count() FROM event_times").result_rows[0][0] > 30 * LEAST_ROWS
    after = rows_read(long, lambda name: not name.startswith(BY_CUSTOMER))
    many = {name for name, rows in after.items() if rows > LEAST_ROWS}
    before = rows_read(desk(), many.__contains__)
    assert before.keys() == many
    assert {name: (before[name], after[name]) for name in many if after[name] > MOST_TIMES * before[name]} == {}
