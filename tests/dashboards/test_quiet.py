"""What panels show of a desk with quiet days: nobody waiting is 0, nothing seen is a gap and no bridge."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from schemas import events as e
from schemas.codec import Event
from schemas.instant import ms_of
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS, Window
from streams.sinks.clickhouse import ClickHouseStore
from tests.dashboards.month import Month, new_database
from tests.dashboards.target import choices, panel_target
from tests.histories import event, public_answer, settled
from tests.integration.conftest import Servers

pytestmark = pytest.mark.integration

MARCH: Final = ms_of(datetime(2026, 3, 1, tzinfo=UTC))
WEEK: Final = Window(MARCH + DAY_MS, MARCH + 8 * DAY_MS)
"""The first day of it has nothing, nor has the last but one."""
BUSY: Final = {2: 5, 5: 3}
"""Customers who call on these days of the range, wait over midnight and are answered the next morning."""


@pytest.fixture(scope="module")
def quiet(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    events = [one for day, calls in BUSY.items() for n in range(calls) for one in _case(f"T-{day}-{n}", day)]
    made = new_database(servers, tmp_path_factory.mktemp("quiet"), events)
    ClickHouseStore(made.client).insert([row_of(ticket, WEEK.end_at) for ticket in settled(events).values()])
    yield made
    made.remove()


def _case(id: str, day: int) -> Iterator[Event]:
    called_at = WEEK.start_at + day * DAY_MS + 20 * HOUR_MS
    answered_at = called_at + 12 * HOUR_MS
    asked = e.TicketCreated(ticket_id=id, channel="phone", created_by=e.Party.CUSTOMER, team="desk")
    yield event(asked, called_at, f"{id} 1", subject=id)
    yield event(public_answer(id), answered_at, f"{id} 2", subject=id)
    yield event(e.TicketResolved(ticket_id=id), answered_at, f"{id} 3", 1, subject=id)


def shown(month: Month, uid: str, id: int, window: Window = WEEK) -> list[dict[str, Any]]:
    answer = month.ask(panel_target(uid, id), choices(uid, step="day", zone="UTC"), window)
    return list(answer.named_results())


@pytest.mark.parametrize(
    ("uid", "id", "title"),
    [
        ("service-pulse", 9, "Customers waiting"),
        ("service-pulse", 10, "Backlog"),
        ("complaints", 4, "Tickets"),
    ],
)
def test_a_count_of_nothing_is_0(quiet: Month, uid: str, id: int, title: str) -> None:
    (row,) = shown(quiet, uid, id, Window(WEEK.end_at - DAY_MS, WEEK.end_at))
    assert row[title] == 0.0


def test_before_anything_was_known_a_count_says_nothing(quiet: Month) -> None:
    (row,) = shown(quiet, "complaints", 4, Window(MARCH - 30 * DAY_MS, MARCH - 20 * DAY_MS))
    assert row["Tickets"] is None


def test_a_line_of_those_who_wait_comes_down_when_nobody_does(quiet: Month) -> None:
    days = {_day(row["time"]): row["Customers waiting"] for row in shown(quiet, "response-time", 10)}
    assert days == {day: BUSY.get(day - 1, 0) for day in range(3, 8)}, "each at the end of the day before"


def test_a_line_has_a_gap_on_a_day_without_ratings_and_begins_with_the_first_knowledge(quiet: Month) -> None:
    rows = shown(quiet, "response-time", 5)
    assert list(dict.fromkeys(_day(row["time"]) for row in rows)) == [2, 3, 4, 5, 6]
    assert all(not isinstance(value, float) for row in rows for name, value in row.items() if name != "time")


def test_a_chart_without_a_single_figure_has_no_rows_so_that_its_panel_can_say_why(quiet: Month) -> None:
    assert shown(quiet, "satisfaction", 5) == []


def _day(at: datetime) -> int:
    """Return how many days after the begin of the range an instant lies."""
    return round((ms_of(at.replace(tzinfo=UTC)) - WEEK.start_at) / DAY_MS)
