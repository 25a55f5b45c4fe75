"""One batch of records: from raw bytes to the rows that state what they changed. Pure; the agents add the I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, TypeAlias

import msgspec
from msgspec import Struct, field

from schemas.codec import Event, InvalidEventError, Reason, decode
from schemas.events import (
    CATALOGUE,
    RESERVED_BEFORE,
    TYPE_PREFIX,
    EventRetracted,
    ProducerHeartbeat,
    SchedulePublished,
    TicketAbsorbed,
    TicketData,
)
from schemas.rows import BesideRow, DeadLetterRow, EventRow, Ms, TicketRow
from streams.core.policy.published import policies
from streams.core.records.record_batch import MOST_KEPT_BYTES, UnreadableRecord
from streams.core.said import said_rows
from streams.core.ticket.fact import fact_of, unpack_shared
from streams.core.ticket.fold import Ticket, Verdict, fold
from streams.core.ticket.measures import row_of
from streams.core.ticket.merge import SOURCE, statements_of
from streams.core.ticket.merge_evidence import Paths, Witnesses, path_of, witnesses_of

_NO_CLOCK: Final = 2**62
"""Stored events were accepted once; their time is not held against the clock again."""

_LAST_MS: Final = 10_413_791_999_999
"""The end of 2299, where ClickHouse's time ends; a producer may write any timestamp."""

TICKET_EVENTS: Final = sorted(name for name, kind in CATALOGUE.items() if issubclass(kind, TicketData | EventRetracted))
"""The names of the events that tickets fold."""

Identity: TypeAlias = tuple[str, str, str]
"""Subject, source and id of an event that no ticket folds."""


class Kept(NamedTuple):
    """An event as its row keeps it: its bytes, and when it was stored."""

    raw: bytes
    ingested_at: Ms


Stored: TypeAlias = Mapping[Identity, Sequence[Kept]]
"""What is stored under identities."""
_NOTHING: Final[Stored] = MappingProxyType({})
_NOBODY: Final[Mapping[str, Ticket]] = MappingProxyType({})


class Record(Protocol):
    """A Kafka record, as every client library gives it. `timestamp` is in milliseconds since 1970."""

    @property
    def topic(self) -> str: ...  # noqa: D102 - the words say it
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...  # noqa: D102


class Reading(Struct):
    """A batch, decoded.

    Attributes:
        of_tickets: Per ticket its events with the records they came in, in their order on Kafka.
        others: Events that no ticket folds, with their records, in their order on Kafka.
        dead: Records that are no events.
    """

    of_tickets: dict[str, list[tuple[Event, Record]]]
    others: list[tuple[Event, Record]] = field(default_factory=list)
    dead: list[DeadLetterRow] = field(default_factory=list)

    @property
    def identities(self) -> set[Identity]:
        """What must be looked up before the batch is folded: an identity stands for what it was first used for.

        Those of heartbeats are left out. They are many, nothing is counted from them, and a source that says "alive"
        under one id for ever is alive all the same.
        """
        return {identity_of(event) for event, _ in self.others if not isinstance(event.content, ProducerHeartbeat)}

    @property
    def witnesses(self) -> set[str]:
        """The tickets that must be read from the store before the batch is folded: statements are held against them."""
        said = (event.content for pairs in self.of_tickets.values() for event, _ in pairs)
        return {id for content in said if isinstance(content, TicketAbsorbed) for id in witnesses_of(content)}


class LeftOut(StrEnum):
    """Why a statement of a merged ticket is not folded."""

    UNKNOWN = "unknown"
    """Its ticket, as stored, says nothing of the kind: a forgery, or a topic read again before the ticket is there."""
    CROWDED = "crowded"
    """The survivor was told of that ticket along too many paths already: tickets merged into each other at random."""


class Outcome(Struct):
    """What a batch amounts to: the rows to write, and the tickets as they stand now.

    Attributes:
        beside: What follows from events that no ticket folds.
        schedules: Those of them from which opening hours follow, which are worked out as they are written.
        kept: By identity these events, as they came first.
        statements: What tickets tell those that they were merged into: survivor's id and event as JSON.
        records: By ticket the last record that was about it.
        left_out: Statements that were not folded, and why.
    """

    events: list[EventRow]
    rows: list[TicketRow]
    dead: list[DeadLetterRow]
    tickets: dict[str, Ticket]
    beside: list[BesideRow] = field(default_factory=list)
    schedules: list[Event] = field(default_factory=list)
    kept: dict[Identity, Kept] = field(default_factory=dict)
    statements: list[tuple[str, bytes]] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    left_out: list[tuple[LeftOut, TicketAbsorbed]] = field(default_factory=list)


def read(records: Iterable[Record], now_ms: Ms) -> Reading:
    """Return the events of a batch by ticket, and a dead letter for every record that is none."""
    reading = Reading(defaultdict(list))
    for record in records:
        try:
            event = _event_of(record, now_ms)
        except InvalidEventError as error:
            reading.dead.append(dead_letter_of(record, error, now_ms))
            continue
        ticket_id = event.ticket_id
        if ticket_id is None:
            reading.others.append((event, record))
        else:
            reading.of_tickets[ticket_id].append((event, record))
    return reading


def _event_of(record: Record, now_ms: Ms) -> Event:
    if isinstance(record, UnreadableRecord):
        raise InvalidEventError(Reason.UNREADABLE, "", record.where + record.fault)
    event = decode(record.value, record.headers, now_ms=now_ms)
    _refuse_foreign_statement(event)
    return event


def fold_batch(
    reading: Reading,
    known: Mapping[str, Ticket],
    now_ms: Ms,
    stored: Stored = _NOTHING,
    witnesses: Mapping[str, Ticket] = _NOBODY,
) -> Outcome:
    """Return the outcome of a batch, given the tickets, what is stored under its identities, and its witnesses.

    A ticket that cannot be stated, for whatever reason, is a dead letter of its last record; its events are stored.

    Every ticket of the batch is stated again, also where all its events were known: a worker may have died after
    writing the events and before writing the ticket. For the same reason an event that no ticket folds is stated again
    when it is repeated, as it came first: what follows from it may be missing.
    """
    outcome = Outcome([], [], list(reading.dead), {})
    _fold_others(reading, stored, outcome, now_ms)
    testimony = Witnesses(witnesses)
    for ticket_id, pairs in reading.of_tickets.items():
        before = known.get(ticket_id) or Ticket(ticket_id)
        if true := _borne_out(before, pairs, testimony, outcome):
            _fold_ticket(before, true, outcome, now_ms)
    return outcome


def _borne_out(
    before: Ticket, pairs: Sequence[tuple[Event, Record]], testimony: Witnesses, outcome: Outcome
) -> Sequence[tuple[Event, Record]]:
    """Return the events of a ticket without statements that nobody makes, and the others as their tickets make them."""
    if not any(isinstance(event.content, TicketAbsorbed) for event, _ in pairs):
        return pairs
    paths, true = Paths(before.facts), list[tuple[Event, Record]]()
    for event, record in pairs:
        said = event.content
        if not isinstance(said, TicketAbsorbed):
            true.append((event, record))
        elif (stated := testimony.borne_out(event, said)) is None:
            outcome.left_out.append((LeftOut.UNKNOWN, said))
        elif not paths.take(path_of(said)):
            outcome.left_out.append((LeftOut.CROWDED, said))
        else:
            true.append((stated, record))
    return true


def _fold_ticket(before: Ticket, pairs: Sequence[tuple[Event, Record]], outcome: Outcome, now_ms: Ms) -> None:
    """Add what a ticket's events amount to. A ticket that cannot be stated is set aside and stops no other."""
    facts = [fact_of(event) for event, _ in pairs]
    ticket, verdicts = fold(before, facts)
    for (event, record), verdict in zip(pairs, verdicts, strict=True):
        if verdict is Verdict.NEW:
            outcome.events.append(event_row(event, now_ms))
        elif verdict is Verdict.REUSED:
            outcome.dead.append(dead_letter_of(record, _identity_reused(event), now_ms))
    outcome.tickets[ticket.ticket_id] = ticket
    outcome.records[ticket.ticket_id] = pairs[-1][1]
    try:
        row, statements = row_of(ticket, now_ms), statements_of(ticket, facts)
    except Exception as error:  # noqa: BLE001 - whatever it is: told with the ticket's name, and it stops this one alone
        outcome.dead.append(dead_letter_of(pairs[-1][1], unfoldable(ticket.ticket_id, error), now_ms))
        return
    outcome.rows.append(row)
    outcome.statements.extend(statements)


def unfoldable(ticket_id: str, error: Exception) -> InvalidEventError:
    """Return why a ticket is set aside. Its events are stored all the same, so that a refold can mend it later."""
    why = f"{type(error).__name__}: {error}"[:1_000]
    return InvalidEventError(
        Reason.TICKET_UNFOLDABLE,
        "",
        f"ticket {ticket_id!r} cannot be stated ({why}); its events are stored, and once the cause is gone "
        "`servicepulse refold --ticket` mends it",
    )


class Mend(Struct, frozen=True):
    """Stands where the record of a letter stands that no record is the cause of."""

    topic: str
    timestamp: int
    key: bytes
    partition: int = -1
    offset: int = -1
    value: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


def state_mended(mended: Mapping[str, Ticket], outcome: Outcome, topic: str, now_ms: Ms) -> None:
    """Add tickets that were mended to an outcome, as far as no event of the batch is about them, and one letter of all.

    One that cannot be stated has no row and is not named: it is a dead letter already.
    """
    named = sorted(mended.keys() & outcome.tickets.keys())
    for ticket_id in mended.keys() - outcome.tickets.keys():
        ticket = outcome.tickets[ticket_id] = mended[ticket_id]
        outcome.records[ticket_id] = Mend(topic, now_ms, ticket_id.encode())
        with suppress(Exception):
            row, statements = row_of(ticket, now_ms), statements_of(ticket, ticket.facts)
            outcome.rows.append(row)
            outcome.statements.extend(statements)
            named.append(ticket_id)
    if named:
        named.sort()
        count = "1 ticket" if len(named) == 1 else f"{len(named):,} tickets"
        said = f"rows of {count} lacked stored events and were mended: {', '.join(named[:5])}"
        fault = InvalidEventError(Reason.TICKET_MENDED, "", said)
        outcome.dead.append(dead_letter_of(Mend(topic, now_ms, named[0].encode()), fault, now_ms))


def _fold_others(reading: Reading, stored: Stored, outcome: Outcome, now_ms: Ms) -> None:
    """Let the first event of each identity stand; later ones repeat it, or are dead letters.

    What was stored is stored again as it was, with the instant of then: that it was repeated does not make it new.
    """
    standing: list[Event] = []
    for event, record in reading.others:
        if isinstance(event.content, ProducerHeartbeat):
            outcome.events.append(event_row(event, now_ms))
            continue
        identity = identity_of(event)
        before = [outcome.kept[identity]] if identity in outcome.kept else stored.get(identity, ())
        first = _first([one.raw for one in before], event)
        if first is None:
            outcome.dead.append(dead_letter_of(record, _identity_reused(event), now_ms))
        elif identity not in outcome.kept:
            since = min((one.ingested_at for one in before), default=now_ms)
            outcome.kept[identity] = Kept(first.raw, since)
            outcome.events.append(event_row(first, since))
            standing.append(first)
    outcome.schedules.extend(event for event in standing if isinstance(event.content, SchedulePublished))
    outcome.beside.extend([*policies(standing, now_ms), *said_rows(standing)])


def _first(raws: Sequence[bytes], event: Event) -> Event | None:
    """Return what stands under the identity of an event: itself if it is new, None if it says something else."""
    if not raws or event.raw in raws:
        return event
    return next((first for first in filter(None, map(_readable, raws)) if _says_the_same(first, event)), None)


def _readable(raw: bytes) -> Event | None:
    """Return a stored event unless this worker cannot read it: it may lack the time zone of a schedule."""
    try:
        return stored_event(raw)
    except InvalidEventError:
        return None


def _says_the_same(one: Event, other: Event) -> bool:
    """Compare what is said, not how it is written.

    Neither the place within its instant nor the mark of a replay says what happened.
    """
    if (one.name, one.at_ms) != (other.name, other.at_ms):
        return False
    if one.content is not None or other.content is not None:
        return one.content == other.content
    try:
        return _canonical(one) == _canonical(other)
    except (msgspec.DecodeError, RecursionError):  # what nobody reads may be nested or written absurdly
        return False


def _canonical(event: Event) -> bytes:
    """Return the data of an event of an unknown type, however it was written."""
    return msgspec.json.encode(msgspec.json.decode(event.raw)["data"], order="deterministic")


def identity_of(event: Event) -> Identity:
    """Return what an event that no ticket folds is known by."""
    return event.subject, event.source, event.id


def refolded(ticket_id: str, raws: Iterable[bytes]) -> Ticket:
    """Return a ticket folded anew from its stored events, in whatever order they come.

    What was stored while its name was only reserved may say anything: unlike what it means now, it is no fact.

    Raises:
        InvalidEventError: When bytes are not what `EventRow.raw` held.
    """
    events = [event for raw in raws if (event := _meant(raw))]
    return fold(Ticket(ticket_id), [fact_of(event) for event in events if event.ticket_id == ticket_id])[0]


def _meant(raw: bytes) -> Event | None:
    try:
        return stored_event(raw)
    except InvalidEventError as error:
        if error.pointer.startswith("/data") and _name(raw).startswith(RESERVED_BEFORE):
            return None
        raise


def _name(raw: bytes) -> str:
    return str(msgspec.json.decode(raw)["type"]).removeprefix(TYPE_PREFIX)


def stored_event(raw: bytes) -> Event:
    """Return the event of what `EventRow.raw` held.

    Raises:
        InvalidEventError: When the bytes are something else.
    """
    return decode(raw, now_ms=_NO_CLOCK, max_levels=None)


def _refuse_foreign_statement(event: Event) -> None:
    """Tell a producer at once that statements of merged tickets are not its own to make, or that the bytes are none."""
    if not isinstance(event.content, TicketAbsorbed):
        return
    if event.source != SOURCE:
        raise InvalidEventError(Reason.BAD_VALUE, "/source", f"only {SOURCE} states what a merged ticket knows")
    try:
        unpack_shared(event.content.facts)
    except msgspec.MsgspecError as error:
        said = f"these bytes are no facts: {error}"
        raise InvalidEventError(Reason.BAD_VALUE, "/data/facts", said) from None


def event_row(event: Event, now_ms: Ms) -> EventRow:
    """Return the row that keeps an event for good."""
    return EventRow(
        subject=event.subject,
        source=event.source,
        id=event.id,
        name=event.name,
        at=event.at_ms,
        sequence=event.sequence,
        replay=event.replay,
        revision=event.content.revision if isinstance(event.content, TicketAbsorbed) else 0,
        raw=event.raw,
        ingested_at=now_ms,
    )


def dead_letter_of(record: Record, error: InvalidEventError, now_ms: Ms) -> DeadLetterRow:
    """Return the dead letter of a record, with its bytes, the first MiB of each part, and the reason."""
    headers = [(name[:MOST_KEPT_BYTES], _kept(content)) for name, content in record.headers or ()]
    return DeadLetterRow(
        id=_letter_id(record),
        reason=error.reason.value,
        pointer=error.pointer,
        message=error.message,
        topic=record.topic,
        partition=record.partition,
        offset=record.first_offset if isinstance(record, UnreadableRecord) else record.offset,
        recorded_at=min(max(record.timestamp or 0, 0), _LAST_MS),
        key=_kept(record.key),
        value=_kept(record.value),
        headers_name=[name for name, _ in headers],
        headers_value=[content for _, content in headers],
        received_at=now_ms,
    )


def _kept(content: bytes | None) -> bytes:
    return (content or b"")[:MOST_KEPT_BYTES]


def lost_letter(topic: str, partition: int, begin: int, end: int, now_ms: Ms) -> DeadLetterRow:
    """Return the letter that tells of offsets, the first and that after the last, which nobody read and nobody can."""
    place = f"{topic}\0{partition}\0{begin}\0{end}"
    return DeadLetterRow(
        id=blake2b(place.encode(), digest_size=10).hexdigest(),
        reason=Reason.RECORDS_LOST.value,
        pointer="",
        message=f"Kafka removed offsets from {begin:,} up to {end:,}, {end - begin:,} of them, before they were read",
        topic=topic,
        partition=partition,
        offset=begin,
        recorded_at=now_ms,
        key=b"",
        value=b"",
        headers_name=[],
        headers_value=[],
        received_at=now_ms,
    )


def _letter_id(record: Record) -> str:
    """Return an id that a record keeps when it is read again, but not after its topic was made anew."""
    place = f"{record.topic}\0{record.partition}\0{record.offset}\0{record.timestamp}\0".encode()
    return blake2b(place + (record.key or b"") + b"\0" + (record.value or b""), digest_size=10).hexdigest()


def _identity_reused(event: Event) -> InvalidEventError:
    return InvalidEventError(
        Reason.IDENTITY_REUSED,
        "/id",
        f"source {event.source!r} used id {event.id!r} before for other content; the first event stands",
    )
