"""The events: what each one says, which of it is required, and under which name it travels.

A field is read by name, unknown fields are kept in the stored event and otherwise ignored. A meaning, a type or a unit
never changes: whoever needs another one mints `.v2`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from schemas.instant import LAST_MS, ms_of
from schemas.policy import Policy, PolicyError
from schemas.schedule import ScheduleError, Version
from schemas.version import refuse_disorder

TYPE_PREFIX = "io.servicepulse."
TYPE_SUFFIX = ".v1"

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=512, description="An identifier, unique in its source.")]
Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256, description="A short name to group by.")]
Text: TypeAlias = Annotated[str, Meta(max_length=100_000, description="Free text.")]
Words: TypeAlias = Annotated[Text, Meta(min_length=1)]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]
Amount: TypeAlias = Annotated[
    int, Meta(ge=-(2**53), le=2**53, description="Money in minor units (cents) of the currency beside it.")
]
Currency: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217 code.")]
Score: TypeAlias = Annotated[float, Meta(ge=-1e9, le=1e9, description="A number on the scale of a rating.")]


Revision: TypeAlias = Annotated[int, Meta(ge=1, le=2**53)]
Days: TypeAlias = Annotated[tuple[Annotated[int, Meta(ge=0, le=65_535)], ...], Meta(max_length=65_536)]


class OpenEnum(StrEnum):
    """An enumeration that grows: a value from a newer producer reads as `other` instead of failing."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("other") if isinstance(value, str) and value != "other" else None


class Party(OpenEnum):
    """Who acted: a person outside, a person inside, or a machine."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"
    OTHER = "other"


class ContactType(OpenEnum):
    """Why somebody got in touch. Complaint rate counts `complaint`."""

    INQUIRY = "inquiry"
    HELP_REQUEST = "help_request"
    QUESTION = "question"
    SUGGESTION = "suggestion"
    COMPLAINT = "complaint"
    PRAISE = "praise"
    OTHER = "other"


class Classifier(OpenEnum):
    """Who decided on a classification."""

    AGENT = "agent"
    RULE = "rule"
    MODEL = "model"
    CUSTOMER = "customer"
    OTHER = "other"


class Status(OpenEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    PENDING_CUSTOMER = "pending_customer"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    OTHER = "other"


class Direction(OpenEnum):
    """`in` comes from outside, `out` leaves the desk."""

    IN = "in"
    OUT = "out"
    OTHER = "other"


class Visibility(OpenEnum):
    """Whether the customer can see a message."""

    PUBLIC = "public"
    PRIVATE = "private"
    OTHER = "other"


class RatingSource(OpenEnum):
    """Who gave a rating. Only the customer's own counts as satisfaction."""

    CUSTOMER = "customer"
    AGENT = "agent"
    QA = "qa"
    AI = "ai"
    OTHER = "other"


class SurveyKind(OpenEnum):
    """What a survey asks for. Satisfaction, recommendation (NPS) and effort (CES) are never mixed."""

    CSAT = "csat"
    NPS = "nps"
    CES = "ces"
    OTHER = "other"


class PromiseKind(OpenEnum):
    """What was promised."""

    CALL_BACK = "call_back"
    REPAIR = "repair"
    DELIVERY = "delivery"
    ANSWER = "answer"
    REFUND = "refund"
    OTHER = "other"


class InterventionKind(OpenEnum):
    """What was done about how customers fare."""

    TRAINING = "training"
    NOTICE = "notice"
    PROCESS = "process"
    PRODUCT = "product"
    OTHER = "other"


class Refusal(OpenEnum):
    """Why a compensation was refused."""

    CAP = "cap"
    POLICY = "policy"
    OTHER = "other"


class OrderKind(OpenEnum):
    """Why an order exists. Replacements and exchanges are no repurchase."""

    NORMAL = "normal"
    REPLACEMENT = "replacement"
    EXCHANGE = "exchange"
    RENEWAL = "renewal"
    OTHER = "other"


class Data(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says, beside its envelope.

    Attributes:
        subject_field: Which field names whom or what it is about, which is its record key; "" where the envelope says.
    """

    subject_field: ClassVar[str] = ""


class TicketData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about one ticket. Its record key is the ticket's id."""

    subject_field: ClassVar[str] = "ticket_id"

    ticket_id: Id


class TicketCreated(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody got in touch."""

    channel: Label
    created_by: Party
    customer_id: Id | None = None
    team: Label | None = None
    agent_id: Id | None = None
    contact_type: ContactType | None = None
    reason: Label | None = None
    product_line: Label | None = None
    product_id: Id | None = None
    order_id: Id | None = None
    asset_id: Id | None = None
    priority: Label | None = None
    region: Label | None = None
    customer_segment: Label | None = None
    language: Label | None = None
    after_sales: bool | None = None
    is_test: bool | None = None


class TicketClassified(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The reason for the contact was decided, or decided anew. The latest decision counts."""

    contact_type: ContactType
    by: Classifier
    reason: Label | None = None
    product_line: Label | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None


class TicketAssigned(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """A team or an agent took the ticket over. What is left out stays as it was.

    Where neither is named, a null says nobody: `"agent_id": null` alone gives the ticket back to its team, both nulls
    give it back to the queue. Beside a name a null is left out.
    """

    team: Label | UnsetType | None = UNSET
    agent_id: Id | UnsetType | None = UNSET
    cause: Label | None = None

    def __post_init__(self) -> None:
        """Require an assignee, or that there is none.

        Raises:
            ValueError: When neither team nor agent is said.
        """
        if self.team is UNSET and self.agent_id is UNSET:
            raise ValueError("name a `team` or an `agent_id` to assign the ticket to; null says nobody")


class TicketUpdated(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """Something is known better: the latest word on each attribute counts. Null says that it is nothing any more.

    What is left out stays as it was. `level` is what `ticket.escalated` says.
    """

    channel: Label | UnsetType | None = UNSET
    customer_id: Id | UnsetType | None = UNSET
    team: Label | UnsetType | None = UNSET
    agent_id: Id | UnsetType | None = UNSET
    contact_type: ContactType | UnsetType | None = UNSET
    reason: Label | UnsetType | None = UNSET
    product_line: Label | UnsetType | None = UNSET
    product_id: Id | UnsetType | None = UNSET
    order_id: Id | UnsetType | None = UNSET
    asset_id: Id | UnsetType | None = UNSET
    priority: Label | UnsetType | None = UNSET
    region: Label | UnsetType | None = UNSET
    customer_segment: Label | UnsetType | None = UNSET
    language: Label | UnsetType | None = UNSET
    strategy: Label | UnsetType | None = UNSET
    outcome: Label | UnsetType | None = UNSET
    level: Label | UnsetType | None = UNSET
    after_sales: bool | UnsetType | None = UNSET
    is_test: bool | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Require something to say.

        Raises:
            ValueError: When no attribute is named.
        """
        if all(getattr(self, name) is UNSET for name in ATTRIBUTES):
            raise ValueError("name an attribute of the ticket that changed; null clears it")


ATTRIBUTES = tuple(name for name in TicketUpdated.__struct_fields__ if name != "ticket_id")
"""What a ticket has one of: each can be said anew, and be said to be nothing."""


class TicketStatusChanged(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket's status was set. `resolved` and `closed` mean the same as the events of that name."""

    to: Status
    from_: Status | None = field(default=None, name="from")
    reason: Label | None = None


class TicketResolved(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The desk considers the case solved: the current cycle ends."""

    outcome: Label | None = None
    strategy: Label | None = None
    after_sales: bool | None = None
    agent_id: Id | None = None
    cycle: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class TicketReopened(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """A resolved ticket needs work again: a new cycle begins."""

    by: Party | None = None
    reason: Label | None = None


class TicketClosed(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket was put away."""

    by: Party | None = None
    reason: Label | None = None


class TicketEscalated(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket went up to another level."""

    level: Label
    reason: Label | None = None


class TicketMerged(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """This ticket became part of another one, which counts for both from now on."""

    into_ticket_id: Id

    def __post_init__(self) -> None:
        """Require another ticket.

        Raises:
            ValueError: When a ticket is to be merged into itself.
        """
        if self.into_ticket_id == self.ticket_id:
            raise ValueError("a ticket cannot be merged into itself")


class TicketAbsorbed(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """Derived: what another ticket, merged into this one, knows. Its highest revision counts.

    `via` names the tickets between the two, in order, when the other was merged into one that was merged in turn.
    An empty `facts` takes the merge back. `days` are those of everything that was ever said of the other, counted from
    1970 in UTC: what its facts no longer say must be corrected there.
    """

    from_ticket_id: Id
    revision: Revision
    facts: bytes
    via: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    days: Days = ()


class TicketLinked(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket is about a fault or a known issue. The latest word on each counts; null takes it back."""

    fault_id: Id | UnsetType | None = UNSET
    issue_id: Id | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Require something that it is about, or not.

        Raises:
            ValueError: When neither is named.
        """
        if self.fault_id is UNSET and self.issue_id is UNSET:
            raise ValueError("name the `fault_id` or the `issue_id` that the ticket is about; null takes it back")


class TicketMarkedSpam(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket is spam: it counts nowhere."""

    by: Label | None = None


class TicketUnmarkedSpam(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket is no spam after all."""

    by: Label | None = None


class TicketDeleted(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket was deleted upstream: it counts nowhere."""

    by: Label | None = None


class MessageSent(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """A message on the ticket. Response times come from public ones."""

    message_id: Id
    direction: Direction
    visibility: Visibility
    sender_type: Party
    sender_id: Id | None = None
    template_id: Id | None = None


class SurveyOffered(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The customer was asked for a rating."""

    survey_id: Id
    channel: Label | None = None
    expires_at: Instant | None = None
    kind: SurveyKind | None = None


class RatingSubmitted(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """A rating was given, on a scale of its own. Without a `kind` it is of that of its survey, else of `csat`."""

    rating_id: Id
    raw: Score
    scale_min: Score
    scale_max: Score
    source: RatingSource
    survey_id: Id | None = None
    comment: Text | None = None
    reasons: list[Label] | None = None
    kind: SurveyKind | None = None

    def __post_init__(self) -> None:
        """Require a rating on its scale.

        Raises:
            ValueError: When the scale is empty or the rating lies outside it.
        """
        if not self.scale_min < self.scale_max:
            raise ValueError(f"scale_min ({self.scale_min:g}) must be below scale_max ({self.scale_max:g})")
        if not self.scale_min <= self.raw <= self.scale_max:
            raise ValueError(f"raw ({self.raw:g}) lies outside the scale {self.scale_min:g} to {self.scale_max:g}")


class RatingRevised(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The customer changed a rating, on the scale on which it was given."""

    rating_id: Id
    raw: Score


class RatingWithdrawn(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """The customer took a rating back."""

    rating_id: Id


class CompensationGranted(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """Something was given to make up for a fault."""

    compensation_id: Id
    kind: Label
    amount: Amount
    currency: Currency
    strategy: Label | None = None
    authority: Label | None = None
    cap: Amount | None = None


class CaseData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says beside a ticket, of what its case costs. No measure of the ticket follows from it."""

    subject_field: ClassVar[str] = "ticket_id"

    ticket_id: Id


class CompensationRequested(CaseData, frozen=True, kw_only=True, omit_defaults=True):
    """Something was asked for to make up for a fault. What came of it bears the same `compensation_id`."""

    compensation_id: Id
    amount: Amount
    currency: Currency
    cap: Annotated[Amount, Meta(description="As much as could be given without asking somebody else.")] | None = None


class CompensationDenied(CaseData, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for was refused: because it lay above the cap, because the policy has it so, or otherwise."""

    compensation_id: Id
    because: Refusal
    amount: Annotated[Amount, Meta(description="What was refused, where no request says so.")] | None = None
    currency: Currency | None = None
    cap: Amount | None = None

    def __post_init__(self) -> None:
        """Require a currency beside an amount.

        Raises:
            ValueError: When it is missing.
        """
        if self.currency is None and (self.amount is not None or self.cap is not None):
            raise ValueError("name the `currency` of `amount` and `cap`")


class TicketWorked(CaseData, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody worked on the ticket for so long, up to now. Each such statement adds to those before."""

    seconds: Annotated[float, Meta(ge=0, le=86_400, description="Time that was worked, not time that passed.")]
    agent_id: Id | None = None


class TicketOutcomeSet(CaseData, frozen=True, kw_only=True, omit_defaults=True):
    """What the customer wanted, and what it was settled with, in the same words. The latest word on a ticket counts."""

    requested: Annotated[Label, Meta(description="Such as `repair`, `return`, `refund`.")]
    granted: Annotated[Label, Meta(description="The same as `requested` where the customer got what was wanted.")]


class ContextViewed(CaseData, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody opened what is known of the customer and the case: earlier tickets, orders, notes."""

    agent_id: Id


class PromiseData(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about one promise."""

    promise_id: Id


class PromiseDueData(PromiseData, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about when a promise falls due."""

    due_at: Instant

    def __post_init__(self) -> None:
        """Require an instant that can be stored.

        Raises:
            ValueError: When it lies before 1970 or after 2149.
        """
        _refuse_unstorable("due_at", self.due_at)


class PromiseMade(PromiseDueData, frozen=True, kw_only=True, omit_defaults=True):
    """The desk promised the customer something until an instant."""

    kind: PromiseKind
    made_by: Id | None = None
    reason: Label | None = None


class PromiseMoved(PromiseDueData, frozen=True, kw_only=True, omit_defaults=True):
    """A promise was put off or brought forward, with the customer's consent as long as it was not due yet."""

    reason: Label | None = None


class PromiseKept(PromiseData, frozen=True, kw_only=True, omit_defaults=True):
    """What was promised was done."""

    by: Id | None = None


class PromiseWithdrawn(PromiseData, frozen=True, kw_only=True, omit_defaults=True):
    """The customer does not want what was promised any more."""

    reason: Label | None = None


class TicketRepurchased(TicketData, frozen=True, kw_only=True, omit_defaults=True):
    """Derived: the customer of a resolved after-sales case ordered again."""

    order_id: Id
    customer_id: Id
    ordered_at: Instant
    amount: Amount
    currency: Currency

    def __post_init__(self) -> None:
        """Require an instant that can be stored.

        Raises:
            ValueError: When it lies before 1970 or after 2149.
        """
        _refuse_unstorable("ordered_at", self.ordered_at)


class OrderData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about one order. Its record key is the customer's id."""

    subject_field: ClassVar[str] = "customer_id"

    order_id: Id
    customer_id: Id


class OrderPlaced(OrderData, frozen=True, kw_only=True, omit_defaults=True):
    """A customer ordered and paid."""

    amount: Amount
    currency: Currency
    kind: OrderKind | None = None
    product_line: Label | None = None
    margin: Annotated[Amount, Meta(description="What is left of the amount once what was sold is paid.")] | None = None
    region: Annotated[Label, Meta(description="Where it goes.")] | None = None
    referred_by: Annotated[Id, Meta(description="The customer who sent this one.")] | None = None


class OrderCancelled(OrderData, frozen=True, kw_only=True, omit_defaults=True):
    """An order was called off."""


class ReturnCompleted(OrderData, frozen=True, kw_only=True, omit_defaults=True):
    """Goods of an order came back, and the money for them was given back."""

    return_id: Id
    loss: Annotated[Amount, Meta(description="What the return cost in all: freight, handling, what the goods lost.")]
    currency: Currency
    ticket_id: Annotated[Id, Meta(description="The case that it came of.")] | None = None


class SchedulePublished(Data, frozen=True, kw_only=True, omit_defaults=True):
    """When the desk of one name is open, or an agent works, all of it. The newest statement about a name counts.

    Business time of the past is measured anew by it. Without versions it takes the schedule back.
    """

    subject_field: ClassVar[str] = "name"

    name: Annotated[
        Label,
        Meta(
            description="The team; `default` for the teams without a schedule of their own; or `agent:` and an agent's "
            "id for the shifts of that agent."
        ),
    ]
    versions: Annotated[
        tuple[Version, ...], Meta(max_length=1_000, description="In the order in which they come into force.")
    ]

    def __post_init__(self) -> None:
        """Require versions in order.

        Raises:
            ScheduleError: When one begins before its predecessor or with it.
        """
        refuse_disorder(self.versions, ScheduleError)


class PolicyPublished(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What the desk calls satisfied and in time, all of it, past and future. The newest statement counts.

    What happened is measured by the version in force then. Without versions it takes the policy back: then what is
    built in counts.
    """

    versions: Annotated[
        tuple[Policy, ...], Meta(max_length=100, description="In the order in which they come into force.")
    ]

    def __post_init__(self) -> None:
        """Require versions in order.

        Raises:
            PolicyError: When one begins before its predecessor or with it.
        """
        refuse_disorder(self.versions, PolicyError)


class FaultData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about one fault behind many tickets. Its record key is the fault's id."""

    subject_field: ClassVar[str] = "fault_id"

    fault_id: Id


class FaultDeclared(FaultData, frozen=True, kw_only=True, omit_defaults=True):
    """Something is broken that many customers feel: an asset, or what a product does for one reason to call.

    Tickets on it from `began_at` on, else from two hours before the declaration, are taken for its tickets.
    """

    asset_id: Id | None = None
    product_line: Label | None = None
    reason: Label | None = None
    cause: Text | None = None
    eta_at: Annotated[Instant, Meta(description="Until when it is expected to be fixed.")] | None = None
    began_at: Annotated[Instant, Meta(description="When it began, as far as is known.")] | None = None

    def __post_init__(self) -> None:
        """Require what is broken, and instants that can be stored.

        Raises:
            ValueError: When neither an asset nor a product with a reason is named, or an instant cannot be stored.
        """
        if not self.asset_id and not (self.product_line and self.reason):
            raise ValueError("name the `asset_id` that is broken, or a `product_line` and the `reason` to call")
        _refuse_unstorable_of(self, ("eta_at", "began_at"))


class FaultUpdated(FaultData, frozen=True, kw_only=True, omit_defaults=True):
    """Something is known better of a fault: the latest word counts. Null says that it is not known any more."""

    cause: Text | UnsetType | None = UNSET
    eta_at: Instant | UnsetType | None = UNSET
    began_at: Instant | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Require something to say.

        Raises:
            ValueError: When nothing is said, or an instant cannot be stored.
        """
        if self.cause is UNSET and self.eta_at is UNSET and self.began_at is UNSET:
            raise ValueError("say a `cause`, an `eta_at` or a `began_at`; null says that it is not known any more")
        _refuse_unstorable_of(self, ("eta_at", "began_at"))


class FaultFixed(FaultData, frozen=True, kw_only=True, omit_defaults=True):
    """The fault is taken for fixed."""

    by: Id | None = None


class FaultReopened(FaultData, frozen=True, kw_only=True, omit_defaults=True):
    """It was not fixed, or is back."""

    reason: Label | None = None


class KnownIssueData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about one known issue. Its record key is the issue's id."""

    subject_field: ClassVar[str] = "issue_id"

    issue_id: Id


class KnownIssueAnnounced(KnownIssueData, frozen=True, kw_only=True, omit_defaults=True):
    """Everyone at the desk is told of something that customers will ask about. Announced again, it is open again."""

    product_line: Label | None = None
    reason: Label | None = None
    cause: Words | None = None
    eta_at: Annotated[Instant, Meta(description="Until when it is expected to be over.")] | None = None
    workaround: Annotated[Words, Meta(description="What helps customers until then.")] | None = None
    responsible_department: Annotated[Label, Meta(description="Who removes the cause.")] | None = None

    def __post_init__(self) -> None:
        """Require what it is about, and an instant that can be stored.

        Raises:
            ValueError: When neither product nor reason is named, or the instant cannot be stored.
        """
        if not self.product_line and not self.reason:
            raise ValueError("name the `product_line` or the `reason` of the contacts that it is about, or both")
        _refuse_unstorable_of(self, ("eta_at",))


class KnownIssueUpdated(KnownIssueData, frozen=True, kw_only=True, omit_defaults=True):
    """Something is known better of a known issue: the latest word counts. Null says that it is not known any more."""

    cause: Words | UnsetType | None = UNSET
    eta_at: Instant | UnsetType | None = UNSET
    workaround: Words | UnsetType | None = UNSET
    responsible_department: Label | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Require something to say.

        Raises:
            ValueError: When nothing is said, or the instant cannot be stored.
        """
        said = (self.cause, self.eta_at, self.workaround, self.responsible_department)
        if all(one is UNSET for one in said):
            raise ValueError(
                "say a `cause`, an `eta_at`, a `workaround` or a `responsible_department`; null says that it is not "
                "known any more"
            )
        _refuse_unstorable_of(self, ("eta_at",))


class KnownIssueResolved(KnownIssueData, frozen=True, kw_only=True, omit_defaults=True):
    """The known issue is over."""

    by: Id | None = None


class RootCauseData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about why customers come for one reason. Its record key is the reason."""

    subject_field: ClassVar[str] = "reason"

    reason: Label
    department: Annotated[Label, Meta(description="Who can remove the cause.")]
    action: Annotated[Text, Meta(description="What is to be done, or was.")] | None = None


class RootCauseReported(RootCauseData, frozen=True, kw_only=True, omit_defaults=True):
    """A department was told that customers keep coming for a reason that it can remove."""


class RootCauseAcknowledged(RootCauseData, frozen=True, kw_only=True, omit_defaults=True):
    """The department knows of it and will act."""


class RootCauseFixed(RootCauseData, frozen=True, kw_only=True, omit_defaults=True):
    """The department removed the cause: from now on it is measured how many do not come any more."""


class ContactData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says about one attempt to reach the desk, before there is a ticket. Its record key is its id."""

    subject_field: ClassVar[str] = "contact_id"

    contact_id: Id


class ContactQueued(ContactData, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody waits in a queue: on the telephone, in a chat, for a call-back."""

    channel: Label
    team: Annotated[Label, Meta(description="Whose queue it is.")] | None = None
    priority: Label | None = None
    customer_id: Id | None = None


class ContactAnswered(ContactData, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody of the desk took the call, or joined the chat. The first time counts."""

    agent_id: Id | None = None
    ticket_id: Annotated[Id, Meta(description="The ticket that came of it.")] | None = None


class ContactAbandoned(ContactData, frozen=True, kw_only=True, omit_defaults=True):
    """Whoever waited gave up. After an answer it means nothing."""


class SelfServiceSession(Data, frozen=True, kw_only=True, omit_defaults=True):
    """A customer looked for help without the desk: in a portal, a help page, a voice menu. Told when it ended."""

    subject_field: ClassVar[str] = "session_id"

    session_id: Id
    channel: Label
    solved: Annotated[bool, Meta(description="By the customer's own word, or because what was wanted was done.")]
    customer_id: Id | None = None
    reason: Label | None = None
    product_line: Label | None = None


class InterventionRecorded(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Something was done for one team, about one reason, or for all: from now on its effect is measured.

    Its record key is the intervention's id. Recorded again, the latest word counts.
    """

    subject_field: ClassVar[str] = "intervention_id"

    intervention_id: Id
    kind: InterventionKind
    title: Label | None = None
    team: Label | None = None
    reason: Label | None = None

    def __post_init__(self) -> None:
        """Require one thing at most that it is for.

        Raises:
            ValueError: When both a team and a reason are named.
        """
        if self.team and self.reason:
            raise ValueError("name the `team` or the `reason` that it is for, not both: one effect is measured")


class EventRetracted(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Another event of the same subject should never have been sent: it counts no longer."""

    target_source: Id
    target_id: Id
    reason: Label | None = None


class ProducerHeartbeat(Data, frozen=True, kw_only=True, omit_defaults=True):
    """A source is alive, though it may have nothing to tell."""

    lag_s: Annotated[float, Meta(ge=0, le=1e9)] | None = None


CATALOGUE: Mapping[str, type[Data]] = {
    "ticket.created": TicketCreated,
    "ticket.classified": TicketClassified,
    "ticket.assigned": TicketAssigned,
    "ticket.updated": TicketUpdated,
    "ticket.status_changed": TicketStatusChanged,
    "ticket.resolved": TicketResolved,
    "ticket.reopened": TicketReopened,
    "ticket.closed": TicketClosed,
    "ticket.escalated": TicketEscalated,
    "ticket.merged": TicketMerged,
    "ticket.absorbed": TicketAbsorbed,
    "ticket.linked": TicketLinked,
    "ticket.marked_spam": TicketMarkedSpam,
    "ticket.unmarked_spam": TicketUnmarkedSpam,
    "ticket.deleted": TicketDeleted,
    "message.sent": MessageSent,
    "survey.offered": SurveyOffered,
    "rating.submitted": RatingSubmitted,
    "rating.revised": RatingRevised,
    "rating.withdrawn": RatingWithdrawn,
    "compensation.requested": CompensationRequested,
    "compensation.granted": CompensationGranted,
    "compensation.denied": CompensationDenied,
    "ticket.worked": TicketWorked,
    "ticket.outcome_set": TicketOutcomeSet,
    "context.viewed": ContextViewed,
    "promise.made": PromiseMade,
    "promise.moved": PromiseMoved,
    "promise.kept": PromiseKept,
    "promise.withdrawn": PromiseWithdrawn,
    "order.placed": OrderPlaced,
    "order.cancelled": OrderCancelled,
    "return.completed": ReturnCompleted,
    "ticket.repurchased": TicketRepurchased,
    "fault.declared": FaultDeclared,
    "fault.updated": FaultUpdated,
    "fault.fixed": FaultFixed,
    "fault.reopened": FaultReopened,
    "knownissue.announced": KnownIssueAnnounced,
    "knownissue.updated": KnownIssueUpdated,
    "knownissue.resolved": KnownIssueResolved,
    "rootcause.reported": RootCauseReported,
    "rootcause.acknowledged": RootCauseAcknowledged,
    "rootcause.fixed": RootCauseFixed,
    "contact.queued": ContactQueued,
    "contact.answered": ContactAnswered,
    "contact.abandoned": ContactAbandoned,
    "selfservice.session": SelfServiceSession,
    "intervention.recorded": InterventionRecorded,
    "schedule.published": SchedulePublished,
    "policy.published": PolicyPublished,
    "event.retracted": EventRetracted,
    "producer.heartbeat": ProducerHeartbeat,
}
"""Every event of the contract by its short name."""

DERIVED = frozenset({"ticket.absorbed", "ticket.repurchased"})
"""Events that this system publishes itself; producers never send them."""

RESERVED = (
    "notice.", "knowledge.", "customer.", "sla.",
)  # fmt: skip
"""Beginnings of names that later events will have: stored when they come, folded by nobody yet."""

RESERVED_BEFORE = (
    "promise.", "fault.", "knownissue.", "rootcause.", "contact.", "selfservice.session", "intervention.recorded",
)  # fmt: skip
"""Beginnings of names that were only reserved at first: what was stored by then need not be what they mean now."""


def _refuse_unstorable(name: str, instant: datetime) -> None:
    if not 0 <= ms_of(instant) <= LAST_MS:
        raise ValueError(f"{name} ({instant.isoformat()}) lies before 1970 or after 2149")


def _refuse_unstorable_of(said: Data, names: tuple[str, ...]) -> None:
    for name in names:
        if isinstance(instant := getattr(said, name), datetime):
            _refuse_unstorable(name, instant)


def type_of(name: str) -> str:
    """Return the CloudEvents type of a short name: `ticket.created` gives `io.servicepulse.ticket.created.v1`."""
    return f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}"


NAME_OF: Mapping[type[Data], str] = {kind: name for name, kind in CATALOGUE.items()}
"""The short name of each event class."""
