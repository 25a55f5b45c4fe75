"""What pages, end to end: a month with a faulty week, teams that are all the same, broken surveys, a silent source."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from schemas.rows import SignalRow
from streams.core.window import DAY_MS
from streams.simulation.rhythm import faulty_week
from streams.sinks.watch import ClickHouseWatchStore
from tests.dashboards.alerting import firing, numbers
from tests.integration.conftest import Servers
from tests.integration.desk import END, Desk, events_of, lines_of, ms
from tests.space import Space, WorkerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MID_FAULT: Final = ms(datetime(2026, 3, 21, 12, tzinfo=UTC))
NOW: Final = ms(END)
FELL: Final = "satisfaction_fell"


@pytest.fixture(scope="module")
def month() -> list[bytes]:
    return lines_of(7)


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(servers, tmp_path)
    yield made
    made.remove()


def of_kind(signals: list[SignalRow], kind: str) -> list[SignalRow]:
    return [row for row in signals if row.kind == kind and row.state != "withdrawn"]


def pages(signals: list[SignalRow]) -> list[SignalRow]:
    return [row for row in signals if row.is_page]


def test_the_faulty_week_opens_one_signal_for_its_team_and_resolves_it_after_recovery(
    desk: Desk, month: list[bytes]
) -> None:
    events = events_of(month)
    desk.tell([event for event in events if event.at_ms < MID_FAULT], MID_FAULT)
    watch = desk.watch(MID_FAULT)
    (page,) = pages(desk.signals())
    (alert,) = firing(desk.client, "satisfaction-fell", MID_FAULT)
    assert (alert["signal"], alert["team"], alert["segment_kind"]) == (page.signal_id, "delivery", "team")
    shown = numbers(desk.client, "satisfaction-fell", MID_FAULT)
    assert (page.n, page.value) in zip(shown["N"].values(), shown["V"].values(), strict=True)
    assert (page.kind, page.segment_kind, page.segment, page.state) == (FELL, "team", "delivery", "open")
    assert page.value is not None
    assert page.baseline is not None
    assert page.value < page.baseline - 0.06
    assert page.slices_reason[0] in {"missing-parts", "delivery-date"}
    assert 0 < len(page.ticket_ids) <= 5
    assert "satisfied ratings in a row" in page.clears
    assert not [row for row in of_kind(desk.signals(), FELL) if row.segment_kind == "team" and row != page]

    desk.tell([event for event in events if event.at_ms >= MID_FAULT], NOW)
    desk.watch(NOW, look=watch)
    assert firing(desk.client, "satisfaction-fell", NOW) == []
    assert alert in [dict(labels) for labels in numbers(desk.client, "satisfaction-fell", NOW)["A"]], "told as resolved"
    (after,) = pages(of_kind(desk.signals(), FELL))
    assert (after.signal_id, after.state, after.told) == (page.signal_id, "resolved", page.told)
    assert after.resolved_at is not None
    assert MID_FAULT < after.resolved_at < NOW


def told_falls(space: Space) -> list[SignalRow]:
    """Return the falls as they stand, whenever they were stated."""
    rows = ClickHouseWatchStore(space.client).signals()
    return [replace(row, version=0) for row in of_kind(rows, FELL)]


def pages_of(space: Space) -> list[SignalRow]:
    return pages(told_falls(space))


def essence(row: SignalRow) -> tuple[object, ...]:
    """Return what a signal is; the numbers of an open one are stated anew once a minute."""
    return row.signal_id, row.segment, row.state, row.is_page, row.opened_at, row.since_at, row.baseline, row.told


def looks(worker: WorkerProcess) -> float:
    return worker.meter("servicepulse_watch_looks_total")


@pytest.mark.chaos
def test_killing_the_worker_in_between_changes_nothing(space: Space) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the worker has no other clock
    fault = faulty_week(ms(now))
    middle = fault.start + 11 * DAY_MS // 2
    lines = lines_of(7, now - timedelta(days=30), now)
    events = events_of(lines)
    first = [event.raw for event in events if event.at_ms < middle]
    rest = [event.raw for event in events if event.at_ms >= middle]

    worker = space.started_worker()
    space.publish(first)
    wait_until(lambda: bool(pages_of(space)), "a signal is open", 150)
    worker.kill()
    (page,) = before = pages_of(space)
    assert (page.segment_kind, page.segment, page.state) == ("team", "delivery", "open")

    worker = space.started_worker()
    assert [one["signal"] for one in firing(space.client, "satisfaction-fell", ms(now))] == [page.signal_id]
    wait_until(lambda: looks(worker) > 2, "the next worker has looked")
    assert [essence(one) for one in pages_of(space)] == [essence(one) for one in before]
    space.publish(rest)
    wait_until(
        lambda: int(space.value("SELECT count() FROM events")) > len(first) + 5_000, "some of the rest is stored"
    )
    worker.kill()
    worker = space.started_worker()
    wait_until(lambda: pages_of(space)[0].state == "resolved", "the signal is resolved", 150)
    (after,) = pages_of(space)
    assert (after.signal_id, after.told) == (page.signal_id, page.told)
    assert firing(space.client, "satisfaction-fell", ms(now)) == []
    published = [json.loads(value) for value in space.read("signals")]
    assert {one["data"]["signal_id"] for one in published if one["data"]["is_page"]} >= {page.signal_id}
