"""The preview in a real browser while events flow. Screenshots stay in `.servicepulse/screenshots`.

The browser is a Chromium on this machine, never a download: `apt-get install chromium`, or `SERVICEPULSE_TEST_BROWSER`
names one. Where none is found these tests are skipped, and in continuous integration they fail, unless
`SERVICEPULSE_TEST_BROWSER=none` says that it goes without.
"""

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from dashboards.preview.library import CHECKED_IN, Dashboard, Json, Library
from streams.cli.preview import ask_of
from streams.publisher import Publisher
from streams.simulation import DESK_SOURCE, SHOP_SOURCE, endless
from streams.simulation.play import Player
from tests.dashboards.month import END_MS, Month
from tests.dashboards.preview_board import board, panel, site
from tests.integration.conftest import Servers
from tests.process import Process
from tests.space import ROOT, Space, new_space, wait_until

pytestmark = pytest.mark.integration

BROWSER: Final = "SERVICEPULSE_TEST_BROWSER"
SCREENSHOTS: Final = ROOT / ".servicepulse" / "screenshots"
UIDS: Final = [dashboard.uid for dashboard in Library.read(CHECKED_IN).dashboards]
WALL: Final = {"width": 1600, "height": 1000}
CHANGE_SECONDS: Final = 15.0
HISTORY_DAYS: Final = 35
HISTORY_PER_DAY: Final = 30
LINGER_SECONDS: Final = 2.0
"""What comes in steadily is stored in few batches: the numbers have fifteen seconds to change."""
FLAGS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
ARE_DRAWN: Final = """() => {
    const panels = [...document.querySelectorAll(".panel:not(.row)")];
    return panels.length > 0 && panels.every(panel => panel.dataset.state);
}"""
STATES: Final = (
    "() => [...document.querySelectorAll('.panel:not(.row)')].map(each => [each.ariaLabel, each.dataset.state])"
)
ERRORS: Final = (
    "() => [...document.querySelectorAll('.panel[data-state=error]')].map(each => [each.ariaLabel, each.textContent])"
)
NUMBERS: Final = "() => [...document.querySelectorAll('.stat .number')].map(each => each.textContent)"


def browser_path() -> str:
    """Return where the browser is; skip without one, or fail where nobody would notice the skip."""
    named = os.environ.get(BROWSER)
    if named == "none":
        pytest.skip(f"{BROWSER}=none")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found:
        return found
    message = f"no Chromium was found: apt-get install chromium, or name one in {BROWSER}; {BROWSER}=none goes without"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = browser_path()
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else [*FLAGS]  # Chromium refuses its sandbox to root
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


class Visit:
    """A page somebody looks at, with what it complained of and whom it called."""

    def __init__(self, page: Page, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.hosts: set[str | None] = set()
        self.page = page
        self._listeners: dict[Any, Callable[[Any], None]] = {
            "console": self._note,
            "pageerror": lambda error: self.complaints.append(str(error)),
            "request": self._called,
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    def leave(self) -> None:
        """Leave the page as somebody finds it who comes next."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        self.page.goto("about:blank")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self.wait(lambda: bool(self.page.evaluate(ARE_DRAWN)), f"every panel of {path} is drawn")

    def wait(self, claim: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait as a person does: the page goes on meanwhile."""
        end = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < end, f"after {seconds:g} s still not: {what}; complaints: {self.complaints}"
            self.page.wait_for_timeout(100)

    def states(self) -> dict[str, str]:
        return dict(self.page.evaluate(STATES))

    def errors(self) -> dict[str, str]:
        """Return what the panels say that could not be drawn, by their titles."""
        return dict(self.page.evaluate(ERRORS))

    def numbers(self) -> list[str]:
        return list(self.page.evaluate(NUMBERS))

    def screenshot(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.wait_for_timeout(300)  # for a picture only: bars and lines grow in
        self.page.screenshot(path=path, full_page=True)
        return path

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _called(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.hosts.add(urlsplit(request.url).hostname)


def new_page(browser: Browser, **options: Any) -> Page:
    return browser.new_page(**{"viewport": WALL, "color_scheme": "dark", **options})


@pytest.fixture(scope="module")
def wall(browser: Browser) -> Page:
    """Return a page on the wall, which tests share: to read the charting library anew takes five seconds of a core."""
    return new_page(browser)


@pytest.fixture
def visit(browser: Browser, wall: Page) -> Iterator[Callable[..., Visit]]:
    """Return what visits an address: on the page on the wall, once a test, unless it is to look otherwise."""
    made: list[Visit] = []

    def start(url: str, **options: Any) -> Visit:
        page = new_page(browser, **options) if options else wall
        assert all(page is not each.page for each in made), "the page on the wall is looked at already"
        made.append(Visit(page, url.rstrip("/")))
        return made[-1]

    yield start
    for each in made:
        each.leave() if each.page is wall else each.page.close()


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Return a space in which a worker folds a month and a half of a desk, and then what goes on happening there."""
    now = datetime.now(UTC)  # noqa: TID251 - what happens in this test happens now
    world = endless(1, now - timedelta(days=HISTORY_DAYS), now, HISTORY_PER_DAY, live_per_day=86_400)
    ended = threading.Event()
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("desk")
        space = running.enter_context(new_space(servers.kafka, servers.clickhouse, folder))
        space.started_worker(batch_linger_seconds=LINGER_SECONDS)
        sources = (DESK_SOURCE, SHOP_SOURCE)
        outlets = {
            source: running.enter_context(Publisher.from_settings(space.settings, source=source)) for source in sources
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


@pytest.fixture(scope="module")
def still(month: Month) -> Iterator[str]:
    """Return the address of the dashboards as the month ends; what was asked once is not asked again."""
    dashboards = Library.read(CHECKED_IN).dashboards
    with site(dashboards, cache(ask_of(month.client)), END_MS) as pages:
        yield pages.url


@pytest.mark.parametrize("uid", UIDS)
def test_every_dashboard_opens_while_events_flow(visit: Callable[..., Visit], preview: str, uid: str) -> None:
    seen = visit(preview)
    seen.open(f"/d/{uid}")
    seen.screenshot(uid)
    assert seen.errors() == {}
    assert seen.complaints == []
    assert seen.hosts == {"127.0.0.1"}


def test_numbers_change_within_15_seconds(visit: Callable[..., Visit], preview: str) -> None:
    seen = visit(preview)
    seen.open("/d/service-pulse?refresh=5s")
    before = seen.numbers()
    assert len(before) > 4
    seen.wait(lambda: len(_changed(before, seen.numbers())) >= 2, "numbers changed by themselves", CHANGE_SECONDS)
    assert seen.complaints == []


def test_it_is_legible_on_a_wall_in_light_and_in_dark_and_on_a_phone(visit: Callable[..., Visit], still: str) -> None:
    grounds = set()
    looks: dict[str, dict[str, Any]] = {
        "wall": {"viewport": {"width": 1920, "height": 1080}},
        "light": {"color_scheme": "light"},
        "phone": {"viewport": {"width": 390, "height": 844}},
    }
    for name, options in looks.items():
        seen = visit(still, **options)
        seen.open("/d/service-pulse?kiosk" if name == "wall" else "/d/service-pulse")
        seen.screenshot(f"service-pulse-{name}")
        size = float(
            seen.page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('.number')).fontSize)")
        )
        assert size > 60, f"the numbers are {size} px high on {name}"
        assert seen.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (
            f"{name} scrolls sideways"
        )
        grounds.add(seen.page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
        assert seen.complaints == []
    assert len(grounds) == 2


def test_what_is_chosen_stands_in_the_address_and_changes_the_numbers(visit: Callable[..., Visit], still: str) -> None:
    seen = visit(still)
    seen.open("/d/complaints")
    every = seen.numbers()
    seen.page.click("[data-variable=team]")
    seen.page.click(".menu label:has-text('warranty')")
    seen.wait(lambda: seen.numbers() != every, "the numbers are of one team")
    assert "var-team=warranty" in seen.page.url
    team = seen.numbers()
    seen.page.click("[aria-label='Time range']")
    seen.page.click(".menu >> text=Last 24 hours")
    seen.wait(lambda: seen.numbers() != team, "the numbers are of one day")
    assert "from=now-24h" in seen.page.url
    assert seen.complaints == []


def test_a_number_leads_to_the_tickets_behind_it(visit: Callable[..., Visit], still: str) -> None:
    seen = visit(still)
    seen.open("/d/service-pulse?var-team=delivery")
    seen.page.click("[data-panel='1'] .number")
    seen.wait(lambda: seen.page.title().startswith("Tickets"), "the list of tickets is open")
    assert "var-team=delivery" in seen.page.url
    assert "var-metric=complaint_rate" in seen.page.url
    seen.wait(lambda: seen.page.locator("tbody tr").count() > 5, "there are tickets")
    assert seen.complaints == []


def test_a_line_tells_its_numbers_and_a_drag_chooses_a_range(visit: Callable[..., Visit], still: str) -> None:
    seen = visit(still)
    seen.open("/d/complaints")
    mouse = seen.page.mouse

    def place() -> tuple[float, float]:
        box = seen.page.locator("[data-state=series] .plot").first.bounding_box()
        assert box
        return box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4

    def tells_a_value() -> bool:
        x, y = place()
        mouse.move(x, y)
        mouse.move(x + 5, y, steps=5)  # a chart that was not ready for the first move hears the next
        return "%" in (seen.page.locator(".hoverlayer").first.text_content() or "")

    def range_is_chosen() -> bool:
        x, y = place()
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 150, y, steps=5)
        mouse.up()
        seen.page.wait_for_timeout(500)
        return bool(re.search(r"from=\d{13}&to=\d{13}", seen.page.url))

    seen.wait(tells_a_value, "the chart tells a value")
    seen.wait(range_is_chosen, "the range is what was dragged over")
    assert seen.complaints == []


def test_the_time_axis_of_a_week_names_its_days(visit: Callable[..., Visit], month: Month) -> None:
    hourly = f"SELECT toDateTime({END_MS // 1000} - 3600 * (168 - number)) AS time, number AS n FROM numbers(168)"
    with site([board(panel("heatmap", hourly, is_table=False))], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board?from=now-7d&to=now")
        seen.wait(lambda: seen.page.locator(".xtick text").count() > 2, "the axis is labelled")
        labels = seen.page.locator(".xtick text").all_text_contents()
        assert len(set(labels)) == len(labels), labels
        assert not any(":" in label for label in labels), labels


COLOURS: Final = """() => Object.fromEntries([...document.querySelectorAll(".legend button")].map(each =>
    [each.textContent, each.style.getPropertyValue("--own")]))"""


def of_names(number: int, *names: str) -> Json:
    """Return a chart with a line for each name, in this order."""
    rows = ", ".join(f"({end - 3600}, '{name}'), ({end}, '{name}')" for end in [END_MS // 1000] for name in names)
    told = f"SELECT toDateTime(c1) AS time, c2 AS team, 1 AS n FROM values({rows}) ORDER BY time"
    look = {"color": {"mode": "palette-classic-by-name"}, "displayName": "${__field.labels.team}"}
    return panel("timeseries", told, is_table=False, number=number, fieldConfig={"defaults": look})


def test_a_name_keeps_its_colour_on_other_pages_and_shares_it_with_none_beside_it(
    visit: Callable[..., Visit], month: Month
) -> None:
    teams, fruits = ["ash", "birch", "cedar", "dogwood"], [f"fruit {n}" for n in range(8)]
    pages = [board(of_names(1, *teams)), board(of_names(1, *fruits)), board(of_names(1, *fruits[4:], *reversed(teams)))]
    told = [Dashboard({**page.json, "uid": f"page-{n}"}) for n, page in enumerate(pages)]
    with site(told, ask_of(month.client), END_MS) as served:
        seen, colours = visit(served.url), []
        for page in told:
            seen.open(f"/d/{page.uid}?from=now-1d&to=now")
            seen.wait(lambda: len(seen.page.evaluate(COLOURS)) >= 4, "the lines are named")
            colours.append(seen.page.evaluate(COLOURS))
        assert [len(set(page.values())) for page in colours] == [4, 8, 8]
        assert {name: colours[2][name] for name in teams} == colours[0]
        assert seen.complaints == []


def test_a_band_over_a_chart_says_what_it_is(visit: Callable[..., Visit], month: Month) -> None:
    lasted = f"SELECT toDateTime({END_MS // 1000} - 7200) AS time, toDateTime({END_MS // 1000} - 600) AS timeEnd"
    marks = {"name": "Signals", "enable": True, "target": {"rawSql": f"{lasted}, 'satisfaction fell' AS title"}}
    series = f"SELECT toDateTime({END_MS // 1000} - 60 * (180 - number)) AS time, number AS n FROM numbers(180)"
    made = board(panel("timeseries", series, is_table=False), annotations={"list": [marks]})
    with site([made], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board?from=now-3h&to=now")
        assert seen.page.locator(".legend .mark").all_text_contents() == ["Signals: satisfaction fell"]

        def tells_the_band() -> bool:
            box = seen.page.locator(".plot").first.bounding_box()
            assert box
            seen.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4)
            seen.page.mouse.move(box["x"] + box["width"] * 0.71, box["y"] + box["height"] * 0.4, steps=5)
            return "Signals: satisfaction fell" in (seen.page.locator(".hoverlayer").first.text_content() or "")

        seen.wait(tells_the_band, "the band tells its name wherever it is pointed at")
        assert seen.complaints == []


def test_a_panel_that_fails_says_so_alone_and_labels_are_never_markup(
    visit: Callable[..., Visit], month: Month
) -> None:
    odd = "<img src=x onerror=document.title=1>"
    series = f"SELECT now() - number * 60 AS time, '{odd}' AS team, number AS n FROM numbers(9) ORDER BY time"
    made = board(
        panel("stat", "SELECT nothing_of_that_name", number=1),
        panel("table", f"SELECT '{odd}' AS team, 1 AS n", number=2),
        panel("timeseries", series, is_table=False, number=3),
        panel("barchart", f"SELECT '{odd}' AS team, 1 AS n", number=4),
        panel("bargauge", f"SELECT '{odd}' AS team, 1 AS n", number=5, options={"reduceOptions": {"values": True}}),
        panel("heatmap", series, is_table=False, number=6),
        panel("text", number=7, options={"mode": "markdown", "content": f"**words** {odd}"}, description=odd),
    )
    with site([made], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board?from=now-10y&to=now%2B20y")
        assert "nothing_of_that_name" in (seen.page.locator("[data-panel='1']").text_content() or "")
        assert list(seen.states().values()) == ["error", "table", "series", "columns", "bars", "heat", "words"]
        assert seen.page.locator("img").count() == 0
        assert seen.page.title() == "Board · Service Pulse"
        assert seen.complaints == []
        seen.screenshot("every-kind-of-panel")


def test_a_preview_that_ended_is_told_and_what_was_seen_stays(visit: Callable[..., Visit], month: Month) -> None:
    with site([board(panel("stat", "SELECT 42 AS n"), refresh="1s")], ask_of(month.client), END_MS) as pages:
        seen = visit(pages.url)
        seen.open("/d/board")
    seen.wait(lambda: seen.page.locator("#trouble").is_visible(), "the page says that nobody answers")
    assert seen.numbers() == ["42"]


def _changed(before: list[str], now: list[str]) -> list[str]:
    return [number for was, number in zip(before, now, strict=False) if was != number]
