"""Facts: what the fold remembers of each event of a ticket, and nothing more.

A ticket's state is the set of its facts. Facts are small, typed and ordered by `(at, sequence, id)`; two events of one
instant without a sequence fall into an arbitrary order that is the same everywhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from schemas import events as e
from schemas.codec import Event
from schemas.instant import LAST_MS, ms_of
from streams.core.identity import fact_id

Hash: TypeAlias = Annotated[int, Meta(ge=0)]
At: TypeAlias = Annotated[int, Meta(ge=0, le=LAST_MS)]
Word: TypeAlias = Annotated[str, Meta(max_length=512)]


class Fact(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One thing that is known of a ticket.

    The bounds are those of the events: facts come from events, but they are also read back from bytes.

    Attributes:
        id: 64-bit hash of the event's identity.
        at: When it happened, in milliseconds since 1970.
        sequence: The producer's order within one instant.
    """

    id: Hash
    at: At
    sequence: Annotated[int, Meta(ge=-1, lt=10**15)]


class Created(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=1):
    """The ticket began."""

    created_by: Word = ""
    channel: Word = ""
    customer_id: Word = ""
    team: Word = ""
    agent_id: Word = ""
    contact_type: Word = ""
    reason: Word = ""
    product_line: Word = ""
    product_id: Word = ""
    order_id: Word = ""
    asset_id: Word = ""
    priority: Word = ""
    region: Word = ""
    language: Word = ""
    after_sales: bool | None = None
    is_test: bool | None = None
    customer_segment: Word = ""


class Classified(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=2):
    """The reason for the contact, as decided at this point."""

    contact_type: Word
    reason: Word
    product_line: Word


class Assigned(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=3):
    """Who is in charge from here on; "" leaves it as it was, None is nobody."""

    team: Word | None
    agent_id: Word | None


class Moved(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=4):
    """The status that was set: by a change of status, a reopening or a closing. `by` is empty where nobody says who."""

    to: Word
    by: Word = ""


class Resolved(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=5):
    """The case was solved."""

    outcome: Word
    strategy: Word
    after_sales: bool | None
    agent_id: Word


class Escalated(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=6):
    """The ticket went up."""

    level: Word


class Merged(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=7):
    """The ticket became part of another."""

    into: e.Id


class Absorbed(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=8):
    """What a ticket that was merged into this one knows: packed facts, no bytes when the merge was taken back.

    `path` names the tickets it passed through: first the one that knows, last the one that was merged into this one.
    `days` are those of everything that was ever said of the first.
    """

    path: Annotated[tuple[e.Id, ...], Meta(min_length=1, max_length=65)]
    revision: e.Revision
    packed: bytes
    days: e.Days = ()


class SpamMarked(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=9):
    """The ticket is spam, or is not."""

    is_spam: bool


class Deleted(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=10):
    """The ticket was deleted."""


class Message(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=11):
    """A message: its direction, whether the customer sees it, what kind of party sent it, who, and which template."""

    direction: Word
    is_public: bool
    sender: Word
    sender_id: Word = ""
    template_id: Word = ""


class Offered(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=12):
    """A survey went out. `system` is the source that says so, here and below; "" in facts of older releases.

    `kind` is empty where nobody says it.
    """

    survey_id: e.Id
    system: Word = ""
    kind: Word = ""


class Rated(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=13):
    """A rating came in. One that comes again keeps the mark of replay with which it came first."""

    rating_id: e.Id
    survey_id: Word
    raw: e.Score
    scale_min: e.Score
    scale_max: e.Score
    source: Word
    is_replayed: bool = False
    system: Word = ""
    kind: Word = ""

    def __post_init__(self) -> None:
        """Require a rating on its scale.

        Raises:
            ValueError: When the scale is empty or the rating lies outside it.
        """
        if not (self.scale_min <= self.raw <= self.scale_max and self.scale_min < self.scale_max):
            raise ValueError(f"{self.raw:g} is no rating on a scale from {self.scale_min:g} to {self.scale_max:g}")


class Revised(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=14):
    """A rating was changed."""

    rating_id: e.Id
    raw: e.Score
    system: Word = ""


class Withdrawn(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=15):
    """A rating was taken back."""

    rating_id: e.Id
    system: Word = ""


class Compensated(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=16):
    """Something was given to make up."""

    compensation_id: e.Id
    kind: Word
    amount: e.Amount
    currency: e.Currency
    system: Word = ""


class Repurchased(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=17):
    """The customer ordered again after this case."""

    order_id: e.Id
    ordered_at: At
    amount: e.Amount
    currency: e.Currency
    system: Word = ""


class Retracted(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=18):
    """Another event, named by the hash of its identity, does not count."""

    target: Hash


class Updated(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=19):
    """The latest word on some attributes: pairs of name and word. None says that one is nothing any more."""

    words: tuple[tuple[Word, Word | bool | None], ...]


class Promised(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=20):
    """The customer was promised something until an instant."""

    promise_id: e.Id
    kind: Word
    due_at: At
    made_by: Word = ""
    system: Word = ""


class PutOff(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=21):
    """A promise is due at another instant."""

    promise_id: e.Id
    due_at: At
    system: Word = ""


class Kept(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=22):
    """What was promised was done."""

    promise_id: e.Id
    system: Word = ""


class Released(Fact, frozen=True, array_like=True, omit_defaults=True, gc=False, tag=23):
    """The customer does not want what was promised any more."""

    promise_id: e.Id
    system: Word = ""


AnyFact: TypeAlias = (
    Created
    | Classified
    | Assigned
    | Moved
    | Resolved
    | Escalated
    | Merged
    | Absorbed
    | SpamMarked
    | Deleted
    | Message
    | Offered
    | Rated
    | Revised
    | Withdrawn
    | Compensated
    | Repurchased
    | Retracted
    | Updated
    | Promised
    | PutOff
    | Kept
    | Released
)

KINDS: Final = frozenset(get_args(AnyFact))
"""Every kind of fact."""

OfPromise: TypeAlias = Promised | PutOff | Kept | Released

SharedFact: TypeAlias = (
    Created | Message | Offered | Rated | Revised | Withdrawn | Compensated | Repurchased | OfPromise
)

SHARED: Final = frozenset(get_args(SharedFact))
"""What a merged ticket hands over: the customer's story. How the desk filed and closed the duplicate stays behind."""

Named: TypeAlias = Offered | Rated | Revised | Withdrawn | Compensated | Repurchased | OfPromise
"""Facts about something that has an id of its own, unique in the source that says so."""

_NAMED: Final = frozenset(get_args(Named))


def fact_of(event: Event) -> AnyFact:
    """Return what the fold remembers of an event.

    Raises:
        KeyError: When the event is not one that tickets fold (`Event.ticket_id` is None).
    """
    make = _MAKERS[type(event.content)]
    fact = make(event.content, (fact_id(event.source, event.id), event.at_ms, event.sequence))
    if type(fact) in _NAMED:
        more = {"is_replayed": True} if event.replay and type(fact) is Rated else {}
        return replace(fact, system=event.source, **more)
    return fact


def order_of(fact: Fact) -> tuple[int, int, int]:
    """Return the place of a fact in its ticket's history."""
    return fact.at, fact.sequence, fact.id


def as_before(fact: AnyFact) -> AnyFact:
    """Return a fact as the first release remembered it: without who sent a message or whose an id is; unsaid was no.

    What a merged ticket told is stored in the words of its release. What a later one knows beside, such as the kind of
    a survey, is left out as well.
    """
    if type(fact) is Message:
        return replace(fact, sender_id="", template_id="")
    if type(fact) is Created:
        return replace(fact, after_sales=bool(fact.after_sales), is_test=bool(fact.is_test))
    if type(fact) is Offered or type(fact) is Rated:
        return replace(fact, system="", kind="")
    return replace(fact, system="") if type(fact) in _NAMED else fact


def days_of(facts: Sequence[AnyFact]) -> list[int]:
    """Return the days, counted from 1970 in UTC, of everything that was ever said, also of what counts no more."""
    days = {fact.at // _DAY_MS for fact in facts}
    for fact in facts:
        if type(fact) is Absorbed:
            days.update(fact.days)
    return sorted(days)


def pack(facts: Iterable[AnyFact]) -> bytes:
    """Return facts as compact bytes; `unpack` gives them back unchanged."""
    return _encoder.encode(list(facts))


def unpack(packed: bytes) -> list[AnyFact]:
    """Return the facts that `pack` was given; no bytes are no facts.

    Raises:
        msgspec.MsgspecError: When the bytes say what no event can say.
    """
    return _decoder.decode(packed) if packed else []


def unpack_shared(packed: bytes) -> list[SharedFact]:
    """Return the facts that a merged ticket handed over; no bytes are none.

    Raises:
        msgspec.MsgspecError: When the bytes say what no event can say, or what a ticket keeps to itself.
    """
    return _shared_decoder.decode(packed) if packed else []


_DAY_MS: Final = 86_400_000
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[AnyFact])
_shared_decoder: Final = msgspec.msgpack.Decoder(list[SharedFact])
_Key: TypeAlias = tuple[int, int, int]
_Maker: TypeAlias = Callable[[Any, _Key], AnyFact]


def _created(said: e.TicketCreated, key: _Key) -> Created:
    return Created(
        *key,
        created_by=said.created_by.value,
        channel=said.channel,
        customer_id=said.customer_id or "",
        team=said.team or "",
        agent_id=said.agent_id or "",
        contact_type=said.contact_type.value if said.contact_type else "",
        reason=said.reason or "",
        product_line=said.product_line or "",
        product_id=said.product_id or "",
        order_id=said.order_id or "",
        asset_id=said.asset_id or "",
        priority=said.priority or "",
        region=said.region or "",
        customer_segment=said.customer_segment or "",
        language=said.language or "",
        after_sales=said.after_sales,
        is_test=said.is_test,
    )


def _assigned(said: e.TicketAssigned, key: _Key) -> Assigned:
    """Return who is in charge. Beside a name a null is left out, as it ever was; alone it says nobody."""
    names = (said.team or "", said.agent_id or "")
    if any(names):
        return Assigned(*key, *names)
    return Assigned(*key, *(None if said_of is None else "" for said_of in (said.team, said.agent_id)))


def _updated(said: e.TicketUpdated, key: _Key) -> Updated:
    words = ((name, getattr(said, name)) for name in e.ATTRIBUTES)
    return Updated(*key, tuple((name, word) for name, word in words if word is not UNSET))


def _message(said: e.MessageSent, key: _Key) -> Message:
    is_public = said.visibility is e.Visibility.PUBLIC
    sender = said.sender_type.value
    return Message(*key, said.direction.value, is_public, sender, said.sender_id or "", said.template_id or "")


def _rated(said: e.RatingSubmitted, key: _Key) -> Rated:
    return Rated(
        *key,
        rating_id=said.rating_id,
        survey_id=said.survey_id or "",
        raw=said.raw,
        scale_min=said.scale_min,
        scale_max=said.scale_max,
        source=said.source.value,
        kind=said.kind.value if said.kind else "",
    )


def _resolved(said: e.TicketResolved, key: _Key) -> Resolved:
    return Resolved(*key, said.outcome or "", said.strategy or "", said.after_sales, said.agent_id or "")


def _linked(said: e.TicketLinked, key: _Key) -> Updated:
    words = (("fault_id", said.fault_id), ("issue_id", said.issue_id))
    return Updated(*key, tuple((name, word) for name, word in words if word is not UNSET))


def _compensated(said: e.CompensationGranted, key: _Key) -> Compensated:
    return Compensated(*key, said.compensation_id, said.kind, said.amount, said.currency)


def _repurchased(said: e.TicketRepurchased, key: _Key) -> Repurchased:
    return Repurchased(*key, said.order_id, ms_of(said.ordered_at), said.amount, said.currency)


_MAKERS: Final[Mapping[type[e.Data] | type[None], _Maker]] = {
    e.TicketCreated: _created,
    e.TicketClassified: lambda said, key: Classified(
        *key, said.contact_type.value, said.reason or "", said.product_line or ""
    ),
    e.TicketAssigned: _assigned,
    e.TicketUpdated: _updated,
    e.TicketLinked: _linked,
    e.TicketStatusChanged: lambda said, key: Moved(*key, said.to.value),
    e.TicketReopened: lambda said, key: Moved(*key, e.Status.OPEN.value, said.by.value if said.by else ""),
    e.TicketClosed: lambda said, key: Moved(*key, e.Status.CLOSED.value, said.by.value if said.by else ""),
    e.TicketResolved: _resolved,
    e.TicketEscalated: lambda said, key: Escalated(*key, said.level),
    e.TicketMerged: lambda said, key: Merged(*key, said.into_ticket_id),
    e.TicketAbsorbed: lambda said, key: Absorbed(
        *key, (said.from_ticket_id, *said.via), said.revision, said.facts, said.days
    ),
    e.TicketMarkedSpam: lambda _, key: SpamMarked(*key, True),
    e.TicketUnmarkedSpam: lambda _, key: SpamMarked(*key, False),
    e.TicketDeleted: lambda _, key: Deleted(*key),
    e.MessageSent: _message,
    e.SurveyOffered: lambda said, key: Offered(*key, said.survey_id, kind=said.kind.value if said.kind else ""),
    e.RatingSubmitted: _rated,
    e.RatingRevised: lambda said, key: Revised(*key, said.rating_id, said.raw),
    e.RatingWithdrawn: lambda said, key: Withdrawn(*key, said.rating_id),
    e.CompensationGranted: _compensated,
    e.TicketRepurchased: _repurchased,
    e.PromiseMade: lambda said, key: Promised(
        *key, said.promise_id, said.kind.value, ms_of(said.due_at), said.made_by or ""
    ),
    e.PromiseMoved: lambda said, key: PutOff(*key, said.promise_id, ms_of(said.due_at)),
    e.PromiseKept: lambda said, key: Kept(*key, said.promise_id),
    e.PromiseWithdrawn: lambda said, key: Released(*key, said.promise_id),
    e.EventRetracted: lambda said, key: Retracted(*key, fact_id(said.target_source, said.target_id)),
}
