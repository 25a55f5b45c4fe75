"""Deliveries: one document at a time becomes events, as webhooks bring them."""

import re
from collections.abc import Iterable
from collections.abc import Mapping as Headers
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from streams.core.mapping.compiler import plan_of
from streams.core.mapping.compose import MappedEvent
from streams.core.mapping.document import SOURCE, Draft, Signature, draft_of, place_of
from streams.core.mapping.fault import Fault, MappingError
from streams.core.mapping.listing import listing_of
from streams.core.mapping.lookup import index_of
from streams.core.mapping.note import Notes
from streams.core.mapping.once import Once, judged
from streams.core.mapping.outcome import Mapped, Outcome, Rejected, Skipped
from streams.core.mapping.picking import Given, decoded, given, headers_of, records_of
from streams.core.mapping.plan import Plan
from streams.core.mapping.rows import Indexes, outcomes
from streams.core.mapping.spelling import SPELLINGS
from streams.core.mapping.template import Spellings

_NO_HEADERS: Final[Headers[str, str]] = MappingProxyType({})
_NO_INDEXES: Final[Indexes] = MappingProxyType({})


class Reading(NamedTuple):
    """What a mapping makes of one document.

    Attributes:
        events: In the order of publication; each event's `raw` is the structured CloudEvent, `subject` its record key,
            `name` its short name. Where there are faults, those of the parts that could be read.
        skipped: Why parts of it give no events on purpose.
        faults: Why parts of it cannot be read; with any the document should be kept for a newer mapping. To read it
            again then is safe: the same facts give the same events.
    """

    events: list[MappedEvent]
    skipped: list[str]
    faults: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether all of the document was read, be it that it says nothing on purpose."""
        return not self.faults


class Mapping:
    """A mapping over JSON documents, compiled once, for one document after another; it remembers none of them.

    ```python
    mapping = Mapping.read(text, source="urn:zendesk:acme")    # MappingError names every fault of the file
    mapping.signature                                          # how the vendor signs, or None
    reading = mapping.of(body, now_ms=clock.now_ms(), headers=request.headers)
    reading.events, reading.skipped, reading.faults
    ```

    The same document gives the same events under the same ids, in whatever order documents come.

    Attributes:
        source: Of every event.
        signature: How the vendor signs deliveries; None where the mapping does not say.
    """

    def __init__(self, plan: Plan, signature: Signature | None, indexes: Indexes = _NO_INDEXES) -> None:
        self.source = plan.source
        self.signature = signature
        self._plan = plan
        self._indexes = indexes

    @classmethod
    def read(
        cls,
        text: str,
        *,
        source: str | None = None,
        is_live: bool = True,
        spellings: Spellings = SPELLINGS,
        lookups: Headers[str, Iterable[Given]] | None = None,
    ) -> Self:
        """Return the mapping that a mapping file describes.

        Args:
            text: Of the file, TOML.
            source: Of the events, in place of the one in the file.
            is_live: Whether documents say what happens now; else events are marked as the file says (`replay`).
            spellings: What templates do to cells.
            lookups: By the lookup's name, the documents that stand for its file; None where there is no second file.

        Raises:
            MappingError: With every fault of the file; it is one that it maps CSV files, needs a second file that is
                not given, or looks at other rows.
        """
        draft = with_source(draft_of(text), source)
        refused = _refused(draft, lookups or {})
        if refused:
            raise MappingError([*draft.faults, *refused])
        if is_live:
            draft = draft._replace(document=draft.document.model_copy(update={"replay": False}))
        plan = plan_of(draft, (), {}, file_name="", notes=Notes(), spellings=spellings)
        return cls(plan, draft.document.signature, _indexes(draft, lookups or {}, spellings))

    def of(self, document: object, *, now_ms: int, headers: Headers[str, str] = _NO_HEADERS) -> Reading:
        """Return what becomes of a document; it never raises for what a document holds.

        Args:
            document: The bytes of the body, or what they say once decoded. A delivery that was kept as
                `{"$headers": {...}, "$body": ...}` brings its headers with it.
            now_ms: The clock, in milliseconds since 1970: events of the future are refused.
            headers: That came with it, for mappings which ask for `{$header.NAME}`; case does not matter.
        """
        assert self._plan.picking is not None
        try:
            body = decoded(bytes(document)) if isinstance(document, bytes | bytearray | memoryview) else document
        except ValueError as error:
            return Reading([], [], [str(error)])
        one = given(1, body)
        whole = one._replace(headers={**headers_of(headers), **one.headers})
        # Rows of a delivery have no place in any file: number 0 leaves `importrow` out.
        records = (record._replace(row=0) for record in records_of(self._plan.picking, [whole]))
        return reading_of(outcomes(self._plan, records, self._indexes, now_ms=now_ms))


def reading_of(found: Iterable[Outcome]) -> Reading:
    """Return what became of the rows of one document."""
    once = Once()
    events: list[MappedEvent] = []
    skipped: list[str] = []
    faults: list[str] = []
    for outcome in judged(once.of(one) for one in found):
        match outcome:
            case Mapped():
                events.extend(outcome.events)
            case Skipped():
                skipped.append(outcome.reason)
            case Rejected():
                faults.append(outcome.reason)
    return Reading(sorted(events), skipped, faults)


def with_source(draft: Draft, source: str | None) -> Draft:
    """Return a mapping whose events have another source.

    Raises:
        MappingError: When that is no URI.
    """
    if source is None:
        return draft
    if not re.fullmatch(SOURCE, source):
        raise MappingError([Fault("source", f"{source!r} is no URI such as urn:example:helpdesk")])
    return draft._replace(document=draft.document.model_copy(update={"source": source}))


def _indexes(draft: Draft, lookups: Headers[str, Iterable[Given]], spellings: Spellings) -> Indexes:
    document = draft.document
    found = {}
    for lookup in document.lookup:
        table = listing_of(lookup, lookups[lookup.name])
        dialect = lookup.csv or document.csv
        found[lookup.name] = index_of(lookup, table.columns, table.records, dialect, document.csv.decimal, spellings)
    return found


def _refused(draft: Draft, lookups: Iterable[str]) -> list[Fault]:
    document = draft.document
    faults = []
    if not document.reads_documents:
        faults.append(Fault("format", 'it maps files of rows; to read documents, say `format = "json"`'))
    for place, lookup in enumerate(document.lookup):
        if lookup.name not in lookups:
            faults.append(Fault(place_of("lookup", place), "a delivery comes alone: there is no second file beside it"))
    if document.thread or any(part.needs_context for part in (*document.rule, *document.skip)):
        faults.append(Fault("rule", "a delivery comes alone: conditions on other rows cannot be decided"))
    return faults
