"""Asks an API for pages: waits as it is told, tries again with growing pauses, and shows no credentials to anybody."""

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import sleep
from typing import Final
from urllib.parse import urlsplit

import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from streams.cli.wording import counted
from streams.clock import SystemClock
from streams.core.mapping.picking import decoded
from streams.core.mapping.pull import Pull
from streams.core.pull.paging import Page, calls_left

ATTEMPTS: Final = 10
"""In a row, for one page: with what is waited between them, about four minutes."""
_TIMEOUT: Final = urllib3.Timeout(connect=15, read=120)
_TOLD_SECONDS: Final = 5.0
"""A pause longer than this is told."""
_LONGEST_SECONDS: Final = 3_600.0
_now_ms: Final = SystemClock().now_ms
_growing: Final = wait_exponential_jitter(initial=1, max=60)


class RefusedError(Exception):
    """The API does not take who asks, or what is asked. The message says what to do; asking again does not help."""


class GoneError(Exception):
    """The API does not know a page any more."""


class AwayError(Exception):
    """The API did not answer, however often it was asked. Asking again later helps."""


class _AgainError(Exception):
    """Asking once more may help; after so many seconds where the API says so."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class Api:
    """An API, asked page by page."""

    def __init__(
        self,
        pull: Pull,
        credentials: Mapping[str, str],
        *,
        say: Callable[[str], object],
        pause: Callable[[float], None] = sleep,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        """Ask as a mapping says.

        Args:
            pull: The mapping's `[pull]`.
            credentials: `user` and `token`, as far as it needs them.
            say: Told about pauses.
            pause: Lets so many seconds pass.
            now_ms: The clock, in milliseconds since 1970.
        """
        self._pull = pull
        self._say = say
        self._pause = pause
        self._now_ms = now_ms
        self._headers = headers_of(pull, credentials)
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def page(self, url: str, *, gone: Collection[int] = ()) -> Page:
        """Return a page.

        Args:
            url: Its address.
            gone: The statuses that say of this page that it is known no more.

        Raises:
            RefusedError: When the API does not take who asks, or what.
            GoneError: When it answers with one of those.
            AwayError: When it does not answer.
        """
        asking = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            retry=retry_if_exception_type(_AgainError),
            before_sleep=self._tell,
            sleep=self._pause,
            reraise=True,
        )
        try:
            page: Page = asking(self._ask, url, gone)
        except _AgainError as error:
            raise AwayError(f"{_place(url)} gave no page in {counted(ATTEMPTS, 'attempt')}: {error}") from None
        self._keep_pace(page)
        return page

    def _ask(self, url: str, gone: Collection[int]) -> Page:
        try:
            answer = self._pool.request("GET", url, headers=self._headers, redirect=False, preload_content=False)
            try:
                body = answer.read(decode_content=True)
            finally:
                answer.release_conn()
        except urllib3.exceptions.SSLError:
            raise RefusedError(f"{_place(url)} has no certificate that is trusted here") from None
        except urllib3.exceptions.HTTPError as error:
            raise _AgainError(_reason(error)) from None
        headers = {str(name).lower(): str(text) for name, text in answer.headers.items()}
        self._check(url, answer.status, headers, gone)
        try:
            return Page(url, decoded(body), headers)
        except ValueError as error:
            raise _AgainError(f"an answer that is {error}") from None

    def _check(self, url: str, status: int, headers: Mapping[str, str], gone: Collection[int]) -> None:
        if status == 200:
            return
        place = _place(url)
        if status in (408, 425, 429) or status >= 500:
            raise _AgainError(f"status {status}", _told_seconds(headers.get("retry-after"), self._now_ms()))
        if status in gone:
            raise GoneError(f"{place} is known no more (status {status})")
        if status in (401, 403):
            needed = " and ".join(f"SERVICEPULSE_PULL_{name.upper()}" for name in sorted(self._pull.needs))
            raise RefusedError(
                f"{place} refuses who asks (status {status}): look at {needed}, and whether they may read it"
            )
        if status in (301, 302, 303, 307, 308):
            raise RefusedError(f"{place} has moved (status {status}): give the address that it moved to, --address")
        raise RefusedError(f"{place} refuses what is asked (status {status}): is the address right, --address?")

    def _wait(self, state: RetryCallState) -> float:
        told = _error_of(state).wait_seconds
        return _growing(state) if told is None else told

    def _tell(self, state: RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        if seconds >= _TOLD_SECONDS:
            self._say(f"Waiting {seconds:.0f} s: {_error_of(state)}.")

    def _keep_pace(self, page: Page) -> None:
        pace = self._pull.pace
        if pace is None:
            return
        left = calls_left(page.headers.get(pace.header.lower(), ""))
        if left is not None and left < pace.keep:
            self._pause(pace.wait_seconds)


def headers_of(pull: Pull, credentials: Mapping[str, str]) -> dict[str, str]:
    """Return what is sent with every request."""
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "servicepulse"}
    headers |= {name: template.format_map(credentials) for name, template in pull.headers.items()}
    if pull.basic:
        named = pull.basic.format_map(credentials)
        headers["Authorization"] = f"Basic {b64encode(named.encode()).decode()}"
    return headers


def _error_of(state: RetryCallState) -> _AgainError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _AgainError), "nothing else is tried again"
    return error


def _told_seconds(header: str | None, now_ms: int) -> float | None:
    """Return how long an API asks to wait, which it tells in seconds or as a date; None when it does not."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).astimezone(UTC).timestamp() - now_ms / 1000
        except ValueError:
            return None
    return min(max(0.0, seconds), _LONGEST_SECONDS)


def _place(url: str) -> str:
    """Return the address of a page without its query: cursors and times say nothing to a person."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _reason(error: Exception) -> str:
    match error:
        case urllib3.exceptions.ConnectTimeoutError() | urllib3.exceptions.ReadTimeoutError():
            return "no answer in time"
        case urllib3.exceptions.NameResolutionError():
            return "no host of that name is found"
        case urllib3.exceptions.NewConnectionError():
            return "nobody answers there"
    return "the connection was cut"
