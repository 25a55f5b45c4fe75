"""The preview in a real browser while events flow."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from streams.publisher import Publisher
from streams.simulation import SOURCES, endless
from streams.simulation.play import Player
from tests.dashboards.visit import Visit, assert_opens, browser, visit, wall
from tests.integration.conftest import Servers
from tests.process import Process
from tests.space import ROOT, Space, new_space, wait_until

__all__ = ["browser", "visit", "wall"]

pytestmark = pytest.mark.integration

LIVE: Final = ("service-pulse", "in-time", "pipeline")
"""Pages of what goes on now; the others are opened over a month that stands still."""
CHANGE_SECONDS: Final = 15.0
HISTORY_DAYS: Final = 35
HISTORY_PER_DAY: Final = 30
LINGER_SECONDS: Final = 2.0
"""What comes in steadily is stored in few batches: the numbers have fifteen seconds to change."""


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Return a space in which a worker folds a month of a desk, and then what goes on happening there."""
    now = datetime.now(UTC)  # noqa: TID251 - what happens in this test happens now
    world = endless(1, now - timedelta(days=HISTORY_DAYS), now, HISTORY_PER_DAY, live_per_day=86_400)
    ended = threading.Event()
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("desk")
        space = running.enter_context(new_space(servers.kafka, servers.clickhouse, folder))
        space.started_worker(batch_linger_seconds=LINGER_SECONDS)
        outlets = {
            source: running.enter_context(Publisher.from_settings(space.settings, source=source)) for source in SOURCES
        }
        player = Player(world, outlets)
        player.catch_up(now, lambda _: None)
        threads = running.enter_context(ThreadPoolExecutor(1))
        running.callback(ended.set)
        playing = threads.submit(player.keep_up, lambda: datetime.now(UTC), ended.wait)  # noqa: TID251
        yield space
        assert not playing.done(), "events stopped flowing before the tests were over"


@pytest.fixture(scope="module")
def preview(desk: Space) -> Iterator[str]:
    """Return the address of `servicepulse preview`."""
    command = [sys.executable, "-m", "streams.cli", "preview", "--port", "0", "--owner-pid", str(os.getpid())]
    log_path = desk.folder / "preview.log"
    found = re.compile(r"http://127\.0\.0\.1:\d+/")
    with (
        log_path.open("wb") as lines,
        Process(command, env=desk.environment(), cwd=ROOT, stdout=lines, stderr=lines) as process,
    ):
        wait_until(
            lambda: bool(found.search(log_path.read_text())) or process.poll() is not None, "the preview is there"
        )
        address = found.search(log_path.read_text())
        assert address, log_path.read_text()
        yield address[0]
        process.terminate()
        assert process.wait(timeout=30) == 0, log_path.read_text()


@pytest.mark.parametrize("uid", LIVE)
def test_a_dashboard_opens_while_events_flow(visit: Callable[..., Visit], preview: str, uid: str) -> None:
    assert_opens(visit(preview), uid)


def test_numbers_change_within_15_seconds(visit: Callable[..., Visit], preview: str) -> None:
    seen = visit(preview)
    seen.open("/d/service-pulse?refresh=5s")
    before = seen.numbers()
    assert len(before) > 4
    seen.wait(lambda: len(_changed(before, seen.numbers())) >= 2, "numbers changed by themselves", CHANGE_SECONDS)
    assert seen.complaints == []


def _changed(before: list[str], now: list[str]) -> list[str]:
    return [number for was, number in zip(before, now, strict=False) if was != number]
