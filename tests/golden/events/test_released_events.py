"""Events as producers sent them when v1 was released: they read the same for ever. Files here are never edited."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest

from schemas.codec import NO_SEQUENCE, Event, decode
from schemas.events import (
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
from schemas.policy import Policy, Rule
from schemas.schedule import SpecialDay, Version, Week

FOLDER: Final = Path(__file__).parent / "v1"
NOW_MS: Final = 1_780_000_000_000  # in May 2026, after all that happens in the files

MINIMAL: Final[dict[str, Data]] = {
    "ticket.created": TicketCreated(ticket_id="T-1042", channel="phone", created_by=Party.CUSTOMER),
    "ticket.classified": TicketClassified(ticket_id="T-1042", contact_type=ContactType.INQUIRY, by=Classifier.RULE),
    "ticket.assigned": TicketAssigned(ticket_id="T-1042", agent_id="A-9"),
    "ticket.updated": TicketUpdated(ticket_id="T-1042", agent_id=None),
    "ticket.status_changed": TicketStatusChanged(ticket_id="T-1042", to=Status.ON_HOLD),
    "ticket.resolved": TicketResolved(ticket_id="T-1042"),
    "ticket.reopened": TicketReopened(ticket_id="T-1042"),
    "ticket.closed": TicketClosed(ticket_id="T-1042"),
    "ticket.escalated": TicketEscalated(ticket_id="T-1042", level="second line"),
    "ticket.merged": TicketMerged(ticket_id="T-1043", into_ticket_id="T-1042"),
    "ticket.absorbed": TicketAbsorbed(ticket_id="T-1042", from_ticket_id="T-1043", revision=1, facts=b""),
    "ticket.marked_spam": TicketMarkedSpam(ticket_id="T-1044"),
    "ticket.unmarked_spam": TicketUnmarkedSpam(ticket_id="T-1044"),
    "ticket.deleted": TicketDeleted(ticket_id="T-1045"),
    "message.sent": MessageSent(
        ticket_id="T-1042",
        message_id="M-1",
        direction=Direction.IN,
        visibility=Visibility.PUBLIC,
        sender_type=Party.CUSTOMER,
    ),
    "survey.offered": SurveyOffered(ticket_id="T-1042", survey_id="S-1"),
    "rating.submitted": RatingSubmitted(
        ticket_id="T-1042", rating_id="R-1", raw=4, scale_min=1, scale_max=5, source=RatingSource.CUSTOMER
    ),
    "rating.revised": RatingRevised(ticket_id="T-1042", rating_id="R-1", raw=5),
    "rating.withdrawn": RatingWithdrawn(ticket_id="T-1042", rating_id="R-1"),
    "compensation.granted": CompensationGranted(
        ticket_id="T-1042", compensation_id="K-1", kind="voucher", amount=1000, currency="EUR"
    ),
    "promise.made": PromiseMade(
        ticket_id="T-1042",
        promise_id="P-1",
        kind=PromiseKind.CALL_BACK,
        due_at=datetime(2026, 3, 2, 9, 25, tzinfo=UTC),
    ),
    "promise.moved": PromiseMoved(ticket_id="T-1042", promise_id="P-1", due_at=datetime(2026, 3, 2, 12, tzinfo=UTC)),
    "promise.kept": PromiseKept(ticket_id="T-1042", promise_id="P-1"),
    "promise.withdrawn": PromiseWithdrawn(ticket_id="T-1042", promise_id="P-1"),
    "ticket.linked": TicketLinked(ticket_id="T-1042", fault_id=None),
    "fault.declared": FaultDeclared(fault_id="F-31", asset_id="LINE-4"),
    "fault.updated": FaultUpdated(fault_id="F-31", eta_at=None),
    "fault.fixed": FaultFixed(fault_id="F-31"),
    "fault.reopened": FaultReopened(fault_id="F-31"),
    "knownissue.announced": KnownIssueAnnounced(issue_id="KI-12", reason="assembly"),
    "knownissue.updated": KnownIssueUpdated(issue_id="KI-12", workaround=None),
    "knownissue.resolved": KnownIssueResolved(issue_id="KI-12"),
    "rootcause.reported": RootCauseReported(reason="delivery-date", department="logistics"),
    "rootcause.acknowledged": RootCauseAcknowledged(reason="delivery-date", department="logistics"),
    "rootcause.fixed": RootCauseFixed(reason="delivery-date", department="logistics"),
    "contact.queued": ContactQueued(contact_id="CALL-1", channel="phone"),
    "contact.answered": ContactAnswered(contact_id="CALL-1"),
    "contact.abandoned": ContactAbandoned(contact_id="CALL-1"),
    "selfservice.session": SelfServiceSession(session_id="S-1", channel="help pages", solved=False),
    "intervention.recorded": InterventionRecorded(intervention_id="I-7", kind=InterventionKind.NOTICE),
    "compensation.requested": CompensationRequested(
        ticket_id="T-1042", compensation_id="K-2", amount=2500, currency="EUR"
    ),
    "compensation.denied": CompensationDenied(ticket_id="T-1042", compensation_id="K-2", because=Refusal.OTHER),
    "ticket.worked": TicketWorked(ticket_id="T-1042", seconds=420),
    "ticket.outcome_set": TicketOutcomeSet(ticket_id="T-1042", requested="repair", granted="return"),
    "context.viewed": ContextViewed(ticket_id="T-1042", agent_id="A-7"),
    "return.completed": ReturnCompleted(
        return_id="R-8", order_id="O-5107", customer_id="C-77", loss=6100, currency="EUR"
    ),
    "order.placed": OrderPlaced(order_id="O-5107", customer_id="C-77", amount=24900, currency="EUR"),
    "order.cancelled": OrderCancelled(order_id="O-5107", customer_id="C-77"),
    "ticket.repurchased": TicketRepurchased(
        ticket_id="T-1042",
        order_id="O-5107",
        customer_id="C-77",
        ordered_at=datetime(2026, 4, 2, 9, 15, tzinfo=UTC),
        amount=24900,
        currency="EUR",
    ),
    "schedule.published": SchedulePublished(name="default", versions=()),
    "policy.published": PolicyPublished(versions=()),
    "event.retracted": EventRetracted(target_source="urn:shop:helpdesk", target_id="desk-000123"),
    "producer.heartbeat": ProducerHeartbeat(),
}

FULL: Final[dict[str, Data]] = {
    "ticket.created": TicketCreated(
        ticket_id="T-1042",
        channel="phone",
        created_by=Party.AGENT,
        customer_id="C-77",
        team="first line",
        agent_id="A-9",
        contact_type=ContactType.COMPLAINT,
        reason="damaged on arrival",
        product_line="wardrobes",
        product_id="P-310",
        order_id="O-5001",
        asset_id="lift-4",
        priority="high",
        region="north",
        language="de",
        after_sales=True,
        is_test=True,
    ),
    "ticket.classified": TicketClassified(
        ticket_id="T-1042",
        contact_type=ContactType.COMPLAINT,
        by=Classifier.MODEL,
        reason="damaged on arrival",
        product_line="wardrobes",
        confidence=0.87,
    ),
    "ticket.assigned": TicketAssigned(ticket_id="T-1042", team="repairs", agent_id="A-9", cause="skill"),
    "ticket.updated": TicketUpdated(
        ticket_id="T-1042",
        channel="email",
        customer_id="C-77",
        team="repairs",
        agent_id=None,
        contact_type=ContactType.COMPLAINT,
        reason="damaged on arrival",
        product_line="wardrobes",
        product_id="P-310",
        order_id="O-5001",
        asset_id="lift-4",
        priority="high",
        region="north",
        language="de",
        strategy="repair at home",
        outcome="repaired",
        level=None,
        after_sales=False,
        is_test=None,
    ),
    "ticket.status_changed": TicketStatusChanged(
        ticket_id="T-1042", from_=Status.OPEN, to=Status.PENDING_CUSTOMER, reason="waits for photos"
    ),
    "ticket.resolved": TicketResolved(
        ticket_id="T-1042",
        outcome="repaired",
        strategy="repair at home",
        after_sales=True,
        agent_id="A-9",
        cycle=2,
    ),
    "ticket.reopened": TicketReopened(ticket_id="T-1042", by=Party.CUSTOMER, reason="door sticks again"),
    "ticket.closed": TicketClosed(ticket_id="T-1042", by=Party.SYSTEM, reason="nothing heard for 7 days"),
    "ticket.escalated": TicketEscalated(ticket_id="T-1042", level="second line", reason="spare part missing"),
    "ticket.merged": TicketMerged(ticket_id="T-1043", into_ticket_id="T-1042"),
    "ticket.absorbed": TicketAbsorbed(
        ticket_id="T-1042",
        from_ticket_id="T-1043",
        revision=2**53,
        facts=b"\x00\x01\x02\x03",
        via=("T-1044", "T-1045"),
    ),
    "ticket.marked_spam": TicketMarkedSpam(ticket_id="T-1044", by="mail filter"),
    "ticket.unmarked_spam": TicketUnmarkedSpam(ticket_id="T-1044", by="A-9"),
    "ticket.deleted": TicketDeleted(ticket_id="T-1045", by="retention"),
    "message.sent": MessageSent(
        ticket_id="T-1042",
        message_id="M-2",
        direction=Direction.OUT,
        visibility=Visibility.PRIVATE,
        sender_type=Party.BOT,
        sender_id="B-1",
        template_id="please-wait",
    ),
    "survey.offered": SurveyOffered(
        ticket_id="T-1042", survey_id="S-1", channel="mail", expires_at=datetime(2026, 3, 16, 9, 15, tzinfo=UTC)
    ),
    "rating.submitted": RatingSubmitted(
        ticket_id="T-1042",
        rating_id="R-1",
        raw=-0.5,
        scale_min=-1,
        scale_max=1,
        source=RatingSource.QA,
        survey_id="S-1",
        comment="Polite, but two weeks late.\nGrüße 🙂",
        reasons=["slow", "friendly"],
    ),
    "rating.revised": RatingRevised(ticket_id="T-1042", rating_id="R-1", raw=2.5),
    "rating.withdrawn": RatingWithdrawn(ticket_id="T-1042", rating_id="R-1"),
    "compensation.granted": CompensationGranted(
        ticket_id="T-1042",
        compensation_id="K-1",
        kind="voucher",
        amount=1000,
        currency="JPY",
        strategy="goodwill",
        authority="agent",
        cap=2000,
    ),
    "promise.made": PromiseMade(
        ticket_id="T-1042",
        promise_id="P-1",
        kind=PromiseKind.REPAIR,
        due_at=datetime(2026, 3, 4, 17, tzinfo=UTC),
        made_by="A-9",
        reason="spare part",
    ),
    "promise.moved": PromiseMoved(
        ticket_id="T-1042", promise_id="P-1", due_at=datetime(2026, 3, 5, 11, tzinfo=UTC), reason="part late"
    ),
    "promise.kept": PromiseKept(ticket_id="T-1042", promise_id="P-1", by="A-9"),
    "promise.withdrawn": PromiseWithdrawn(ticket_id="T-1042", promise_id="P-1", reason="repaired it herself"),
    "ticket.linked": TicketLinked(ticket_id="T-1042", fault_id="F-31", issue_id="KI-12"),
    "fault.declared": FaultDeclared(
        fault_id="F-31",
        product_line="broadband",
        reason="no-signal",
        cause="cable dug through",
        eta_at=datetime(2026, 3, 2, 11, tzinfo=UTC),
        began_at=datetime(2026, 3, 2, 8, 50, tzinfo=UTC),
    ),
    "fault.updated": FaultUpdated(
        fault_id="F-31", cause="two cables", eta_at=datetime(2026, 3, 2, 16, tzinfo=UTC), began_at=None
    ),
    "fault.fixed": FaultFixed(fault_id="F-31", by="crew-2"),
    "fault.reopened": FaultReopened(fault_id="F-31", reason="customers still report it"),
    "knownissue.announced": KnownIssueAnnounced(
        issue_id="KI-12",
        product_line="wardrobes",
        reason="assembly",
        cause="wrong hinges",
        eta_at=datetime(2026, 3, 16, 17, tzinfo=UTC),
        workaround="send hinges of the old kind",
        responsible_department="purchasing",
    ),
    "knownissue.updated": KnownIssueUpdated(
        issue_id="KI-12",
        cause="hinges of two suppliers",
        eta_at=datetime(2026, 3, 18, 17, tzinfo=UTC),
        workaround=None,
        responsible_department="quality",
    ),
    "knownissue.resolved": KnownIssueResolved(issue_id="KI-12", by="A-9"),
    "rootcause.reported": RootCauseReported(
        reason="delivery-date", department="logistics", action="show where a parcel is"
    ),
    "rootcause.acknowledged": RootCauseAcknowledged(
        reason="delivery-date", department="logistics", action="a tracking page in four weeks"
    ),
    "rootcause.fixed": RootCauseFixed(reason="delivery-date", department="logistics", action="a tracking page"),
    "contact.queued": ContactQueued(
        contact_id="CALL-1", channel="phone", team="delivery", priority="high", customer_id="C-77"
    ),
    "contact.answered": ContactAnswered(contact_id="CALL-1", agent_id="A-9", ticket_id="T-1042"),
    "contact.abandoned": ContactAbandoned(contact_id="CALL-1"),
    "selfservice.session": SelfServiceSession(
        session_id="S-1",
        channel="voice menu",
        solved=True,
        customer_id="C-77",
        reason="delivery-date",
        product_line="wardrobes",
    ),
    "intervention.recorded": InterventionRecorded(
        intervention_id="I-7", kind=InterventionKind.PROCESS, title="a tracking page", reason="delivery-date"
    ),
    "order.placed": OrderPlaced(
        order_id="O-5107",
        customer_id="C-77",
        amount=24900,
        currency="EUR",
        kind=OrderKind.REPLACEMENT,
        product_line="wardrobes",
        margin=-7400,
    ),
    "compensation.requested": CompensationRequested(
        ticket_id="T-1042", compensation_id="K-2", amount=2500, currency="EUR", cap=1000
    ),
    "compensation.denied": CompensationDenied(
        ticket_id="T-1042", compensation_id="K-2", because=Refusal.CAP, amount=2500, currency="EUR", cap=1000
    ),
    "ticket.worked": TicketWorked(ticket_id="T-1042", seconds=420.5, agent_id="A-7"),
    "ticket.outcome_set": TicketOutcomeSet(ticket_id="T-1042", requested="repair", granted="return"),
    "context.viewed": ContextViewed(ticket_id="T-1042", agent_id="A-7"),
    "return.completed": ReturnCompleted(
        return_id="R-8", order_id="O-5107", customer_id="C-77", loss=6100, currency="EUR", ticket_id="T-1042"
    ),
    "order.cancelled": OrderCancelled(order_id="O-5107", customer_id="C-77"),
    "ticket.repurchased": MINIMAL["ticket.repurchased"],
    "schedule.published": SchedulePublished(
        name="repairs",
        versions=(
            Version(
                from_at=datetime(2025, 1, 1),  # noqa: DTZ001 - by the clocks of the zone
                zone="Europe/Berlin",
                weekly=Week(monday=("09:00-12:00", "13:00-17:30"), saturday=("22:00-24:00",), sunday=("00:00-06:00",)),
                holidays=(date(2025, 12, 25), date(2025, 12, 26)),
                special_days=(
                    SpecialDay(date(2025, 12, 24), ("09:00-12:00",)),
                    SpecialDay(date(2025, 12, 31), ()),
                ),
            ),
            Version(from_at=datetime(2025, 12, 31, 16, tzinfo=UTC), zone="Asia/Shanghai", weekly=Week()),
        ),
    ),
    "policy.published": PolicyPublished(
        versions=(
            Policy(
                from_at=datetime(2025, 1, 1),  # noqa: DTZ001 - by the clocks of the zone
                zone="Europe/Berlin",
                satisfied_from=66.5,
                first_response=(
                    Rule(within="15m", priority=("urgent", "high"), team=("", "repairs")),
                    Rule(
                        within="2h",
                        hours="open",
                        channel=("email",),
                        contact_type=("complaint",),
                        product_line=("wardrobes",),
                        region=("north",),
                    ),
                    Rule(within="1d"),
                ),
                response=(Rule(within="4h", hours="open"),),
                resolution=(Rule(within="3d"),),
            ),
            Policy(from_at=datetime(2025, 12, 31, 16, tzinfo=UTC), zone="Asia/Shanghai"),
        ),
    ),
    "event.retracted": EventRetracted(
        target_source="urn:shop:helpdesk", target_id="desk-000123", reason="typed into the wrong ticket"
    ),
    "producer.heartbeat": ProducerHeartbeat(lag_s=0.4),
}


def read(name: str, form: str) -> Event:
    event = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))[form]
    return decode(json.dumps(event).encode(), now_ms=NOW_MS)


def test_every_released_event_has_its_file() -> None:
    assert {path.name.removesuffix(".json") for path in FOLDER.iterdir()} == set(MINIMAL) == set(FULL)


@pytest.mark.parametrize("name", MINIMAL)
def test_an_event_with_only_what_is_required_reads_as_it_always_did(name: str) -> None:
    event = read(name, "minimal")
    assert event.content == MINIMAL[name]
    assert type(event.content) is type(MINIMAL[name])
    assert (event.source, event.id, event.name) == ("urn:shop:helpdesk", "desk-000124", name)
    assert event.at_ms == 1_772_442_900_000
    assert (event.sequence, event.replay) == (NO_SEQUENCE, False)


@pytest.mark.parametrize("name", FULL)
def test_an_event_with_everything_and_more_reads_as_it_always_did(name: str) -> None:
    event = read(name, "full")
    assert event.content == FULL[name]
    assert (event.source, event.id, event.name) == ("urn:shop:helpdesk", "desk-000125", name)
    assert event.at_ms == 1_772_442_900_123
    assert (event.sequence, event.replay) == (7, True)
    assert event.subject == json.loads(event.raw)["subject"]
    assert b"added_later" in event.raw
