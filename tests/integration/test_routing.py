"""Events that lie on another partition than their ticket's, and merges between tickets of different owners."""

from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer

from schemas.codec import encode
from schemas.events import (
    NAME_OF,
    Data,
    Direction,
    EventRetracted,
    MessageSent,
    Party,
    RatingSource,
    RatingSubmitted,
    TicketCreated,
    TicketMerged,
    Visibility,
)
from streams.broker import kafka_options
from tests.space import Space, wait_until

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_events_on_any_partition_are_folded_in_one_place(space: Space) -> None:
    workers = space.started_worker(), space.started_worker()
    tickets = 300
    producer = KafkaProducer(**kafka_options(space.settings), acks="all")
    for number in range(tickets):
        talk = [*_conversation(f"T-{number}"), *(_said(f"T-{number}", minute) for minute in range(3, 10))]
        for step, event in enumerate(talk):
            producer.send(space.settings.topic("tickets"), value=event, partition=(number + step) % 4)
    producer.close()
    space.wait_for_events(tickets * 10, seconds=120)
    rows = space.query("SELECT count(), countIf(events = 10), countIf(first_response_seconds = 60) FROM tickets FINAL")
    assert rows[0] == (tickets, tickets, tickets)
    forwarded = [worker.meter("servicepulse_forwarded_total") for worker in workers]
    assert all(forwarded), "not the leader alone"
    assert space.value("SELECT count() FROM dead_letters FINAL") == 0


def test_a_merged_ticket_counts_in_its_survivor_and_comes_back_when_the_merge_is_retracted(space: Space) -> None:
    space.started_worker()
    survivors = [f"S-{number}" for number in range(20)]
    events = []
    for survivor in survivors:
        events += _conversation(survivor)
        loser = f"L-{survivor}"
        events.append(_event(TicketCreated(ticket_id=loser, channel="phone", created_by=Party.CUSTOMER), -30))
        events.append(_event(_rating(loser), 30))
        events.append(_event(TicketMerged(ticket_id=loser, into_ticket_id=survivor), 5, id_=f"merge-{survivor}"))
    before_merge = "SELECT count() FROM tickets FINAL WHERE is_effective AND notEmpty(ratings.raw)"
    space.publish(events)
    wait_until(lambda: space.value(before_merge) == len(survivors), "every survivor has the rating of its loser")
    assert space.query(
        "SELECT count(), min(first_response_seconds), max(first_response_seconds) FROM tickets FINAL WHERE is_effective"
    )[0] == (len(survivors), 31 * 60.0, 31 * 60.0), "the customer waited since the first of the two tickets"
    assert space.value("SELECT count() FROM tickets FINAL WHERE exclusion = 'merged'") == len(survivors)

    undone = [
        _event(EventRetracted(target_source="urn:test", target_id=f"merge-{survivor}"), 60, subject=f"L-{survivor}")
        for survivor in survivors
    ]
    space.publish(undone)
    wait_until(lambda: space.value("SELECT count() FROM tickets FINAL WHERE is_effective") == 40, "both count again")
    wait_until(
        lambda: (
            space.query(
                "SELECT countIf(first_response_seconds = 60), countIf(notEmpty(ratings.raw)) FROM tickets FINAL"
            )[0]
            == (20, 20)
        ),
        "the ratings are back with the tickets that got them",
    )
    assert space.value("SELECT countIf(startsWith(ticket_id, 'L') = notEmpty(ratings.raw)) FROM tickets FINAL") == 40


def _conversation(ticket_id: str) -> list[bytes]:
    answer = MessageSent(
        ticket_id=ticket_id,
        message_id="1",
        direction=Direction.OUT,
        visibility=Visibility.PUBLIC,
        sender_type=Party.AGENT,
    )
    return [
        _event(TicketCreated(ticket_id=ticket_id, channel="chat", created_by=Party.CUSTOMER), 0),
        _event(answer, 1),
        _event(
            answer.__class__(
                ticket_id=ticket_id,
                message_id="2",
                direction=Direction.IN,
                visibility=Visibility.PUBLIC,
                sender_type=Party.CUSTOMER,
            ),
            2,
        ),
    ]


def _said(ticket_id: str, minute: int) -> bytes:
    message = MessageSent(
        ticket_id=ticket_id,
        message_id=str(minute),
        direction=Direction.IN,
        visibility=Visibility.PUBLIC,
        sender_type=Party.CUSTOMER,
    )
    return _event(message, minute)


def test_merges_in_a_circle_come_to_rest(space: Space) -> None:
    worker = space.started_worker()
    for one, other, minute in (("A", "B", 5), ("B", "A", 10)):
        created = TicketCreated(ticket_id=one, channel="phone", created_by=Party.CUSTOMER)
        space.publish([_event(created, 0), _event(TicketMerged(ticket_id=one, into_ticket_id=other), minute)])
    space.wait_for_events(4)
    wait_until(space.is_quiet, "everything is committed")
    read = worker.meter("servicepulse_records_total")
    space.publish([_said("C", 1)])
    wait_until(lambda: space.value("SELECT count() FROM tickets FINAL") == 3, "the next event is read")
    assert worker.meter("servicepulse_records_total") == read + 1


def _rating(ticket_id: str) -> RatingSubmitted:
    return RatingSubmitted(
        ticket_id=ticket_id, rating_id="R", raw=5, scale_min=1, scale_max=5, source=RatingSource.CUSTOMER
    )


def _event(content: Data, minute: int, *, id_: str = "", subject: str = "") -> bytes:
    name, about = NAME_OF[type(content)], subject or getattr(content, "ticket_id", "")
    at = START + timedelta(minutes=minute)
    return encode(content, source="urn:test", id=id_ or f"{about}-{name}-{minute}", time=at, name=name, subject=about)
