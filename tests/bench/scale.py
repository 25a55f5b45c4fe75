"""How fast questions are answered over a million tickets: every metric for the last day and the last 90 days.

`python -m tests.bench.scale` starts an embedded ClickHouse of its own and fills it: a simulated month is folded as a
worker folds it, stored, and then repeated by SQL over the year before it, each time with other ids and older instants.
So is what is told beside tickets, and three customers without a case for every one who orders. What those repeated
months leave open is closed where they end, as a desk of a year would have done. The desk has a policy of 20 versions
with five rules for each target.

Each metric is asked with the period before, as `servicepulse report` asks it, and every query of the dashboards over
the range that its page opens with; the best of three counts. The exit code is 0 when every metric answers within 200 ms
for a day and within a second for 90 days, every panel within 250 ms (within a second where a page follows each customer
over months: *Worth* and *Integrity*), and the queries of *Service pulse*, one after the other, within a second.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.progress import track
from rich.table import Table

from schemas.codec import encode
from schemas.events import (
    NAME_OF,
    KnownIssueAnnounced,
    KnownIssueData,
    KnownIssueResolved,
    KnownIssueUpdated,
    PolicyPublished,
    RootCauseAcknowledged,
    RootCauseData,
    RootCauseFixed,
    RootCauseReported,
    SchedulePublished,
)
from schemas.policy import Policy, Rule
from schemas.schedule import SHIFTS_OF, Version, Week
from streams.core.ask.question import Question, Statement, statements
from streams.core.hours.published import open_hours
from streams.core.metrics import METRICS
from streams.core.ticket.batch import fold_batch, read
from streams.core.window import DAY_MS, Window
from streams.simulation import events, world
from streams.sinks.clickhouse import ClickHouseStore
from tests.bench import backlog, panels
from tests.bench.space import bench_space
from tests.bench.steps import NOW_MS, Taken
from tests.earlier import moved

TARGET_SECONDS: Final = {1: 0.2, 90: 1.0}
"""Days of the window, and how long an answer may take."""
REPEATS: Final = 50
STEP_DAYS: Final = 7
TIMES: Final = 3
YEAR: Final = timedelta(days=365)
_OPEN: Final = ("09:00-12:30", "13:00-18:00")
_HOURS: Final = (
    Version(
        from_at=datetime(2023, 1, 1),  # noqa: DTZ001 - by the clocks of the zone
        zone="Europe/Berlin",
        weekly=Week(_OPEN, _OPEN, _OPEN, _OPEN, _OPEN, ("10:00-14:00",)),
    ),
)
SCHEDULES: Final = tuple(
    SchedulePublished(name=name, versions=_HOURS)
    for name in ("default", *(f"{SHIFTS_OF}{agent}" for team in world.TEAMS for agent in team.agents))
)
"""When the desk is open, and when each of its people works."""
VERSIONS: Final = 20
BESIDE: Final = (
    "messages_out", "retractions", "fault_events", "known_issue_events", "root_cause_events", "contact_events",
    "selfservice_events", "compensation_events", "return_events", "work_events", "handling_events",
    "templated_messages",
)  # fmt: skip
"""What is taken out of events, by workers or by ClickHouse itself, beside orders."""
OTHERS: Final = 3
"""Customers who only order, for each that orders in the simulated month."""
TABLES: Final = ("events", "tickets", "ticket_days", "orders", "order_days", *BESIDE)
_IDS: Final = frozenset(
    {
        *("ticket_id", "customer_id", "order_id", "fault_id", "issue_id", "contact_id", "session_id", "referred_by"),
        *("compensation_id", "return_id", "subject", "target_id", "id"),
    }
)
"""Columns by which a repeated month is another one."""

console = Console(highlight=False)


def policy() -> PolicyPublished:
    """Return a policy of many versions over the last year, each with five rules for every target."""
    rules = (
        Rule(within="30m", priority=("urgent",), team=("delivery", "repairs")),
        Rule(within="1h", priority=("urgent", "high"), channel=("phone", "chat")),
        Rule(within="2h", hours="open", contact_type=("complaint",)),
        Rule(within="4h", hours="open", product_line=("wardrobes", "sofas"), region=("north", "south")),
        Rule(within="8h", hours="open"),
    )
    begins = (backlog.END - YEAR + number * YEAR / VERSIONS for number in range(VERSIONS))
    versions = (Policy(from_at=at, zone="UTC", first_response=rules, response=rules, resolution=rules) for at in begins)
    return PolicyPublished(versions=tuple(versions))


class Answer(NamedTuple):
    """How long a statement took, and what it read."""

    seconds: float
    rows: int
    bytes: int
    is_empty: bool


def main() -> int:
    """Fill, measure, print, and return the exit code."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="servicepulse-bench-") as folder, bench_space(Path(folder)) as space:
        _fill(space.client, given.tickets)
        with console.status("telling events"):
            _tell(space.client)
        _print_sizes(space.client)
        found = {days: dict(_answers(space.client, days)) for days in TARGET_SECONDS}
        timings = list(panels.measured(space.client, int(backlog.END.timestamp() * 1000), TIMES))
    _print_answers(found)
    if empty := [name for name, one in found[max(found)].items() if one.is_empty]:
        console.print(f"nothing to count, which proves nothing: {', '.join(empty)}")
    panels.show(console, timings)
    missed = [*_missed_metrics(found), *_missed_panels(timings)]
    verdict = f"[bold red]missed by {', '.join(missed)}[/]" if missed else "[green]all reached[/]"
    console.print(f"targets: {verdict} ({os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f})")
    return 1 if missed else 0


def _missed_metrics(found: dict[int, dict[str, Answer]]) -> Iterator[str]:
    for days, answers in found.items():
        yield from (f"{name} over {days} d" for name, one in answers.items() if one.seconds > TARGET_SECONDS[days])


def _missed_panels(timings: Sequence[panels.Timing]) -> Iterator[str]:
    yield from (
        f"{one.place.dashboard}: {one.place.name}"
        for one in timings
        if one.best_ms > panels.limit_ms(one.place.dashboard)
    )
    if sum(one.best_ms for one in timings if one.place.dashboard == "service-pulse") > panels.PULSE_MS:
        yield "Service pulse as a whole"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.scale", description="Questions over many tickets.")
    parser.add_argument("--tickets", type=int, default=1_000_000, help="about how many")
    return parser.parse_args()


# Filling --------------------------------------------------------------------------------------------------------------


def _fill(client: Client, tickets: int) -> None:
    with console.status("folding a month"):
        told = [
            encode(one.data, source=one.source, id=one.id, time=one.at, name=one.name, subject=one.subject)
            for one in events(backlog.SEED, backlog.END - backlog.MONTH, backlog.END, tickets / REPEATS / 30)
        ]
        said = [(backlog.END - 2 * YEAR, one) for one in (*SCHEDULES, policy())]
        for number, (at, one) in enumerate([*said, *_known()]):
            told.append(encode(one, source="urn:bench", id=str(number), time=at, name=NAME_OF[type(one)]))
        outcome = fold_batch(read([Taken(value, n) for n, value in enumerate(told)], NOW_MS), {}, NOW_MS)
        store = ClickHouseStore(client)
        beside = [*outcome.beside, *open_hours(outcome.schedules, NOW_MS)]
        asyncio.run(store.write(outcome.events, outcome.rows, [], beside))
    for table in ("tickets", "orders", *BESIDE):
        client.command(f"CREATE TABLE month_of_{table} ENGINE = Memory AS SELECT * FROM {table}")
        columns = client.query(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
            " ORDER BY position",
            parameters={"table": table},
        ).result_rows
        for repeat in track(range(1, REPEATS), f"repeating {table}", console=console, transient=True):
            copies = range(1 + OTHERS) if table == "orders" else range(1)
            for copy in copies:
                shifted = ", ".join(_shifted(name, type_, repeat * STEP_DAYS, copy) for name, type_ in columns)
                client.command(f"INSERT INTO {table} SELECT {shifted} FROM month_of_{table}")


def _known() -> Iterator[tuple[datetime, KnownIssueData | RootCauseData]]:
    """Yield what is said of the month's most frequent question, which another department can remove, and of others."""
    first = backlog.END - backlog.MONTH
    for number, line in enumerate(world.PRODUCT_LINES.choices):
        issue, at = f"KI-{number}", first + timedelta(days=2 + number)
        yield at, KnownIssueAnnounced(issue_id=issue, product_line=line, cause="a batch", eta_at=at + timedelta(days=2))
        yield at + timedelta(days=1), KnownIssueUpdated(issue_id=issue, eta_at=at + timedelta(days=5))
        yield at + timedelta(days=6), KnownIssueResolved(issue_id=issue)
    for reason in (world.FAULTY_REASON, world.LEAFLET_REASON):
        told = {"reason": reason, "department": "shipping"}
        yield first + timedelta(days=3), RootCauseReported(**told)
        yield first + timedelta(days=5), RootCauseAcknowledged(**told)
        yield first + timedelta(days=9), RootCauseFixed(**told)


def _tell(client: Client) -> None:
    """Store as many events as the tickets fold, spread over their lives: the page about the pipeline reads them."""
    client.command(
        """
        INSERT INTO events
        SELECT
            ticket_id, 'urn:bench', concat(ticket_id, '-', toString(number)), 'message.sent',
            first_event_at + toIntervalMillisecond(intDiv(
                number * dateDiff('millisecond', first_event_at, last_event_at), events)) AS happened_at,
            number, false, 0, '{}', happened_at + toIntervalSecond(2)
        FROM tickets
        ARRAY JOIN range(events) AS number
        """
    )


def _shifted(name: str, type_: str, days: int, copy: int = 0) -> str:
    """Return a column as it was so many days before, with another identity."""
    column = f"`{name}`"
    if type_ == "Date":
        return f"{column} - {days}"
    if name in _IDS:
        return f"if({column} = '', '', concat({column}, '-{days}{f'-{copy}' if copy else ''}'))"
    return moved(name, type_, f"toIntervalDay({days})")


# Asking ---------------------------------------------------------------------------------------------------------------


def _answers(client: Client, days: int) -> Iterator[tuple[str, Answer]]:
    """Yield for each kind of observations how long its metrics take, with the period before."""
    end = int(backlog.END.timestamp() * 1000)
    windows = [Window(end - days * DAY_MS, end), Window(end - 2 * days * DAY_MS, end - days * DAY_MS)]
    for statement in statements(Question(metrics=list(METRICS.values()), windows=windows)):
        yield statement.metrics[0].observations.name, min(_timed(client, statement) for _ in range(TIMES))


def _timed(client: Client, statement: Statement) -> Answer:
    began_at = time.perf_counter()
    result = client.query(statement.sql, parameters=dict(statement.parameters))
    seconds = time.perf_counter() - began_at
    read = result.summary
    return Answer(seconds, int(read["read_rows"]), int(read["read_bytes"]), is_empty=not result.result_rows)


# What is printed ------------------------------------------------------------------------------------------------------


def _print_sizes(client: Client) -> None:
    table = Table("table", box=None, header_style="dim")
    for heading in ("rows", "MB on disk", "bytes a row"):
        table.add_column(heading, justify="right")
    for name in TABLES:
        rows, size = client.query(
            "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts"
            " WHERE active AND database = currentDatabase() AND table = {table:String}",
            parameters={"table": name},
        ).result_rows[0]
        table.add_row(name, f"{rows:,}", f"{size / 1e6:,.1f}", f"{size / max(rows, 1):.0f}")
    console.print(table, "")


def _print_answers(found: dict[int, dict[str, Answer]]) -> None:
    table = Table("observations", box=None, header_style="dim")
    for days in found:
        for heading in (f"{days} d, ms", "rows read", "MB read"):
            table.add_column(heading, justify="right")
    for name in found[1]:
        table.add_row(name, *_cells([answers[name] for answers in found.values()]))
    totals = [_total(list(answers.values())) for answers in found.values()]
    table.add_row("all of them", *_cells(totals), style="bold")
    console.print(table, "")


def _total(answers: Sequence[Answer]) -> Answer:
    seconds, rows, read = (sum(one) for one in zip(*(answer[:3] for answer in answers), strict=True))
    return Answer(seconds, int(rows), int(read), is_empty=False)


def _cells(answers: Sequence[Answer]) -> Iterator[str]:
    for one in answers:
        yield from (f"{1000 * one.seconds:.0f}", f"{one.rows:,}", f"{one.bytes / 1e6:.1f}")


if __name__ == "__main__":
    sys.exit(main())
