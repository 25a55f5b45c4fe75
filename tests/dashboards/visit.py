"""A real browser, and somebody who looks at pages with it. Screenshots stay in `.servicepulse/screenshots`.

The browser is a Chromium on this machine, never a download: `apt-get install chromium`, or `SERVICEPULSE_TEST_BROWSER`
names one. Where none is found tests are skipped, and in continuous integration they fail, unless
`SERVICEPULSE_TEST_BROWSER=none` says that it goes without.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from tests.space import ROOT

BROWSER: Final = "SERVICEPULSE_TEST_BROWSER"
SCREENSHOTS: Final = ROOT / ".servicepulse" / "screenshots"
WALL: Final = {"width": 1600, "height": 1000}
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
TOO_SLOW: Final = "TIMEOUT_EXCEEDED"
TIMES: Final = 5
PATIENCE_SECONDS: Final = 180.0
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
        """Leave the page as somebody finds it who comes next; where nobody serves it any more it is closed."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        try:
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            self.page.goto(f"{self.url}/static/icon.svg")  # of the same origin, so that the browser keeps its process
        except Error:
            self.page.close()

    def open(self, path: str) -> None:
        """Open a page and return once all of it is drawn; what took too long on a busy machine is asked for again."""
        for _ in range(TIMES):
            self.page.goto(f"{self.url}{path}")
            self.wait(lambda: bool(self.page.evaluate(ARE_DRAWN)), f"every panel of {path} is drawn")
            if not any(TOO_SLOW in text for text in self.errors().values()):
                break

    def wait(self, claim: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
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


def assert_opens(seen: Visit, uid: str) -> None:
    """Open a dashboard, which must be drawn without an error, a complaint, or a word to any other host."""
    seen.open(f"/d/{uid}")
    seen.screenshot(uid)
    assert seen.errors() == {}
    assert seen.complaints == []
    assert seen.hosts == {"127.0.0.1"}


def new_page(browser: Browser, **options: Any) -> Page:
    return browser.new_page(**{"viewport": WALL, "color_scheme": "dark", **options})


class Wall:
    """A page on the wall, which tests share: to read the charting library anew takes five seconds of a core."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        """The page, made anew where it was closed."""
        if self._page is None or self._page.is_closed():
            self._page = new_page(self._browser)
        return self._page


@pytest.fixture(scope="module")
def wall(browser: Browser) -> Wall:
    """Return the wall."""
    return Wall(browser)


@pytest.fixture
def visit(browser: Browser, wall: Wall) -> Iterator[Callable[..., Visit]]:
    """Return what visits an address: on the page on the wall, once a test, unless it is to look otherwise."""
    made: list[Visit] = []

    def start(url: str, **options: Any) -> Visit:
        page = new_page(browser, **options) if options else wall.page
        assert all(page is not each.page for each in made), "the page on the wall is looked at already"
        made.append(Visit(page, url.rstrip("/")))
        return made[-1]

    yield start
    for each in made:
        if each.page is wall.page:
            each.leave()
        else:
            each.page.close()
