"""Pages: the address of the first one, of the next one, and what a page holds."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from schemas.instant import ms_of
from streams.core.mapping.path import elements_of, pick_of, text_of
from streams.core.mapping.pull import Listing, Next, Pull

_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_LINK: Final = re.compile(r'<([^<>]*)>\s*((?:;\s*[^,;]*(?:"[^"]*")?)*)')
_RELATION: Final = re.compile(r';\s*rel\s*=\s*"?([^";,]*)"?', re.IGNORECASE)


class PagingError(Exception):
    """A page cannot be followed. The message says why, in one sentence, and never shows what was sent."""


class Page(NamedTuple):
    """An answer of an API.

    Attributes:
        url: What was asked.
        body: What it says, decoded.
        headers: By name in small letters.
    """

    url: str
    body: Any
    headers: Mapping[str, str]


class Span(NamedTuple):
    """The time that is asked for, in milliseconds since 1970, both ends included; until None is until now."""

    since_ms: int
    until_ms: int | None = None

    def has(self, at_ms: int) -> bool:
        """Return whether an instant lies in it."""
        return self.since_ms <= at_ms and not self.is_before(at_ms)

    def is_before(self, at_ms: int) -> bool:
        """Return whether it ends before an instant."""
        return self.until_ms is not None and self.until_ms < at_ms


def first_url(address: str, listing: Listing, span: Span, record: object = None) -> str:
    """Return the address of the first page of a list; `{...}` in its path picks from the record that it belongs to."""
    path = _PLACE.sub(lambda found: quote(text_of(pick_of(found[1])(record)), safe=""), listing.path)
    times = _times(span)
    filled = [
        (name, _PLACE.sub(lambda found: times[found[1]], template))
        for name, templates in listing.query.items()
        for template in templates
    ]
    if listing.next and listing.next.number:
        filled.append((listing.next.number, "1"))
    query = urlencode([(name, text) for name, text in filled if text])
    return address.rstrip("/") + path + (f"?{query}" if query else "")


def next_url(listing: Listing, page: Page) -> str | None:
    """Return the address of the page behind a page; None behind the last one.

    Raises:
        PagingError: When the API names a page on another host: the credentials are not sent there.
    """
    if listing.next is None or (listing.last and pick_of(listing.last)(page.body) is True):
        return None
    url = _named(listing, listing.next, page)
    if url is None:
        return None
    url = urljoin(page.url, url)
    if _origin(url) != _origin(page.url):
        raise PagingError(f"the API names a next page on {urlsplit(url).netloc}, where no credentials are sent")
    return url


def elements_in(listing: Listing, page: Page) -> list[Any]:
    """Return the records of a page.

    Raises:
        PagingError: When there is no list where one should be.
    """
    found = elements_of(pick_of(listing.records), page.body)
    if found is None:
        raise PagingError(f"the answer of {urlsplit(page.url).path} has no {listing.records}: is the address right?")
    return list(found)


def at_ms(pull: Pull, record: object) -> int | None:
    """Return the instant of a record in milliseconds since 1970; None when it does not say."""
    found = pick_of(pull.at)(record)
    try:
        if isinstance(found, int | Decimal) and not isinstance(found, bool):
            return int(Decimal(found) * 1000)
        return ms_of(datetime.fromisoformat(str(found)).astimezone(UTC))
    except (ValueError, InvalidOperation, OverflowError):
        return None


def documents_of(pull: Pull, record: object, parts: Mapping[str, list[Any]]) -> list[Any]:
    """Return the documents that a record is, with what was asked for it: the record, then each element of its parts."""
    if pull.record is None:
        built = [record]
    else:
        whole = {part.name: parts[part.name] for part in pull.part if not part.each}
        alone = [
            {pull.record: record, part.name: element} for part in pull.part if part.each for element in parts[part.name]
        ]
        built = [{pull.record: record, **whole}, *alone]
    return [pick_of(pull.document)(one) for one in built]


def calls_left(told: str) -> int | None:
    """Return how many calls a header leaves, `17` or `32/40`; None when it says something else."""
    made, _, most = told.partition("/")
    try:
        return int(most) - int(made) if most else int(made)
    except ValueError:
        return None


def _named(listing: Listing, how: Next, page: Page) -> str | None:
    if how.url:
        return text_of(pick_of(how.url)(page.body)) or None
    if how.link:
        return _linked(page.headers.get("link", ""), how.link)
    if not listing.last and not elements_in(listing, page):
        return None
    if how.number:
        asked = dict(parse_qsl(urlsplit(page.url).query))
        return _asking(page.url, {how.number: str(int(asked[how.number]) + 1)})
    found = {name: text_of(pick_of(path)(page.body)) for name, path in (how.query or {}).items()}
    return _asking(page.url, found) if all(found.values()) else None


def _asking(url: str, changed: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    kept = [(name, text) for name, text in parse_qsl(parts.query, keep_blank_values=True) if name not in changed]
    return parts._replace(query=urlencode([*kept, *changed.items()])).geturl()


def _linked(header: str, relation: str) -> str | None:
    for url, parameters in _LINK.findall(header):
        if any(relation in told.split() for told in _RELATION.findall(parameters)):
            return str(url)
    return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _times(span: Span) -> dict[str, str]:
    told = {"since": span.since_ms, "until": span.until_ms}
    texts = {name: "" if ms is None else _iso(ms) for name, ms in told.items()}
    return texts | {f"{name}_unix": "" if ms is None else str(ms // 1000) for name, ms in told.items()}


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
