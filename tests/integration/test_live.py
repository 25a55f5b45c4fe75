"""The live view: what it shows, that it goes on while things change, and how it ends."""

import io
import os
import pty
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from select import select
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console

from deploy.embedded.stack import Stack
from schemas.codec import decode, encode
from streams.cli.live import live_view
from streams.cli.live_screen import look, screen_of
from streams.cli.wording import figure_text
from streams.core.ask.figure import Figure
from streams.core.ask.question import Question
from streams.core.metrics import METRICS
from streams.core.metrics.complaint_rate import COMPLAINT_RATE
from streams.core.ticket.batch import event_row
from streams.core.ticket.measures import row_of
from streams.core.window import DAY_MS, HOUR_MS, Window, local_of
from streams.settings import Settings
from streams.simulation import events as simulated
from streams.sinks.clickhouse import ClickHouseStore
from streams.sinks.connection import connect
from streams.sinks.figures import answer
from streams.sinks.migrate import migrate
from tests.databases import given_back, lent
from tests.histories import NOW_MS, settled
from tests.integration.conftest import Servers
from tests.process import Process
from tests.space import ROOT, Space, wait_until

pytestmark = pytest.mark.integration

UTC: Final = ZoneInfo("UTC")
END: Final = datetime(2026, 3, 20, 15, tzinfo=UTC)
PATIENCE_SECONDS: Final = 60.0
WIDTHS: Final = (80, 112, 138, 190)


@pytest.fixture
def settings(servers: Servers, tmp_path: Path) -> Iterator[Settings]:
    """Return settings of an empty database."""
    made = Settings(clickhouse=servers.clickhouse, database=lent(servers.clickhouse), folder=tmp_path)
    yield made
    given_back(connect(made))


def _console() -> Console:
    return Console(file=io.StringIO(), width=200, height=60, force_terminal=True)


def _drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _tell_a_fortnight(client: Client) -> int:
    """Store two weeks of a small desk and return when the newest event happened."""
    told = [
        decode(
            encode(one.data, source=one.source, id=one.id, time=one.at, name=one.name, subject=one.subject),
            now_ms=NOW_MS,
        )
        for one in simulated(3, END - timedelta(days=15), END, 60)
    ]
    store = ClickHouseStore(client)
    store.insert([event_row(one, NOW_MS) for one in told])
    store.insert([row_of(ticket, NOW_MS) for ticket in settled(one for one in told if one.ticket_id).values()])
    return max(one.at_ms for one in told)


def _patient(claim: Callable[[], bool]) -> Callable[[], bool]:
    """Return a claim that also comes true when too much time has passed, so that a view always ends."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    return lambda: claim() or time.monotonic() > ends_at


def _text(client: Client, width: int = 190, height: int = 60, now: int = NOW_MS) -> str:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(screen_of(look(client, now), width, height))
    return _drawn(console)


def test_the_view_shows_the_numbers_of_the_report(settings: Settings) -> None:
    client = connect(settings)
    newest = _tell_a_fortnight(client)
    week = Window(newest + 1 - 7 * DAY_MS, newest + 1)
    figures = answer(client, Question(metrics=[*METRICS.values()], windows=[week]), week)
    figure: Figure = figures[COMPLAINT_RATE.name, None, week]
    (line,) = [line for line in _text(client).splitlines() if line.startswith(COMPLAINT_RATE.title)]
    assert figure_text(figure) in line
    assert f"{figure.n:,}" in line
    assert f"{figures['open_waits', None, week].n:,} customers waiting" in _text(client)


def test_the_view_says_that_it_stands_at_the_newest_event(settings: Settings) -> None:
    client = connect(settings)
    newest = _tell_a_fortnight(client)
    said = f"as of {local_of(newest, UTC):%Y-%m-%d %H:%M:%S} UTC, the newest event, 3 h ago"
    assert said in _text(client, now=newest + 3 * HOUR_MS)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_view_fits_its_screen(settings: Settings, width: int) -> None:
    client = connect(settings)
    _tell_a_fortnight(client)
    lines = _text(client, width, 24).splitlines()
    assert len(lines) <= 24
    assert not any("…" in line for line in lines)


def test_the_view_waits_for_the_first_event_and_then_shows_it(settings: Settings) -> None:
    console = _console()
    client = connect(settings)
    told: list[int] = []

    def until() -> bool:
        if "Waiting for the first event" in _drawn(console) and not told:
            told.append(_tell_a_fortnight(client))
        return "Complaint rate" in _drawn(console)

    live_view(settings, _patient(until), console)
    assert told
    assert "Complaint rate" in _drawn(console)


@pytest.mark.chaos
def test_the_view_goes_on_when_clickhouse_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stack = Stack(tmp_path)
    (engine,) = stack.up(["clickhouse"], attached=True)
    settings = Settings(clickhouse=engine.address, folder=tmp_path)
    migrate(connect(settings))
    console = _console()
    seen: list[str] = []

    def until() -> bool:
        frame = _drawn(console).rpartition("Service Pulse")[2]
        state = "away" if "does not answer" in frame else "there" if "Waiting for" in frame else ""
        if state and seen[-1:] != [state]:
            seen.append(state)
            if seen == ["there"]:
                stack.kill("clickhouse")
            if seen == ["there", "away"]:
                stack.up(["clickhouse"], attached=True)
        return seen == ["there", "away", "there"]

    try:
        live_view(settings, _patient(until), console)
    finally:
        stack.down()
    assert seen == ["there", "away", "there"]
    assert not caplog.records, "nothing writes across the screen"


def test_ctrl_c_ends_the_view_cleanly(space: Space) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "streams.cli", "live"]
    environment = space.environment() | {"TERM": "xterm"}
    with (
        open(ours, "rb", buffering=0) as screen,  # noqa: PTH123 - a descriptor, no path
        Process(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs) as process,
    ):
        os.close(theirs)
        drawn = b""
        wait_until(lambda: bool(select([ours], [], [], 0.1)[0]), "the view draws")
        while b"Waiting for the first event" not in drawn:
            drawn += screen.read(4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        drawn += screen.read(4096) if select([ours], [], [], 0)[0] else b""
    assert b"Traceback" not in drawn
    assert drawn.rstrip().endswith(b"\x1b[?25h"), "the cursor is back"
