"""How long every query of the dashboards takes over its default range: --clickhouse URL --database NAME."""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from dashboards.macro import expand, interpolate
from streams.core.window import DAY_MS
from streams.settings import Settings
from streams.sinks.connection import connect
from tests.dashboards.target import DASHBOARDS, Place, choices, places, range_days, step_seconds

PANEL_MS: Final = 250
THOROUGH_MS: Final = 1_000
"""Of pages that are read at a desk, not glanced at: their panels follow every customer over months."""
_THOROUGH: Final = ("worth", "integrity")
PULSE_MS: Final = 1_000
TRIES: Final = 5


class Timing(NamedTuple):
    """One query: the best and the median of some tries, and what it read and returned."""

    place: Place
    best_ms: float
    median_ms: float
    read_rows: int
    rows: int


def limit_ms(uid: str) -> int:
    """Return how long a panel of a dashboard may take."""
    return THOROUGH_MS if uid in _THOROUGH else PANEL_MS


def measured(client: Client, end_ms: int, tries: int, only: str | None = None) -> Iterator[Timing]:
    """Yield the timing of every query over the range that its dashboard opens with, as if now were `end_ms`."""
    for uid, dashboard in DASHBOARDS.items():
        if only in (None, uid):
            for place in places(dashboard):
                yield _timed(client, place, end_ms, tries)


def _timed(client: Client, place: Place, end_ms: int, tries: int) -> Timing:
    uid = place.dashboard
    sql = expand(
        interpolate(place.target["rawSql"], choices(uid)),
        from_ms=end_ms - int(range_days(uid) * DAY_MS),
        to_ms=end_ms,
        interval_seconds=step_seconds(uid),
    )
    taken = []
    for _ in range(tries):
        began = time.perf_counter()
        answer = client.query(sql)
        taken.append(1000 * (time.perf_counter() - began))
    taken.sort()
    read = int(answer.summary.get("read_rows", 0))
    return Timing(place, taken[0], taken[len(taken) // 2], read, len(answer.result_rows))


def show(console: Console, timings: Sequence[Timing]) -> None:
    """Print a table of all queries, and what each page takes when its queries run one after the other."""
    table = Table(box=None, header_style="dim")
    for heading in ("dashboard", "query", "best ms", "median ms", "rows read", "rows"):
        table.add_column(heading, justify="left" if heading in ("dashboard", "query") else "right")
    pages: dict[str, float] = defaultdict(float)
    for one in timings:
        style = "red" if one.median_ms > limit_ms(one.place.dashboard) else ""
        figures = (f"{one.best_ms:.0f}", f"{one.median_ms:.0f}", f"{one.read_rows:,}", f"{one.rows:,}")
        table.add_row(one.place.dashboard, one.place.name, *figures, style=style)
        pages[one.place.dashboard] += one.median_ms
    console.print(table)
    for uid, total in pages.items():
        goal = f" (goal {PULSE_MS} ms)" if uid == "service-pulse" else ""
        console.print(f"{uid}: {total:.0f} ms one after the other{goal}", highlight=False)
    slow = [one for one in timings if one.median_ms > limit_ms(one.place.dashboard)]
    limits = f"{PANEL_MS} ms ({' and '.join(_THOROUGH)}: {THOROUGH_MS:,} ms)"
    console.print(f"{len(timings)} queries, {len(slow)} slower than {limits}", highlight=False)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clickhouse", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--dashboard", help="only this one, by its uid")
    parser.add_argument("--tries", type=int, default=TRIES)
    given = parser.parse_args()
    client = connect(Settings(clickhouse=given.clickhouse, database=given.database))
    newest = client.query("SELECT toUnixTimestamp64Milli(max(created_at)) FROM ticket_days").result_rows[0][0]
    show(Console(width=140), list(measured(client, newest, given.tries, given.dashboard)))


if __name__ == "__main__":
    main()
