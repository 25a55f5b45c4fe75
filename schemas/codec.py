"""How events travel: from the bytes of a Kafka record to a typed event, and back.

Three forms of CloudEvents 1.0 are read: structured JSON (what we write), binary (`ce_*` headers beside the data) and
structured JSON without headers.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from math import isinf
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct

from schemas.events import (
    CATALOGUE,
    DERIVED,
    TYPE_PREFIX,
    TYPE_SUFFIX,
    Data,
    EventRetracted,
    Id,
    Instant,
    OpenEnum,
    OrderData,
    PolicyPublished,
    TicketData,
    type_of,
)
from schemas.instant import LAST_MS, ms_of
from schemas.nesting import is_deeper
from schemas.policy import SUBJECT as POLICY

CONTENT_TYPE: Final = "application/cloudevents+json"
TICKETS: Final = "tickets"
ORDERS: Final = "orders"
"""The topics of events, without the prefix that the settings may put before them."""
HOOK: Final = "servicepulse-hook"
"""The header of a record that is the delivery of a vendor as it came; it names the hook."""
FAULT: Final = "servicepulse-fault"
"""The header beside it that says why no rule reads the delivery."""
MAX_EVENT_BYTES: Final = 256 * 1024
MAX_DERIVED_BYTES: Final = 900 * 1024
"""Derived events carry the folded state of a whole ticket; brokers take 1 MiB unless told otherwise."""
MAX_LEVELS: Final = 64
"""How deep arrays and objects may lie in each other, the event itself counted. Some readers take no more; and without a
bound of ours each interpreter would set its own: the same record would be an event here and a dead letter there."""
MAX_AHEAD_MS: Final = 5 * 60 * 1000
"""How far the clock of a producer may run ahead of ours."""
NO_SEQUENCE: Final = -1

T = TypeVar("T")
Headers: TypeAlias = Mapping[str, bytes | None] | Iterable[tuple[str, bytes | None]] | None


class Reason(StrEnum):
    """Why a record is no event, or does not count. Producers and alerts group by it."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_JSON = "not-json"
    MISSING_FIELD = "missing-field"
    WRONG_TYPE = "wrong-type"
    BAD_VALUE = "bad-value"
    FUTURE_TIME = "future-time"
    IDENTITY_REUSED = "identity-reused"
    TICKET_UNFOLDABLE = "ticket-unfoldable"
    """Not the producer's fault: the record is an event and is stored, but its ticket could not be stated."""
    TICKET_MENDED = "ticket-mended"
    """Nor this: tickets lacked stored events, and a worker mended them. The letter has no bytes, and names some."""
    RECORDS_LOST = "records-lost"
    """Nor this: Kafka removed records before anybody read them. The letter has no bytes, and names the range."""
    UNREADABLE = "unreadable-record"
    NOT_MAPPED = "not-mapped"
    """A delivery of a vendor that no rule of its mapping reads: kept as it came, for a newer mapping."""


class InvalidEventError(Exception):
    """A record is no event of the contract. Trying again does not help; the producer has to mend it.

    Attributes:
        reason: The kind of fault.
        pointer: RFC 6901 pointer to the faulty field, "" for the whole record.
        message: One sentence for the producer.
    """

    def __init__(self, reason: Reason, pointer: str, message: str) -> None:
        super().__init__(f"{pointer or '(record)'}: {message} [{reason}]")
        self.reason = reason
        self.pointer = pointer
        self.message = message


class Envelope(Struct, frozen=True, omit_defaults=True):
    """The attributes of CloudEvents 1.0 and the extensions that we read; `data` stays undecoded."""

    specversion: Literal["1.0"]
    id: Id
    source: Id
    type: Id
    time: Instant
    data: Raw
    subject: Id | None = None
    datacontenttype: str | None = None
    partitionkey: Id | None = None
    recordedtime: Instant | None = None
    subjectseq: int | str | None = None
    causationid: Id | None = None
    correlationid: Id | None = None
    replay: bool | Literal["true", "false"] | None = None


_OF_TICKETS: Final = (TicketData, EventRetracted)


class Event(Struct, frozen=True, gc=False):
    """One event, decoded.

    Attributes:
        name: Short name of the contract (`ticket.created`), or the whole type when it is not ours.
        subject: Whom it is about: ticket id, customer id, or what the producer said; "" when nothing does.
        at_ms: When it happened, in milliseconds since 1970 in UTC.
        sequence: The producer's order within the subject, `NO_SEQUENCE` when not given.
        replay: True marks history that is filled in: it never pages.
        content: The typed data; None for an event of a type that nobody folds.
        raw: The event as structured JSON, unknown fields included.
    """

    source: str
    id: str
    name: str
    subject: str
    at_ms: int
    sequence: int
    replay: bool
    content: Data | None
    raw: bytes

    @property
    def ticket_id(self) -> str | None:
        """The ticket that folds this event; None when no ticket does."""
        return self.subject if isinstance(self.content, _OF_TICKETS) else None


class _Sent(Struct):
    """The data of an event as it was sent, field by field, each undecoded."""

    data: dict[str, Raw]


_envelope_decoder: Final = msgspec.json.Decoder(Envelope)
_sent_decoder: Final = msgspec.json.Decoder(_Sent)
_data_decoders: Final[Mapping[str, msgspec.json.Decoder[Data]]] = {
    type_of(name): msgspec.json.Decoder(kind) for name, kind in CATALOGUE.items()
}
_DERIVED_TYPES: Final = frozenset(map(type_of, DERIVED))


def decode(value: bytes | None, headers: Headers = None, *, now_ms: int, max_levels: int | None = MAX_LEVELS) -> Event:
    """Return the event that a Kafka record carries.

    Args:
        value: The record's bytes; None or empty is no event.
        headers: The record's headers, as pairs or as a mapping; they choose between the three forms.
        now_ms: The clock, in milliseconds since 1970: an event from further ahead than five minutes is refused.
        max_levels: How deep it may be nested; None for what was taken in before there was a bound.

    Raises:
        InvalidEventError: For everything that is not an event of the contract, whatever the bytes are.
    """
    if not value:
        raise InvalidEventError(Reason.EMPTY, "", "the record has no value; every event carries `data`, if only {}")
    if len(value) > MAX_DERIVED_BYTES:
        raise _too_large(value, MAX_DERIVED_BYTES)
    raw = _structured(value, headers) if headers else value
    if max_levels is not None:
        _refuse_depth(raw, max_levels, "")
    envelope = _checked(_envelope_decoder, raw, "")
    _refuse_broken_text(raw)
    limit = MAX_DERIVED_BYTES if envelope.type in _DERIVED_TYPES else MAX_EVENT_BYTES
    if len(raw) > limit:
        raise _too_large(raw, limit)
    if envelope.type in CATALOGUE:
        raise InvalidEventError(Reason.BAD_VALUE, "/type", f"write the type in full: {type_of(envelope.type)}")
    decoder = _data_decoders.get(envelope.type)
    content: Data | None = None if decoder is None else _checked(decoder, envelope.data, "/data")
    if max_levels is not None:
        _refuse_endless_numbers(raw)
    return Event(
        source=envelope.source,
        id=envelope.id,
        name=_name_of(envelope.type),
        subject=_subject_of(envelope, content),
        at_ms=_at_ms(envelope.time, now_ms),
        sequence=_sequence(envelope.subjectseq),
        replay=envelope.replay in (True, "true"),
        content=content,
        raw=raw,
    )


def accept(value: bytes | None, headers: Headers = None, *, now_ms: int) -> Event:
    """Return the event that a producer sends: one of the contract, and none that only Service Pulse derives.

    Raises:
        InvalidEventError: When it is none.
    """
    event = decode(value, headers, now_ms=now_ms)
    if event.name in DERIVED:
        raise InvalidEventError(Reason.BAD_VALUE, "/type", f"{event.name} is derived here; producers do not send it")
    return event


def unknown_values(event: Event) -> list[tuple[str, str]]:
    """Return (JSON pointer, value as sent) of every field whose value was unknown and therefore read as `other`."""
    others = [
        encode_name
        for name, encode_name in _OPEN_FIELDS.get(type(event.content), ())
        if getattr(event.content, name) == "other"
    ]
    if not others:
        return []
    sent = _sent_decoder.decode(event.raw).data
    values = [(f"/data/{name}", msgspec.json.decode(sent[name])) for name in others]
    return [(pointer, value) for pointer, value in values if value != "other"]


def _is_open(hint: object) -> bool:
    return any(isinstance(one, type) and issubclass(one, OpenEnum) for one in (hint, *get_args(hint)))


_OPEN_FIELDS: Final[Mapping[type, Sequence[tuple[str, str]]]] = {
    kind: [(field.name, field.encode_name) for field in msgspec.structs.fields(kind) if _is_open(field.type)]
    for kind in CATALOGUE.values()
}
"""Per content the fields that are open enumerations: (attribute, name as sent)."""


def partition_key(event: Event) -> bytes | None:
    """Return the record key that puts an event beside the others of its subject; None when it has no subject."""
    return event.subject.encode() or None


def topic_of(event: Event) -> str:
    """Return the topic where an event belongs, without prefix: what is nobody's business lies among the tickets."""
    return ORDERS if isinstance(event.content, OrderData) else TICKETS


def encode(
    content: Data,
    *,
    source: str,
    id: str,
    time: datetime,
    name: str,
    subject: str | None = None,
    **extensions: str | int | bool | None,
) -> bytes:
    """Return an event as structured JSON. What is None is left out: a heartbeat has no subject."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": type_of(name),
        **{key: value for key, value in {"subject": subject, **extensions}.items() if value is not None},
        "time": time,
        "datacontenttype": "application/json",
        "data": content,
    }
    return msgspec.json.encode(envelope)


def _name_of(type_: str) -> str:
    if type_.startswith(TYPE_PREFIX) and type_.endswith(TYPE_SUFFIX):
        return type_[len(TYPE_PREFIX) : -len(TYPE_SUFFIX)] or type_
    return type_


def subject_named_by(content: Data | None) -> str | None:
    """Return whom or what the data of an event is about; None where only its envelope says so."""
    if content is None:
        return None
    if isinstance(content, PolicyPublished):
        return POLICY
    named: str | None = getattr(content, content.subject_field) if content.subject_field else None
    return named


def _subject_of(envelope: Envelope, content: Data | None) -> str:
    if (named := subject_named_by(content)) is not None:
        return named
    subject = envelope.subject or envelope.partitionkey or ""
    if isinstance(content, EventRetracted) and not subject:
        raise InvalidEventError(
            Reason.MISSING_FIELD, "/subject", "a retraction names the ticket of the retracted event in `subject`"
        )
    return subject


def _at_ms(time: datetime, now_ms: int) -> int:
    at_ms = ms_of(time)
    if at_ms < 0:
        raise InvalidEventError(Reason.BAD_VALUE, "/time", f"{time.isoformat()} lies before 1970")
    if at_ms > now_ms + MAX_AHEAD_MS:
        raise InvalidEventError(
            Reason.FUTURE_TIME,
            "/time",
            f"{time.isoformat()} is over {MAX_AHEAD_MS // 60_000} minutes ahead of now; check the producer's clock",
        )
    if at_ms > LAST_MS:
        raise InvalidEventError(Reason.BAD_VALUE, "/time", f"{time.isoformat()} lies after 2149-06-06")
    return at_ms


def _sequence(subjectseq: int | str | None) -> int:
    if subjectseq is None:
        return NO_SEQUENCE
    digits = str(subjectseq)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise InvalidEventError(
            Reason.BAD_VALUE, "/subjectseq", f"{digits[:40]!r} is no whole number from 0 to 999999999999999"
        )
    return int(digits)


def _structured(value: bytes, headers: Headers) -> bytes:
    """Return the record as structured JSON, whichever form its headers announce."""
    named = _header_names(headers)
    if HOOK in named:
        hook, fault = (named.get(name, b"").decode(errors="replace")[:1_000] for name in (HOOK, FAULT))
        raise InvalidEventError(Reason.NOT_MAPPED, "", f"hook {hook}: {fault}")
    content_type = named.get("content-type", b"").decode("latin-1").strip().lower()
    if content_type.startswith("application/cloudevents-batch"):
        raise InvalidEventError(Reason.WRONG_TYPE, "", "a record carries one event, not a batch of CloudEvents")
    if content_type.startswith("application/cloudevents") or "ce_specversion" not in named:
        return value
    return _from_binary(value, named, content_type)


def _from_binary(value: bytes, named: Mapping[str, bytes], content_type: str) -> bytes:
    media_type = content_type.partition(";")[0].strip()
    if media_type not in {"", "application/json", "text/json"} and not media_type.endswith("+json"):
        raise InvalidEventError(Reason.WRONG_TYPE, "/datacontenttype", f"data must be JSON, not {content_type[:80]!r}")
    try:
        attributes: dict[str, Any] = {
            name.removeprefix("ce_"): content.decode()
            for name, content in sorted(named.items())
            if name.startswith("ce_")
        }
    except UnicodeDecodeError as error:
        raise InvalidEventError(Reason.WRONG_TYPE, "", f"a ce_ header is not UTF-8: {error.reason}") from None
    # Raw bytes are pasted as they are, so they must be JSON on their own before they go between others.
    _refuse_depth(value, MAX_LEVELS - 1, "/data")
    _checked(_any_decoder, value, "/data")
    return msgspec.json.encode({**attributes, "datacontenttype": "application/json", "data": Raw(value)})


_SHAPE: Final = bytes(48 if 48 <= one <= 57 else 101 if one in b"eE" else 32 for one in range(256))
_ENDLESS: Final = b"0e000"
_LONG: Final = b"0" * 309
"""Numbers that may be endless, with every digit a 0: a regular expression would take ten times as long."""
_SHOWN_DIGITS: Final = 20
_any_decoder: Final = msgspec.json.Decoder(Raw)


def _header_names(headers: Headers) -> dict[str, bytes]:
    if headers is None:
        return {}
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {str(name).lower(): content for name, content in pairs if content is not None}


def _refuse_broken_text(raw: bytes) -> None:
    """The decoder skips what it does not read; whoever reads the stored event later must be able to."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidEventError(Reason.NOT_JSON, "", f"not JSON in UTF-8: {error}") from None


def _refuse_endless_numbers(raw: bytes) -> None:
    """A number beyond all measure, wherever it stands, would make the whole event unreadable to ClickHouse."""
    shape = raw.translate(_SHAPE, b"+")
    if _ENDLESS not in shape and _LONG not in shape:
        return

    def finite(number: str) -> float:
        if isinf(float(number)):
            shown = number if len(number) <= _SHOWN_DIGITS else number[:_SHOWN_DIGITS] + "..."
            raise InvalidEventError(Reason.BAD_VALUE, "", f"the number {shown} is larger than any can be (1.8e308)")
        return 0.0

    json.loads(raw, parse_float=finite, parse_int=finite)


def _refuse_depth(value: bytes, levels: int, base: str) -> None:
    if is_deeper(value, levels):
        raise InvalidEventError(Reason.NOT_JSON, base, f"nested more than {levels} levels deep")


def _checked(decoder: msgspec.json.Decoder[T], value: bytes | Raw, base: str) -> T:
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise _as_invalid(str(error), base) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEventError(Reason.NOT_JSON, base, f"not JSON in UTF-8: {error}") from None
    except RecursionError:
        raise InvalidEventError(Reason.NOT_JSON, base, "nested too deeply") from None


def _as_invalid(message: str, base: str) -> InvalidEventError:
    """Translate msgspec's "sentence - at `$.a.b[1]`" into a reason, a JSON pointer and the sentence."""
    sentence, _, path = message.partition(" - at `$")
    pointer = base + _pointer_of(path.rstrip("`"))
    if sentence.startswith("Object missing required field"):
        return InvalidEventError(Reason.MISSING_FIELD, f"{pointer}/{sentence.split('`')[1]}", "required, but missing")
    reason = Reason.WRONG_TYPE if sentence.startswith("Expected") and ", got" in sentence else Reason.BAD_VALUE
    return InvalidEventError(reason, pointer, sentence)


def _pointer_of(path: str) -> str:
    """Return `.a[1].b` as `/a/1/b`."""
    return path.replace("[", "/").replace("]", "").replace(".", "/")


def _too_large(value: bytes, limit: int) -> InvalidEventError:
    return InvalidEventError(
        Reason.TOO_LARGE, "", f"{len(value):,} bytes; an event has at most {limit // 1024} KiB: leave attachments out"
    )
