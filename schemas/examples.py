"""One example of every event, for documents: the life of a case about a wardrobe that came with a scratched door."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from schemas.codec import encode, subject_named_by
from schemas.events import (
    NAME_OF,
    Classifier,
    CompensationDenied,
    CompensationGranted,
    CompensationRequested,
    ContactAbandoned,
    ContactAnswered,
    ContactQueued,
    ContactType,
    ContextViewed,
    Data,
    Direction,
    EventRetracted,
    FaultDeclared,
    FaultFixed,
    FaultReopened,
    FaultUpdated,
    InterventionKind,
    InterventionRecorded,
    KnownIssueAnnounced,
    KnownIssueResolved,
    KnownIssueUpdated,
    MessageSent,
    OrderCancelled,
    OrderKind,
    OrderPlaced,
    Party,
    PolicyPublished,
    ProducerHeartbeat,
    PromiseKept,
    PromiseKind,
    PromiseMade,
    PromiseMoved,
    PromiseWithdrawn,
    RatingRevised,
    RatingSource,
    RatingSubmitted,
    RatingWithdrawn,
    Refusal,
    ReturnCompleted,
    RootCauseAcknowledged,
    RootCauseFixed,
    RootCauseReported,
    SchedulePublished,
    SelfServiceSession,
    Status,
    SurveyOffered,
    TicketAbsorbed,
    TicketAssigned,
    TicketClassified,
    TicketClosed,
    TicketCreated,
    TicketDeleted,
    TicketEscalated,
    TicketLinked,
    TicketMarkedSpam,
    TicketMerged,
    TicketOutcomeSet,
    TicketReopened,
    TicketRepurchased,
    TicketResolved,
    TicketStatusChanged,
    TicketUnmarkedSpam,
    TicketUpdated,
    TicketWorked,
    Visibility,
)
from schemas.policy import Policy, Rule, Scale, SettledAfter
from schemas.schedule import SpecialDay, Version, Week

SOURCE: Final = "urn:shop:helpdesk"
AT: Final = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)

_OFFICE: Final = ("09:00-12:00", "13:00-17:30")

_CONTENTS: Final[tuple[Data, ...]] = (
    TicketCreated(
        ticket_id="T-1042",
        channel="phone",
        created_by=Party.CUSTOMER,
        customer_id="C-77",
        team="first line",
        product_line="wardrobes",
        order_id="O-5001",
        region="north",
        after_sales=True,
    ),
    TicketClassified(
        ticket_id="T-1042", contact_type=ContactType.COMPLAINT, by=Classifier.AGENT, reason="damaged on arrival"
    ),
    TicketAssigned(ticket_id="T-1042", team="repairs", agent_id="A-9", cause="skill"),
    TicketUpdated(ticket_id="T-1042", priority="high", agent_id=None),
    TicketStatusChanged(ticket_id="T-1042", from_=Status.OPEN, to=Status.PENDING_CUSTOMER, reason="waits for photos"),
    TicketResolved(ticket_id="T-1042", outcome="repaired", strategy="repair at home", agent_id="A-9", cycle=1),
    TicketReopened(ticket_id="T-1042", by=Party.CUSTOMER, reason="door sticks again"),
    TicketClosed(ticket_id="T-1042", by=Party.SYSTEM, reason="nothing heard for 7 days"),
    TicketEscalated(ticket_id="T-1042", level="second line", reason="spare part missing"),
    TicketMerged(ticket_id="T-1043", into_ticket_id="T-1042"),
    TicketAbsorbed(ticket_id="T-1042", from_ticket_id="T-1043", revision=3, facts=b"...", days=(20_521,)),
    TicketLinked(ticket_id="T-1042", fault_id="F-31"),
    TicketMarkedSpam(ticket_id="T-1044", by="mail filter"),
    TicketUnmarkedSpam(ticket_id="T-1044", by="A-9"),
    TicketDeleted(ticket_id="T-1045", by="retention"),
    MessageSent(
        ticket_id="T-1042",
        message_id="M-1",
        direction=Direction.OUT,
        visibility=Visibility.PUBLIC,
        sender_type=Party.AGENT,
        sender_id="A-9",
    ),
    SurveyOffered(ticket_id="T-1042", survey_id="S-1", channel="mail", expires_at=AT.replace(day=16)),
    RatingSubmitted(
        ticket_id="T-1042",
        rating_id="R-1",
        raw=4,
        scale_min=1,
        scale_max=5,
        source=RatingSource.CUSTOMER,
        survey_id="S-1",
        comment="Repaired the same day.",
        reasons=["fast"],
    ),
    RatingRevised(ticket_id="T-1042", rating_id="R-1", raw=5),
    RatingWithdrawn(ticket_id="T-1042", rating_id="R-1"),
    CompensationGranted(
        ticket_id="T-1042",
        compensation_id="K-1",
        kind="voucher",
        amount=1000,
        currency="EUR",
        strategy="goodwill",
        authority="agent",
        cap=1000,
    ),
    CompensationRequested(ticket_id="T-1042", compensation_id="K-2", amount=2500, currency="EUR", cap=1000),
    CompensationDenied(ticket_id="T-1042", compensation_id="K-2", because=Refusal.CAP),
    TicketWorked(ticket_id="T-1042", seconds=420, agent_id="A-7"),
    TicketOutcomeSet(ticket_id="T-1042", requested="repair", granted="return"),
    ContextViewed(ticket_id="T-1042", agent_id="A-7"),
    PromiseMade(
        ticket_id="T-1042",
        promise_id="P-1",
        kind=PromiseKind.REPAIR,
        due_at=datetime(2026, 1, 16, 17, tzinfo=UTC),
        made_by="A-7",
        reason="spare part",
    ),
    PromiseMoved(
        ticket_id="T-1042", promise_id="P-1", due_at=datetime(2026, 1, 19, 12, tzinfo=UTC), reason="part late"
    ),
    PromiseKept(ticket_id="T-1042", promise_id="P-1", by="A-7"),
    PromiseWithdrawn(ticket_id="T-1042", promise_id="P-1", reason="repaired it herself"),
    OrderPlaced(
        order_id="O-5107",
        customer_id="C-77",
        amount=24900,
        currency="EUR",
        kind=OrderKind.NORMAL,
        product_line="wardrobes",
        margin=7400,
        region="north",
        referred_by="C-12",
    ),
    OrderCancelled(order_id="O-5107", customer_id="C-77"),
    ReturnCompleted(
        return_id="R-8", order_id="O-5107", customer_id="C-77", loss=6100, currency="EUR", ticket_id="T-1042"
    ),
    TicketRepurchased(
        ticket_id="T-1042",
        order_id="O-5107",
        customer_id="C-77",
        ordered_at=AT.replace(month=4),
        amount=24900,
        currency="EUR",
    ),
    FaultDeclared(
        fault_id="F-31",
        asset_id="LINE-4",
        cause="cable cut by an excavator",
        eta_at=datetime(2026, 1, 15, 11, tzinfo=UTC),
        began_at=datetime(2026, 1, 15, 8, 50, tzinfo=UTC),
    ),
    FaultUpdated(fault_id="F-31", eta_at=datetime(2026, 1, 15, 16, tzinfo=UTC)),
    FaultFixed(fault_id="F-31", by="crew-2"),
    FaultReopened(fault_id="F-31", reason="customers still report it"),
    KnownIssueAnnounced(
        issue_id="KI-12",
        product_line="wardrobes",
        reason="assembly",
        cause="wrong hinges in the boxes of week 2",
        eta_at=datetime(2026, 1, 29, 17, tzinfo=UTC),
        workaround="send hinges of the old kind by letter",
        responsible_department="purchasing",
    ),
    KnownIssueUpdated(issue_id="KI-12", eta_at=datetime(2026, 2, 2, 17, tzinfo=UTC)),
    KnownIssueResolved(issue_id="KI-12", by="A-9"),
    RootCauseReported(reason="delivery-date", department="logistics"),
    RootCauseAcknowledged(reason="delivery-date", department="logistics", action="a page that shows where a parcel is"),
    RootCauseFixed(reason="delivery-date", department="logistics", action="the tracking page is linked in each mail"),
    ContactQueued(contact_id="CALL-881", channel="phone", team="delivery", priority="high", customer_id="C-77"),
    ContactAnswered(contact_id="CALL-881", agent_id="A-9", ticket_id="T-1042"),
    ContactAbandoned(contact_id="CALL-882"),
    SelfServiceSession(
        session_id="S-31", channel="help pages", solved=True, customer_id="C-77", reason="delivery-date"
    ),
    InterventionRecorded(
        intervention_id="I-7", kind=InterventionKind.TRAINING, title="ask what the customer needs", team="delivery"
    ),
    SchedulePublished(
        name="repairs",
        versions=(
            Version(
                from_at=datetime(2026, 1, 1),  # noqa: DTZ001 - by the clocks of the zone
                zone="Europe/Berlin",
                weekly=Week(_OFFICE, _OFFICE, _OFFICE, _OFFICE, _OFFICE[:1]),
                holidays=(date(2026, 12, 25), date(2026, 12, 26)),
                special_days=(SpecialDay(date(2026, 12, 24), ("09:00-12:00",)),),
            ),
        ),
    ),
    PolicyPublished(
        versions=(
            Policy(
                from_at=datetime(2026, 1, 1),  # noqa: DTZ001 - by the clocks of the zone
                zone="Europe/Berlin",
                satisfied_from=70,
                scales=(Scale(scale_min=0, scale_max=10, satisfied_from=8),),
                first_response=(Rule(within="15m", priority=("urgent",)), Rule(within="2h", hours="open")),
                response=(Rule(within="4h", hours="open"),),
                resolution=(Rule(within="1d", priority=("urgent", "high")), Rule(within="3d")),
                least_n=25,
                settled_after_days=SettledAfter(ratings=10),
            ),
        ),
    ),
    EventRetracted(target_source=SOURCE, target_id="desk-000123", reason="typed into the wrong ticket"),
    ProducerHeartbeat(lag_s=0.4),
)

EXAMPLES: Final[Mapping[str, Data]] = {NAME_OF[type(content)]: content for content in _CONTENTS}
"""What an event of each name may say."""


def example(name: str) -> dict[str, Any]:
    """Return a whole CloudEvent of this name, as plain JSON values."""
    content = EXAMPLES[name]
    event = encode(content, source=SOURCE, id="desk-000124", time=AT, name=name, subject=_subject_of(content))
    plain: dict[str, Any] = msgspec.json.decode(event)
    return plain


def _subject_of(content: Data) -> str | None:
    return "T-1042" if isinstance(content, EventRetracted) else subject_named_by(content)
