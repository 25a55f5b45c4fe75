"""What a pull reads, page by page: records become events, and each page says where to go on behind it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from schemas.connectors import connectors
from streams.cli.asking import Api, GoneError, RefusedError
from streams.cli.importing import mapping_text
from streams.core.mapping import Fault, MappedEvent, Mapping, MappingError, draft_of
from streams.core.mapping.picking import Given
from streams.core.mapping.pull import Listing, Pull
from streams.core.pull.checkpoint import Checkpoint
from streams.core.pull.paging import Page, PagingError, Span, at_ms, documents_of, elements_in, first_url, next_url
from streams.core.pull.said import Lately

_NOT_THERE: Final = (404, 410)
"""Of what belongs to a record: it was deleted since the record was listed."""


_EVER: Final = Span(0)


class Rejected(NamedTuple):
    """What gives no events although it should: why, and the document as the mapping was given it."""

    reason: str
    document: Any


class Pulled(NamedTuple):
    """A page, read and mapped.

    Attributes:
        events: In the order of time; what was said lately is left out.
        rejected: What gives none.
        checkpoint: Where to go on once these events are safe.
    """

    events: list[MappedEvent]
    rejected: list[Rejected]
    checkpoint: Checkpoint


class Pulling:
    """Reads the pages of an API by a mapping."""

    def __init__(self, api: Api, address: str, pull: Pull, mapping: Mapping, now_ms: Callable[[], int]) -> None:
        self._api = api
        self._address = address
        self._pull = pull
        self._mapping = mapping
        self._now_ms = now_ms
        self._lately = Lately()

    def pages(self, start: Checkpoint) -> Iterator[Pulled]:
        """Yield the pages behind a checkpoint. Where the API forgot one, it is begun again from the time reached.

        Raises:
            RefusedError: When the API does not take who asks, or what; when it forgets a page again and again.
            AwayError: When it does not answer.
            PagingError: When a page cannot be followed, or leads back to one that was read.
        """
        at, read, gone_at = start, set[str](), -1
        while not at.is_done:
            url = at.url or first_url(self._address, self._pull, at.span)
            if url in read:
                raise PagingError(f"page {at.pages:,} leads back to one that was read: go on from later, by --since")
            read.add(url)
            try:
                pulled = self._read(self._api.page(url, gone=self._pull.expired if at.url else ()), at)
            except GoneError as error:
                if gone_at == at.reached_ms:
                    raise RefusedError(f"{error}, once more before anything new was read") from None
                gone_at = at.reached_ms
                at, read = replace(at, url=None, from_ms=gone_at if self._pull.sorted else at.from_ms), set()
                continue
            yield pulled
            at = pulled.checkpoint

    def _read(self, page: Page, at: Checkpoint) -> Pulled:
        dated = [(at_ms(self._pull, record), record) for record in elements_in(self._pull, page)]
        instants = [instant for instant, _ in dated if instant is not None]
        within = [(instant, record) for instant, record in dated if instant is not None and at.span.has(instant)]
        rejected = [Rejected(f"no time in {self._pull.at}", record) for instant, record in dated if instant is None]
        events: list[MappedEvent] = []
        for _, record in within:
            for document in documents_of(self._pull, record, self._parts(record)):
                self._map(document, events, rejected)
        is_beyond = self._pull.sorted and bool(instants) and at.span.is_before(min(instants))
        url = None if is_beyond else next_url(self._pull, page)
        checkpoint = replace(
            at,
            url=url,
            is_done=url is None,
            reached_ms=max([at.reached_ms, *(instant for instant, _ in within)]),
            pages=at.pages + 1,
            records=at.records + len(within),
            events=at.events + len(events),
        )
        return Pulled(sorted(events), rejected, checkpoint)

    def _map(self, document: object, events: list[MappedEvent], rejected: list[Rejected]) -> None:
        reading = self._mapping.of(document, now_ms=self._now_ms())
        new, otherwise = self._lately.new(reading.events)
        events += new
        rejected += [Rejected(reason, document) for reason in reading.faults]
        rejected += [
            Rejected(f"{id} was said otherwise before: what was said first stands", document) for id in otherwise
        ]

    def _parts(self, record: object) -> dict[str, list[Any]]:
        """Return what belongs to a record; what was deleted since has nothing."""
        found: dict[str, list[Any]] = {}
        for part in self._pull.part:
            first = first_url(self._address, part, _EVER, record)
            try:
                pages = pages_of(self._api, part, first, gone=_NOT_THERE)
                found[part.name] = [element for page in pages for element in elements_in(part, page)]
            except GoneError:
                found[part.name] = []
        return found


def pages_of(api: Api, listing: Listing, url: str, *, gone: Sequence[int] = ()) -> Iterator[Page]:
    """Yield all pages of a list that is read as a whole.

    Raises:
        GoneError: When the API answers by one of the given statuses.
        RefusedError: When it does not take who asks, or what.
        AwayError: When it does not answer.
        PagingError: When a page cannot be followed, or leads back to one that was read.
    """
    following: str | None = url
    read = set[str]()
    while following:
        if following in read:
            raise PagingError("a page leads back to one that was read")
        read.add(following)
        page = api.page(following, gone=gone)
        yield page
        following = next_url(listing, page)


def lookups_of(api: Api, address: str, pull: Pull) -> dict[str, list[Given]]:
    """Return by the lookup's name the pages that stand for its file.

    Raises:
        RefusedError: When the API does not take who asks, or what.
        AwayError: When it does not answer.
        PagingError: When a page cannot be followed.
    """
    return {
        name: [
            Given(number, page.body)
            for number, page in enumerate(pages_of(api, listing, first_url(address, listing, _EVER)), start=1)
        ]
        for name, listing in pull.lookup.items()
    }


def pulled_by(name: str) -> tuple[str, str, Pull]:
    """Return the name and the text of the mapping by which a system is pulled, and how.

    Args:
        name: Of a connector, or of a part of it, or a mapping file.

    Raises:
        MappingError: When there is none of that name, or it does not say how.
        OSError: When it cannot be read.
    """
    parts = [] if Path(name).exists() else [one for one in connectors() if one.startswith(f"{name}/")]
    for one in [name, *parts]:
        text = mapping_text(Path(one))
        if (pull := draft_of(text).document.pull) is not None:
            return one, text, pull
    can = ", ".join(one for one in connectors() if draft_of(mapping_text(Path(one))).document.pull)
    raise MappingError([Fault("pull", f"{name} does not say how its API is asked; {can} do")])
